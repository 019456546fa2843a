"""JSON Schema (2020-12): references between definitions, validation, defaults, numbers, secrets."""

from kernel.schema.compiled import Schema, compile_schema
from kernel.schema.meta import check_schema
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
]
