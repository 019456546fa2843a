"""Redaction: known secrets are replaced wherever a text contains them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

from kernel.events.forms import MIN_LENGTH, forms, plain_forms
from kernel.events.notations import has_readings, readings

REDACTED = "[redacted]"

Found = tuple[int, int, str | None]
"""Where a form of a secret begins and ends in a text, and that form; None for several at once."""

_MAX_LEARNED = 1_000

_MAX_SEARCHED_SINGLY = 64
"""So many learned texts are searched one by one, before the expression for all is rebuilt."""

_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#:]*:[^\s/?#]+(?=@)")
"""The user and the password in an address."""


class Redactor:
    """Replaces known secret values wherever they stand in the texts of a JSON value, in keys too.

    ``secrets`` are the plain values; each is known in its forms (:mod:`kernel.events.forms`), in
    texts as the notations mean them (:mod:`kernel.events.notations`). A secret of under 4
    characters is not looked for. Nothing is copied where nothing is replaced.
    """

    __slots__ = (
        "_given", "_guard", "_known_count", "_learned", "_learned_count", "_pattern", "_pending",
        "_recent", "_searched", "_sources", "is_empty",
    )  # fmt: skip

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        given = dict.fromkeys(secret for secret in secrets if len(secret) >= MIN_LENGTH)
        self._given = {secret: tuple(forms(secret)) for secret in given}
        self._learned: dict[str, str] = {}
        self.is_empty = not self._given  # it knows no secret; read for each event
        self._pending: list[str] = []
        self._learned_count = 0
        self._guard = Lock()
        self._rebuild()

    def learn(self, value: Any, shown: Any, where: str = "") -> None:
        """Hide everywhere, from now on, what is hidden in ``shown``: ``value`` redacted by schema.

        ``where`` names the place of the value. The last 1,000 such texts are known; short ones are
        not, they stand in other places too.
        """
        hidden = ((name, text) for name, text in _hidden(where, value, shown))
        found = {text: name for name, text in hidden if len(text) >= MIN_LENGTH}
        found = {text: name for text, name in found.items() if text not in self._learned}
        if found:
            with self._guard:
                self._learned.update(found)
                self.is_empty = False
                for text in list(self._learned)[:-_MAX_LEARNED]:
                    del self._learned[text]
                self._pending += found
                # Taken in when a text is redacted: far more is learned than redacted.
                self._learned_count += 1

    def _rebuild(self) -> None:
        """Build one expression for all known secrets."""
        known = {**{text: tuple(plain_forms(text)) for text in self._learned}, **self._given}
        self._sources: dict[str, tuple[str, str]] = {text: ("", text) for text in known}
        for secret, made in known.items():
            for name, form in made:
                self._sources.setdefault(form, (name, secret))
        self._pattern = _any_of(sorted(self._sources, key=len, reverse=True))
        self._searched = len(self._sources)
        self._recent: tuple[str, ...] = ()
        self._pending = []
        self._known_count = self._learned_count

    def _take_in_learned(self) -> None:
        """Take in the texts learned since; rebuild the expression when there are many."""
        with self._guard:
            for secret in self._pending:
                for name, form in plain_forms(secret):
                    if self._sources.setdefault(form, (name, secret)) == (name, secret):
                        self._recent += (form,)
            self._pending = []
            if len(self._recent) > _MAX_SEARCHED_SINGLY + self._searched // 8:
                self._rebuild()
            # Last: another thread must not take the old expression for the new one.
            self._known_count = self._learned_count

    def __bool__(self) -> bool:
        return not self.is_empty

    def find(self, text: str) -> list[Found]:
        """Where secrets stand in a text, in reading order; nothing overlaps."""
        if self._known_count != self._learned_count:
            self._take_in_learned()
        if not self._sources:
            return []
        if not has_readings(text):
            return [(*one.span(), one.group()) for one in self._matches(text)]
        found: list[Found] = []
        for read, place in readings(text):
            found += ((*place(*one.span()), one.group()) for one in self._matches(read))
        return _apart(found) if len(found) > 1 else found

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        if self._recent and any(form in text for form in self._recent):
            with self._guard:
                self._rebuild()
        return self._pattern.finditer(text)

    def source(self, form: str) -> tuple[str, str]:
        """The name of a form that was found, and the secret that it is a form of."""
        return self._sources[form]

    def where(self, secret: str) -> str | None:
        """Where a secret was learned; None for one that was not."""
        return self._learned.get(secret)

    def learned(self, where: str) -> str | None:
        """The secret that was learned at a place."""
        return next((text for text, name in self._learned.items() if name == where), None)

    def text(self, text: str) -> str:
        """``text`` without any secret in it."""
        found = self.find(text)
        if not found:
            return text
        parts: list[str] = []
        last = 0
        for start, end, _ in found:
            parts += text[last:start], REDACTED
            last = end
        return "".join((*parts, text[last:]))

    def said(self, text: str) -> str:
        """What somebody says, without any secret in it, and without passwords in addresses."""
        shown = _CREDENTIALS.sub(REDACTED, text) if "://" in text else text
        return self.text(shown) if self else shown

    def value(self, value: Any) -> Any:
        """``value`` without any secret in its texts; the very same object if there was none.

        A number stays what it is: that it is equal to a secret does not make it one.
        """
        return self._value(value, 0, numbers=False) if self else value

    def diagnostic(self, value: Any) -> Any:
        """Like :meth:`value`, for what is told to people alone: without secret numbers too."""
        return self._value(value, 0, numbers=True) if self else value

    def _value(self, value: Any, depth: int, *, numbers: bool) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            is_secret = numbers and any(map(self._is_whole_secret, _spellings(value)))
            return REDACTED if is_secret else value
        if depth > 500:
            return REDACTED
        if isinstance(value, dict):
            pairs: dict[Any, Any] = {}
            for key, item in value.items():
                shown = self.text(key) if isinstance(key, str) else key
                if shown in pairs:
                    shown = _another(shown, pairs)
                pairs[shown] = self._value(item, depth + 1, numbers=numbers)
            same = (
                all(new is old for new, old in zip(pairs.values(), value.values(), strict=True))
                and pairs.keys() == value.keys()
            )
            return value if same else pairs
        if isinstance(value, (list, tuple)):
            items = [self._value(item, depth + 1, numbers=numbers) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else items
        return self._other(value)

    def _is_whole_secret(self, text: str) -> bool:
        return any(end - start == len(text) for start, end, _ in self.find(text))

    def _other(self, value: Any) -> Any:
        """A value that is not JSON will be shown as its text, so its text is searched."""
        try:
            text = str(value)
        except Exception:
            return REDACTED
        shown = self.text(text)
        return value if shown == text else shown


def _apart(found: list[Found]) -> list[Found]:
    """What was found, sorted; what overlaps is one."""
    found.sort(key=lambda one: (one[0], -one[1]))
    apart = found[:1]
    for start, end, form in found[1:]:
        first, last, _ = apart[-1]
        if start >= last:
            apart.append((start, end, form))
        elif end > last:
            apart[-1] = first, end, None
    return apart


def _another(key: str, taken: Mapping[str, Any]) -> str:
    """The key, made another one than those that are taken."""
    number = len(taken)
    while f"{key} ({number})" in taken:
        number += 1
    return f"{key} ({number})"


def _hidden(name: str, value: Any, shown: Any) -> Iterator[tuple[str, str]]:
    """The names and texts in ``value`` in whose place ``shown`` has ``[redacted]``."""
    if shown == REDACTED:
        yield from ((path, str(scalar)) for path, scalar in scalars(name, value))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _hidden(f"{name}.{step(key)}", item, shown[key])
    elif isinstance(value, list):
        for number, (item, seen) in enumerate(zip(value, shown, strict=True)):
            yield from _hidden(f"{name}.{number}", item, seen)


def texts(value: Any) -> Iterator[str]:
    """The texts that would show a secret: those of each scalar of a structured secret."""
    return (str(scalar) for _, scalar in scalars("", value))


def scalars(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The scalars of a structured secret, which would show it, with their paths."""
    for path, part in parts(name, value):
        if part is not None and not isinstance(part, (bool, Mapping, list, tuple)):
            yield path, part


def parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A secret and everything inside of it, with their paths."""
    yield name, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts(f"{name}.{step(key)}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from parts(f"{name}.{number}", item)


def step(key: str) -> str:
    """A key as a step of a path, of letters, digits, ``-``, ``_``, ``~`` and ``%`` alone."""
    if key.isidentifier() and key.isascii():
        return key
    from urllib.parse import quote  # for start-up time

    return quote(key, safe="", errors="surrogatepass").replace(".", "%2E")


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches the first of the texts that is there. By their beginnings they are found sooner."""
    beginnings: dict[str, list[str]] = {}
    for text in texts:
        beginnings.setdefault(text[0], []).append(re.escape(text[1:]))
    groups = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in beginnings.items())
    return re.compile("|".join(groups) or "(?!)")


def _spellings(number: float) -> Iterator[str]:
    yield str(number)
    if isinstance(number, float) and number.is_integer():
        yield str(int(number))
