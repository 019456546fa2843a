"""The fields of a resource against the schema of its kind, with the place of each fault.

Values that contain CEL are left out of the validation: their type is known later, to the analyzer
or at run time. Steps, nodes, entries and results are the topology's to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from kernel.errors import Fault, Path
from kernel.manifest.common_fields import own_fields, with_common_fields
from kernel.manifest.document import Document
from kernel.manifest.model import Definition, Resource
from kernel.manifest.suggest import did_you_mean
from kernel.manifest.system_kinds import CALL_SITE_FIELDS, SYSTEM_KINDS
from kernel.schema.bundle import bundle
from kernel.schema.engine import pattern_matcher, validator
from kernel.schema.explain import problems_of
from kernel.schema.keywords import CEL_ROLES, SCHEMA_ROLES, rebuilt, traits
from kernel.schema.meta import check_schema
from kernel.schema.places import inside, spread
from kernel.schema.problems import InvalidSchema, Problem
from kernel.schema.redact import secret_at
from kernel.schema.resources import NO_SCHEMAS, Schemas
from kernel.structs import struct

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_FAULTS = 100  # a resource with more faults has no more of them reported
_CEL = re.compile(r"(?<!\$)\$\{\{")

NOT_EVALUATED = ("CEL is not evaluated in this field", "write $${{ for a literal ${{")
"""The message and the help of K008."""
_INSIDE = frozenset(
    ("$ref", "items", "prefixItems", "properties", "additionalProperties", "required", "anyOf")
)
_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties")
_CALL_SITE = {name: {"x-kernel-role": "result"} for name in CALL_SITE_FIELDS}
"""What a call site holds is for the topology to check; here it may just be there."""
_REFERENCE = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}


@struct(eq=False)
class Rules:
    """The schema of a kind's fields, closed, with the fields of call sites in it."""

    schema: Any
    engine: Validator
    schemas: Schemas


def make_rules(schema: Any, schemas: Schemas = NO_SCHEMAS) -> Rules:
    """The rules for the fields of a kind; raises InvalidSchema."""
    bundled = closed(_with_call_sites(bundle(schema, schemas)))
    return Rules(bundled, validator(bundled), schemas)


def closed(schema: Any) -> Any:
    """The schema of a kind's fields, without other fields than it declares, if it declares any."""
    if isinstance(schema, dict) and "properties" in schema and not {*schema} & {*_OPEN, "$ref"}:
        return {**schema, "additionalProperties": False}
    return schema


def check_fields(
    resource: Resource,
    definition: Definition,
    schemas: Schemas = NO_SCHEMAS,
    own: Schemas | None = None,
) -> list[Fault]:
    """What is wrong with a resource's fields: K003, K007, K008, by the definition's ``schema``.

    A definition without a schema takes any fields. Schemas in the fields (the contract of a
    topology) are checked as such, K101 to K105; ``schemas`` is where references of the definition
    lead, ``own`` those of schemas in the fields (the same, unless given), and without it
    references to other definitions are not followed. A definition whose own schema is wrong
    (which loading reports) says nothing about its resources.
    """
    try:
        rules = _rules(definition, schemas)
    except InvalidSchema:
        return []
    fields = own_fields(definition, resource.fields)
    return check_data(fields, rules, resource.document, resource.path, own)


def _rules(definition: Definition, schemas: Schemas) -> Rules:
    schema = True if definition.schema is None else definition.schema
    schema = with_common_fields(definition, schema)
    if schemas is NO_SCHEMAS:
        return make_rules(schema)
    if definition not in schemas.memo:
        schemas.memo[definition] = make_rules(schema, schemas)
    rules: Rules = schemas.memo[definition]
    return rules


def check_system(document: Document, faults: list[Fault]) -> bool:
    """Whether a document of the kernel's own kinds is in order; reports what is not."""
    data = {k: v for k, v in document.data.items() if k not in ("kind", "metadata")}
    found = check_data(data, _system_rules(document.data["kind"]), document, ())
    faults += found
    return not found


@cache
def _system_rules(kind: str) -> Rules:
    return make_rules(SYSTEM_KINDS[kind])


def check_data(
    data: Mapping[str, Any],
    rules: Rules,
    document: Document,
    path: Path,
    own: Schemas | None = None,
) -> list[Fault]:
    """What is wrong with fields that stand at ``path`` of a document."""
    scan = _Scan(rules.schema, own or rules.schemas)
    value = scan.mask(data, [rules.schema], (), False)
    faults = [_at(document, path, found) for found in scan.found[:MAX_FAULTS]]
    if scan.unknown or not rules.engine.is_valid(value):
        problems = problems_of(
            rules.engine,
            rules.schema,
            value,
            scan.unknown,
            lambda place: secret_at(rules.schema, place),
        )
        told = (f for p in problems for f in _explained(p, value, rules, document, path))
        faults += islice(told, MAX_FAULTS)
    return faults


def has_cel(text: str) -> bool:
    """Whether an expression opens in a text."""
    return "${{" in text and _CEL.search(text) is not None


@struct
class _Found:
    code: str
    message: str
    path: Path
    key: bool = False
    help: str | None = None


class _Scan:
    """One walk over the fields: what is CEL and where it may stand."""

    def __init__(self, root: Any, schemas: Schemas) -> None:
        self.root = root
        self.schemas = schemas
        self.found: list[_Found] = []
        self.unknown: set[Path] = set()

    def mask(self, value: Any, nodes: list[Any], path: Path, evaluated: bool) -> Any:
        """A copy with string keys only; notes the places whose values are not known yet."""
        if type(value) is str and has_cel(value):
            self._expression(path, evaluated or _takes_cel(spread(nodes, self.root)))
            return value
        if not isinstance(value, Mapping | list):
            if len(path) == 1 and value is not None:
                self._no_schema(value, spread(nodes, self.root), path)
            return value
        applied = spread(nodes, self.root)
        if any(traits(n).role or traits(n).ref for n in applied):
            keys = range(len(value)) if isinstance(value, list) else map(str, value)
            self.unknown.update((*path, key) for key in keys)
            self._schema(value, applied, path)
            return _outline(value)
        evaluated = evaluated or _takes_cel(applied)
        if isinstance(value, list):
            return [
                self.mask(item, inside(applied, i), (*path, i), evaluated)
                for i, item in enumerate(value)
            ]
        return {
            self._key(key, path): self.mask(
                item, inside(applied, str(key)), (*path, key), evaluated
            )
            for key, item in value.items()
        }

    def _schema(self, value: Any, applied: list[Mapping[str, Any]], path: Path) -> None:
        if not any(traits(node).role in SCHEMA_ROLES for node in applied):
            return
        for fault in check_schema(value, self.schemas):
            if fault.code != "K102" or self.schemas is not NO_SCHEMAS:
                place = path + fault.problem.path
                self.found.append(_Found(fault.code, fault.problem.message, place))

    def _no_schema(self, value: Any, applied: list[Mapping[str, Any]], path: Path) -> None:
        """A value where a schema has to be, if no `type` says so."""
        if not any("type" in node for node in applied):
            self._schema(value, applied, path)

    def _expression(self, path: Path, evaluated: bool) -> None:
        self.unknown.add(path)
        if not evaluated:
            message, hint = NOT_EVALUATED
            self.found.append(_Found("K008", message, path, help=hint))

    def _key(self, key: Any, path: Path) -> str:
        if type(key) is not str and path != ("errors",):
            message = f"a field name must be a string, this is {key!r}"
            self.found.append(_Found("K007", message, (*path, key), True, "put it in quotes"))
        return str(key)


def _takes_cel(nodes: list[Mapping[str, Any]]) -> bool:
    return any(own.eval or own.role in CEL_ROLES for own in map(traits, nodes))


def _outline(value: Mapping[Any, Any] | list[Any]) -> Any:
    """The keys of a mapping, the length of a list: what is in them is not known, nor looked at."""
    return [None] * len(value) if isinstance(value, list) else dict.fromkeys(map(str, value))


def _explained(
    problem: Problem, value: Any, rules: Rules, document: Document, path: Path
) -> Iterator[Fault]:
    names = problem.keyword in ("additionalProperties", "unevaluatedProperties", "propertyNames")
    if not names and problem.keyword != "enum":
        yield _at(document, path, _Found("K007", problem.message, problem.path))
        return
    nodes = spread([rules.schema], rules.schema)
    for step in problem.path:
        nodes = spread(inside(nodes, step), rules.schema)
        value = value[step]
    if not names:
        options = {one for node in nodes for one in node.get("enum") or () if type(one) is str}
        help = did_you_mean(value, options) if type(value) is str else None
        yield _at(document, path, _Found("K007", problem.message, problem.path, help=help))
        return
    report = _bad_names if problem.keyword == "propertyNames" else _unknown_fields
    for found in report(value, nodes, problem.path):
        yield _at(document, path, found)


def _unknown_fields(
    value: Mapping[str, Any], nodes: list[Mapping[str, Any]], path: Path
) -> Iterator[_Found]:
    known = {name for node in nodes for name in node.get("properties") or ()}
    for name in value:
        if name not in known and not _matched(name, nodes):
            help = did_you_mean(name, known - set(value))
            yield _Found("K003", f"unknown field `{name}`", (*path, name), True, help)


def _bad_names(
    value: Mapping[str, Any], nodes: list[Mapping[str, Any]], path: Path
) -> Iterator[_Found]:
    rules = [validator(node["propertyNames"]) for node in nodes if "propertyNames" in node]
    for name in value:
        if not all(rule.is_valid(name) for rule in rules):
            yield _Found("K202", f"{name!r} is not a name that may stand here", (*path, name), True)


def _matched(name: str, nodes: list[Mapping[str, Any]]) -> bool:
    return any(pattern_matcher(p)(name) for n in nodes for p in n.get("patternProperties") or ())


def _at(document: Document, path: Path, found: _Found) -> Fault:
    place = path + found.path
    return Fault(found.code, found.message, document.span(place, found.key), found.help, place)


def _with_call_sites(node: Any) -> Any:
    """The schema with the fields of call sites where it says ``x-kernel-call``."""
    if not isinstance(node, dict):
        return node
    own = traits(node)
    if own.role in CEL_ROLES:
        # What stands inside is for the engine, and not looked at here.
        return {key: value for key, value in node.items() if key not in _INSIDE}
    made = rebuilt(node, lambda _, child: _with_call_sites(child))
    if own.ref is not None:
        made = {**_REFERENCE, **made}
    if own.call:
        made["properties"] = {**_CALL_SITE, **(made.get("properties") or {})}
        made.setdefault("additionalProperties", False)
    return made
