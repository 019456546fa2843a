"""Calls that fail where a position, an element or the value of an optional is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from analyzer import types
from analyzer.expressions.bounds import Orders
from analyzer.expressions.call_results import extreme
from analyzer.expressions.checker import UNNAMED, Checker, position_shown, shown
from analyzer.expressions.facts import Facts
from analyzer.expressions.optionals import has_value
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k5_presence
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.operators import possible_size
from kernel.cel import Expr
from kernel.cel.tree import Call, Ident, Index, ListLiteral, Literal, Select, children
from kernel.structs import struct

Argument = tuple[Expr, Type]


def sizes_of(type_: Type) -> types.Int:
    """What the size of a string or list may be; any where that is not known."""
    found = [possible_size(one) for one in members_of(type_)]
    if not found:
        return types.Int(0)
    return types.Int(min(one.least for one in found), max(one.most for one in found))


def said_of_size(name: str, size: types.Int) -> str:
    """What a message says of a size that is too small."""
    name = "the size" if name.startswith(UNNAMED) else f"size({name})"
    if size.most == types.INT_MAX:
        return f"which is {name}"
    return f"{name} is {'' if size.least == size.most else 'at most '}{size.most}"


@struct(frozen=False)
class PlacedCall:
    """A call, with what is known at its place. ``given`` is what its overload gives."""

    checker: Checker
    expr: Call
    args: tuple[Argument, ...]
    given: Type
    facts: Facts

    @property
    def orders(self) -> Orders:
        """What is known of the order of numbers."""
        return Orders(self.facts.known, self.checker.known_type)

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of the string or list that positions are of."""
        return any(isinstance(one, types.Dyn | types.Error) for one in members_of(self.args[0][1]))

    @property
    def size(self) -> types.Int:
        """The possible sizes of the string or list that positions are of."""
        return sizes_of(self.args[0][1])

    @property
    def least_size(self) -> int:
        """The least size of the string or list that positions are of."""
        return self.size.least

    def value(self) -> Type:
        """Report an optional that may have no value."""
        node, whole = self.args[0]
        if isinstance(whole, types.Optional) and isinstance(whole.value, types.Never):
            return self.checker.report(k5_presence.never_a_value(self.expr))
        is_optional = any(isinstance(one, types.Optional) for one in members_of(whole))
        if is_optional and not has_value(node, self.facts, self.checker.node_types):
            self.checker.report(k5_presence.no_value(self.expr, shown(node)))
        return self.given

    def extreme(self) -> Type:
        """An empty list has no greatest element, and no least."""
        node, whole = self.args[0]
        found = members_of(whole)
        if found and all(isinstance(one, types.List) and one.most == 0 for one in found):
            return self.checker.report(k5_presence.fails(self.expr, "the list is empty"))
        if any(isinstance(one, types.List) and not one.least for one in found):
            self.checker.report(k5_presence.no_first_element(self.expr, shown(node)))
        return extreme(self.numbers(), self.given, self.expr.function == "math.greatest")

    def numbers(self) -> tuple[Type, ...]:
        """The numbers of which a call gives one; of a list that is written out, its elements."""
        node, whole = self.args[0]
        if len(self.args) > 1:
            return tuple(type_ for _, type_ in self.args)
        if isinstance(node, ListLiteral) and not node.optional:
            return tuple(self.checker.known_type(one) or types.DYN for one in node.elements)
        # It is one argument, whichever of its alternatives there is.
        found = members_of(whole)
        return (union(one.element if isinstance(one, types.List) else one for one in found),)

    def substring(self) -> Type:
        """A part of a string or list, from a position to another."""
        if len(self.args) == 3 and self.is_part():
            return self.given
        if len(self.args) == 3 and self.is_backwards():
            why = "the part would end before it starts"
            return self.checker.report(k5_presence.fails(self.expr, why))
        if len(self.args) == 3 and not self.is_outside(1, 2) and not self.is_ordered():
            start, end = position_shown(self.args[1][0]), position_shown(self.args[2][0])
            self.checker.report(k5_presence.start_past_end(self.expr, start, end))
        return self.at(*range(1, len(self.args)))

    def is_part(self) -> bool:
        """Whether ``0 <= start <= end <= size``."""
        (node, _), (first, _), (last, _) = self.args
        return (
            self.is_ordered()
            and self.orders.is_natural(first)
            and self.orders.at_most_size(last, node, self.least_size)
        )

    def is_ordered(self) -> bool:
        """Whether a part ends where it starts, or after; True where that is not known."""
        _, (first, start), (last, end) = self.args
        if self.is_unknown:
            return True
        if not isinstance(resolved(start), types.Int) or not isinstance(resolved(end), types.Int):
            return False
        return self.orders.at_most(first, last)

    def is_backwards(self) -> bool:
        """Whether a part ends before it starts, in any case."""
        _, (first, start), (last, end) = self.args
        are_ints = isinstance(resolved(start), types.Int) and isinstance(resolved(end), types.Int)
        return are_ints and self.orders.is_less(last, first)

    def is_outside(self, *positions: int) -> bool:
        """Whether one of some arguments is never a position of the string or list, nor its end."""
        for number in positions:
            place, type_ = self.args[number]
            if isinstance(resolved(type_), types.Int) and self.orders.is_outside(
                place, self.args[0][0], self.size
            ):
                return True
        return False

    def index_of(self) -> Type:
        """The position of a part, or -1; searched from a position if that is given."""
        if len(self.args) == 3:
            self.at(2)
        return types.Int(-1)

    def at(self, *positions: int) -> Type:
        """Report the first of some arguments that may be past the end of the string or list."""
        for number in positions:
            if self.is_outside(number):
                return self.checker.report(self.outside(number))
        if self.is_unknown:
            return self.given
        node, least, orders = self.args[0][0], self.least_size, self.orders
        for number in positions:
            place, type_ = self.args[number]
            is_int = isinstance(resolved(type_), types.Int)
            if not is_int or not orders.is_position(place, node, least):
                self.checker.report(self.past_end(number, orders.is_natural(place)))
                break
        return self.given

    def outside(self, number: int) -> Diagnostic:
        """Why an argument is never a position."""
        whole, position = shown(self.args[0][0]), position_shown(self.args[number][0])
        negative = self.orders.is_negative(self.args[number][0])
        size = said_of_size(whole, self.size)
        return k5_presence.outside(self.expr, position, size, is_negative=negative)

    def past_end(self, number: int, natural: bool) -> Diagnostic:
        """Which guard a position lacks."""
        whole, position = shown(self.args[0][0]), position_shown(self.args[number][0])
        size = "its size" if whole.startswith(UNNAMED) else f"size({whole})"
        if position is None:
            return k5_presence.part_past_end(self.expr, size, is_start=number == 1)
        return k5_presence.position_past_end(self.expr, position, size, natural)


CALLS: Final[Mapping[str, Callable[[PlacedCall], Type]]] = {
    "value": PlacedCall.value,
    "charAt": lambda call: call.at(1),
    "substring": PlacedCall.substring,
    "slice": PlacedCall.substring,
    "indexOf": PlacedCall.index_of,
    "lastIndexOf": PlacedCall.index_of,
    "math.greatest": PlacedCall.extreme,
    "math.least": PlacedCall.extreme,
}
"""The functions whose calls depend on what is known at their place."""


@lru_cache(maxsize=16_384)
def asks_positions(expr: Expr) -> bool:
    """Whether a part of an expression depends on the order of numbers: an index, a position."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        while type(node) is Select:
            node = node.operand
        if type(node) is Index or (type(node) is Call and node.function in CALLS):
            return True
        if type(node) is not Ident and type(node) is not Literal:
            waiting += children(node)
    return False
