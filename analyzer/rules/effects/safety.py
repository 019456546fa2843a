"""The safety class of what a call site calls, as the run time finds it (pipeline.md)."""

from __future__ import annotations

from typing import Final

from analyzer.program.contracts import Contracts
from analyzer.program.linking import Callee
from kernel.cel import CelError, Template, compile_template, references
from kernel.manifest import Definition, schemas_of
from kernel.safety import CLASSES
from kernel.schema import InvalidSchema, SchemaError, compile_schema

UNKNOWN: Final = "unknown"
"""In place of a class: one that is computed from fields whose values are not known."""


def class_of(contracts: Contracts, callee: Callee, inputs: Template | None) -> str | None:
    """Its safety class, of a call with these inputs; None where none is declared."""
    safety = callee.definition.safety
    if safety is None or safety in CLASSES:
        return safety
    try:
        found = _computed(contracts, callee, compile_template(safety), inputs)
    except (CelError, InvalidSchema, SchemaError):
        return UNKNOWN
    return found if found in CLASSES else UNKNOWN


def _computed(
    contracts: Contracts, callee: Callee, safety: Template, inputs: Template | None
) -> object:
    """What a class that is CEL over ``self`` and ``inputs`` gives for what is written."""
    definition, fields = callee.definition, callee.resource.fields
    add_evaluation = {name for name, value in fields.items() if "${{" in repr(value)}
    for _, embedded in safety.tree.expressions():
        for path in references(embedded.expr):
            if len(path) < 2:
                return UNKNOWN
            if path[0] == "inputs" and not _is_written(inputs, str(path[1])):
                return UNKNOWN
            if path[0] == "self" and path[1] in add_evaluation:
                return UNKNOWN
    schema = {} if definition.schema is None else contracts.opened(definition)
    plain = {name: value for name, value in fields.items() if name not in add_evaluation}
    complete = compile_schema(schema, schemas_of(callee.home)).normalise(plain)
    return safety.evaluate({"self": complete, "inputs": _given(definition, inputs)})


def _is_written(inputs: Template | None, name: str) -> bool:
    """Whether a call site writes the input as it is, or gives no such input."""
    if inputs is None:
        return True
    if not isinstance(inputs.tree.structure, dict):
        return False
    return not any(path[:1] == (name,) for path in inputs.tree.scalars)


def _given(definition: Definition, inputs: Template | None) -> dict[str, object]:
    """The inputs that are written, and the defaults of those that are not."""
    properties = (definition.inputs or {}).get("properties") or {}
    found = {
        name: schema["default"]
        for name, schema in properties.items()
        if isinstance(schema, dict) and "default" in schema
    }
    return found if inputs is None else {**found, **inputs.tree.structure}
