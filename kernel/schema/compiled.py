"""Compiled schemas: the hot path of every invocation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from kernel.schema.bundle import bundle
from kernel.schema.engine import validator
from kernel.schema.explain import explain
from kernel.schema.fast_path import FastPath, compile_fast_path, leave
from kernel.schema.normalise import Plan, compile_plan
from kernel.schema.plain import check_json, is_json
from kernel.schema.problems import Problem, SchemaError
from kernel.schema.redact import compile_redaction
from kernel.schema.resources import NO_SCHEMAS, Schemas


def compile_schema(schema: Any, schemas: Schemas = NO_SCHEMAS) -> Schema:
    """Compile a JSON Schema (2020-12); ``schemas`` is where its references to others lead.

    The costly parts are made at the first use. Raises InvalidSchema for a reference that leads
    nowhere at once, and for what the metaschema refuses at the first use (`check_schema` says
    both beforehand).
    """
    return Schema(schema, bundle(schema, schemas))


class Schema:
    """A schema, ready for values. Frozen: nothing of it changes after it is made.

    ``source`` is the schema as written, ``bundled`` the same without outside references. Formats
    are annotations; patterns are matched in linear time, without look-around and
    back-references.
    """

    def __init__(self, source: Any, bundled: Any) -> None:
        self.source = source
        self.bundled = bundled
        self._fast_path: FastPath = leave
        self._ready: tuple[frozenset[str], Plan | None, Callable[[Any], bool]] | None = None

    def conform(self, value: Any) -> Any:
        """The value with defaults and numbers as the schema says; the given one is not changed.

        The same object comes back where nothing changes. Raises SchemaError with all problems.
        """
        if self._fast_path(value):
            return value
        names, plan, valid = self._ready or self._prepare()
        if not is_json(value, names):
            value = check_json(value)
        if plan is not None:
            value = plan(value)
        if valid(value):
            return value
        raise SchemaError(explain(self.bundled, value))

    def is_valid(self, value: Any) -> bool:
        """Whether the value fits as it is, without defaults and number normalisation."""
        return is_json(value) and (self._ready or self._prepare())[2](value)

    def problems(self, value: Any) -> tuple[Problem, ...]:
        """What is wrong with the value as it is; the best explanation first."""
        try:
            value = check_json(value)
        except SchemaError as error:
            return error.problems
        return () if self.is_valid(value) else explain(self.bundled, value)

    def normalise(self, value: Any) -> Any:
        """The value with defaults and numbers, not validated. Raises SchemaError if no JSON."""
        _, plan, _ = self._ready or self._prepare()
        value = check_json(value)
        return value if plan is None else plan(value)

    @cached_property
    def redaction(self) -> Callable[[Any], Any] | None:
        """What puts ``[redacted]`` at the secret places of a value; None if there are none."""
        return compile_redaction(self.bundled)

    def redact(self, value: Any) -> Any:
        """The value with ``[redacted]`` at the places of ``x-kernel-secret``."""
        return value if self.redaction is None else self.redaction(value)

    def _prepare(self) -> tuple[frozenset[str], Plan | None, Callable[[Any], bool]]:
        valid = validator(self.bundled).is_valid
        properties = self.bundled.get("properties", {}) if isinstance(self.bundled, dict) else {}
        names = frozenset(name for name in properties if is_json(name))
        self._fast_path = compile_fast_path(self.bundled)
        self._ready = (names, compile_plan(self.bundled), valid)
        return self._ready
