"""Comparisons of one value, and which of them can have which outcomes together.

``n > 5`` and ``n <= 3`` are not both true, whatever ``n`` is: what they say is tried with one value
of each kind that they can tell apart.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from analyzer import types
from analyzer.expressions.equal_expressions import sized_expr
from analyzer.types import Type, members_of
from kernel.cel import Expr
from kernel.cel.tree import Ident, Index, Literal, Select
from kernel.structs import field, struct

MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}

TypeOf = Callable[[Expr], Type | None]

MAX_EXACT: Final = 2**53
"""With greater numbers in comparisons nothing is known of their order: doubles are rounded."""


@struct
class Atom:
    """A condition on a subject, or on two, by their keys; ``values`` are those it is compared with.

    ``test`` is ``true`` for a subject that is a condition itself, and ``pair <`` for two subjects.
    """

    key: Any
    test: str
    values: tuple[Any, ...] = ()
    subject: Expr | None = field(default=None, compare=False)


Row = tuple[bool | None, ...]
"""What one value gives for each of some atoms; None where a comparison fails."""


def literal(expr: Expr) -> tuple[str, Any] | None:
    """The value of a literal with the name of its type; None for what is not compared exactly."""
    if not isinstance(expr, Literal):
        return None
    value = expr.value
    if isinstance(value, bytes) or (is_number(value) and not abs(value) < MAX_EXACT):
        return None
    return type(value).__name__, value


def is_number(value: Any) -> bool:
    """Whether a value is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def possible(
    atoms: Iterable[Atom], evaluated: frozenset[Atom], type_of: TypeOf
) -> Callable[[Mapping[Atom, bool]], bool]:
    """Whether some values give the atoms these outcomes.

    A comparison of values of different kinds fails; one that fails may count as true or as false,
    but for those in ``evaluated``.
    """
    groups: dict[Any, list[Atom]] = {}
    for atom in atoms:
        groups.setdefault((atom.test.startswith("pair"), atom.key), []).append(atom)
    rows = [(group, set(_outcomes(group, type_of))) for group in groups.values()]

    def fits(group: list[Atom], row: Row, valuation: Mapping[Atom, bool]) -> bool:
        return all(
            outcome is valuation[atom] or (outcome is None and atom not in evaluated)
            for atom, outcome in zip(group, row, strict=True)
        )

    def is_possible(valuation: Mapping[Atom, bool]) -> bool:
        return all(any(fits(group, row, valuation) for row in found) for group, found in rows)

    return is_possible


def _outcomes(group: list[Atom], type_of: TypeOf) -> Iterator[Row]:
    """What values give for the atoms about them."""
    if group[0].test.startswith("pair"):
        for order, is_equal in _PAIRS:
            yield tuple(_of_pair(atom.test[5:], order, is_equal) for atom in group)
        return
    subject = group[0].subject
    for value in _candidates(group, None if subject is None else _type(subject, type_of)):
        if value is not _NAN or subject is None or _may_be_nan(subject):
            yield tuple(_outcome(atom, value) for atom in group)


_PAIRS: Final = ((-1, False), (0, True), (1, False), (math.nan, False), (None, True), (None, False))
"""How two values may stand to each other: their order, and whether they are equal."""


def _of_pair(symbol: str, order: float | None, is_equal: bool) -> bool | None:
    if symbol == "==":
        return is_equal
    return None if order is None else _ORDERS[symbol](order, 0)


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Other:
    """A value that is equal to no literal, and has no order."""


_NAN: Final = math.nan
_OTHER: Final = _Other()


def _outcome(atom: Atom, value: Any) -> bool | None:
    if atom.test == "true":
        return value if isinstance(value, bool) else None
    others = [other for _, other in atom.values]
    if atom.test in ("==", "in"):
        return any(_equal(value, other) for other in others)
    for kind in (is_number, lambda one: isinstance(one, str), lambda one: isinstance(one, bool)):
        if kind(value) and kind(others[0]):
            return _ORDERS[atom.test](value, others[0])
    return None


def _equal(value: Any, other: Any) -> bool:
    if is_number(value) and is_number(other):
        return bool(value == other)
    return type(value) is type(other) and bool(value == other)


def _candidates(group: list[Atom], type_: Type | None) -> Iterator[Any]:
    """A value of each kind that the atoms can tell apart."""
    values = [value for atom in group for _, value in atom.values]
    members = () if type_ is None else members_of(type_)
    texts = {"", *(value for value in values if isinstance(value, str))}
    for one in members:
        if isinstance(one, types.String) and one.literals is not None:
            texts |= one.literals
    numbers = {0, *(value for value in values if is_number(value))}
    for one in members:
        if isinstance(one, types.Int):
            numbers |= {end for end in (one.least, one.most) if abs(end) < MAX_EXACT}
    found = [None, True, False, _OTHER, _NAN, *texts, *(f"{text}\0" for text in texts)]
    found += _around(sorted(numbers))
    for value in found:
        if type_ is None or any(_admits(one, value) for one in members):
            yield value


def _around(numbers: list[Any]) -> Iterator[Any]:
    """The numbers, the whole numbers next to them, and others between them, below and above."""
    for number in numbers:
        yield from (number, math.floor(number), math.ceil(number))
        yield from (math.ceil(number) - 1, math.floor(number) + 1)
    for number, following in pairwise(numbers):
        yield number / 2 + following / 2
    yield from (numbers[0] - 0.5, numbers[-1] + 0.5)


def _admits(type_: Type, value: Any) -> bool:
    """Whether a value may be of a type; where that is not known, it may."""
    match type_:
        case types.Null():
            return value is None
        case types.Bool():
            return type_.contains(value)
        case types.Int():
            return is_number(value) and value == value // 1 and type_.least <= value <= type_.most
        case types.Double() | types.UInt():
            return is_number(value)
        case types.String():
            return isinstance(value, str) and (type_.literals is None or value in type_.literals)
        case types.List() | types.Map() | types.Record() | types.Bytes():
            return value is _OTHER
    return True


def _type(subject: Expr, type_of: TypeOf) -> Type | None:
    return types.Int(0) if sized_expr(subject) is not None else type_of(subject)


def _may_be_nan(subject: Expr) -> bool:
    """Whether a value may be the double that is no number: what comes as JSON is not."""
    while isinstance(subject, Select | Index):
        subject = subject.operand
    return not isinstance(subject, Ident) or subject.name == "steps"
