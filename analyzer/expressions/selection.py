"""Fields and elements of values: ``x.f``, ``x.?f``, ``x[i]``, ``x[?i]``, ``has(x.f)``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from analyzer import types
from analyzer.expressions.bounds import Orders
from analyzer.expressions.checker import UNNAMED, Checker, position_shown, shown
from analyzer.expressions.conditions import of_element
from analyzer.expressions.elements import ELEMENT
from analyzer.expressions.facts import Facts, is_step_guard, path_of, plain_path, type_at
from analyzer.expressions.positions import said_of_size, sizes_of
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k4_types, k5_presence
from analyzer.lowering.records import IN_OPEN, UNDECLARED
from analyzer.types import Type, members_of, resolved, union, without
from analyzer.types.members import (
    Member,
    field_names,
    has_undeclared,
    is_in_some,
    is_within,
    keys_of,
    member,
    values_of,
)
from analyzer.types.operators import may_be_equal
from analyzer.types.overloads import kinds
from kernel.cel import Expr
from kernel.cel.other_languages import FUNCTIONS
from kernel.cel.tree import Ident, Index, Literal, Macro, Select
from kernel.cel.values import TYPES
from kernel.manifest.suggest import nearest
from kernel.structs import struct


def select(checker: Checker, expr: Select, facts: Facts) -> Type:
    """The type of ``x.f`` or ``x.?f``."""
    if _names_type(expr, facts):
        return types.TypeValue()
    operand = checker.check(expr.operand, facts)
    known = _known(expr, operand, facts)
    if known is IN_OPEN and id(expr) not in checker.asked:
        checker.report(k4_types.open_alternative(expr, expr.field, shown(expr.operand)))
    if known is not None and known is not UNDECLARED:
        return known
    if type(operand) is types.Record and not expr.optional:
        field = operand.get(expr.field)
        if field is not None and field.required and field.declared:
            return field.type
    return _field(checker, expr, operand, expr.field, f"has({shown(expr)})")


def _field(checker: Checker, expr: Select | Index, operand: Type, name: str, guard: str) -> Type:
    """The type of a field that is read; which is anything where an alternative is open."""
    count = len(checker.found)
    type_ = checked_field(checker, expr, operand, name, guard)
    if len(checker.found) == count and id(expr) not in checker.asked:
        found = [member(one, name) for one in members_of(operand)]
        open_ = any(read.type is UNDECLARED for read in found)
        if open_ and any(_says_more(read) for read in found):
            checker.report(k4_types.open_alternative(expr, name, shown(expr.operand)))
    return type_


def _says_more(read: Member) -> bool:
    """Whether a member has a field, and says what it is."""
    return read.presence in ("certain", "possible") and not isinstance(read.type, types.Dyn)


def _names_type(expr: Select, facts: Facts) -> bool:
    """Whether it is ``google.protobuf.Timestamp`` or ``google.protobuf.Duration``."""
    if expr.field not in ("Timestamp", "Duration"):
        return False
    return shown(expr) in TYPES and "google" not in facts.scope


def _known(expr: Select | Index, operand: Type, facts: Facts) -> Type | None:
    """The type that a condition has given to the path of an expression, if one has."""
    if not facts.known:
        return None
    if type(operand) is not types.Record and any(
        isinstance(one, types.Optional) for one in members_of(operand)
    ):
        return None
    path = plain_path(expr, facts)
    return None if path is None else facts.known.get(path)


def _known_of_element(expr: Index, operand: Type, position: Type, facts: Facts) -> Type | None:
    """The type of ``m[l[i]]``, if the elements of ``l`` are known to be keys of ``m``."""
    inner = expr.index
    if not isinstance(inner, Index) or inner.optional or not isinstance(position, types.String):
        return None
    inside = of_element(inner.operand, {ELEMENT: _KEY}, facts.declare({_KEY: position}))
    return _known(replace(expr, index=Ident(inner.offset, inner.end, _KEY, False)), operand, inside)


_KEY: Final = "@key"


def checked_field(
    checker: Checker, expr: Select | Index, operand: Type, name: str, guard: str
) -> Type:
    """The type of a field that is read, with or without ``?``; ``guard`` would guard it."""
    if isinstance(operand, types.Error):
        return types.ERROR
    plain = without(operand, lambda one: isinstance(one, types.Optional))
    optional = expr.optional or plain != operand
    inner = union(one.value for one in members_of(operand) if isinstance(one, types.Optional))
    whole = union([plain, inner]) if plain != operand else operand
    type_ = _FieldAccess(checker, expr, name, whole).type("" if optional else guard)
    return types.Optional(type_) if optional and not isinstance(type_, types.Error) else type_


@struct
class _FieldAccess:
    """An access to a field of ``operand``: its type, and its mistakes."""

    checker: Checker
    expr: Select | Index
    name: str
    operand: Type

    def type(self, guard: str) -> Type:
        """The type of the field; with an empty ``guard`` it need not be in all members."""
        found = [(one, member(one, self.name)) for one in members_of(self.operand)]
        there = ("certain", "possible", "undeclared")
        good = [(one, read) for one, read in found if read.presence in there]
        if found and not good:
            return self.unknown()
        type_ = union(read.type for _, read in good)
        if any(isinstance(one, types.Dyn) for one, _ in good):
            self.checker.may_fail = True
        fieldless = [one for one, read in found if read.presence == "fieldless"]
        if fieldless:
            return self.fieldless(fieldless, type_)
        absent = [one for one, read in found if read.presence == "never"]
        if absent and guard:
            what = f"the field '{self.name}'"
            return self.checker.report(k4_types.unnarrowed_union(self.expr, what, absent[0]))
        members = [read for _, read in good]
        if guard:
            self.check_presence(members, guard)
        else:
            self.check_spelling(members)
        return type_

    def unknown(self) -> Type:
        path, known = shown(self.expr.operand), field_names(self.operand)
        owner = f"{path} ({self.operand})" if not known or path == UNNAMED else path
        if FUNCTIONS.get(self.name) == "size" and path != UNNAMED and not known:
            return self.checker.report(k4_types.size_as_field(self.expr, self.name, owner, path))
        return self.checker.report(k4_types.unknown_property(self.expr, self.name, owner, known))

    def fieldless(self, found: list[Type], type_: Type) -> Type:
        operand, what = shown(self.expr.operand), f"the field '{self.name}'"
        if all(isinstance(one, types.Null) for one in found):
            message = k5_presence.nullable_unguarded(self.expr.operand, operand)
            self.checker.report(message, ("null", operand))
            return type_
        if {types.Null, types.Bool, types.String, types.List} <= {type(one) for one in found}:
            return self.checker.report(k4_types.untyped(self.expr, what, operand))
        return self.checker.report(k4_types.unnarrowed_union(self.expr, what, found[0]))

    def check_spelling(self, found: list[Member]) -> None:
        """Report a misspelt name in an access that allows for an absent field."""
        known = field_names(self.operand)
        if all(one.presence == "undeclared" for one in found) and nearest(self.name, known):
            self.undeclared(known)

    def check_presence(self, found: list[Member], guard: str) -> None:
        path = shown(self.expr)
        possible = [one for one in found if one.presence == "possible"]
        if possible:
            lenient = all(one.lenient for one in possible)
            message = k5_presence.optional_unguarded(self.expr, path, guard, lenient)
            self.checker.report(message, path if path != UNNAMED else None)
        elif is_in_some(self.operand, self.name):
            owner = shown(self.expr.operand)
            self.checker.report(
                k5_presence.only_in_some(self.expr, owner, self.name, guard),
                path if path != UNNAMED else None,
            )
        elif any(one.presence == "undeclared" or not one.declared for one in found):
            names = field_names(self.operand) - {self.name}
            self.checker.may_fail = True
            # A schema without declared fields is that of a map, of whose keys nothing is known.
            if names or _is_required(self.operand, self.name):
                self.undeclared(names)

    def undeclared(self, known: Iterable[str]) -> None:
        message = k4_types.undeclared_property(self.expr, self.name, known)
        self.checker.report(message, shown(self.expr))


def _is_required(owner: Type, name: str) -> bool:
    """Whether a schema requires a field; a schema that allows any value requires none."""
    fields = (one.get(name) for one in members_of(owner) if isinstance(one, types.Record))
    return any(field is not None and field.required for field in fields)


def index(checker: Checker, expr: Index, facts: Facts) -> Type:
    """The type of ``x[i]`` or ``x[?i]``."""
    operand = checker.check(expr.operand, facts)
    position = checker.check(expr.index, facts)
    if isinstance(operand, types.Error) or isinstance(position, types.Error):
        return types.ERROR
    known = _known(expr, operand, facts) or _known_of_element(expr, operand, position, facts)
    if known is not None:
        if isinstance(known, types.Dyn) and not isinstance(expr.index, Literal):
            _check_declared(checker, expr, operand)
        return known
    if isinstance(expr.index, Literal) and isinstance(expr.index.value, str):
        guard = f"{expr.index.value!r} in {shown(expr.operand)}"
        if not any(isinstance(one, types.List) for one in members_of(operand)):
            return _field(checker, expr, operand, expr.index.value, guard)
    access = _ElementAccess(checker, expr, operand, position, facts)
    optional = expr.optional
    found: list[Type] = []
    for one in members_of(operand):
        if isinstance(one, types.Optional):
            optional, one = True, one.value
        found += [access.of_member(each, optional) for each in members_of(one)]
    type_ = union(found)
    return types.Optional(type_) if optional and not isinstance(type_, types.Error) else type_


def _check_declared(checker: Checker, expr: Index, operand: Type) -> None:
    """Report the reading of a field of an open object by a name that is not known."""
    if has_undeclared(operand) and id(expr) not in checker.asked:
        checker.report(k4_types.undeclared_values(expr, shown(expr.operand)))


_POSITIONS: Final = frozenset({"int", "uint", "double"})
_KEYS: Final = _POSITIONS | {"bool", "string"}


@struct
class _ElementAccess:
    """The reading of an element of ``operand``, at an index of the type ``index``."""

    checker: Checker
    expr: Index
    operand: Type
    index: Type
    facts: Facts

    def of_member(self, one: Type, optional: bool) -> Type:
        """The type of the element, for one of the types that the operand may have."""
        match one:
            case types.Dyn():
                self.checker.may_fail = True
                return types.DYN
            case types.Null() if self.operand != types.NULL:
                owner = self.expr.operand
                self.checker.report(k5_presence.nullable_unguarded(owner, shown(owner)))
                return types.NEVER
            case types.List():
                return self.at_position(one, optional)
            case types.Map() | types.Record():
                return self.at_key(one, optional)
        if isinstance(self.operand, type(one)):
            form = f"{self.operand}[{self.index}]"
            return self.checker.report(k3_names.no_overload(self.expr, form, None))
        return self.checker.report(k4_types.unnarrowed_union(self.expr, "an index", one))

    def fits(self, wanted: frozenset[str], one: Type) -> bool:
        found = kinds(self.index)
        if found is None:
            self.checker.may_fail = True
            return True
        if found <= wanted:
            return True
        if "null" in found and found - {"null"} <= wanted and found != {"null"}:
            index = self.expr.index
            self.checker.report(k5_presence.nullable_unguarded(index, shown(index)))
        else:
            self.checker.report(k3_names.no_overload(self.expr, f"{one}[{self.index}]", None))
        return False

    def at_position(self, items: types.List, optional: bool) -> Type:
        if not self.fits(_POSITIONS, items):
            return types.ERROR
        if not optional and not self.is_within(items):
            self.checker.report(self.outside() if self.is_outside() else self.past_end())
        return items.element

    def is_outside(self) -> bool:
        """Whether the index is never a position, whatever the list is."""
        index = self.expr.index
        if isinstance(index, Literal) and isinstance(index.value, float):
            return not index.value.is_integer()
        found = members_of(self.operand)
        if not all(isinstance(one, types.List) for one in found):
            return False
        is_int = isinstance(resolved(self.index), types.Int)
        return is_int and self.orders.is_outside(
            index, self.expr.operand, sizes_of(self.operand), -1
        )

    def outside(self) -> Diagnostic:
        """Why the index is never a position."""
        index, position = self.expr.index, position_shown(self.expr.index)
        if isinstance(index, Literal) and isinstance(index.value, float):
            return k5_presence.fails(self.expr, "a position is a whole number")
        size = said_of_size(shown(self.expr.operand), sizes_of(self.operand))
        negative = self.orders.is_negative(index)
        return k5_presence.outside(self.expr, position, size, is_negative=negative)

    def is_within(self, items: types.List) -> bool:
        index = resolved(self.index)
        if is_within(index, items):
            return True
        if not isinstance(index, types.Int):
            return False
        return self.orders.is_position(self.expr.index, self.expr.operand, items.least, -1)

    @property
    def orders(self) -> Orders:
        return Orders(self.facts.known, self.checker.known_type)

    def past_end(self) -> Diagnostic:
        """Which guard a position lacks."""
        items, position = shown(self.expr.operand), position_shown(self.expr.index)
        if items.startswith(UNNAMED):
            return k5_presence.unnamed_element_past_end(self.expr, position)
        natural = self.orders.is_natural(self.expr.index)
        return k5_presence.element_past_end(self.expr, items, position, natural)

    def at_key(self, mapping: types.Map | types.Record, optional: bool) -> Type:
        if not self.fits(_KEYS, mapping):
            return types.ERROR
        keys = self.index.literals if isinstance(self.index, types.String) else None
        found = [member(mapping, key) for key in keys or ()]
        certain = bool(found) and all(one.presence == "certain" for one in found)
        type_ = union(one.type for one in found) if found else values_of(mapping)
        if not certain and not optional:
            never = bool(found) and all(one.presence == "never" for one in found)
            if never or not may_be_equal(keys_of(mapping), self.index):
                return self.checker.report(self.no_key(mapping))
            guard = f"{shown(self.expr.index)} in {shown(self.expr.operand)}"
            path = shown(self.expr)
            self.checker.report(k5_presence.optional_unguarded(self.expr, path, guard, False))
        return type_

    def no_key(self, mapping: types.Map | types.Record) -> Diagnostic:
        """That no key of the map is ever equal to the index."""
        if not isinstance(self.operand, type(mapping)):
            return k4_types.unnarrowed_union(self.expr, f"the key {self.index}", mapping)
        owner = f"{shown(self.expr.operand)} ({mapping})"
        return k4_types.no_key(self.expr, owner, self.index, keys_of(mapping))


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
            checker.report(k5_presence.redundant_guard(expr, f"{shown(selection)} is always there"))
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
