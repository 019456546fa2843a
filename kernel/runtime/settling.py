"""Runs that nobody can walk again: a call out of a service whose process ended.

What they left is found out about, and nothing is made anew: who asked for it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import KernelError, Unknown
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import DIGEST, History, error_to_json
from kernel.invocation.invocation import Invocation
from kernel.invocation.reconcile import Found, find_out
from kernel.journal.rows import Conclusion, Won
from kernel.runtime.targets import find_target
from kernel.topology.callsite import CallSite, Target

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
        found = await _found(kernel, run, row)
        if found.landed is True:
            ending = Conclusion("succeeded", history.references.hide(found.outputs))
        else:
            message = "the process ended before the outcome was recorded"
            outcome = "failed" if found.landed is False else "unknown"
            error = Unknown(message, code="INTERRUPTED", outcome=outcome)  # type: ignore[arg-type]
            ending = Conclusion(error.outcome, error=error_to_json(error))
            state = "unknown" if found.landed is None else state
        await history.journal.finalize(row.execution, row.epoch, ending)
    return state


async def _found(kernel: Kernel, run: Run, row: Row) -> Found:
    if row.safety == "idempotent":
        return Found(False)
    try:
        instance = find_target(kernel, row.target)
        inputs = kernel.references.show(row.inputs)
    except KernelError as error:
        return Found(None, why=str(error))
    is_keyed = row.key is not None and row.scope != row.run
    if instance.topology is not None and instance.definition.check is None and not is_keyed:
        return Found(False)  # what it called is found out about by itself
    if row.key is not None and row.key.startswith(DIGEST):
        return Found(None, why="its idempotency key holds a secret, and is not kept")
    kind, _, name = row.target.partition("/")
    site = CallSite(Target(kind, name), ())
    plan = run.plan(site, instance.scope, "")
    context = EvaluationContext(run, instance.scope, instance.scope.bindings, row.path)
    invocation = Invocation(context, plan)
    invocation.inputs = inputs
    invocation.claim = Won(row.execution, row.epoch, row.attempts)
    if row.key is not None:
        invocation.idempotency_key = row.key
    try:
        return await find_out(invocation)
    finally:
        run.plans.pop(site, None)
