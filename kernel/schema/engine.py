"""The validating engine (jsonschema-rs), with patterns in linear time and without a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kernel.schema.problems import InvalidSchema, Problem

if TYPE_CHECKING:
    import jsonschema_rs

_ROOT = "kernel:///schema"
_MAX_PATTERN_BYTES = 1 << 20


@lru_cache(maxsize=1)
def metaschema() -> jsonschema_rs.Validator:
    """The engine for schemas themselves."""
    return validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})


@lru_cache(maxsize=16)
def published(uri: str) -> Any:
    """The schema that JSON Schema itself publishes at a URI, the metaschema for one; or None."""
    import jsonschema_rs  # for start-up time

    if not uri.startswith("https://json-schema.org/"):
        return None
    try:
        registry = jsonschema_rs.Registry([(_ROOT, {"$ref": uri})])
        return registry.resolver(_ROOT).lookup(uri).contents
    except jsonschema_rs.ReferencingError:
        return None


@lru_cache(maxsize=1024)
def pattern_matcher(pattern: str) -> Callable[[Any], bool]:
    """What tells whether a pattern occurs in a string."""
    return validator({"pattern": pattern}).is_valid


def backtracks(pattern: str) -> bool:
    """Whether a pattern could be matched with backtracking and without a bound of memory."""
    import jsonschema_rs  # for start-up time

    options = jsonschema_rs.FancyRegexOptions(size_limit=1 << 30)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except ValueError:
        return False
    return True


def validator_at(schema: Any, pointer: str) -> jsonschema_rs.Validator:
    """The engine for a node of a bundled schema."""
    if not pointer:
        return validator(schema)
    return validator({"$ref": f"{_ROOT}#{pointer}"}, schema)


def validator(schema: Any, root: Any = None) -> jsonschema_rs.Validator:
    """The engine for a bundled schema, or one that refers to ``root``. Raises InvalidSchema."""
    import jsonschema_rs  # for start-up time

    limits = {"size_limit": _MAX_PATTERN_BYTES, "dfa_size_limit": _MAX_PATTERN_BYTES}
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            registry=None if root is None else jsonschema_rs.Registry([(_ROOT, root)]),
            pattern_options=jsonschema_rs.RegexOptions(**limits),
            validate_formats=False,
            offline=True,
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        path = tuple(getattr(error, "instance_path", ()))
        raise InvalidSchema([Problem(path, error.message)]) from None
    except ValueError as error:
        raise InvalidSchema([Problem((), str(error))]) from None
