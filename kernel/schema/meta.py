"""Whether a schema is one: metaschema, patterns, our own keywords, references, defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kernel.schema.bundle import MAX_DEPTH, NO_SCHEMAS, Schemas, bundle, pointer
from kernel.schema.keywords import check_traits, subschemas
from kernel.schema.plain import find_problem
from kernel.schema.problems import InvalidSchema, Path, Problem

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
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
    from kernel.schema.engine import validator

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
    from kernel.schema.engine import metaschema
    from kernel.schema.explain import problems_of

    against = list(problems_of(metaschema(), schema))
    if against:
        yield from against
        return
    for depth, path, node in _nodes(schema):
        if depth > MAX_DEPTH:
            yield Problem(path, f"nested more than {MAX_DEPTH} levels deep")
            return
        if node.get("$schema", _DRAFT).rstrip("#") != _DRAFT:
            yield Problem((*path, "$schema"), "schemas are JSON Schema 2020-12 here")
        for keyword, message in check_traits(node):
            yield Problem((*path, keyword), message)
        yield from _bad_patterns(path, node)


def _bad_patterns(path: Path, node: Mapping[str, Any]) -> Iterator[Problem]:
    from kernel.schema.engine import pattern_matcher

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


def _nodes(schema: Any) -> Iterator[tuple[int, Path, Mapping[str, Any]]]:
    waiting: list[tuple[int, Path, Any]] = [(0, (), schema)]
    while waiting:
        depth, path, node = waiting.pop()
        if isinstance(node, Mapping):
            yield depth, path, node
            children = [(depth + 1, path + step, child) for step, child in subschemas(node)]
            waiting += reversed(children)


def _bad_defaults(schema: Any, bundled: Any) -> Iterator[Problem]:
    from kernel.schema.explain import problems_at
    from kernel.schema.normal import compile_plan

    for _, path, node in _nodes(schema):
        if "default" not in node:
            continue
        place = pointer(path)
        plan = compile_plan(bundled, place)
        value = plan(node["default"]) if plan else node["default"]
        for problem in problems_at(bundled, value, place):
            yield Problem((*path, "default", *problem.path), f"bad default: {problem.message}")
            break
