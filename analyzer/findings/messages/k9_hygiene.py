"""K901 and K902: what nothing uses, and comments that suppress nothing."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.findings.message import Message


def target_names_nothing(target: str) -> Message:
    """K901: a target of a policy that names nothing."""
    return Message("K901", f"nothing in the manifest is named by `{target}`")


def unread_value(step: str | None) -> Message:
    """K901: a ``value`` step whose result goes nowhere."""
    what = f"the value of `{step}`" if step else "this value"
    return Message("K901", f"nothing reads {what}")


def unread_variable(what: str, name: str) -> Message:
    """K901: a variable, or a secret, that no expression reads."""
    return Message("K901", f"nothing reads the {what} `{name}`")


def unused_kind(kind: str) -> Message:
    """K901: a kind without a resource."""
    return Message("K901", f"nothing is of the kind `{kind}`")


def no_rule_named() -> Message:
    """K902: a comment that names no rule."""
    help = "write # kernel: ignore[K503] and the reason"
    return Message("K902", "this comment names no rule", help)


def no_such_rule(code: str, meant: str | None) -> Message:
    """K902: a comment that names a rule that does not exist."""
    return Message(
        "K902", f"there is no rule {code!r}", f"did you mean {meant}?" if meant else None
    )


def not_suppressible(code: str, *, is_refused: bool) -> Message:
    """K902: a rule that no comment suppresses; ``is_refused``: ``kernel apply`` refuses it too."""
    help = f"`kernel apply` refuses it too; kernel explain {code}" if is_refused else None
    return Message("K902", f"{code} cannot be suppressed", help)


def no_reason() -> Message:
    """K902: a comment that does not say why."""
    text = "this suppression has no reason, so it does not count"
    return Message("K902", text, "write the reason behind the bracket")


def stale(codes: Sequence[str]) -> Message:
    """K902: a comment about findings that are not there."""
    return Message("K902", f"nothing is found here that {', '.join(codes)} would suppress")
