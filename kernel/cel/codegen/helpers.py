"""What generated code calls: the common case at once, ``Leave`` for every other case.

Each function gives what the closures would give, or raises; after an error the closures evaluate
the expression again. ``budget`` is None where the text of the expression bounds the work; then
only small values are built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.cel import operations as op
from kernel.cel.budget import Budget, Limits
from kernel.cel.functions import TABLE, invoke
from kernel.cel.functions.collections import sorted_by
from kernel.cel.functions.table import Function
from kernel.cel.macros import measured
from kernel.cel.scalar_text import scalar_text
from kernel.cel.values import INT_MAX, INT_MIN, NONE, TYPES, Optional, type_name

SMALL: Final = 10_000
_SMALL_LIMITS: Final = Limits(steps=SMALL, size=SMALL)
_PLAIN: Final = frozenset({int, float, bool, type(None)})
_NUMBER: Final = frozenset({int, float})


class Leave(Exception):
    """Generated code gives up; the closures evaluate the expression."""


def leave() -> Any:
    """Give up, where an expression is needed."""
    raise Leave


def plain(bindings: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The bindings that an expression reads, out of a mapping that is not a plain ``dict``."""
    return {name: bindings[name] for name in names if name in bindings}


def type_or_variable(bindings: dict[str, Any], name: str) -> Any:
    """A name that is a type unless it is bound."""
    return bindings[name] if name in bindings else TYPES[name]


def select(operand: Any, field: str) -> Any:
    """``operand.field`` of a map."""
    if isinstance(operand, Mapping) and field in operand:
        return operand[field]
    raise Leave


def find(budget: Budget | None, operand: Any, key: Any) -> Any:
    """``operand[key]``."""
    kind = operand.__class__
    if kind is dict and key.__class__ is str:
        return operand[key]
    if kind is list and key.__class__ is int and key >= 0:
        return operand[key]
    # A selection on an optional gives an optional: rare, so the reference does it.
    if isinstance(operand, Optional):
        raise Leave
    return op.find(budget or Budget(_SMALL_LIMITS), operand, key)


def optional_find(budget: Budget | None, operand: Any, key: Any) -> Optional:
    """``operand[?key]``."""
    return op.optional_find(budget or Budget(_SMALL_LIMITS), operand, key)


def equal(budget: Budget | None, a: Any, b: Any) -> bool:
    """``a == b``."""
    kind = a.__class__
    if kind is b.__class__:
        # One class, so that 1 and True, or 1 and 1.0, cannot meet here.
        if kind in _PLAIN:
            return bool(a == b)
        if kind is str and len(a) <= SMALL:
            return bool(a == b)
    return op.equal(budget or Budget(_SMALL_LIMITS), a, b)


def less(budget: Budget | None, a: Any, b: Any) -> bool:
    """``a < b``."""
    kind = a.__class__
    if kind is b.__class__ and (kind in _NUMBER or (kind is str and len(a) <= SMALL)):
        return bool(a < b)
    return op.less(budget or Budget(_SMALL_LIMITS), a, b)


def not_greater(budget: Budget | None, a: Any, b: Any) -> bool:
    """``a <= b``."""
    kind = a.__class__
    if kind is b.__class__ and (kind in _NUMBER or (kind is str and len(a) <= SMALL)):
        return bool(a <= b)
    budget = budget or Budget(_SMALL_LIMITS)
    return op.less(budget, a, b) or op.equal(budget, a, b)


def add(budget: Budget | None, a: Any, b: Any) -> Any:
    """``a + b``."""
    kind = a.__class__
    if kind is b.__class__:
        if kind is str:
            size = len(a) + len(b)
            if budget is not None:
                budget.build(size)
                return a + b
            if size <= SMALL:
                return a + b
            raise Leave
        if kind is int:
            return checked(a + b)
        if kind is float:
            return a + b
    return invoke(budget or Budget(_SMALL_LIMITS), "_+_", False, [a, b])


def checked(value: int) -> int:
    """An int that fits in 64 bits."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise Leave


def subtract(a: Any, b: Any) -> Any:
    """``a - b``."""
    kind = a.__class__
    if kind is b.__class__:
        if kind is int:
            return checked(a - b)
        if kind is float:
            return a - b
    return invoke(Budget(_SMALL_LIMITS), "_-_", False, [a, b])


def multiply(a: Any, b: Any) -> Any:
    """``a * b``."""
    kind = a.__class__
    if kind is b.__class__:
        if kind is int:
            return checked(a * b)
        if kind is float:
            return a * b
    return invoke(Budget(_SMALL_LIMITS), "_*_", False, [a, b])


def divide(a: Any, b: Any) -> Any:
    """``a / b``."""
    # Python rounds down where CEL cuts towards zero: the same only for numbers without a sign.
    if a.__class__ is int and b.__class__ is int and a >= 0 and b > 0:
        return checked(a // b)
    return invoke(Budget(_SMALL_LIMITS), "_/_", False, [a, b])


def remainder(a: Any, b: Any) -> Any:
    """``a % b``."""
    if a.__class__ is int and b.__class__ is int and a >= 0 and b > 0:
        return a % b
    return invoke(Budget(_SMALL_LIMITS), "_%_", False, [a, b])


def contains(budget: Budget | None, needle: Any, items: Any) -> bool:
    """``needle in items``."""
    if needle.__class__ is str and items.__class__ is dict:
        return needle in items
    return bool(invoke(budget or Budget(_SMALL_LIMITS), "_in_", False, [needle, items]))


def size(value: Any) -> int:
    """The size of a value that has one."""
    if type_name(value) in ("string", "bytes", "list", "map"):
        return len(value)
    raise Leave


def text(budget: Budget | None, value: Any) -> str:
    """The text of an embedded scalar."""
    return scalar_text(budget or Budget(_SMALL_LIMITS), value)


def concatenate(budget: Budget | None, parts: tuple[str, ...]) -> str:
    """The text of a scalar of a template."""
    joined = sum(map(len, parts))
    if budget is not None:
        budget.build(joined)
    elif joined > SMALL:
        raise Leave
    return "".join(parts)


def call(budget: Budget | None, function: Function, receiver: bool, *args: Any) -> Any:
    """Call a function of the table."""
    overload = function.select(tuple(map(type_name, args)), receiver)
    if overload is None:
        raise Leave
    if overload.budgeted:
        return overload.implementation(budget or Budget(_SMALL_LIMITS), *args)
    return overload.implementation(*args)


def elements(budget: Budget, operand: Any, steps: int, room: int) -> Any:
    """The elements that a macro goes over; all its rounds are taken from the budget at once."""
    if operand.__class__ is not list and operand.__class__ is not dict:
        operand = op.elements(budget, operand)
    # Early exits are not known here: if this is too much, the reference counts round by round.
    count = len(operand)
    budget.spend(count * steps + 1)
    budget.build(count * room)
    return operand


def pairs(budget: Budget, operand: Any, steps: int, room: int) -> Any:
    """As ``elements``, for a macro with two variables: with the position or the key of each."""
    items = elements(budget, operand, steps, room)
    return enumerate(items) if type_name(items) == "list" else items.items()


def make_map(*entries: Any) -> Any:
    """The map of ``key, value, key, value, …``."""
    mapping: Any = {}
    for key, value in zip(entries[::2], entries[1::2], strict=True):
        mapping = op.inserted(mapping, key, value)
    return mapping


def present(value: Any) -> bool:
    """Whether an optional has a value."""
    if value.__class__ is Optional:
        return bool(value.present)
    raise Leave


def optional(value: Any) -> Optional:
    """A value that is an optional."""
    if isinstance(value, Optional):
        return value
    raise Leave


NAMESPACE: Final[dict[str, Any]] = {
    "Exception": Exception,
    "NONE": NONE,
    "TABLE": TABLE,
    "has": op.has,
    "join": "".join,
    "optional_select": op.optional_select,
    **{
        named.__name__: named
        for named in (
            *(Budget, Optional, dict, float, int, len, list, str),
            *(add, call, concatenate, contains, divide, elements, equal, find, leave, less),
            *(make_map, measured, multiply, not_greater, optional, optional_find, pairs, plain),
            *(present, remainder, select, size, sorted_by, subtract, text, type_or_variable),
        )
    },
}
"""The names that generated code may use; it has no others, and no builtins."""
