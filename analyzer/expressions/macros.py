"""Macros: what their variables are, and what they give (CEL specification, Macros)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer import types
from analyzer.expressions import selection
from analyzer.expressions.bounds import compared
from analyzer.expressions.checker import Checker, Loop, shown
from analyzer.expressions.conditions import of_element
from analyzer.expressions.elements import ELEMENT, is_same, list_read, placeholders
from analyzer.expressions.equal_expressions import sized_expr
from analyzer.expressions.facts import Facts, path_of, path_uses, plain_path, type_at, with_bounds
from analyzer.findings.messages import k3_names, k4_types, k5_presence
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.members import has_undeclared, keys_of, values_of
from analyzer.types.overloads import parameter_bound
from kernel.cel import free_names, walk
from kernel.cel.tree import Call, Expr, Ident, Index, Macro
from kernel.structs import struct

MAX_PARTS: Final = 20_000
MAX_HEIGHT: Final = 60
"""A variable of a larger type is taken for unknown, so that no expression can build huge types."""

MAX_BOUNDED_SIZE: Final = 10_000
"""A list that may have more elements counts as one without a bound."""


@struct
class Range:
    """What a comprehension goes over: the first variable if there are two, the other, the size."""

    key: Type
    element: Type
    least: int
    most: int | None
    is_list: bool


def macro(checker: Checker, expr: Macro, facts: Facts) -> Type:
    """The type of a macro."""
    if expr.name == "has":
        return selection.has(checker, expr, facts)
    for name in expr.variables:
        if name in facts.scope:
            checker.report(k3_names.shadowed(expr, name))
    if expr.name == "cel.bind":
        return _bind(checker, expr, facts)
    if expr.name in ("optMap", "optFlatMap"):
        return _optional_map(checker, expr, facts)
    return _comprehension(checker, expr, facts)


def _bind(checker: Checker, expr: Macro, facts: Facts) -> Type:
    value = checker.check(expr.args[0], facts)
    inside = _declared(facts, expr.variables, (value,))
    if not free_names(expr.args[0]) & frozenset(expr.variables):
        name = Ident(expr.offset, expr.end, expr.variables[0], False)
        bounds = compared(name, "==", expr.args[0], inside.known, checker.known_type)
        inside = with_bounds(bounds, inside)
        inside = _named(checker, expr, inside)
    return checker.check(expr.args[1], inside)


def _named(checker: Checker, expr: Macro, inside: Facts) -> Facts:
    """The facts where a variable stands for a list, or for an element of a list."""
    value, variable = expr.args[0], expr.variables[0]
    name = Ident(expr.offset, expr.end, variable, False)
    inside = checker.assume(is_same(name, value), True, inside)
    if not isinstance(value, Index) or value.optional:
        return inside
    return of_element(value.operand, {ELEMENT: variable}, inside, checker.assume)


def _optional_map(checker: Checker, expr: Macro, facts: Facts) -> Type:
    assert expr.target is not None
    target = checker.check(expr.target, facts)
    value = checker.optional_value(expr.target, f"{expr.name}()", target)
    if value is None:
        return types.ERROR
    inside = _declared(facts, expr.variables, (value,))
    of = list_read(expr.target)
    if of is not None and not free_names(of) & frozenset(expr.variables):
        inside = of_element(of, {ELEMENT: expr.variables[0]}, inside, checker.assume)
    result = checker.check(expr.args[0], inside)
    return types.Optional(result) if expr.name == "optMap" else _flat(checker, expr.args[0], result)


def _flat(checker: Checker, expr: Expr, type_: Type) -> Type:
    for one in members_of(type_):
        if isinstance(one, types.Dyn):
            checker.may_fail = True
        elif not isinstance(one, types.Optional | types.Error):
            return checker.report(k3_names.not_optional(expr, "the result of optFlatMap()", type_))
    return type_


# Comprehensions ----------------------------------------------------------------------------------


def _comprehension(checker: Checker, expr: Macro, facts: Facts) -> Type:
    assert expr.target is not None
    target = checker.check(expr.target, facts)
    over = None if isinstance(target, types.Error) else _range(checker, expr, target)
    if over is None:
        return types.BOOL if expr.name in _QUANTIFIERS else types.ERROR
    variables: tuple[Type, ...] = (over.element,)
    if len(expr.variables) == 2:
        variables = (over.key, over.element)
    elif not over.is_list:
        variables = (over.key,)
    inside = _reached(expr, over, facts, _declared(facts, expr.variables, variables))
    inside = _counting(checker, expr, target, inside)
    inside = _of_element(checker, expr, target, inside)
    _enter(checker, expr, over)
    type_ = _RESULTS[expr.name](checker, expr, over, inside)
    if len(expr.variables) == 2 and has_undeclared(target):
        _check_values(checker, expr)
    checker.loops.pop()
    return type_


def _check_values(checker: Checker, expr: Macro) -> None:
    """Report that a value is read which may be one that no schema declares."""
    assert expr.target is not None
    name = expr.variables[1]
    read = [
        node
        for arg in expr.args
        if name in free_names(arg)
        for node in walk(arg)
        if isinstance(node, Ident) and node.name == name
    ]
    if read and not any(id(node) in checker.asked for node in read):
        checker.report(k4_types.undeclared_values(expr.target, shown(expr.target)))


def _range(checker: Checker, expr: Macro, target: Type) -> Range | None:
    assert expr.target is not None
    found: list[Range] = []
    for one in members_of(target):
        match one:
            case types.Dyn():
                checker.may_fail = True
                found.append(Range(types.DYN, types.DYN, 0, None, True))
            case types.List():
                found.append(Range(types.Int(0), one.element, one.least, one.most, True))
            case types.Map() | types.Record() if expr.name != "sortBy":
                found.append(Range(keys_of(one), values_of(one), 0, None, False))
            case types.Null() if target != types.NULL:
                path = shown(expr.target)
                checker.report(k5_presence.nullable_unguarded(expr.target, path), ("null", path))
            case _:
                checker.report(k3_names.not_iterable(expr.target, expr.name, target))
                return None
    return _merged(found, len(expr.variables))


def _merged(found: list[Range], variables: int) -> Range:
    """One range for all types that the target may have; a single variable over a map is its key."""
    mixed = len({one.is_list for one in found}) > 1 and variables == 1
    element = union(one.key if mixed and not one.is_list else one.element for one in found)
    mosts = [one.most for one in found]
    most = None if None in mosts else max((one for one in mosts if one is not None), default=0)
    return Range(
        union(one.key for one in found),
        element,
        min((one.least for one in found), default=0),
        most,
        any(one.is_list for one in found),
    )


def _declared(facts: Facts, names: tuple[str, ...], declared: tuple[Type, ...]) -> Facts:
    return facts.declare(
        {name: limited(type_) for name, type_ in zip(names, declared, strict=True)}
    )


def limited(type_: Type) -> Type:
    """The type, or Dyn where it is very large."""
    level: list[Type] = [type_]
    count = 0
    for _ in range(MAX_HEIGHT):
        count += len(level)
        if count > MAX_PARTS:
            break
        level = [part for one in level for part in one.parts]
        if not level:
            return type_
    return types.Dyn("the type is too large to be followed")


def _reached(expr: Macro, over: Range, facts: Facts, inside: Facts) -> Facts:
    """The facts inside a comprehension whose variable is an index that is certainly there.

    As in ``m.all(k, m[k] > 0)``, ``l.all(i, v, l[i] == v)`` and ``lists.range(size(l)).map(i,
    l[i])``.
    """
    assert expr.target is not None
    counted = _counted(expr.target)
    target = counted or expr.target
    path = plain_path(target, facts)
    if path is None or any(path_uses(path)(name) for name in expr.variables):
        return inside
    if counted is not None:
        element = _elements(type_at(path, facts)) if len(expr.variables) == 1 else None
    else:
        element = None if over.is_list and len(expr.variables) == 1 else over.element
    if element is None:
        return inside
    return inside.with_fact((*path, ("$", (expr.variables[0],))), element)


def _counting(checker: Checker, expr: Macro, target: Type, inside: Facts) -> Facts:
    """The index is less than the size."""
    assert expr.target is not None
    lists = all(isinstance(one, types.List) for one in members_of(target))
    if not lists or free_names(expr.target) & frozenset(expr.variables):
        return inside

    def less(name: Expr, count: Expr) -> Facts:
        return with_bounds(compared(name, "<", count, inside.known, checker.known_type), inside)

    if len(expr.variables) == 2:
        index = Ident(expr.offset, expr.end, expr.variables[0], False)
        inside = less(index, Call(expr.offset, expr.end, "size", expr.target, ()))
    return inside


def _of_element(checker: Checker, expr: Macro, target: Type, inside: Facts) -> Facts:
    """The facts where the variables stand for an element that has passed some tests."""
    assert expr.target is not None
    variables = frozenset(expr.variables)
    if free_names(expr.target) & variables:
        return inside
    is_plain = not inside.tested and path_of(expr.target, inside) is not None
    if is_plain and all(free_names(one) <= variables for one in expr.args):
        return inside  # nothing in it speaks of the list, of which nothing was tested
    names = dict(placeholders(expr.variables))
    if len(expr.variables) == 2:
        kinds = {isinstance(one, types.List) for one in members_of(target)}
        if len(kinds) == 1:
            names[ELEMENT] = expr.variables[1 if True in kinds else 0]
    return of_element(expr.target, names, inside, checker.assume)


def _counted(expr: Expr) -> Expr | None:
    """The ``l`` of ``lists.range(size(l))``."""
    if isinstance(expr, Call) and expr.function == "lists.range" and len(expr.args) == 1:
        return sized_expr(expr.args[0])
    return None


def _elements(type_: Type) -> Type | None:
    """The type of the elements, of what is certainly a list."""
    found = members_of(type_)
    lists = [one for one in found if isinstance(one, types.List)]
    return union(one.element for one in lists) if lists and len(lists) == len(found) else None


def _enter(checker: Checker, expr: Macro, over: Range) -> None:
    """Note the loop; report a long loop in a long loop, if it is the same in each iteration."""
    assert expr.target is not None
    unbounded = over.is_list and (over.most is None or over.most > MAX_BOUNDED_SIZE)
    around = [loop for loop in checker.loops if loop.unbounded]
    varying = frozenset(name for loop in checker.loops for name in loop.variables)
    if unbounded and around and not varying & free_names(expr.target):
        checker.report(k3_names.costly(expr))
    checker.loops.append(Loop(frozenset(expr.variables), unbounded))


_Result = Callable[[Checker, Macro, Range, Facts], Type]


def _quantified(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    checker.condition(expr.args[0], inside, f"the predicate of {expr.name}()")
    return types.BOOL


def _filtered(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    predicate = expr.args[0]
    checker.condition(predicate, inside, "the predicate of filter()")
    name = expr.variables[0]
    return types.List(checker.assume(predicate, True, inside).type_of(name), 0, over.most)


def _selected(checker: Checker, expr: Macro, inside: Facts) -> tuple[Facts, bool]:
    """The facts for the last argument, and whether there is a predicate before it."""
    if len(expr.args) == 1:
        return inside, False
    checker.condition(expr.args[0], inside, f"the predicate of {expr.name}()")
    return checker.assume(expr.args[0], True, inside), True


def _mapped(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    inside, selects = _selected(checker, expr, inside)
    return types.List(checker.check(expr.args[-1], inside), 0 if selects else over.least, over.most)


def _transformed(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    inside, _ = _selected(checker, expr, inside)
    return types.Map(checker.check(expr.args[-1], inside), over.key)


def _transformed_entries(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    inside, _ = _selected(checker, expr, inside)
    entries = checker.check(expr.args[-1], inside)
    found = [one for one in members_of(entries) if isinstance(one, types.Map | types.Record)]
    return types.Map(union(map(values_of, found)), union(map(keys_of, found)))


def _sorted(checker: Checker, expr: Macro, over: Range, inside: Facts) -> Type:
    key = checker.check(expr.args[0], inside)
    limit = parameter_bound("sortBy", "T")
    if isinstance(resolved(key), types.Dyn):
        checker.may_fail = True
    elif limit is not None and not limit.admits(key):
        return checker.report(k3_names.no_overload(expr.args[0], f"sorting by {key}", None))
    return types.List(over.element, over.least, over.most)


_QUANTIFIERS: Final = frozenset({"all", "exists", "exists_one", "existsOne"})
_RESULTS: Final[dict[str, _Result]] = {
    **dict.fromkeys(_QUANTIFIERS, _quantified),
    "filter": _filtered,
    "map": _mapped,
    "transformList": _mapped,
    "transformMap": _transformed,
    "transformMapEntry": _transformed_entries,
    "sortBy": _sorted,
}
