"""K801 and K802: secrets that are shown, and text from outside in another language."""

from __future__ import annotations

from typing import Final, Literal

from analyzer.findings.message import Message

Language = Literal["sql", "shell", "prompt"]

LANGUAGES: Final[dict[Language, str]] = {
    "sql": "an SQL statement",
    "shell": "a shell command",
    "prompt": "a prompt",
}

_HELP: Final[dict[Language, str]] = {
    "sql": "give it as a value that is bound, beside the statement",
    "shell": "give it as an argument of its own",
    "prompt": "give it apart from the instructions",
}


def leak(secret: str, why: str, beyond: str | None) -> Message:
    """K801: a secret comes to where it is shown; ``beyond`` is the callee that shows it."""
    through = f"to `{beyond}`, and from there " if beyond else ""
    return Message("K801", f"the secret `{secret}` goes {through}{why}")


def untrusted(name: str, language: Language, beyond: str | None) -> Message:
    through = f" by `{beyond}`" if beyond else ""
    text = f"`{name}` becomes part of {LANGUAGES[language]}{through}, and may change it"
    return Message("K802", text, _HELP[language])
