"""K701 to K709: what is repeated, approved, handled, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.message import Message
from kernel.cel.tree import Literal

Code = str | int
"""A code of an error."""


SINGLE_ATTEMPT: Final = Message(
    "K701", "`attempts` counts the first call, so with 1 nothing is ever repeated"
)
NEVER_RETRIED: Final = Message("K701", "this is always false, so nothing is ever repeated")


def retry_never_taken(callee: str) -> Message:
    """K701: a ``retry.when`` that fits no error that may be retried."""
    return Message("K701", f"`when` is false for every error after which `{callee}` is repeated")


def retryable_never_taken(callee: str, codes: Sequence[Code]) -> Message:
    """K701: ``when`` excludes the only errors after which a call may be repeated."""
    shown = [str(code) for code in codes[:3]]
    listed = " and ".join(shown) if len(shown) < 3 else ", ".join(shown)
    text = f"of the irreversible `{callee}` only {listed} may be repeated"
    return Message("K701", f"{text}, and for that `when` is false")


def irreversible_retried(callee: str) -> Message:
    text = f"`{callee}` is irreversible and declares no error that is safe to retry"
    return Message("K702", f"{text}, so a call of it is not to be repeated")


def irreversible_repeated(callee: str, inner: str) -> Message:
    text = f"a retry of `{callee}` repeats its call of `{inner}`, which is irreversible"
    return Message("K702", text)


def approval_in_retry(callee: str, inner: str | None) -> Message:
    needed = _approved(callee, inner)
    return Message("K703", f"{needed} for each attempt, and a retry asks for another one")


def approval_in_loop(callee: str, inner: str | None) -> Message:
    needed = _approved(callee, inner)
    return Message("K703", f"{needed}, and in a loop it asks for one in each round")


def _approved(callee: str, inner: str | None) -> str:
    if inner is None:
        return f"`{callee}` needs an approval"
    return f"`{callee}` calls `{inner}`, which needs an approval"


def no_check(kind: str, safety: str) -> Message:
    """K704: a safety class that needs a ``check``."""
    text = f"{kind} is {safety}, and has no `check` that finds out whether a write landed"
    return Message("K704", text)


def key_not_passed_on(kind: str) -> Message:
    """K704: a ``check`` by a key that no call of the body has."""
    text = f"the `check` of {kind} asks for the key of the call, and its `body` passes"
    return Message("K704", f"{text} that on to nobody")


def no_such_error(
    subject: str, code: Code, codes: Sequence[str], meant: str | None, *, final: bool
) -> Message:
    """K705: an error code that ``subject`` cannot fail with; ``codes`` are those that it may.

    ``final``: an error with that code is never retried, so ``retry.when`` is not asked about it.
    """
    if final:
        return Message("K705", f"an error with '{code}' is never retried, so this is never true")
    shown = f"'{code}'" if isinstance(code, str) else code
    text = f"{subject} cannot fail with {shown}"
    if meant is not None:
        return Message("K705", f"{text}; did you mean '{meant}'?")
    return Message("K705", f"{text}, but with {_listed(codes)}" if codes else text)


def no_such_category(category: object, meant: str) -> Message:
    return Message("K705", f"no error is of the kind '{category}'; did you mean '{meant}'?")


def compared(literal: Literal, message: Message, meant: str | None) -> Diagnostic:
    fix = None
    if meant is not None and isinstance(literal.value, str):
        # Within the quotes as they are written.
        start, end = literal.offset + 1, literal.end - 1
        if end - start == len(literal.value):
            fix = Fix(f"write '{meant}'", start, end, meant)
    return Diagnostic.of(message.code, literal, message.text, fix=fix)


def unhandled_errors(codes: Sequence[str]) -> Message:
    """K705: a ``switch`` over ``error.code`` that leaves codes out."""
    return Message("K705", f"no case for {_listed(codes)}, and there is no `default`")


def _listed(names: Sequence[str]) -> str:
    """Some names, as people write them; the first few of many."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def attempt_past_deadline(
    attempt: int, attempts: int, each: float, pauses: float, begins: float, deadline: float
) -> Message:
    """K706: an attempt that cannot begin before the deadline; times are in milliseconds."""
    how = f" and {_ms(each)} for each attempt" if each else ""
    text = f"with {_ms(pauses)} of pauses{how}, attempt {attempt} of {attempts}"
    late = f" would begin at {_ms(begins)}, not before the deadline of {_ms(deadline)}"
    return Message("K706", text + late)


def last_attempt_cut(
    attempts: int, each: float, pauses: float, total: float, deadline: float
) -> Message:
    text = f"{attempts} attempts of {_ms(each)} with {_ms(pauses)} of pauses take {_ms(total)}"
    return Message("K706", f"{text}: the deadline of {_ms(deadline)} cuts the last one short")


def _ms(value: float) -> str:
    return f"{value:.15g} ms"


def endless_loop(word: str) -> Message:
    return Message("K707", f"`{word}` is always true, and there is no `maxIterations`")


def unchanging_loop(word: str) -> Message:
    once = "true at first" if word == "while" else "false after the first round"
    text = f"no step of this loop changes what `{word}` reads, so where it is {once} it stays so"
    return Message("K707", f"{text}, and there is no `maxIterations`")


def unseen_limit(name: str) -> Message:
    """K709: a loop that is given up, where nobody looks at the error and its result is read."""
    text = "where `maxIterations` ends this loop, the `catch` does not look at the error"
    return Message("K709", f"{text} (LOOP_LIMIT), and `{name}` is read afterwards")


def unraised_event(pattern: str, near: str | None) -> Message:
    """K711: an event to wait for that can only come from outside of the manifest."""
    more = f"; did you mean `{near}`?" if near else ", so it can only come from outside"
    return Message("K711", f"nothing in this manifest raises an event `{pattern}`{more}")


def unclassified(kind: str) -> Message:
    text = f"{kind} declares no safety class, so whether a call may be repeated"
    return Message("K708", f"{text} is only this caller's word")
