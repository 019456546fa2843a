"""The pipeline: the stages of an invocation, in the order of ``pipeline.md``.

Each stage is a file. Its ``prepare`` looks at a call site and its target once, before the first
invocation, and gives the function that does the stage's work for each invocation, or None when
there is nothing to do: then the stage costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel.invocation.context import EvaluationContext
from kernel.invocation.decisions import decide
from kernel.invocation.flow import hidden_inputs
from kernel.invocation.invocation import Answered, Invocation, Plan, Stage
from kernel.invocation.pauses import pass_time, sleep, wait_for
from kernel.invocation.runtime import Runtime
from kernel.invocation.slots import give_back
from kernel.invocation.stages import (
    approve,
    attempt,
    authorise,
    conclude,
    deduplicate,
    expand,
    limit,
    record,
    replay,
    resolve,
    tell,
    validate,
)
from kernel.invocation.time_limits import in_time
from kernel.registry.scope import ModuleScope
from kernel.topology.callsite import CallSite, label_of

STAGES: tuple[Callable[[Plan], Stage | None], ...] = (
    replay.prepare,  # what an earlier process concluded is the answer
    resolve.prepare,  # 1
    # 2 accept: the source against the target's triggers, for calls that enter from outside
    expand.prepare,  # 3
    validate.prepare_inputs,  # 4
    deduplicate.prepare,  # 5
    limit.prepare,  # 6
    authorise.prepare,  # 7
    record.prepare,  # 8
    approve.prepare,  # 9
    attempt.prepare,  # 10
    validate.prepare_outputs,  # 11
    conclude.prepare,  # 12
    tell.prepare,  # 13
)


def prepare(runtime: Runtime, site: CallSite, scope: ModuleScope, label: str | None = None) -> Plan:
    """Make the plan of a call site: find its target, and the stages that have something to do.

    ``label`` names it in the path of a run where its place in the manifest does not.
    """
    instance = runtime.instance_of(site.target, scope)
    named = label_of(site.name, site.path) if label is None else label
    is_recorded = runtime.journal is not None
    plan = Plan(site, instance, named, runtime, runtime.policies(instance), is_recorded)
    if is_recorded:
        plan.hide_inputs = hidden_inputs(site, scope.secrets, instance.contract.input_redaction)
    plan.authorise_again = authorise.check(plan)
    plan.approve_again = approve.prepare(plan)
    plan.validate_outputs = validate.prepare_outputs(plan)
    prepared = (stage(plan) for stage in STAGES)
    plan.stages = tuple(stage for stage in prepared if stage is not None)
    plan.conclude_failure = conclude.prepare_failure(plan)
    return plan


class Pipeline:
    """Makes the calls of all runs of a kernel."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._plans: dict[CallSite, Plan] = {}

    async def invoke(self, context: EvaluationContext, site: CallSite) -> Any:
        """Make one call: every stage that the call site needs, in order."""
        plan = self._plans.get(site) or self.plan(site, context.scope)
        invocation = Invocation(context, plan)
        try:
            for stage in plan.stages:
                waiting = stage(invocation)
                if waiting is not None:
                    await waiting
        except Answered:
            if invocation.ticket is not None:
                await give_back(invocation)
            invocation.release()
            return invocation.outputs
        except BaseException as error:
            tell.tell_failure(invocation, error)
            if plan.conclude_failure is not None:
                await plan.conclude_failure(invocation, error)
            raise
        return invocation.outputs

    async def invoke_once(
        self, context: EvaluationContext, site: CallSite, label: str | None = None
    ) -> Any:
        """Make the only call of a call site; its plan is not kept."""
        self.plan(site, context.scope, label)
        try:
            return await context.invoke(site)
        finally:
            self._plans.pop(site, None)

    def plan(self, site: CallSite, scope: ModuleScope, label: str | None = None) -> Plan:
        """The plan of a call site, which is made once for all runs."""
        plan = self._plans.get(site)
        if plan is None or label is not None:
            self._plans[site] = plan = prepare(self._runtime, site, scope, label)
        return plan

    def invocation_to_cel(self, context: EvaluationContext, site: CallSite) -> dict[str, Any]:
        """The CEL variable ``invocation`` of a call that is about to be made."""
        return Invocation(context, self.plan(site, context.scope)).to_cel()

    decide = staticmethod(decide)
    in_time = staticmethod(in_time)
    pass_time = staticmethod(pass_time)
    sleep = staticmethod(sleep)
    wait_for = staticmethod(wait_for)
