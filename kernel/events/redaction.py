"""Secrets never leave: values are redacted by what they contain, as well as by schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

REDACTED = "[redacted]"

_SHORTEST = 4
"""A secret of fewer characters is replaced only where it is the whole string."""


class Redactor:
    """Replaces known secret values wherever they stand in a JSON value, in keys too.

    ``secrets`` are the plain values. Nothing is copied where nothing is replaced.
    """

    __slots__ = ("_inside", "_whole")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret}
        long = sorted((s for s in known if len(s) >= _SHORTEST), key=len, reverse=True)
        self._whole = frozenset(known)
        self._inside = re.compile("|".join(map(re.escape, long))) if long else None

    def __bool__(self) -> bool:
        return bool(self._whole)

    def text(self, text: str) -> str:
        """``text`` without any secret in it."""
        if text in self._whole:
            return REDACTED
        return self._inside.sub(REDACTED, text) if self._inside else text

    def value(self, value: Any) -> Any:
        """``value`` without any secret in it; the very same object if there was none."""
        return self._value(value, 0) if self._whole else value

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return REDACTED if str(value) in self._whole else value
        if depth > 500:
            return REDACTED
        if isinstance(value, dict):
            pairs = {
                self.text(key) if isinstance(key, str) else key: self._value(item, depth + 1)
                for key, item in value.items()
            }
            same = (
                all(new is old for new, old in zip(pairs.values(), value.values(), strict=False))
                and pairs.keys() == value.keys()
            )
            return value if same else pairs
        if isinstance(value, (list, tuple)):
            items = [self._value(item, depth + 1) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else items
        return value
