"""What is known of every element of a list, and of every key of a map.

``l.filter(x, x in m)`` gives only elements that are in ``m``, and where ``l.all(x, x in m)`` was
true all elements of ``l`` are. What was tested is kept as an expression over `ELEMENT`, so that it
can be said of whatever name stands for an element elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from analyzer.expressions.equal_expressions import expression_key
from kernel.cel import Expr, free_names, walk
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Ident,
    Index,
    ListLiteral,
    Logical,
    Macro,
    Unary,
)
from kernel.structs import field, struct

ELEMENT: Final = "@element"
FIRST: Final = "@first"
SECOND: Final = "@second"
"""Names that no expression can have: an element or key; both variables, where a macro has two."""

OF: Final = "of"
SAME: Final = "same"
"""Operators that no expression can have: those of `is_element` and `is_same`."""

Tests = Iterator[tuple[Expr, bool]]
"""Expressions, each with the outcome that it has."""

_PLACEHOLDERS: Final = frozenset({ELEMENT, FIRST, SECOND})

MAX_TESTED: Final = 40
"""Of so many lists and tests it is known at a place that all elements pass."""

MAX_SIZE: Final = 200
"""A test with more parts is not kept."""


@struct
class Tested:
    """An expression over `ELEMENT` that has the same outcome for all elements of a list.

    ``whole`` is the key of the list, ``said`` that of the test; ``names`` are those that both read.
    """

    whole: Any
    said: Any
    outcome: bool
    test: Expr = field(compare=False)
    names: frozenset[str] = field(compare=False)


def quantified(expr: Macro, outcome: bool) -> Iterator[Tested]:
    """What is known of the elements where ``l.all(x, …)`` was true, or ``l.exists(x, …)`` false."""
    if expr.target is not None and outcome is _EVERY.get(expr.name):
        for test, held in _tests(expr, expr.args[0], outcome):
            yield tested(expr.target, test, held)


_EVERY: Final = {"all": True, "exists": False}


def contained_by(expr: Macro) -> Iterator[Expr]:
    """What is in a list or a map where ``l.exists(x, x == value)`` was true, as conditions."""
    if expr.target is None or expr.name != "exists" or len(expr.variables) != 1:
        return
    name = expr.variables[0]
    for test, held in _conjuncts(expr.args[0], True):
        if not held or not isinstance(test, Binary) or test.operator != "==":
            continue
        for one, other in ((test.left, test.right), (test.right, test.left)):
            if isinstance(one, Ident) and one.name == name and name not in free_names(other):
                yield Binary(expr.offset, expr.end, "in", other, expr.target)


def of_each(whole: Expr, known: tuple[Tested, ...] = ()) -> Tests:
    """What is known of each element of a list, and of each key of a map, as tests of `ELEMENT`.

    ``known`` is what conditions have said of lists.
    """
    if known:
        key = expression_key(whole)
        yield from ((one.test, one.outcome) for one in known if one.whole == key)
    yield is_element(_named(ELEMENT), whole), True
    yield from _made(whole, known)


def said_of(test: Expr, names: Mapping[str, str]) -> Expr | None:
    """The test of what has names, which stand for `ELEMENT`, `FIRST` and `SECOND`.

    None where one of the names is another in the test, and where the test needs more names.
    """
    made: Expr | None = test
    for placeholder, name in names.items():
        if made is None or placeholder not in free_names(made):
            continue
        if name in free_names(made):
            return None
        made = _put(made, _named(placeholder), name)
    return None if made is None or free_names(made) & _PLACEHOLDERS else made


def placeholders(variables: tuple[str, ...]) -> Mapping[str, str]:
    """What stands for the variables of a macro."""
    names = (ELEMENT,) if len(variables) == 1 else (FIRST, SECOND)
    return dict(zip(names, variables, strict=True))


def _named(name: str) -> Ident:
    return Ident(0, 0, name, False)


def is_element(element: Expr, whole: Expr) -> Expr:
    """The condition that a value is an element of a list itself, not only equal to one."""
    return Binary(whole.offset, whole.end, OF, element, whole)


def elements_said(expr: Expr, outcome: bool) -> Tests:
    """A condition in its parts; that something is an element of a list in what it says of that."""
    for one, held in _conjuncts(expr, outcome):
        if isinstance(one, Binary) and one.operator == OF and isinstance(one.left, Ident):
            for test, passed in of_each(one.right):
                said = said_of(test, {ELEMENT: one.left.name})
                if said is not None:
                    yield said, passed
        yield one, held


def is_same(name: Expr, value: Expr) -> Binary:
    """The condition that two expressions give the same value, not only equal ones."""
    return Binary(value.offset, value.end, SAME, name, value)


def selects(whole: Expr) -> bool:
    """Whether the way in which a list is made says something of its elements."""
    return next(_made(whole, ()), None) is not None


def tested(whole: Expr, test: Expr, outcome: bool) -> Tested:
    """The test, as one that all elements of a list have passed."""
    names = (free_names(test) - _PLACEHOLDERS) | free_names(whole)
    return Tested(expression_key(whole), expression_key(test), outcome, test, names)


def list_read(expr: Expr) -> Expr | None:
    """The list that an expression reads an element of, if it is one."""
    if isinstance(expr, Index):
        return expr.operand
    is_end = isinstance(expr, Call) and expr.function in ("first", "last") and not expr.args
    return expr.target if is_end and isinstance(expr, Call) else None


_SAME_ELEMENTS: Final = frozenset({"sort", "reverse", "distinct", "slice"})


def _made(whole: Expr, known: tuple[Tested, ...]) -> Tests:
    """What the way in which a list is made says of its elements."""
    match whole:
        case Macro(name="filter" | "sortBy", target=target) if target is not None:
            if whole.name == "filter":
                yield from _tests(whole, whole.args[0], True)
            yield from of_each(target, known)
        case Macro(name="map" | "transformList", target=target) if target is not None:
            yield from _mapped(whole, target, known)
        case Call(target=target) if target is not None and whole.function in _SAME_ELEMENTS:
            yield from of_each(target, known)
        case Call(function="lists.range", args=(count,)):
            yield Binary(whole.offset, whole.end, "<", _named(ELEMENT), count), True
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            for branch, other, held in ((then, otherwise, True), (otherwise, then, False)):
                if isinstance(other, ListLiteral) and not other.elements:
                    yield from _conjuncts(condition, held)
                    yield from of_each(branch, known)


def _mapped(whole: Macro, target: Expr, known: tuple[Tested, ...]) -> Tests:
    """What was known of ``x`` is known of ``x.a`` after ``map(x, x.a)``, if it is about ``x.a``."""
    *selecting, value = whole.args
    tests = [test for one in selecting for test in _conjuncts(one, True)]
    if len(whole.variables) == 1:
        for test, outcome in of_each(target, known):
            inner = said_of(test, placeholders(whole.variables))
            if inner is not None:
                tests.append((inner, outcome))
    for test, outcome in tests:
        made = _put(test, value, ELEMENT)
        if made is not None and not free_names(made) & frozenset(whole.variables):
            yield made, outcome


def _tests(macro: Macro, predicate: Expr, outcome: bool) -> Tests:
    """The tests of a macro, over `ELEMENT` instead of its variable."""
    for test, held in _conjuncts(predicate, outcome):
        made: Expr | None = test
        for placeholder, name in placeholders(macro.variables).items():
            if made is not None:
                made = _put(made, _named(name), placeholder)
        if made is not None and sum(1 for _ in walk(made)) <= MAX_SIZE:
            yield made, held


def _conjuncts(expr: Expr, outcome: bool) -> Tests:
    """The conditions that all have their outcome where the whole one has its."""
    if isinstance(expr, Logical) and outcome is (expr.operator == "&&"):
        for operand in expr.operands:
            yield from _conjuncts(operand, outcome)
    elif isinstance(expr, Unary) and expr.operator == "!":
        yield from _conjuncts(expr.operand, not outcome)
    else:
        yield expr, outcome


# Names in expressions ----------------------------------------------------------------------------


def _put(expr: Expr, old: Expr, name: str) -> Expr | None:
    """The expression with a name in the place of a part; None where a macro hides a name of it."""
    kind, key, hidden = type(old), expression_key(old), free_names(old) | {name}

    def put(part: Any) -> Any:
        if type(part) is kind and expression_key(part) == key:
            return Ident(part.offset, part.end, name, False)
        return _with_parts(part, put)

    return None if hidden & _declared(expr) else put(expr)


def _with_parts(value: Any, change: Callable[[Any], Any]) -> Any:
    """A node with all its parts changed; the node itself where none has."""
    if type(value) is tuple:
        made = tuple(map(change, value))
        return value if all(map(_is, made, value)) else made
    if not is_dataclass(value) or not hasattr(value, "offset"):
        return value
    changed: dict[str, Any] = {}
    for one in fields(value):
        before = getattr(value, one.name)
        after = change(before)
        if after is not before:
            changed[one.name] = after
    return replace(value, **changed) if changed else value  # type: ignore[type-var]


def _is(one: Any, other: Any) -> bool:
    return one is other


def _declared(expr: Expr) -> frozenset[str]:
    """The names that macros in an expression declare."""
    return frozenset(
        name for node in walk(expr) if isinstance(node, Macro) for name in node.variables
    )
