"""Runs that nobody can walk again: a call out of a service whose process ended.

What they left is found out about, and nothing is made anew: who asked for it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import KernelError, Unknown
from kernel.invocation.conclude import landed, without_outputs
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import DIGEST, History, error_to_json
from kernel.invocation.invocation import Invocation
from kernel.invocation.reconcile import Found, find_out
from kernel.journal.errors import TooLarge
from kernel.journal.rows import Conclusion, Won
from kernel.runtime.targets import find_target, target_of
from kernel.topology.callsite import CallSite

if TYPE_CHECKING:
    from kernel.invocation.run import Run
    from kernel.journal.rows import Invocation as Row
    from kernel.journal.rows import RunState
    from kernel.runtime.kernel import Kernel


async def settle(kernel: Kernel, run: Run, history: History) -> RunState:
    """Conclude the intents that a run left; the state in which that leaves it."""
    run.history = history
    state: RunState = "failed"
    for row in history.left.values():
        invocation, why = _again(kernel, run, row)
        if invocation is None:
            found = Found(None if why else False, why=why)
        else:
            found = await find_out(invocation)
            run.plans.pop(invocation.plan.site, None)
        if found.landed is True and invocation is not None:
            ending = landed(invocation, history, found.outputs)
        else:
            message = "the process ended before the outcome was recorded"
            outcome = "failed" if found.landed is False else "unknown"
            error = Unknown(message, code="INTERRUPTED", outcome=outcome)  # type: ignore[arg-type]
            ending = Conclusion(error.outcome, error=error_to_json(error))
            state = "unknown" if found.landed is None else state
        try:
            await history.journal.finalize(row.execution, row.epoch, ending)
        except TooLarge as error:
            unkept = without_outputs(ending, error)
            await history.journal.finalize(row.execution, row.epoch, unkept)
    return state


def _again(kernel: Kernel, run: Run, row: Row) -> tuple[Invocation | None, str]:
    """The invocation, to ask of; or why it cannot be asked of, if it may have landed."""
    if row.safety == "idempotent":
        return None, ""
    try:
        instance = find_target(kernel, row.target)
        inputs = kernel.references.show(row.inputs)
        plan = run.plan(CallSite(target_of(instance), ()), instance.scope, "")
    except KernelError as error:
        return None, str(error)
    is_keyed = row.key is not None and row.scope != row.run
    if instance.topology is not None and instance.definition.check is None and not is_keyed:
        return None, ""  # what it called is found out about by itself
    if row.key is not None and row.key.startswith(DIGEST):
        return None, "its idempotency key holds a secret, and is not kept"
    context = EvaluationContext(run, instance.scope, instance.scope.bindings, row.path)
    invocation = Invocation(context, plan)
    invocation.inputs = inputs
    invocation.claim = Won(row.execution, row.epoch, row.attempts)
    if row.key is not None:
        invocation.idempotency_key = row.key
    return invocation, ""
