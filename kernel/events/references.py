"""Values as the journal keeps them: in place of a secret stands a reference to it.

``"Bearer s3cr3t"`` is kept as ``"Bearer ${{ Orders.secrets.token }}"``, in the notation of the
manifest, and is whole again where the secret is known. A secret in another form is kept with the
name of that form: ``${{ base64(Orders.secrets.token) }}``. What is not text is only a secret where
a contract or the flow says so. A secret of such a place that no declaration can give back is kept
as ``${{ redacted }}``.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kernel.errors import KernelError
from kernel.events.forms import SPELLINGS, forms, spelling
from kernel.events.notations import run_around
from kernel.events.redaction import REDACTED, Found, Redactor, parts, scalars

LOST = "${{ redacted }}"  # what is kept of a value that no declaration can give back
_DOLLAR = "${{ $ }}"
_KEPT = re.compile(r"\$\$\{\{|\$\{\{ ((?:[A-Za-z0-9.-]+\()*)([^(){}]*)\)* \}\}")
_INNER = "base64"  # how a kept text is written within a reference
_CASTS: Mapping[str, Callable[[Any], Any]] = {"string": str, "int": int, "double": float}


class LostSecret(KernelError):
    """A kept value holds a secret that is not kept, so that it cannot be used again."""

    category = "LostSecret"


class References:
    """From values to how they are kept, and back.

    ``secrets`` are the declared ones, by names that are the same in every process
    (``Orders.secrets``). ``redactor`` knows them in all forms, and those that were learned.
    """

    def __init__(self, redactor: Redactor, secrets: Iterable[tuple[str, Any]] = ()) -> None:
        self._redactor = redactor
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._typed: dict[str, str] = {}
        for name, value in secrets:
            for path, part in parts(name, value):
                self._values[path] = part
                self._typed.setdefault(_typed(part), path)
            for path, scalar in scalars(name, value):
                self._names.setdefault(str(scalar), path)

    def hide(
        self,
        value: Any,
        by_schema: Callable[[Any], Any] | None = None,
        *,
        with_learned: bool = False,
    ) -> Any:
        """How a JSON value is kept. ``by_schema`` redacts what a contract or the flow calls secret.

        ``with_learned``: a secret that was learned is kept as a reference to where it was learned,
        which is the same in every process that goes on with the run. Otherwise it is lost, as is
        right for what is compared with the values of other runs.
        """
        shown = value if by_schema is None else by_schema(value)
        if shown is value and not self._redactor:
            return _escaped(value)  # there is no secret that it could hold
        return self._hide(value, shown, with_learned)

    def _hide(self, value: Any, shown: Any, with_learned: bool) -> Any:
        if shown == REDACTED and value != REDACTED:
            return self._secret(value)
        if isinstance(value, str):
            return self._text(value, with_learned)
        if isinstance(value, Mapping):
            pairs: dict[str, Any] = {}
            for key, item in value.items():
                # Keys that are lost must not fall together: their values would be lost unnoticed.
                kept = self._text(key, with_learned)
                kept = f"{kept}{LOST}{len(pairs)}" if kept in pairs else kept
                pairs[kept] = self._hide(item, shown[key], with_learned)
            return pairs
        if isinstance(value, (list, tuple)):
            return [
                self._hide(item, seen, with_learned)
                for item, seen in zip(value, shown, strict=True)
            ]
        return value

    def _secret(self, value: Any) -> str:
        """A value that is a secret as a whole: a reference where a declared one gives it back."""
        name = self._typed.get(_typed(value))
        if name is not None:
            return _reference(name)
        for cast in ("int", "double", "string"):
            for path in self._casts(cast, value):
                return _reference(path, cast)
        return LOST

    def _casts(self, cast: str, value: Any) -> Iterator[str]:
        if type(value) is not type(_CASTS[cast](0)):
            return
        for path, known in self._values.items():
            try:
                if type(known) in (str, int, float) and _CASTS[cast](known) == value:
                    yield path
            except (ValueError, OverflowError):
                continue

    def _text(self, text: str, with_learned: bool) -> str:
        if not self._redactor:
            return _escaped(text) if "${{" in text else text
        found = self._redactor.find(text)
        if not found:
            return _escaped(text) if "${{" in text else text
        return "".join(_joined(self._pieces(text, found, with_learned)))

    def _pieces(
        self, text: str, found: Iterable[Found], with_learned: bool
    ) -> Iterator[tuple[str, bool]]:
        """The literal parts of a text, and between them the references (True)."""
        last = 0
        for start, end, form in found:
            if end <= last:
                continue
            reference = self._reference_to(text[start:end], form, with_learned)
            if reference == LOST:
                start, end, reference = self._within_run(text, start, end, with_learned)
            yield text[last:start], False
            yield reference, True
            last = end
        yield text[last:], False

    def _reference_to(self, written: str, form: str | None, with_learned: bool) -> str:
        """A reference to a form of a secret, as it is written in a text."""
        if form is None:
            return LOST
        name, secret = self._redactor.source(form)
        path = self._names.get(secret)
        is_text = path is None or isinstance(self._values[path], str)
        if path is None and with_learned:
            path = self._redactor.where(secret) or None
        spelt = () if written == form else spelling(form, written)
        if path is None or spelt is None:
            return LOST
        inner = (*((name,) if name else ()), *(() if is_text else ("string",)))
        return _reference(path, *spelt, *inner)

    def _within_run(
        self, text: str, start: int, end: int, with_learned: bool
    ) -> tuple[int, int, str]:
        """The place of a secret, and a reference to the base64 that it stands in, if there is one.

        What the base64 holds is kept like any text.
        """
        first, made = run_around(text, start, end)
        for name, read in made:
            last = first + len(SPELLINGS[name](read))
            kept = self._text(read, with_learned)
            if last >= end and LOST not in kept and text[first:last] == SPELLINGS[name](read):
                return first, last, _reference(f"of {SPELLINGS[_INNER](kept)}", name)
        return start, end, LOST

    def show(self, kept: Any) -> Any:
        """The value that was kept. Raises :class:`LostSecret` where a part of it was not."""
        return _mapped(kept, self._shown)

    def redacted(self, kept: Any) -> Any:
        """The value that was kept, as a subscriber is told it: without the secrets."""
        return _mapped(kept, lambda text: _KEPT.sub(_without, text))

    def _shown(self, kept: str) -> Any:
        whole = _KEPT.fullmatch(kept)
        if whole is not None and whole.group(2) is not None:
            return self._value(whole)
        return _KEPT.sub(lambda one: "${{" if one.group(2) is None else str(self._value(one)), kept)

    def _value(self, reference: re.Match[str]) -> Any:
        """The value of a reference."""
        calls, name = reference.group(1).split("(")[-2::-1], reference.group(2)
        if name == "$":
            return name
        if name.startswith("of "):
            inner = self.show(b64decode(name[3:]).decode("utf-8", "surrogatepass"))
            return SPELLINGS[calls[0]](inner)
        value = self._values[name] if name in self._values else self._redactor.learned(name)
        if value is None and name not in self._values:
            what = "a value that its contract calls secret" if name == "redacted" else f"`{name}`"
            raise LostSecret(f"it holds {what}, which is not kept, and not known to this process")
        try:
            return _called(value, calls)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            raise LostSecret(f"it holds a form of `{name}`, which is another secret now") from None


def _called(value: Any, calls: list[str]) -> Any:
    """Apply the calls of a reference to a secret, the innermost call first.

    A call is a cast (``int``), the name of a form (``line.1``) or a spelling (``base64``).
    """
    if calls and calls[0] in _CASTS:
        value = _CASTS[calls[0]](value)
        calls = calls[1:]
    if calls:
        form = dict(forms(value)).get(calls[0])
        if form is not None:
            value, calls = form, calls[1:]
    for call in calls:
        value = SPELLINGS[call](value)
    return value


def _reference(path: str, *calls: str) -> str:
    """A reference to a secret, with calls, the outermost first."""
    return f"${{{{ {''.join(f'{call}(' for call in calls)}{path}{')' * len(calls)} }}}}"


def _typed(value: Any) -> str:
    """The same for values that are equal and of one type."""
    return json.dumps(value, sort_keys=True)


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
