"""The keys of a map of CEL, which are text in JSON: ``1`` and ``"1"`` are one key there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, Final

from analyzer import types
from analyzer.types import Type, members_of
from analyzer.types.samples import Samples, all_values
from kernel import cel
from kernel.cel.json_form import json_key
from kernel.cel.values import UINT_MAX

_KINDS: Final = (types.String, types.Int, types.UInt, types.Bool, types.Dyn, types.Error)
_MAX_TRIED: Final = 64


def are_keys_of_json(key: Type) -> bool:
    """Whether keys of a type become text in JSON, as all keys of CEL do."""
    return all(isinstance(one, _KINDS) for one in members_of(key))


def meeting(key: Type, samples: Samples) -> tuple[Any, str] | bool:
    """Two keys of a type that are the same in JSON.

    False where there are no such two; True where there may be two, but none were found.
    """
    texts = [one for one in members_of(key) if isinstance(one, types.String)]
    others = [one for one in members_of(key) if not isinstance(one, types.String)]
    is_sure = True
    for text in texts:
        for other in others:
            keys, all_of_them = _candidates(text, other, samples)
            for one in keys:
                if text.contains(json_key(one)):
                    return one, json_key(one)
            is_sure = is_sure and all_of_them
    return not is_sure


def _candidates(text: types.String, other: Type, samples: Samples) -> tuple[Iterable[Any], bool]:
    """Keys of a type that may be the same as a text, and whether there are no others."""
    if text.literals is not None:
        keys = (_read(one, other) for one in text.literals)
        return [key for key in keys if other.contains(key)], True
    values = all_values(other)
    if values is not None:
        return values, True
    known = islice(samples.of(other), _MAX_TRIED)
    longer = (_read(one, other) for one in ("10", "100"))
    return [key for key in (*known, *longer) if other.contains(key)], False


def _read(text: str, type_: Type) -> Any:
    """The key of a type that has a text in JSON; None if there is none."""
    if isinstance(type_, types.Bool):
        return {"true": True, "false": False}.get(text)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20 and str(int(text)) == text):
        return None
    number = int(text)
    if isinstance(type_, types.UInt):
        return cel.UInt(number) if 0 <= number <= UINT_MAX else None
    return number


def key_named(key: Type, text: str) -> Any:
    """The key of a type that has a text in JSON; None if there is none."""
    for one in members_of(key):
        found = text if isinstance(one, types.String) else _read(text, one)
        if found is not None and one.contains(found):
            return found
    return None


def key_besides(key: Type, known: Collection[str], samples: Samples) -> Any:
    """A key of a type whose text in JSON is none of these; None if none was found."""
    found = islice(samples.of(key), _MAX_TRIED)
    return next((one for one in found if key.contains(one) and json_key(one) not in known), None)
