"""Equality, order, look-up and arithmetic over values (CEL specification, Standard Definitions).

Each function that may read or build something large takes the budget first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.values import (
    DURATION,
    FOREIGN,
    NONE,
    TIMESTAMP,
    MixedMap,
    Optional,
    UInt,
    described,
    integer,
    native,
    type_name,
    unsigned,
)

NUMBERS: Final = frozenset({"int", "uint", "double"})
KEYS: Final = frozenset({"bool", "int", "uint", "string"})
LOOKED_UP: Final = KEYS | {"double"}
_ORDERED: Final = frozenset({"bool", "string", "bytes", TIMESTAMP, DURATION})
_MAX_NESTING: Final = 100


def equal(budget: Budget, a: Any, b: Any, depth: int = 0) -> bool:
    """Heterogeneous equality: numbers by value, other types only with their own type."""
    left, right = type_name(a), type_name(b)
    budget.spend(1)
    if left in NUMBERS:
        return right in NUMBERS and _equal_numbers(a, b)
    if left != right or left == FOREIGN:
        return False
    if depth > _MAX_NESTING:
        raise Problem("budget", "the values are nested too deeply to be compared")
    if left == "list":
        return _equal_lists(budget, a, b, depth)
    if left == "map":
        return _equal_maps(budget, a, b, depth)
    if left == "optional_type":
        return _equal_optionals(budget, a, b, depth)
    if left in ("string", "bytes"):
        budget.read(min(len(a), len(b)))
    return bool(native(a) == native(b))


def _equal_numbers(a: Any, b: Any) -> bool:
    a, b = _commensurable(a, b)
    return bool(a == b)


def _commensurable(a: Any, b: Any) -> tuple[Any, Any]:
    """Two numbers to compare: an integer meets a double as a double, as in all implementations.

    So ``9223372036854775807 == 9223372036854775808.0``; Python would compare exactly.
    """
    try:
        if isinstance(a, float):
            return a, float(b)
        return (float(a), b) if isinstance(b, float) else (a, b)
    except OverflowError:
        return a, b


def _equal_lists(budget: Budget, a: Any, b: Any, depth: int) -> bool:
    if len(a) != len(b):
        return False
    # A loop, not all(...): a generator would cost another stack frame for each level.
    for x, y in zip(a, b, strict=True):  # noqa: SIM110
        if not equal(budget, x, y, depth + 1):
            return False
    return True


def _equal_maps(budget: Budget, a: Any, b: Any, depth: int) -> bool:
    if len(a) != len(b):
        return False
    for key, value in a.items():
        if type_name(key) not in KEYS or not contains_key(budget, b, key):
            return False
        if not equal(budget, value, b[key], depth + 1):
            return False
    return True


def _equal_optionals(budget: Budget, a: Optional, b: Optional, depth: int) -> bool:
    if not (a.present and b.present):
        return a.present is b.present
    return equal(budget, a.value, b.value, depth + 1)


def less(budget: Budget, a: Any, b: Any) -> bool:
    """``a < b`` for two numbers, or two values of one ordered type."""
    left, right = type_name(a), type_name(b)
    if left in NUMBERS and right in NUMBERS:
        a, b = _commensurable(a, b)
        return bool(a < b)
    if left != right or left not in _ORDERED:
        raise no_overload("_<_", (a, b))
    if left in ("string", "bytes"):
        budget.read(min(len(a), len(b)))
    return bool(native(a) < native(b))


def no_overload(function: str, args: tuple[Any, ...]) -> Problem:
    """The error of a function that does not take these types."""
    types = tuple(map(described, args))
    operator = function.replace("_", "")
    if function.startswith("_") and len(args) == 2 and operator != "[]":
        return Problem("no-overload", f"no such overload: {types[0]} {operator} {types[1]}")
    if function.endswith("_") and len(args) == 1:
        return Problem("no-overload", f"no such overload: {operator}{types[0]}")
    return Problem("no-overload", f"no such overload: {function}({', '.join(types)})")


def contains_key(budget: Budget, mapping: Any, key: Any) -> bool:
    """Whether a map has a key equal to ``key``, which may be of any type."""
    kind = type_name(key)
    if kind == "string":
        return key in mapping
    # NaN is no key, although Python finds the very same NaN in a dict.
    if kind == "double":
        return key == key and key in mapping and _is_number_key(budget, mapping, key)
    if kind in ("int", "uint"):
        return key in mapping and _is_number_key(budget, mapping, key)
    if kind == "bool":
        if isinstance(mapping, MixedMap):
            return key in mapping
        return key in mapping and not _is_number_key(budget, mapping, key)
    return False


def _is_number_key(budget: Budget, mapping: Any, key: Any) -> bool:
    """Whether the key that Python finds is a number, and not the bool that it takes it for."""
    if key != 0 and key != 1:
        return True
    budget.spend(len(mapping))
    return any(type_name(other) in NUMBERS for other in mapping if other == key)


def find(budget: Budget, operand: Any, key: Any) -> Any:
    """``operand[key]`` of a list or a map; ``Problem`` when it is not there."""
    kind = type_name(operand)
    if kind == "map":
        return _find_entry(budget, operand, key)
    if kind == "list":
        return operand[_position(operand, key)]
    raise Problem("no-overload", f"no such overload: {described(operand)}[{described(key)}]")


def _find_entry(budget: Budget, mapping: Mapping[Any, Any], key: Any) -> Any:
    if type_name(key) not in LOOKED_UP:
        raise Problem("no-overload", f"no such overload: map[{described(key)}]")
    if contains_key(budget, mapping, key):
        return mapping[key]
    raise Problem("no-such-key", "no such key in the map")


def _position(items: Any, key: Any) -> int:
    kind = type_name(key)
    if kind not in NUMBERS:
        raise Problem("no-overload", f"no such overload: list[{described(key)}]")
    if kind == "double" and not key.is_integer():
        raise Problem("index", "the index of a list is a whole number")
    if not 0 <= key < len(items):
        raise Problem("index", f"the index is out of range: the list has {len(items)} elements")
    return int(key)


def select(operand: Any, field: str) -> Any:
    """``operand.field`` of a map; ``Problem`` when it is not there."""
    if not isinstance(operand, Mapping):
        raise Problem("no-overload", f"{described(operand)} has no field '{field}'")
    if field in operand:
        return operand[field]
    raise Problem("no-such-key", f"no such key: '{field}'")


def contains_element(budget: Budget, needle: Any, items: Any) -> bool:
    """Whether a list has an element that is equal to ``needle``."""
    return any(equal(budget, needle, item) for item in items)


def divide(a: int, b: int) -> int:
    """Integer division that truncates towards zero."""
    if b == 0:
        raise Problem("division-by-zero", "division by zero")
    quotient = abs(a) // abs(b)
    return integer(quotient if (a < 0) == (b < 0) else -quotient)


def remainder(a: int, b: int) -> int:
    """The remainder of ``divide``; it has the sign of ``a``."""
    if b == 0:
        raise Problem("division-by-zero", "remainder of a division by zero")
    result = abs(a) % abs(b)
    return -result if a < 0 else result


def divide_unsigned(a: int, b: int) -> UInt:
    """Division of two uints."""
    if b == 0:
        raise Problem("division-by-zero", "division by zero")
    return unsigned(int(a) // int(b))


def divide_doubles(a: float, b: float) -> float:
    """IEEE 754 division: by zero it gives an infinity, or NaN."""
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def join(budget: Budget, a: Any, b: Any) -> Any:
    """``a + b`` of two strings, or of two bytes."""
    budget.copy(len(a) + len(b))
    return a + b


def join_lists(budget: Budget, a: Any, b: Any) -> list[Any]:
    """``a + b`` of two lists."""
    budget.build_elements(len(a) + len(b))
    return [*a, *b]


def optional_find(budget: Budget, operand: Any, key: Any) -> Optional:
    """``operand[?key]``: none when it is not there; of none, none."""
    if isinstance(operand, Optional):
        return optional_find(budget, operand.value, key) if operand.present else NONE
    try:
        return Optional(find(budget, operand, key))
    except Problem as problem:
        if problem.reason in ("index", "no-such-key"):
            return NONE
        raise


def optional_select(operand: Any, field: str) -> Optional:
    """``operand.?field``: none when it is not there; of none, none."""
    if isinstance(operand, Optional):
        return optional_select(operand.value, field) if operand.present else NONE
    if not isinstance(operand, Mapping):
        raise Problem("no-overload", f"{described(operand)} has no field '{field}'")
    return Optional(operand[field]) if field in operand else NONE


def has(operand: Any, field: str) -> bool:
    """``has(operand.field)``; of an optional, whether what it holds has the field."""
    if isinstance(operand, Optional):
        return operand.present and has(operand.value, field)
    if not isinstance(operand, Mapping):
        raise Problem("no-overload", f"{described(operand)} has no field '{field}'")
    return field in operand


def map_key(key: Any) -> Any:
    """A key of a map that is built; ``Problem`` for a type that cannot be one."""
    if type_name(key) in KEYS:
        return key
    raise Problem("no-overload", f"a map key is a string, int, uint or bool, not {described(key)}")


def inserted(mapping: Any, key: Any, value: Any) -> Any:
    """The map that is being built, with one more entry; ``Problem`` for a key that is there."""
    if map_key(key) not in mapping:
        if isinstance(mapping, MixedMap):
            return mapping.with_entry(key, value)
        mapping[key] = value
        return mapping
    if isinstance(mapping, MixedMap) or _same_kind(mapping, key):
        raise Problem("bad-argument", "the map has the same key twice")
    return MixedMap(mapping).with_entry(key, value)


def _same_kind(mapping: Mapping[Any, Any], key: Any) -> bool:
    return any(
        isinstance(other, bool) is isinstance(key, bool) for other in mapping if other == key
    )


def elements(budget: Budget, operand: Any) -> Any:
    """What a macro goes over: the elements of a list or the keys of a map."""
    kind = type_name(operand)
    if kind not in ("list", "map"):
        raise Problem("no-overload", f"{described(operand)} is neither a list nor a map")
    budget.spend(1)
    return operand
