"""Whether a failed attempt is repeated, and when (seed 003, section 3; pipeline.md)."""

from __future__ import annotations

import random
from functools import partial

from kernel.cel import CelError, Template
from kernel.errors import Cancelled, InvocationError, OutputError, Rejected
from kernel.invocation.invocation import Invocation
from kernel.run_paths import joined, numbered
from kernel.topology.callsite import DIFFERS, CallSite, Retry, names_in
from kernel.topology.context import type_name
from kernel.topology.reader import MAX_MILLISECONDS


async def next_delay(invocation: Invocation, error: InvocationError, spent: float) -> float | None:
    """Milliseconds until the next attempt, or None when there is none.

    ``spent`` is in milliseconds since the first attempt began.
    """
    retry = invocation.plan.site.retry
    if retry is None or not await _is_allowed(retry, invocation, error):
        return None
    delay = delay_after(retry, invocation.attempt, error.retry_after)
    if retry.deadline is not None and spent + delay >= retry.deadline:
        return None
    return delay


def delay_after(retry: Retry, attempt: int, retry_after: float | None = None) -> float:
    """Milliseconds of the pause after an attempt: no fewer than the callee asked for.

    ``maxDelay`` bounds both.
    """
    factor = attempt if retry.backoff == "linear" else 2.0 ** min(attempt - 1, 1000)
    longest = MAX_MILLISECONDS if retry.max_delay is None else retry.max_delay
    delay = min(retry.delay * factor, longest)
    if retry.jitter == "full":
        delay = random.uniform(0.0, delay)
    return min(max(delay, retry_after or 0.0), longest)


def limit_of(site: CallSite, spent: float) -> float | None:
    """Milliseconds that the next attempt may take, when so many are spent already."""
    retry, limit = site.retry, site.timeout
    if retry is None or retry.deadline is None:
        return limit
    left = max(retry.deadline - spent, 0.0)
    return left if limit is None else min(limit, left)


async def _is_allowed(retry: Retry, invocation: Invocation, error: InvocationError) -> bool:
    is_final = isinstance(error, (Cancelled, OutputError, Rejected))
    if is_final or invocation.attempt >= retry.attempts:
        return False
    if not class_allows(invocation, error):
        return False
    if retry.when is None:
        return True
    find = partial(_when, retry.when, invocation, error)
    if names_in(retry.when).isdisjoint(DIFFERS):
        return find()
    # A later process would not make an attempt that this one made, or make one more.
    path = numbered(joined(invocation.path, "retry.when"), invocation.attempt)
    if invocation.history is not None and invocation.history.fault is not None:
        invocation.history.ended(invocation.id)  # the decision cannot be recorded
    return bool(await invocation.context.decide(path, find))


def class_allows(invocation: Invocation, error: InvocationError) -> bool:
    """Whether the safety class lets the kernel make another attempt by itself.

    In no class after an error that is declared ``retryable: false``, here or by what was called.
    """
    if error.is_final:
        return False
    if error.is_before_call:
        return True
    declared = invocation.plan.instance.contract.errors.get(error.code)
    match invocation.safety:
        case "irreversible":
            known = error.outcome != "unknown"
            return known and declared is not None and declared.retryable is True
        case "write-once-checkable" | "approval-bound":
            return error.outcome != "unknown"
        case _:
            return True


def _when(when: Template, invocation: Invocation, error: InvocationError) -> bool:
    """Evaluate ``retry.when``. An error in it counts as false, and is logged."""
    context = invocation.context
    if error.step is None:
        error.step = invocation.plan.site.name
    bindings = {**context.bindings, "error": error.to_cel()}
    if "invocation" in invocation.plan.site.names:
        bindings["invocation"] = invocation.to_cel()
    try:
        again = when.evaluate(bindings)
    except CelError as failure:
        problem = str(failure)
    else:
        if again is True or again is False:
            return bool(again)
        problem = f"its value is {type_name(again)}, not a bool"
    context.run.log("warning", f"`retry.when` counts as false: {problem}", {}, invocation.path)
    return False
