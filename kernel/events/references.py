"""Values as the journal keeps them: in place of a secret stands a reference to it.

``"Bearer s3cr3t"`` is kept as ``"Bearer ${{ Orders.secrets.token }}"``, in the notation of the
manifest, and is whole again where the secret is known. What no declaration can give back (a value
that a contract calls secret, a secret in another notation) is kept as ``${{ redacted }}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kernel.errors import KernelError
from kernel.events.redaction import REDACTED, Redactor, scalars

_MARK = "\udfff"
"""Stands for a redacted part until literals are escaped: no JSON text holds this character."""
LOST = "${{ redacted }}"  # what is kept of a value that no declaration can give back
_DOLLAR = "${{ $ }}"
_KEPT = re.compile(r"\$\$\{\{|\$\{\{ (string\()?([^(){}]*)\)? \}\}")
_MIN_LENGTH = 4


class LostSecret(KernelError):
    """A kept value holds a secret that is not kept, so that it cannot be used again."""

    category = "LostSecret"


class References:
    """From values to how they are kept, and back.

    ``secrets`` are the declared ones, by names that are the same in every process
    (``Orders.secrets``). ``redactor`` knows them in all notations, and those that were learned.
    """

    def __init__(self, redactor: Redactor, secrets: Iterable[tuple[str, Any]] = ()) -> None:
        self._redactor = redactor
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        for name, value in secrets:
            for path, scalar in scalars(name, value):
                self._values[path] = scalar
                if str(scalar):
                    self._names.setdefault(str(scalar), path)
        long = sorted((text for text in self._names if len(text) >= _MIN_LENGTH), key=len)
        self._pattern = re.compile("|".join(map(re.escape, reversed(long)))) if long else None

    def hide(self, value: Any, by_schema: Callable[[Any], Any] | None = None) -> Any:
        """How a JSON value is kept. ``by_schema`` redacts what a contract calls secret."""
        shown = value if by_schema is None else by_schema(value)
        if shown is value and not self._names and not self._redactor:
            return _escaped(value)  # there is no secret that it could hold
        return self._hide(value, shown)

    def _hide(self, value: Any, shown: Any) -> Any:
        if type(value) is str:
            if value in self._names:
                return self._reference(value, is_text=True)
            return LOST if shown == REDACTED != value else self._text(value)
        if value is None or type(value) is bool:
            return value if shown is value else LOST
        if type(value) in (int, float):
            if str(value) in self._names:
                return self._reference(str(value), is_text=False)
            hidden = shown == REDACTED or self._redactor.value(value) == REDACTED
            return LOST if hidden else value
        if shown == REDACTED:
            return LOST
        if isinstance(value, Mapping):
            return {self._text(key): self._hide(item, shown[key]) for key, item in value.items()}
        return [self._hide(item, seen) for item, seen in zip(value, shown, strict=True)]

    def _reference(self, text: str, *, is_text: bool) -> str:
        name = self._names[text]
        same = is_text == isinstance(self._values[name], str)
        return f"${{{{ {name} }}}}" if same else f"${{{{ string({name}) }}}}"

    def _text(self, text: str) -> str:
        return "".join(_joined(self._parts(text)))

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The literal parts of a text, and between them the references (True)."""
        end = 0
        for found in self._pattern.finditer(text) if self._pattern else ():
            yield from self._literals(text[end : found.start()])
            yield self._reference(found.group(), is_text=True), True
            end = found.end()
        yield from self._literals(text[end:])

    def _literals(self, text: str) -> Iterator[tuple[str, bool]]:
        first, *others = self._redactor.text(text, _MARK).split(_MARK) if text else [text]
        yield first, False
        for other in others:
            yield LOST, True
            yield other, False

    def show(self, kept: Any) -> Any:
        """The value that was kept. Raises :class:`LostSecret` where a part of it was not."""
        return _mapped(kept, self._shown)

    def redacted(self, kept: Any) -> Any:
        """The value that was kept, as a subscriber is told it: without the secrets."""
        return _mapped(kept, lambda text: _KEPT.sub(_without, text))

    def _shown(self, kept: str) -> Any:
        whole = _KEPT.fullmatch(kept)
        if whole is not None and whole.group(2) is not None:
            value = self._value(whole.group(2))
            return str(value) if whole.group(1) else value
        return _KEPT.sub(
            lambda one: "${{" if one.group(2) is None else str(self._value(one.group(2))), kept
        )

    def _value(self, name: str) -> Any:
        if name == "$":
            return name
        if name in self._values:
            return self._values[name]
        what = "a value that its contract calls secret" if name == "redacted" else f"`{name}`"
        raise LostSecret(f"it holds {what}, which is not kept, and not known to this process")


def _mapped(kept: Any, change: Callable[[str], Any]) -> Any:
    """A kept value with its texts that hold references changed."""
    if type(kept) is str:
        return change(kept) if "${{" in kept else kept
    if type(kept) is dict:
        return {str(_mapped(key, change)): _mapped(item, change) for key, item in kept.items()}
    return [_mapped(item, change) for item in kept] if type(kept) is list else kept


def _escaped(value: Any) -> Any:
    """A value without secrets, as it is kept: text that looks like a reference is escaped."""
    if isinstance(value, str):
        return value.replace("${{", "$${{") if "${{" in value else value
    if isinstance(value, Mapping):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(item) for item in value]
    return value


def _without(found: re.Match[str]) -> str:
    name = found.group(2)
    return "${{" if name is None else name if name == "$" else REDACTED


def _joined(parts: Iterable[tuple[str, bool]]) -> Iterator[str]:
    """The parts as one notation: ``$`` before a reference would make a literal of it."""
    literal = ""
    for part, is_reference in parts:
        if not is_reference:
            literal += part
            continue
        plain = literal.rstrip("$")
        yield plain.replace("${{", "$${{") + _DOLLAR * (len(literal) - len(plain))
        yield part
        literal = ""
    yield literal.replace("${{", "$${{")
