"""Secrets never leave: values are redacted by what they contain, as well as by schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

REDACTED = "[redacted]"

_SHORTEST = 4
"""A secret of fewer characters is replaced only where it is the whole string."""


class Redactor:
    """Replaces known secret values wherever they stand in a JSON value, in keys too.

    ``secrets`` are the plain values; they are also known as they stand in JSON text, in Python's,
    in an address and in base64. Nothing is copied where nothing is replaced.
    """

    __slots__ = ("_inside", "_whole")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets for form in _forms(secret) if form}
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
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return REDACTED if not self._whole.isdisjoint(_spellings(value)) else value
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
        return self._other(value)

    def _other(self, value: Any) -> Any:
        """What is not JSON is shown as text sooner or later."""
        try:
            text = str(value)
        except Exception:
            return REDACTED
        shown = self.text(text)
        return value if shown == text else shown


def _forms(secret: str) -> Iterator[str]:
    """A secret as it stands in texts of common notations."""
    import json
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote, quote_plus

    octets = secret.encode("utf-8", "surrogatepass")
    yield from (secret, secret.strip())
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield repr(secret)[1:-1]
    yield from (quote(octets), quote(octets, safe=""), quote_plus(octets))
    yield from (encode(octets).decode() for encode in (b64encode, urlsafe_b64encode))


def _spellings(number: float) -> Iterator[str]:
    yield str(number)
    if isinstance(number, float) and number.is_integer():
        yield str(int(number))
