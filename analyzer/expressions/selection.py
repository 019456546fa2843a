"""Fields and elements of values: ``x.f``, ``x.?f``, ``x[i]``, ``x[?i]``, ``has(x.f)``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from analyzer import types
from analyzer.expressions.bounds import Orders
from analyzer.expressions.checker import UNNAMED, Checker, position_shown, shown
from analyzer.expressions.facts import Facts, is_optional, is_step_guard, path_of, type_at
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k4_types, k5_presence
from analyzer.types import Type, members_of, resolved, union, without
from analyzer.types.members import Member, field_names, is_within, keys_of, member, values_of
from analyzer.types.operators import may_be_equal
from analyzer.types.overloads import kinds
from kernel.cel import Expr
from kernel.cel.tree import Ident, Index, Literal, Macro, Select
from kernel.cel.values import TYPES
from kernel.manifest.suggest import nearest


def select(checker: Checker, expr: Select, facts: Facts) -> Type:
    """The type of ``x.f`` or ``x.?f``."""
    if _names_type(expr, facts):
        return types.TypeValue()
    operand = checker.check(expr.operand, facts)
    known = _known(expr, operand, facts)
    if known is not None:
        return known
    if type(operand) is types.Record and not expr.optional:
        field = operand.get(expr.field)
        if field is not None and field.required and field.declared:
            return field.type
    return checked_field(checker, expr, operand, expr.field, f"has({shown(expr)})")


def _names_type(expr: Select, facts: Facts) -> bool:
    """Whether it is ``google.protobuf.Timestamp`` or ``google.protobuf.Duration``."""
    if expr.field not in ("Timestamp", "Duration"):
        return False
    return shown(expr) in TYPES and "google" not in facts.scope


def _known(expr: Select | Index, operand: Type, facts: Facts) -> Type | None:
    """What a condition has said about a path, if one has."""
    if not facts.known or is_optional(expr):
        return None
    if type(operand) is not types.Record and any(
        isinstance(one, types.Optional) for one in members_of(operand)
    ):
        return None
    path = path_of(expr, facts)
    return None if path is None else facts.known.get(path)


def checked_field(
    checker: Checker, expr: Select | Index, operand: Type, name: str, guard: str
) -> Type:
    """The type of a field that is read, with or without ``?``."""
    if isinstance(operand, types.Error):
        return types.ERROR
    plain = without(operand, lambda one: isinstance(one, types.Optional))
    optional = expr.optional or plain != operand
    inner = union(one.value for one in members_of(operand) if isinstance(one, types.Optional))
    whole = union([plain, inner]) if plain != operand else operand
    found = [(one, member(one, name)) for one in members_of(whole)]
    type_ = _judged(checker, expr, name, whole, found, "" if optional else guard)
    return types.Optional(type_) if optional and not isinstance(type_, types.Error) else type_


def _judged(
    checker: Checker,
    expr: Select | Index,
    name: str,
    operand: Type,
    found: list[tuple[Type, Member]],
    guard: str,
) -> Type:
    """Report what is wrong with reading a field of these members; ``guard`` empty: only if all."""
    good = [(one, m) for one, m in found if m.presence in ("certain", "possible", "undeclared")]
    if found and not good:
        path, known = shown(expr.operand), field_names(operand)
        owner = f"{path} ({operand})" if not known or path == UNNAMED else path
        unknown = k4_types.unknown_property(expr, name, owner, known)
        return checker.report(unknown)
    type_ = union(m.type for _, m in good)
    if any(isinstance(one, types.Dyn) for one, _ in good):
        checker.may_fail = True
    fieldless = [one for one, m in found if m.presence == "fieldless"]
    if fieldless:
        return _fieldless(checker, expr, name, fieldless, type_)
    absent = [one for one, m in found if m.presence == "never"]
    if not guard:
        return _asked(checker, expr, name, operand, [m for _, m in good], type_)
    if absent:
        what = f"the field '{name}'"
        return checker.report(k4_types.unnarrowed_union(expr, what, absent[0]))
    return _presence(checker, expr, name, operand, [m for _, m in good], type_, guard)


def _asked(
    checker: Checker,
    expr: Select | Index,
    name: str,
    operand: Type,
    found: list[Member],
    type_: Type,
) -> Type:
    """A field that may be absent, since it is only asked for; one that is misspelt always is."""
    known = field_names(operand)
    if all(one.presence == "undeclared" for one in found) and nearest(name, known):
        checker.report(k4_types.undeclared_property(expr, name, known), shown(expr))
    return type_


def _fieldless(
    checker: Checker, expr: Select | Index, name: str, fieldless: list[Type], type_: Type
) -> Type:
    if all(isinstance(one, types.Null) for one in fieldless):
        operand = shown(expr.operand)
        checker.report(k5_presence.nullable_unguarded(expr.operand, operand), ("null", operand))
        return type_
    what = f"the field '{name}'"
    if {types.Null, types.Bool, types.String, types.List} <= {type(one) for one in fieldless}:
        return checker.report(k4_types.untyped(expr, what, shown(expr.operand)))
    return checker.report(k4_types.unnarrowed_union(expr, what, fieldless[0]))


def _presence(
    checker: Checker,
    expr: Select | Index,
    name: str,
    operand: Type,
    found: list[Member],
    type_: Type,
    guard: str,
) -> Type:
    possible = [one for one in found if one.presence == "possible"]
    if possible:
        lenient = all(one.lenient for one in possible)
        finding = k5_presence.optional_unguarded(expr, shown(expr), guard, lenient)
        checker.report(finding, shown(expr) if shown(expr) != UNNAMED else None)
    elif any(one.presence == "undeclared" or not one.declared for one in found):
        names = field_names(operand) - {name}
        checker.may_fail = True
        # A schema that declares no fields at all is that of a map, of whose keys nothing is known.
        if names or _is_required(operand, name):
            checker.report(k4_types.undeclared_property(expr, name, names), shown(expr))
    return type_


def _is_required(owner: Type, name: str) -> bool:
    """Whether a schema requires a field; of any value nothing is required."""
    fields = (one.get(name) for one in members_of(owner) if isinstance(one, types.Record))
    return any(field is not None and field.required for field in fields)


def index(checker: Checker, expr: Index, facts: Facts) -> Type:
    """The type of ``x[i]`` or ``x[?i]``."""
    operand = checker.check(expr.operand, facts)
    position = checker.check(expr.index, facts)
    if isinstance(operand, types.Error) or isinstance(position, types.Error):
        return types.ERROR
    known = _known(expr, operand, facts)
    if known is not None:
        return known
    if isinstance(expr.index, Literal) and isinstance(expr.index.value, str):
        guard = f"{expr.index.value!r} in {shown(expr.operand)}"
        if not any(isinstance(one, types.List) for one in members_of(operand)):
            return checked_field(checker, expr, operand, expr.index.value, guard)
    optional = expr.optional
    found: list[Type] = []
    for one in members_of(operand):
        if isinstance(one, types.Optional):
            optional, one = True, one.value
        found += [
            _element(checker, expr, operand, each, position, optional, facts)
            for each in members_of(one)
        ]
    type_ = union(found)
    return types.Optional(type_) if optional and not isinstance(type_, types.Error) else type_


def _element(
    checker: Checker,
    expr: Index,
    operand: Type,
    one: Type,
    index: Type,
    optional: bool,
    facts: Facts,
) -> Type:
    match one:
        case types.Dyn():
            checker.may_fail = True
            return types.DYN
        case types.Null() if operand != types.NULL:
            checker.report(k5_presence.nullable_unguarded(expr.operand, shown(expr.operand)))
            return types.NEVER
        case types.List():
            return _at_position(checker, expr, one, index, optional, facts)
        case types.Map() | types.Record():
            return _at_key(checker, expr, one, index, optional)
    form = f"{operand}[{index}]"
    if isinstance(operand, type(one)):
        return checker.report(k3_names.no_overload(expr, form, None))
    return checker.report(k4_types.unnarrowed_union(expr, "an index", one))


def _fits(checker: Checker, expr: Index, index: Type, wanted: frozenset[str], one: Type) -> bool:
    found = kinds(index)
    if found is None:
        checker.may_fail = True
        return True
    if found <= wanted:
        return True
    if "null" in found and found - {"null"} <= wanted and found != {"null"}:
        checker.report(k5_presence.nullable_unguarded(expr.index, shown(expr.index)))
        return False
    checker.report(k3_names.no_overload(expr, f"{one}[{index}]", None))
    return False


_POSITIONS: Final = frozenset({"int", "uint", "double"})
_KEYS: Final = _POSITIONS | {"bool", "string"}


def _at_position(
    checker: Checker, expr: Index, items: types.List, index: Type, optional: bool, facts: Facts
) -> Type:
    if not _fits(checker, expr, index, _POSITIONS, items):
        return types.ERROR
    if not optional and not _is_within(checker, expr, items, index, facts):
        checker.report(_unproven(checker, expr, facts))
    return items.element


def _is_within(checker: Checker, expr: Index, items: types.List, index: Type, facts: Facts) -> bool:
    index = resolved(index)
    if not isinstance(index, types.Int) or is_within(index, items):
        return isinstance(index, types.Int)
    orders = Orders(facts.known, checker.known_type)
    return orders.is_position(expr.index, expr.operand, items.least, -1)


def _unproven(checker: Checker, expr: Index, facts: Facts) -> Diagnostic:
    """Which guard a position lacks."""
    items, position = shown(expr.operand), position_shown(expr.index)
    if items.startswith(UNNAMED):
        return k5_presence.unnamed_element_past_end(expr, position)
    natural = Orders(facts.known, checker.known_type).is_natural(expr.index)
    return k5_presence.element_past_end(expr, items, position, natural)


def _at_key(
    checker: Checker, expr: Index, mapping: types.Map | types.Record, index: Type, optional: bool
) -> Type:
    if not _fits(checker, expr, index, _KEYS, mapping):
        return types.ERROR
    keys = index.literals if isinstance(index, types.String) else None
    if keys:
        found = [member(mapping, key) for key in keys]
        certain = all(one.presence == "certain" for one in found)
        type_ = union(one.type for one in found)
    else:
        certain, type_ = False, values_of(mapping)
    if not certain and not optional:
        guard = f"{shown(expr.index)} in {shown(expr.operand)}"
        if not may_be_equal(keys_of(mapping), index):
            return checker.report(k4_types.incomparable(expr, keys_of(mapping), index))
        checker.report(k5_presence.optional_unguarded(expr, shown(expr), guard, False))
    return type_


def has(checker: Checker, expr: Macro, facts: Facts) -> Type:
    """The type of ``has(x.f)``: whether ``x``, which is there, has the field."""
    selection = expr.args[0]
    assert isinstance(selection, Select)
    owner = selection.operand
    if is_step_guard(selection):
        owner = with_optional_step(owner, facts)
    operand = checker.check(owner, facts)
    if isinstance(operand, types.Error):
        return types.BOOL
    count = len(checker.found)
    checked_field(checker, replace(selection, optional=True), operand, selection.field, "")
    if len(checker.found) > count:
        return types.BOOL
    if _is_certain(operand, selection.field):
        path = path_of(selection, facts)
        if path is not None and _is_certain(type_at(path[:-1], facts.declared), selection.field):
            what = f"{shown(selection)} is always there"
            checker.report(k5_presence.redundant_guard(expr, what))
        return types.Bool(True)
    return types.BOOL


def _is_certain(type_: Type, name: str) -> bool:
    found = members_of(type_)
    return bool(found) and all(
        isinstance(one, types.Record) and member(one, name).presence == "certain" for one in found
    )


def with_optional_step(expr: Expr, facts: Facts) -> Expr:
    """``steps.X.a`` as ``steps.?X.a``, unless the step is there (kernel.topology.guards)."""
    if not isinstance(expr, Select):
        return expr
    if isinstance(expr.operand, Ident) and expr.operand.name == "steps":
        path = path_of(expr.operand, facts)
        certain = path is not None and _is_certain(type_at(path, facts), expr.field)
        return replace(expr, optional=not certain)
    return replace(expr, operand=with_optional_step(expr.operand, facts))
