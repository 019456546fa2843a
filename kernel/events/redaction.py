"""Redaction: known secrets are replaced wherever a value contains them."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

from kernel.events.notations import Reading, readings

REDACTED = "[redacted]"

_MIN_LENGTH = 4  # a secret of fewer characters is replaced only where it is the whole string
_MIN_OCTETS_WITHIN = 6
"""A secret of fewer octets is not looked for within the base64 of something longer."""

_MAX_LEARNED = 1_000

_MAX_SEARCHED_SINGLY = 64
"""So many learned texts are searched one by one, before the expression for all is rebuilt."""


class Redactor:
    """Replaces known secret values wherever they stand in a JSON value, in keys too.

    ``secrets`` are the plain values; they are also known in base64, and texts are read as the
    notations that escape characters mean them (:mod:`kernel.events.notations`). Nothing is copied
    where nothing is replaced.
    """

    __slots__ = (
        "_exact", "_given", "_guard", "_known_count", "_learned", "_learned_count", "_pattern",
        "_pending", "_recent", "_searched",
    )  # fmt: skip

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._given = tuple(secrets)
        self._learned: dict[str, None] = {}
        self._pending: list[str] = []
        self._learned_count = 0
        self._guard = Lock()
        self._rebuild()

    def learn(self, value: Any, shown: Any) -> None:
        """Hide everywhere, from now on, what is hidden in ``shown``: ``value`` redacted by schema.

        The last 1,000 such texts are known; short ones are not, they stand in other places too.
        """
        hidden = (text for text in _hidden(value, shown) if len(text) >= _MIN_LENGTH)
        found = [text for text in hidden if text not in self._learned]
        if found:
            with self._guard:
                self._learned.update(dict.fromkeys(found))
                for text in list(self._learned)[:-_MAX_LEARNED]:
                    del self._learned[text]
                self._pending += found
                # Taken in when a text is redacted: far more is learned than redacted.
                self._learned_count += 1

    def _rebuild(self) -> None:
        """Build one expression for all known secrets."""
        known = {form for secret in (*self._given, *self._learned) for form in _forms(secret)}
        known.update(form for secret in self._given for form in _forms_within(secret))
        known.discard("")
        long = sorted((s for s in known if len(s) >= _MIN_LENGTH), key=len, reverse=True)
        self._exact = known
        self._pattern = _any_of(long) if long else None
        self._searched = len(long)
        self._recent: tuple[str, ...] = ()
        self._pending = []
        self._known_count = self._learned_count

    def _take_in_learned(self) -> None:
        """Take in the texts learned since; rebuild the expression when there are many."""
        with self._guard:
            forms = {form for secret in self._pending for form in _forms(secret) if form}
            self._pending = []
            self._exact.update(forms)
            self._recent += tuple(form for form in forms if len(form) >= _MIN_LENGTH)
            if len(self._recent) > _MAX_SEARCHED_SINGLY + self._searched // 8:
                self._rebuild()
            # Last: another thread must not take the old expression for the new one.
            self._known_count = self._learned_count

    def __bool__(self) -> bool:
        return bool(self._given or self._learned)

    def text(self, text: str, mark: str = REDACTED) -> str:
        """``text`` without any secret in it; ``mark`` stands where one was."""
        if self._known_count != self._learned_count:
            self._take_in_learned()
        shown = self._literal(text, mark)
        if shown != mark and self._exact:
            for reading in readings(text):
                shown = self._read(shown, reading, mark)
        return shown

    def _literal(self, text: str, mark: str) -> str:
        """``text`` without the secrets that stand in it literally."""
        if text in self._exact:
            return mark
        self._rebuild_if_recent(text)
        return self._pattern.sub(mark, text) if self._pattern else text

    def _read(self, text: str, reading: Reading, mark: str) -> str:
        """``text`` without the secrets that are there when it is read in a notation."""
        read, place = reading(text)
        if read == text:
            return text
        if read in self._exact:
            return mark
        self._rebuild_if_recent(read)
        parts: list[str] = []
        end = 0
        for found in self._pattern.finditer(read) if self._pattern else ():
            parts += text[end : place(found.start())], mark
            end = place(found.end())
        return "".join((*parts, text[end:])) if parts else text

    def _rebuild_if_recent(self, text: str) -> None:
        if self._recent and any(form in text for form in self._recent):
            with self._guard:
                self._rebuild()

    def value(self, value: Any) -> Any:
        """``value`` without any secret in it; the very same object if there was none."""
        if self._known_count != self._learned_count:
            self._take_in_learned()
        return self._value(value, 0) if self._exact else value

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return REDACTED if not self._exact.isdisjoint(_spellings(value)) else value
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
        """A value that is not JSON will be shown as its text, so its text is searched."""
        try:
            text = str(value)
        except Exception:
            return REDACTED
        shown = self.text(text)
        return value if shown == text else shown


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    """The texts in ``value`` in whose place ``shown`` has ``[redacted]``."""
    if shown == REDACTED:
        yield from texts(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _hidden(item, shown[key])
    elif isinstance(value, list):
        for item, seen in zip(value, shown, strict=True):
            yield from _hidden(item, seen)


def texts(value: Any) -> Iterator[str]:
    """The texts that would show a secret: those of each scalar of a structured secret."""
    return (str(scalar) for _, scalar in scalars("", value))


def scalars(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The scalars of a structured secret, which would show it, with their paths."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from scalars(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from scalars(f"{name}.{number}", item)
    elif value is not None and not isinstance(value, bool):
        yield name, value


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches the first of the texts that is there. By their beginnings they are found sooner."""
    beginnings: dict[str, list[str]] = {}
    for text in texts:
        beginnings.setdefault(text[0], []).append(re.escape(text[1:]))
    groups = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in beginnings.items())
    return re.compile("|".join(groups))


def _forms(secret: str) -> Iterator[str]:
    """The forms of a secret that are searched for: plain, as octets in Python, in base64."""
    octets = secret.encode("utf-8", "surrogatepass")
    yield from (secret, secret.strip(), repr(octets)[2:-1])
    yield from (encode(octets).decode() for encode in (b64encode, urlsafe_b64encode))


def _forms_within(secret: str) -> Iterator[str]:
    """In hexadecimal, and the part of base64 that a secret alone decides in ``name:secret``.

    Only for those that are declared: they are few, and texts are searched for each form.
    """
    octets = secret.encode("utf-8", "surrogatepass")
    if len(octets) < _MIN_OCTETS_WITHIN:
        return
    yield octets.hex()
    for before, begin in enumerate((0, 2, 3)):
        end = (before + len(octets)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + octets)[begin:end].decode()


def _spellings(number: float) -> Iterator[str]:
    yield str(number)
    if isinstance(number, float) and number.is_integer():
        yield str(int(number))
