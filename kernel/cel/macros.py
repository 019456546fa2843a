"""The evaluation of macros (CEL specification, Macros; two-variable comprehensions; optionals)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from kernel.cel import operations as op
from kernel.cel.budget import CHARACTERS_PER_STEP, ELEMENT_SIZE, ENTRY_SIZE, Budget
from kernel.cel.errors import CelEvaluationError, Problem
from kernel.cel.frame import Closure, Frame, located
from kernel.cel.functions.collections import sorted_by
from kernel.cel.tree import Expr, Literal, Macro, walk
from kernel.cel.values import NONE, Optional, described, type_name
from kernel.structs import struct

_NODES_PER_STEP: Final = 8


def round_steps(macro: Macro) -> int:
    """The steps of one round of a comprehension, by the size of what is evaluated in it."""
    nodes = [node for arg in macro.args for node in walk(arg)]
    literals = [node.value for node in nodes if isinstance(node, Literal)]
    read = sum(len(value) for value in literals if isinstance(value, str | bytes))
    return 1 + len(nodes) // _NODES_PER_STEP + read // CHARACTERS_PER_STEP


@struct
class Parts:
    """A macro with the closures of its parts: ``outer`` is its range, optional or bound value."""

    expr: Macro
    text: str
    outer: Closure
    slots: tuple[int, ...]
    args: tuple[Closure, ...]
    position: int
    """The slot of the position in the list at which the macro is; it holds None elsewhere."""

    def error(self, node: Expr, problem: Problem) -> CelEvaluationError:
        """The error of a part of the macro."""
        return located(problem, node, self.text)

    def rounds(self, frame: Frame) -> Iterator[Any]:
        """Bind the variables to each element in turn; gives the element, or the key of a map."""
        steps = round_steps(self.expr)
        values = frame.locals
        first, position = self.slots[0], self.position
        values[position] = None
        try:
            items = op.elements(frame.budget, self.outer(frame))
            is_list = type_name(items) == "list"
            if self.expr.name == "sortBy" and not is_list:
                raise Problem("no-overload", "sortBy() is for a list, not map")
            if len(self.slots) == 1:
                for number, item in enumerate(items):
                    frame.budget.spend(steps)
                    values[position] = number if is_list else None
                    values[first] = item
                    yield item
            else:
                for key, item in pairs(items):
                    frame.budget.spend(steps)
                    values[position] = key if is_list else None
                    values[first] = key
                    values[first + 1] = item
                    yield key
            values[position] = None
        except Problem as problem:
            node = self.expr if problem.reason == "budget" else self.expr.target
            raise self.error(node or self.expr, problem) from None

    def placed(self, frame: Frame, error: CelEvaluationError) -> CelEvaluationError:
        """The error with the element at which the macro is."""
        number = frame.locals[self.position]
        if number is not None:
            error.elements = (number, *error.elements)
        return error

    def chosen(self, frame: Frame) -> Iterator[Any]:
        """As ``rounds``, of those for which the predicate holds if one stands before the value."""
        for item in self.rounds(frame):
            if len(self.args) < 2 or self.holds(frame):
                yield item

    def holds(self, frame: Frame) -> bool:
        """The value of the predicate, the first argument; an error unless it is a bool."""
        value = self.args[0](frame)
        if value is True or value is False:
            return bool(value)
        message = f"the predicate of {self.expr.name}() is bool, not {described(value)}"
        raise self.error(self.expr.args[0], Problem("no-overload", message))

    def build(self, frame: Frame, size: int) -> None:
        """Take room from the budget."""
        try:
            frame.budget.build(size)
        except Problem as problem:
            raise self.error(self.expr, problem) from None

    def insert(self, mapping: Any, key: Any, value: Any) -> Any:
        """The map that the macro builds, with one more entry."""
        try:
            return op.inserted(mapping, key, value)
        except Problem as problem:
            raise self.error(self.expr.args[-1], problem) from None


def pairs(items: Any) -> Any:
    """Position and element of a list, key and value of a map."""
    return items.items() if type_name(items) == "map" else enumerate(items)


def error_to_report(
    first: CelEvaluationError | None, error: CelEvaluationError
) -> CelEvaluationError:
    """The error to report if no operand decides: the first. No budget left ends all at once."""
    if error.reason == "budget":
        raise error
    return first or error


_SHARING: Final = frozenset({"cel.bind", "optMap", "optFlatMap"})
_BUILDING: Final = frozenset({"map", "transformList", "transformMap", "transformMapEntry"})


def shares(expr: Expr) -> bool:
    """Whether the value may hold one part many times, and so be huge although it costs little.

    ``cel.bind(a, [x, x], cel.bind(b, [a, a], …))`` doubles with every line of it.
    """
    found = [node for node in walk(expr) if isinstance(node, Macro)]
    building = sum(macro.name in _BUILDING for macro in found)
    return building > 1 or any(macro.name in _SHARING for macro in found)


def measured(budget: Budget, value: Any) -> Any:
    """The value, its whole extent taken from the budget."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Optional):
            item = item.value
        if isinstance(item, list | tuple):
            budget.build_elements(len(item))
            pending.extend(item)
        elif isinstance(item, Mapping):
            budget.build(len(item) * ENTRY_SIZE)
            budget.spend(len(item))
            pending.extend(item.values())
    return value


def _quantifier(decisive: bool) -> Callable[[Parts], Closure]:
    """``all`` is decided by a false, ``exists`` by a true; the decisive value outweighs errors."""

    def build(parts: Parts) -> Closure:
        def decide(frame: Frame) -> bool:
            failure: CelEvaluationError | None = None
            for _ in parts.rounds(frame):
                try:
                    if parts.holds(frame) is decisive:
                        return decisive
                except CelEvaluationError as error:
                    if error_to_report(failure, error) is error:
                        failure = parts.placed(frame, error)
            if failure:
                raise failure
            return not decisive

        return decide

    return build


def _exists_one(parts: Parts) -> Closure:
    return lambda frame: sum([parts.holds(frame) for _ in parts.rounds(frame)]) == 1


def _filter(parts: Parts) -> Closure:
    def keep(frame: Frame) -> list[Any]:
        kept_items: list[Any] = []
        for item in parts.rounds(frame):
            if parts.holds(frame):
                parts.build(frame, ELEMENT_SIZE)
                kept_items.append(item)
        return kept_items

    return keep


def _map(parts: Parts) -> Closure:
    value = parts.args[-1]

    def collect(frame: Frame) -> list[Any]:
        values: list[Any] = []
        for _ in parts.chosen(frame):
            parts.build(frame, ELEMENT_SIZE)
            values.append(value(frame))
        return values

    return collect


def _transform_map(entries: bool) -> Callable[[Parts], Closure]:
    """A map of the values; with ``entries`` each value is a map, whose entries are taken."""

    def build(parts: Parts) -> Closure:
        value = parts.args[-1]

        def collect(frame: Frame) -> Any:
            mapping: Any = {}
            for key in parts.chosen(frame):
                if entries:
                    made = value(frame).items()
                else:
                    # Keys of the range are distinct, but those of a map from Python may be of
                    # any type, which ``insert`` refuses.
                    parts.build(frame, ENTRY_SIZE)
                    made = ((key, value(frame)),)
                for name, item in made:
                    mapping = parts.insert(mapping, name, item)
            return mapping

        return collect

    return build


def _sort_by(parts: Parts) -> Closure:
    def order(frame: Frame) -> list[Any]:
        items: list[Any] = []
        keys: list[Any] = []
        for item in parts.rounds(frame):
            items.append(item)
            keys.append(parts.args[0](frame))
        try:
            return sorted_by(frame.budget, items, keys)
        except Problem as problem:
            raise parts.error(parts.expr, problem) from None

    return order


def _bind(parts: Parts) -> Closure:
    (slot,) = parts.slots

    def bind(frame: Frame) -> Any:
        frame.locals[slot] = parts.outer(frame)
        return parts.args[0](frame)

    return bind


def _optional_map(flat: bool) -> Callable[[Parts], Closure]:
    def build(parts: Parts) -> Closure:
        (slot,) = parts.slots

        def transform(frame: Frame) -> Optional:
            optional = parts.outer(frame)
            if not isinstance(optional, Optional):
                message = f"{parts.expr.name}() is for an optional, not {described(optional)}"
                raise parts.error(parts.expr, Problem("no-overload", message))
            if not optional.present:
                return NONE
            frame.locals[slot] = optional.value
            value = parts.args[0](frame)
            if not flat:
                return Optional(value)
            if isinstance(value, Optional):
                return value
            message = f"optFlatMap() needs an optional, not {described(value)}"
            raise parts.error(parts.expr.args[0], Problem("no-overload", message))

        return transform

    return build


BUILDERS: Final[dict[str, Callable[[Parts], Closure]]] = {
    "all": _quantifier(False),
    "exists": _quantifier(True),
    "exists_one": _exists_one,
    "existsOne": _exists_one,
    "map": _map,
    "filter": _filter,
    "transformList": _map,
    "transformMap": _transform_map(False),
    "transformMapEntry": _transform_map(True),
    "sortBy": _sort_by,
    "cel.bind": _bind,
    "optMap": _optional_map(False),
    "optFlatMap": _optional_map(True),
}


def closure_of(parts: Parts) -> Closure:
    """The closure of a macro; its errors say at which element of the list it failed."""
    work = BUILDERS[parts.expr.name](parts)
    position = parts.position

    def evaluate(frame: Frame) -> Any:
        frame.locals[position] = None
        try:
            return work(frame)
        except CelEvaluationError as error:
            raise parts.placed(frame, error) from None

    return evaluate
