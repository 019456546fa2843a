"""The contract of an invocable: its inputs, its outputs, its errors, its safety class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from kernel.cel import CelError, Template, compile_template
from kernel.errors import ExpressionError, Fault, ManifestError
from kernel.manifest import Definition, Module, Resource, schemas_of
from kernel.safety import CLASSES, Safety
from kernel.schema import Schema, compile_schema
from kernel.schema.resources import Schemas
from kernel.structs import field, struct
from kernel.topology.callsite import names_in
from kernel.topology.roles import body_of, own_contract, roles_of


@struct
class DeclaredError:
    """An entry of a definition's ``errors``; None where the definition does not say."""

    description: str = ""
    retryable: bool | None = None
    outcome: Literal["failed", "unknown"] | None = None


@struct
class Contract:
    """What callers rely on; ``inputs`` and ``outputs`` are None where any value is accepted."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    errors: Mapping[str | int, DeclaredError] = field(default_factory=dict)
    safety: Safety | None = None
    safety_of: Callable[[Any], Safety] | None = None
    """Finds the class of a call from its inputs, where the definition computes it from these."""

    @property
    def input_redaction(self) -> Callable[[Any], Any] | None:
        """Hides the secrets that the schema of the inputs marks; None where it marks none."""
        return None if self.inputs is None else self.inputs.redaction

    @property
    def output_redaction(self) -> Callable[[Any], Any] | None:
        """Hides the secrets that the schema of the outputs marks; None where it marks none."""
        return None if self.outputs is None else self.outputs.redaction


def contract_of(
    definition: Definition, resource: Resource, home: Module, module: Module
) -> Contract:
    """The contract of a resource: that of its definition, or what the resource itself declares.

    A field with the role ``inputs`` or ``outputs`` holds the schema of the resource's own contract.
    ``home`` is the definition's module, ``module`` the resource's: references in a schema lead to
    the definitions of the module that the schema stands in.
    """
    own = roles_of(definition, resource.fields, ())

    def compiled(part: Literal["inputs", "outputs"]) -> Schema | None:
        itself = own_contract(own, part)
        if itself is not None:
            return compile_schema(itself[1], schemas_of(module))
        # The resources of a kind share what its definition declares.
        schemas = schemas_of(home)
        key = contract_of, definition, part
        if key not in schemas.memo:
            schemas.memo[key] = _declared(definition, part, schemas)
        declared: Schema | None = schemas.memo[key]
        return declared

    safety = definition.safety if definition.safety in CLASSES else None
    return Contract(
        compiled("inputs"), compiled("outputs"), declared_errors(definition.errors or {}), safety
    )


def _declared(
    definition: Definition, part: Literal["inputs", "outputs"], schemas: Schemas
) -> Schema | None:
    declared = definition.inputs if part == "inputs" else definition.outputs
    if declared is None and definition.body is not None:
        found = own_contract(body_of(definition)[1], part)
        declared = None if found is None else found[1]
    return None if declared is None else compile_schema(declared, schemas)


def with_safety(contract: Contract, definition: Definition, fields: Mapping[str, Any]) -> Contract:
    """The contract with the safety class that the definition computes from the resource's fields.

    Where it reads the inputs too, it is computed for each call. Raises :class:`ManifestError` when
    the computed value is no safety class.
    """
    if definition.safety is None or definition.safety in CLASSES:
        return contract
    template, span = compile_template(definition.safety), definition.document.span(("safety",))
    if "inputs" in names_in(template):

        def safety_of(inputs: Any) -> Safety:
            try:
                return _computed(template, {"self": fields, "inputs": inputs})
            except _NoClass as error:
                raise ExpressionError(str(error), span=span) from None

        return replace(contract, safety_of=safety_of)
    try:
        return replace(contract, safety=_computed(template, {"self": fields}))
    except _NoClass as error:
        raise ManifestError([Fault("K209", str(error), span, None, ("safety",))]) from None


class _NoClass(Exception):
    """What is computed is no safety class."""


def _computed(template: Template, bindings: dict[str, Any]) -> Safety:
    try:
        found = template.evaluate(bindings)
    except CelError as error:
        raise _NoClass(f"`safety`: {error}") from None
    for one in CLASSES:
        if found == one:
            return one
    raise _NoClass(f"`safety` is one of {', '.join(CLASSES)}")


def declared_errors(errors: Mapping[str | int, Any]) -> Mapping[str | int, DeclaredError]:
    """The ``errors`` of a definition, as data."""
    return {
        code: DeclaredError(
            description=(details or {}).get("description", ""),
            retryable=(details or {}).get("retryable"),
            outcome=(details or {}).get("outcome"),
        )
        for code, details in errors.items()
    }
