"""Whether a schema is one: metaschema, patterns, our own keywords, references, defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from kernel.errors import Path
from kernel.schema.bundle import bundle, pointer
from kernel.schema.engine import metaschema, pattern_matcher, validator
from kernel.schema.explain import problems_at, problems_of
from kernel.schema.keywords import all_schemas, check_traits
from kernel.schema.normalise import compile_plan
from kernel.schema.plain import find_problem, is_atom
from kernel.schema.problems import InvalidSchema, Problem
from kernel.schema.resources import MAX_DEPTH, NO_SCHEMAS, SchemaDocument, Schemas
from kernel.structs import struct

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


@struct
class SchemaFault:
    """A problem of a schema with its rule: K101 invalid, K102 unresolved, K105 bad default."""

    code: Literal["K101", "K102", "K105"]
    problem: Problem


def check_schema(schema: Any, schemas: Schemas = NO_SCHEMAS) -> list[SchemaFault]:
    """What is wrong with a schema; paths are those within it. Bounded for hostile schemas."""
    invalid = list(_invalid(schema))
    if invalid:
        return [SchemaFault("K101", problem) for problem in invalid]
    try:
        bundled = bundle(schema, schemas)
    except InvalidSchema as error:
        return [SchemaFault("K102", problem) for problem in error.problems]

    try:
        validator(bundled)
    except InvalidSchema:
        return []  # what is wrong is in a schema that this one refers to, and is reported there
    return [SchemaFault("K105", problem) for problem in _bad_defaults(schema, bundled)]


def _invalid(schema: Any) -> Iterator[Problem]:
    problem = find_problem(schema)
    if problem is not None:
        yield problem
        return

    engine = metaschema()
    if not engine.is_valid(schema):
        yield from (_with_meant(one, schema) for one in problems_of(engine, schema))
        return
    for depth, path, node in all_schemas(schema):
        if depth > MAX_DEPTH:
            yield Problem(path, f"nested more than {MAX_DEPTH} levels deep")
            return
        if node.get("$schema", _DRAFT).rstrip("#") != _DRAFT:
            yield Problem((*path, "$schema"), "schemas are JSON Schema 2020-12 here")
        for keyword, message in check_traits(node):
            yield Problem((*path, keyword), message)
        yield from _bad_patterns(path, node)
    yield from SchemaDocument(schema, NO_SCHEMAS).clashes


def _with_meant(problem: Problem, schema: Any) -> Problem:
    """The problem of a ``type`` that is none, with the one that was meant."""
    if problem.keyword != "enum" or "type" not in problem.path[-2:]:
        return problem
    value = schema
    for step in problem.path:
        value = value[step]
    if not isinstance(value, str):
        return problem
    from difflib import get_close_matches  # for start-up time

    near = get_close_matches(value.lower(), _TYPES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return replace(problem, message=problem.message + hint)


def _bad_patterns(path: Path, node: Mapping[str, Any]) -> Iterator[Problem]:
    places: list[tuple[str, Path]] = [
        (p, ("patternProperties", p)) for p in node.get("patternProperties", ())
    ]
    if "pattern" in node:
        places.append((node["pattern"], ("pattern",)))
    for pattern, place in places:
        try:
            pattern_matcher(pattern)
        except InvalidSchema:
            message = f"{pattern!r} is not a pattern that can be matched in linear time"
            yield Problem(path + place, message)


def _bad_defaults(schema: Any, bundled: Any) -> Iterator[Problem]:
    for _, path, node in all_schemas(schema):
        if "default" not in node or _fits_plainly(node):
            continue
        place = pointer(path)
        plan = compile_plan(bundled, place)
        value = plan(node["default"]) if plan else node["default"]
        for problem in problems_at(bundled, value, place):
            yield Problem((*path, "default", *problem.path), f"bad default: {problem.message}")
            break


_PLAIN_TYPES: dict[str, Any] = {"string": str, "boolean": bool, "integer": int, "null": type(None)}


def _fits_plainly(node: Mapping[str, Any]) -> bool:
    """Whether the default is of the type that is all that the node asks for."""
    if node.keys() - {"type", "default", "description", "title"}:
        return False
    kind: Any = node.get("type")
    value: Any = node["default"]
    if type(kind) is not str or type(value) is not _PLAIN_TYPES.get(kind):
        return False
    return is_atom(value) and (kind != "integer" or -(2**63) <= value < 2**63)
