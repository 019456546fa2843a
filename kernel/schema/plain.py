"""Plain JSON values: what may go into a schema, a journal and an event.

Plain is: None, bool, int, float, str, list and dict with string keys, by exact type; finite
numbers; text that is valid Unicode; without circles. A tuple is taken as a list.
"""

from __future__ import annotations

from typing import Any

from kernel.errors import Path
from kernel.schema.problems import Problem, SchemaError

MAX_DEPTH = 200  # deeper values are refused; what follows may recurse over them
MAX_VALUES = 1_000_000  # larger values are refused; a value that is reachable twice counts twice
MAX_TEXT = 64 * 1024 * 1024
"""Longer texts are refused, in characters: a controller that floods is stopped here."""

MAX_BITS = 1023  # integers of more bits are refused: they would not fit a double
_TOO_LARGE = 1 << MAX_BITS
_TOO_SMALL = -_TOO_LARGE


def check_json(value: Any) -> Any:
    """The value, with lists for tuples; raises SchemaError if it is not JSON."""
    if is_json(value):
        return value
    problem = find_problem(value)
    if problem is not None:
        raise SchemaError([problem])
    return _without_tuples(value)


def is_json(value: Any, names: frozenset[str] = frozenset()) -> bool:
    """Whether a value is plain. Bounded in depth and size; the quick part of `check_json`.

    ``names`` are keys that are known to be good.
    """
    if type(value) is not dict:
        return _is_deep(value) if type(value) is list else is_atom(value)
    for key, item in value.items():  # most values are flat objects: no bookkeeping for these
        if key not in names and not (type(key) is str and (key.isascii() or _is_text(key))):
            return False
        kind = type(item)
        if kind is str:
            if len(item) > MAX_TEXT or not (item.isascii() or _is_text(item)):
                return False
        elif kind is int:
            if not _TOO_SMALL < item < _TOO_LARGE:
                return False
        elif kind is float:
            if item - item != 0.0:
                return False
        elif item is not None and kind is not bool:
            return (kind is dict or kind is list) and _is_deep(value)
    return True


def _is_deep(value: Any) -> bool:
    level: list[Any] = [value]
    left, depth = MAX_VALUES, 0
    while level:
        below: list[Any] = []
        depth += 1
        for box in level:
            left -= len(box)
            if left < 0:
                return False
            if type(box) is dict:
                for key in box:
                    if type(key) is not str or not (key.isascii() or _is_text(key)):
                        return False
                box = box.values()
            for item in box:
                kind = type(item)
                if kind is str:
                    if len(item) > MAX_TEXT or not (item.isascii() or _is_text(item)):
                        return False
                elif kind is dict or kind is list:
                    below.append(item)
                elif kind is not bool and item is not None and not is_atom(item):
                    return False
        if depth > MAX_DEPTH:
            return False
        level = below
    return True


def is_atom(value: Any) -> bool:
    """Whether a value is JSON and holds no others, within the bounds of this module."""
    kind = type(value)
    if kind is int:
        return bool(_TOO_SMALL < value < _TOO_LARGE)
    if kind is float:
        return bool(value - value == 0.0)  # false for NaN and the infinities
    return value is None or kind is bool or (kind is str and _is_text(value))


def _is_text(text: str) -> bool:
    if len(text) > MAX_TEXT:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_problem(value: Any) -> Problem | None:
    """The first thing that is not JSON, with its path, level by level; None if only tuples."""
    level: list[tuple[Path, Any]] = [((), value)]
    left, depth = MAX_VALUES, 0
    while level:
        below: list[tuple[Path, Any]] = []
        depth += 1
        for path, item in level:
            if type(item) in (dict, list, tuple):
                left -= len(item)
                if left < 0:
                    return Problem((), f"more than {MAX_VALUES} values", (), "limit")
            if type(item) is dict:
                for key in item:
                    if (message := _wrong_key(key)) is not None:
                        return Problem(path, message, (), "json")
                below += [((*path, key), child) for key, child in item.items()]
            elif type(item) in (list, tuple):
                below += [((*path, index), child) for index, child in enumerate(item)]
            elif (message := _wrong(item)) is not None:
                keyword = "limit" if type(item) is int or _is_long(item) else "json"
                return Problem(path, message, (), keyword)
        if depth > MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep, or in a circle"
            return Problem((), message, (), "limit")
        level = below
    return None


def _wrong_key(key: Any) -> str | None:
    if type(key) is not str:
        return f"a key must be a string, this is of type {type(key).__name__}"
    return None if _is_text(key) else "a key is not valid Unicode"


def _wrong(value: Any) -> str | None:
    if is_atom(value):
        return None
    if type(value) is float:
        return f"{value} is not a JSON number"
    if type(value) is int:
        bits = value.bit_length()
        return f"an integer of {bits} bits is too large; at most {MAX_BITS} are taken"
    if _is_long(value):
        return f"a text of {len(value)} characters is too large; at most {MAX_TEXT} are taken"
    if type(value) is str:
        return "the text is not valid Unicode (a lone surrogate)"
    return f"a value of type {type(value).__name__} is not JSON"


def _is_long(value: Any) -> bool:
    return type(value) is str and len(value) > MAX_TEXT


def _without_tuples(value: Any) -> Any:
    if type(value) is dict:
        return {key: _without_tuples(item) for key, item in value.items()}
    return [_without_tuples(item) for item in value] if type(value) in (list, tuple) else value
