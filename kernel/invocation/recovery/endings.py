"""Endings: the conclusion of an invocation, as the journal gets it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from kernel.errors import Cancelled, InvocationError, OutputError, Unknown
from kernel.invocation.history import History, error_to_json
from kernel.invocation.invocation import Invocation
from kernel.invocation.time_limits import note_cut_off
from kernel.journal.errors import TooLarge
from kernel.journal.rows import Conclusion
from kernel.journal.rows import Invocation as Row


def succeeded(invocation: Invocation, history: History) -> Conclusion:
    """The end of a call that has returned its outputs."""
    kept, duration = _kept_outputs(invocation, history), _duration(invocation)
    return Conclusion("succeeded", kept, attempts=invocation.attempt, duration=duration)


def landed(invocation: Invocation, history: History, outputs: Any) -> Conclusion:
    """The end of a call that a check has found, whose outputs are held to the contract."""
    invocation.outputs = outputs
    try:
        invocation.plan.validate_outputs(invocation)
    except OutputError as error:
        return failed(invocation, error)
    kept = _kept_outputs(invocation, history)
    return Conclusion("succeeded", kept, attempts=invocation.attempt)


def without_outputs(ending: Conclusion, error: TooLarge) -> Conclusion:
    """The end of a call whose outputs cannot be kept."""
    why = error_to_json(OutputError(f"its result is not kept: {error}"))
    return replace(ending, outputs=None, error=why)


def failed(invocation: Invocation, error: InvocationError) -> Conclusion:
    """The end of a call that raised an error."""
    if error.outcome == "unknown" and invocation.safety == "idempotent":
        error.outcome = "failed"  # it may be made again: nobody has to find out
    return Conclusion(
        error.outcome,
        error=error_to_json(error),
        attempts=invocation.attempt if invocation.is_attempted else 0,
        duration=_duration(invocation),
        landed=True if isinstance(error, OutputError) else None,
    )


def cut_off(invocation: Invocation, has_landed: bool | None = None) -> Conclusion:
    """The end of a call that was cancelled, and did not land as far as is known."""
    if not invocation.is_attempted:
        return failed(invocation, Cancelled("the call was cancelled before it was made"))
    is_sure = has_landed is False or invocation.safety == "idempotent"
    if is_sure or not invocation.has_own_effect:
        return failed(invocation, Cancelled("the call was cancelled", attempt=invocation.attempt))
    note_cut_off(invocation.path)
    message = "the call was cancelled in flight; whether it took effect is not known"
    return failed(invocation, Unknown(message, code="CANCELLED", attempt=invocation.attempt))


def may_take_effect(row: Row) -> bool:
    """Whether somebody has to find out about a call without an outcome that was cut off.

    A topology has no effect of its own, and what is idempotent may be made again.
    """
    return row.safety != "idempotent" and not (row.about or {}).get("topology")


def _kept_outputs(invocation: Invocation, history: History) -> Any:
    hide = invocation.plan.instance.contract.output_redaction
    return history.references.hide(invocation.outputs, hide, with_learned=True)


def _duration(invocation: Invocation) -> int:
    return max(time.time_ns() - invocation.began, 0)
