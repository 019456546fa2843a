"""Calls that fail where a position, an element or the value of an optional is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from analyzer import types
from analyzer.expressions.bounds import Orders
from analyzer.expressions.call_results import same_number
from analyzer.expressions.checker import UNNAMED, Checker, position_shown, shown
from analyzer.expressions.facts import Facts
from analyzer.expressions.optionals import has_value
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k5_presence
from analyzer.types import Type, members_of, resolved
from analyzer.types.operators import possible_size
from kernel.cel import Expr
from kernel.cel.tree import Call
from kernel.structs import struct

Argument = tuple[Expr, Type]


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
    def least_size(self) -> int:
        """The least size of the string or list that positions are of."""
        return min((possible_size(one).least for one in members_of(self.args[0][1])), default=0)

    def value(self) -> Type:
        """Report an optional that may have no value."""
        node, whole = self.args[0]
        is_optional = any(isinstance(one, types.Optional) for one in members_of(whole))
        if is_optional and not has_value(node, self.facts, self.checker.node_types):
            self.checker.report(k5_presence.no_value(self.expr, shown(node)))
        return self.given

    def extreme(self) -> Type:
        """An empty list has no greatest element, and no least."""
        node, whole = self.args[0]
        if any(isinstance(one, types.List) and not one.least for one in members_of(whole)):
            self.checker.report(k5_presence.no_first_element(self.expr, shown(node)))
        ranges = [one for _, one in self.args if isinstance(one, types.Int)]
        if len(ranges) < len(self.args):
            return same_number(tuple(one for _, one in self.args), self.given)
        extreme = max if self.expr.function == "math.greatest" else min
        return types.Int(extreme(one.least for one in ranges), extreme(one.most for one in ranges))

    def substring(self) -> Type:
        """A part of a string or list, from a position to another."""
        if len(self.args) == 3 and self.is_part():
            return self.given
        if len(self.args) == 3 and not self.is_ordered():
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

    def index_of(self) -> Type:
        """The position of a part, or -1; searched from a position if that is given."""
        if len(self.args) == 3:
            self.at(2)
        return types.Int(-1)

    def at(self, *positions: int) -> Type:
        """Report the first of some arguments that may be past the end of the string or list."""
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
