"""K704 and K209: definitions that promise what they cannot keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.messages import k2_contracts, k7_effects
from analyzer.flow.evaluation import evaluate_in_scope
from analyzer.program.linking import Unit
from analyzer.program.program import Program, written
from analyzer.types import String, members_of
from kernel.cel import CelError, parse_template, references
from kernel.manifest import Definition
from kernel.schema.keywords import ENTRY_ROLES, Role
from kernel.topology.engines import ENGINES

_CHECKED: Final = "write-once-checkable"
_KEY: Final = ("invocation", "idempotencyKey")
_NOT_CALLED: Final = "Provider", "Service"


def check_definition(check: UnitCheck) -> None:
    """A definition by itself: its safety class, its capability, its implementation."""
    program, unit = check.program, check.unit
    definition = unit.owner
    if not isinstance(definition, Definition):
        return
    if definition.check is None and _CHECKED in _classes(program, unit, definition):
        check.add(k7_effects.no_check(definition.kind, _CHECKED), ("safety",))
    elif definition.body is not None and _asks_in_vain(definition.check, definition.body):
        check.add(k7_effects.key_not_passed_on(definition.kind), ("check",), key=True)
    _check_implementation(check, definition)
    if definition.capability in _NOT_CALLED:
        _check_not_called(check, definition)


def _asks_in_vain(check: Any, body: Any) -> bool:
    """Whether a check reads the key of the call, and no call site of the body has it as its own."""
    keys = (one["idempotencyKey"] for one in _mappings(body) if "idempotencyKey" in one)
    return _reads_key(check) and not any(_reads_key(key) for key in keys)


def _reads_key(value: Any) -> bool:
    texts = [value, *(part for one in _mappings(value) for part in one.values())]
    texts += [part for one in texts if isinstance(one, list) for part in one]
    for text in texts:
        if isinstance(text, str) and "idempotencyKey" in text:
            try:
                expressions = parse_template(text).expressions()
            except CelError:
                continue
            if any(_KEY in references(embedded.expr) for _, embedded in expressions):
                return True
    return False


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _classes(program: Program, unit: Unit, definition: Definition) -> frozenset[str]:
    """The safety classes that its resources may have."""
    safety = definition.safety
    if safety is None or "${{" not in safety:
        return frozenset([safety or ""])
    fields = program.contracts.fields(definition, unit.module)
    found = evaluate_in_scope(written(safety), {"self": fields}).type
    texts = [one for one in members_of(found) if isinstance(one, String)]
    return frozenset[str]().union(*(one.literals or () for one in texts))


def _check_implementation(check: UnitCheck, definition: Definition) -> None:
    engine = definition.topology
    if engine is None:
        return
    if definition.controller is not None:
        check.add(k2_contracts.TWO_IMPLEMENTATIONS, ("topology",), key=True)
    elif definition.body is None and engine in ENGINES:
        _check_roles(check, definition, engine)


def _check_roles(check: UnitCheck, definition: Definition, name: str) -> None:
    """Each role once, of those that the engine reads, and its call sites among them."""
    engine = ENGINES[name]
    properties = (definition.schema or {}).get("properties")
    fields = properties if isinstance(properties, Mapping) else {}
    known = {*engine.roles(), *ENTRY_ROLES}
    seen: dict[str, str] = {}
    is_wrong = False
    for field, node in fields.items():
        role = node.get("x-kernel-role") if isinstance(node, Mapping) else None
        if role is None:
            continue
        path = ("schema", "properties", field, "x-kernel-role")
        if role not in get_args(Role):
            is_wrong = True  # which the schema's own check tells
        elif role not in known:
            check.add(k2_contracts.idle_role(name, role, engine.roles()), path)
            is_wrong = True
        elif seen.setdefault(role, field) != field:
            check.add(k2_contracts.role_twice(role, seen[role]), path)
    if engine.holds not in seen and not is_wrong:
        check.add(k2_contracts.no_call_sites(name, engine.holds), ("topology",))


def _check_not_called(check: UnitCheck, definition: Definition) -> None:
    capability = definition.capability
    for field in ("body", "topology"):
        if getattr(definition, field) is not None:
            check.add(k2_contracts.not_for_uncalled(field, capability), (field,), key=True)
            return
    if definition.inputs is not None:
        check.add(k2_contracts.inputs_of_uncalled(capability), ("inputs",), key=True)
