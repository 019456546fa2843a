"""K901 and K902: what nothing uses, and comments that suppress nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.findings.message import Message


def target_names_nothing(target: str) -> Message:
    return Message("K901", f"`{target}` matches no kind and no resource of the manifest")


def unread_value(step: str | None) -> Message:
    """K901: a ``value`` step whose result goes nowhere."""
    what = f"the value of `{step}`" if step else "this value"
    return Message("K901", f"nothing reads {what}")


def unread_variable(what: str, name: str) -> Message:
    return Message("K901", f"nothing reads the {what} `{name}`")


def unused_kind(kind: str) -> Message:
    return Message("K901", f"nothing is of the kind `{kind}`")


NO_RULE_NAMED: Final = Message(
    "K902", "this comment names no rule", "write # kernel: ignore[K503] and the reason"
)


def no_such_rule(code: str, meant: str | None) -> Message:
    help = f"did you mean {meant}?" if meant else None
    return Message("K902", f"there is no rule {code!r}", help)


def not_suppressible(code: str, *, is_refused: bool) -> Message:
    """K902: a rule that no comment suppresses; ``is_refused``: ``kernel apply`` refuses it too."""
    help = f"`kernel apply` refuses it too; kernel explain {code}" if is_refused else None
    return Message("K902", f"{code} cannot be suppressed", help)


NO_REASON: Final = Message(
    "K902",
    "this suppression has no reason, so it does not count",
    "write the reason behind the bracket",
)


def stale(codes: Sequence[str]) -> Message:
    return Message("K902", f"nothing is found here that {', '.join(codes)} would suppress")
