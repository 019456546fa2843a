"""Whether a schema is one: metaschema, patterns, our own keywords, references, defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

from kernel.errors import Path
from kernel.schema.bundle import bundle_sound, pointer
from kernel.schema.engine import metaschema, pattern_matcher, validator
from kernel.schema.explain import problems_at, problems_of
from kernel.schema.keywords import all_schemas, check_traits, is_schema_path
from kernel.schema.normalise import compile_plan
from kernel.schema.patterns import why_refused
from kernel.schema.plain import find_problem, is_atom
from kernel.schema.problems import InvalidSchema, Problem
from kernel.schema.resources import MAX_DEPTH, NO_SCHEMAS, SchemaDocument, Schemas
from kernel.structs import struct

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


MAX_ROUNDS = 20
"""So often what is wrong with references is left out, to find what else is."""


@struct
class SchemaFault:
    """A problem of a schema with its rule: K101 invalid, K102 unresolved, K105 bad default."""

    code: Literal["K101", "K102", "K105"]
    problem: Problem


def check_schema(schema: Any, schemas: Schemas = NO_SCHEMAS) -> list[SchemaFault]:
    """What is wrong with a schema; paths are those within it. Bounded for hostile schemas.

    Independent mistakes are told together: what is wrong is left out for the checks that follow.
    """
    faults: list[SchemaFault] = []
    found = _sound_part(schema, schemas, faults)
    if found is not None:
        faults += (SchemaFault("K105", problem) for problem in _bad_defaults(*found))
    return faults


def sound_part(schema: Any, schemas: Schemas = NO_SCHEMAS) -> tuple[Any, Any] | None:
    """A schema without what is wrong in it, and the same bundled; None where nothing is left."""
    return _sound_part(schema, schemas, [])


def _sound_part(schema: Any, schemas: Schemas, faults: list[SchemaFault]) -> tuple[Any, Any] | None:
    """Leave out what is wrong, which goes to ``faults``, until the rest can be bundled."""
    try:
        invalid = list(_invalid(schema))
    except InvalidSchema as error:
        faults += (SchemaFault("K101", problem) for problem in error.problems)
        return None
    faults += (SchemaFault("K101", problem) for problem in invalid)
    sound = _without(schema, [one.path for one in invalid]) if invalid else schema
    known: set[Problem] = set()
    for _ in range(MAX_ROUNDS):
        try:
            bundled, problems = bundle_sound(sound, schemas)
        except InvalidSchema as error:
            bundled, problems = None, [*error.problems]
        new = [problem for problem in problems if problem not in known]
        faults += (SchemaFault("K102", problem) for problem in new)
        known.update(new)
        if bundled is not None:
            break
        if not new:
            return None
        sound = _without(sound, [one.path for one in new])
    try:
        validator(bundled)
    except InvalidSchema:
        return None  # what is wrong is in a schema that it refers to, and is reported there
    return None if bundled is None else (sound, bundled)


def _without(schema: Any, paths: list[Path]) -> Any:
    """The schema without what the paths lead to: keywords, or schemas, which then allow all."""
    whole = {"": deepcopy(schema)}
    for path in paths:
        length = next(n for n in range(len(path), -1, -1) if is_schema_path(path[:n]))
        holder: Any = whole
        *way, last = ("", *path[:length])
        try:
            for step in way:
                holder = holder[step]
            if length < len(path):
                del holder[last][path[length]]
            elif way and way[-1] == "patternProperties":
                del holder[last]  # it may be the pattern that is wrong
            else:
                holder[last] = True
        except (KeyError, IndexError, TypeError):
            continue  # what is around it is left out already
    return whole[""]


def _invalid(schema: Any) -> Iterator[Problem]:
    """What is wrong with the nodes of a schema; raises InvalidSchema where no more can be said."""
    problem = find_problem(schema)
    if problem is not None:
        raise InvalidSchema([problem])
    engine = metaschema()
    if not engine.is_valid(schema):
        yield from (_with_meant(one, schema) for one in problems_of(engine, True, schema))
    for depth, path, node in all_schemas(schema):
        if depth > MAX_DEPTH:
            raise InvalidSchema([Problem(path, f"nested more than {MAX_DEPTH} levels deep")])
        draft = node.get("$schema", _DRAFT)
        if isinstance(draft, str) and draft.rstrip("#") != _DRAFT:
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
    patterns = node.get("patternProperties")
    places: list[tuple[Any, Path]] = [
        (pattern, ("patternProperties", pattern))
        for pattern in (patterns if isinstance(patterns, Mapping) else ())
    ]
    places.append((node.get("pattern"), ("pattern",)))
    for pattern, place in places:
        try:
            if isinstance(pattern, str):
                pattern_matcher(pattern)
        except InvalidSchema:
            yield Problem(path + place, why_refused(pattern))


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
