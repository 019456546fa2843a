"""K001 to K011: the text of a manifest."""

from __future__ import annotations

from typing import Final

from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.message import Message
from analyzer.types import Type
from kernel.cel import Expr
from kernel.manifest.scalars import Scalar

MAX_SHOWN: Final = 60
"""Of a longer text only the beginning is shown."""


def not_text(node: Expr, what: str, type_: Type) -> Diagnostic:
    return Diagnostic.of("K006", node, f"{what} is {type_}, which cannot stand within text")


def text_around(thing: str, wanted: Type) -> Message:
    return Message("K006", f"text around the expression makes text of it, and {thing} is {wanted}")


BRACKETS_ARE_MISSING: Final = "an expression stands in brackets: `${{ … }}`"


def missing_brackets(text: str) -> Message:
    """K009: a text that would be an expression if it stood in brackets."""
    shown = text if len(text) <= MAX_SHOWN and "\n" not in text else f"{text[:MAX_SHOWN]}…"
    shown = " ".join(shown.split())
    said = f"`{shown}` is text here, and reads as an expression over what is in scope"
    return Message("K009", said, BRACKETS_ARE_MISSING)


def other_in_yaml_1_1(
    written: str, value: Scalar, other: Scalar, *, key: bool, quoted: str
) -> Message:
    """K005: a plain scalar that readers of YAML 1.1 take for ``other``.

    ``quoted`` is how the value is written so that all readers agree.
    """
    is_text = isinstance(value, str)
    what, shown = "key" if key else "value", f"the text {quoted}" if is_text else quoted
    text = f"the {what} `{written}` is {shown} here, and {_spelled(other)} in YAML 1.1"
    intended = f"{_spelled(other)} if that is meant" if is_text else f'"{written}" for text'
    return Message("K005", text, f"write {intended}")


def _spelled(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'the text "{value}"' if isinstance(value, str) else str(value)


def other_draft(word: str, where: str, instead: str) -> Message:
    """K011; ``where`` the word means something, and what is written ``instead`` of it here."""
    return Message("K011", f"`{word}` is a word of {where}; here it says nothing", instead)
