"""JSON Schema (2020-12): references between definitions, validation, defaults, numbers, secrets.

What is named here is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.lazy_names import lazy_names

if TYPE_CHECKING:
    from kernel.schema.compiled import Schema, compile_schema
    from kernel.schema.meta import check_schema, sound_part
    from kernel.schema.plain import check_json, is_atom
    from kernel.schema.problems import InvalidSchema, Problem, SchemaError
    from kernel.schema.resources import NO_SCHEMAS, Contract, Schemas

__all__ = [
    "NO_SCHEMAS",
    "Contract",
    "InvalidSchema",
    "Problem",
    "Schema",
    "SchemaError",
    "Schemas",
    "check_json",
    "check_schema",
    "compile_schema",
    "is_atom",
    "sound_part",
]

__getattr__ = lazy_names(
    __name__,
    {
        "compiled": "Schema compile_schema",
        "meta": "check_schema sound_part",
        "plain": "check_json is_atom",
        "problems": "InvalidSchema Problem SchemaError",
        "resources": "NO_SCHEMAS Contract Schemas",
    },
)
