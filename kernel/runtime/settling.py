"""Settling runs that cannot be replayed: calls out of a Service whose process ended.

The outcomes of their intents are found out, and nothing is called again: the caller is gone.
"""

from __future__ import annotations

from contextlib import suppress

from kernel.errors import KernelError
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import DIGEST, History
from kernel.invocation.invocation import Invocation
from kernel.invocation.pipeline import prepare
from kernel.invocation.recovery.interrupted import conclude_found, may_have_landed
from kernel.invocation.recovery.reconcile import CheckResult, find_out
from kernel.invocation.run import Run
from kernel.journal.errors import Refused
from kernel.journal.rows import Invocation as Row
from kernel.journal.rows import RunState, Won
from kernel.runtime.lost_runs import Find
from kernel.runtime.targets import target_of
from kernel.topology.callsite import CallSite


async def settle(run: Run, history: History, find: Find) -> RunState:
    """Conclude the intents of an earlier process; the state of the run after that."""
    state: RunState = "failed"
    for row in history.in_flight.values():
        if row.holder is not None:
            state = "unknown"  # a silent process may still make it
            continue
        invocation, why = await _invocation_of(run, history, row, find)
        if not await _may_have_landed(history, row):
            found = CheckResult(False)
        elif invocation is None:
            found = CheckResult(None if why else False, why=why)
        else:
            found = await find_out(invocation)
        state = "unknown" if found.landed is None else state
        await conclude_found(found, invocation, history, row)
    return state


async def _may_have_landed(history: History, row: Row) -> bool:
    """Whether the call may have been made: an intent that waited for an approval was not."""
    for asked in await history.journal.approvals("pending", execution=row.execution):
        with suppress(Refused):
            why = "the process that served this call ended"
            await history.journal.decide(asked.approval, "invalidated", "kernel", why)
    return may_have_landed(await history.journal.trace(row.execution))


async def _invocation_of(
    run: Run, history: History, row: Row, find: Find
) -> tuple[Invocation | None, str]:
    """The invocation to reconcile; without it, why its outcome cannot be found out, if at all."""
    if row.safety == "idempotent":
        return None, ""
    try:
        instance = find(row)
        await instance.bring_up(instance)
        inputs = history.references.show(row.inputs)
        plan = prepare(run.runtime, CallSite(target_of(instance), ()), instance.scope, "")
    except KernelError as error:
        return None, str(error)
    is_keyed = row.key is not None and row.scope != row.run
    if instance.topology is not None and instance.definition.check is None and not is_keyed:
        return None, ""  # the calls of a topology are reconciled by themselves
    if row.key is not None and row.key.startswith(DIGEST):
        return None, "its idempotency key holds a secret, and is not kept"
    context = EvaluationContext(run, instance.scope, instance.scope.bindings, row.path)
    invocation = Invocation(context, plan)
    invocation.inputs = inputs
    invocation.claim = Won(row.execution, row.epoch, row.attempts)
    if row.key is not None:
        invocation.idempotency_key = row.key
    return invocation, ""
