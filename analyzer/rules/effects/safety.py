"""The safety class of what a call site calls, as the run time finds it (pipeline.md)."""

from __future__ import annotations

from typing import Final

from analyzer.program.contracts import Contracts
from analyzer.program.linking import Callee
from kernel.cel import CelError, Template, compile_template, references
from kernel.manifest import schemas_of
from kernel.safety import CLASSES
from kernel.schema import InvalidSchema, SchemaError, compile_schema

UNKNOWN: Final = "unknown"
"""In place of a class: one that is computed from fields whose values are not known."""


def class_of(contracts: Contracts, callee: Callee) -> str | None:
    """Its safety class; None where none is declared."""
    safety = callee.definition.safety
    if safety is None or safety in CLASSES:
        return safety
    try:
        found = _computed(contracts, callee, compile_template(safety))
    except (CelError, InvalidSchema, SchemaError):
        return UNKNOWN
    return found if found in CLASSES else UNKNOWN


def _computed(contracts: Contracts, callee: Callee, safety: Template) -> object:
    """What a class that is CEL over ``self`` gives for the fields that are written."""
    definition, fields = callee.definition, callee.resource.fields
    add_evaluation = {name for name, value in fields.items() if "${{" in repr(value)}
    for _, embedded in safety.tree.expressions():
        for path in references(embedded.expr):
            if len(path) < 2 or path[1] in add_evaluation:
                return UNKNOWN
    schema = {} if definition.schema is None else contracts.opened(definition)
    plain = {name: value for name, value in fields.items() if name not in add_evaluation}
    complete = compile_schema(schema, schemas_of(callee.home)).normalise(plain)
    return safety.evaluate({"self": complete})
