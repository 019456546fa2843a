"""Stage 7, authorise: policies permit the call, and what it expects of the world holds."""

from __future__ import annotations

from collections.abc import Awaitable

from kernel.errors import Denied
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.invocation.stages.expect import expect
from kernel.manifest import ApprovalTerms
from kernel.policy import Request, decide, reads
from kernel.run_paths import is_within

_TERMS = ApprovalTerms()


def prepare(plan: Plan) -> Stage | None:
    """The stage is needed if a policy names the target, or the call site has ``expect``.

    A call that an earlier process may have made is not refused: its outcome is found out first, and
    :func:`check` decides before another attempt.
    """
    stage = check(plan)
    if stage is None or not plan.is_recorded:
        return stage

    def authorise(invocation: Invocation) -> Awaitable[None] | None:
        if not _may_have_been_made(invocation):
            return stage(invocation)
        if plan.policies:
            invocation.decision = decide(plan.policies, _request(invocation))
        return None

    return authorise


def _may_have_been_made(invocation: Invocation) -> bool:
    """Whether an earlier process may have made the call; of a topology, a call within it."""
    history, instance = invocation.history, invocation.plan.instance
    if history is None:
        return False
    if not instance.is_topology:
        return invocation.was_in_flight and invocation.safety != "idempotent"
    recorded = (*history.concluded, *history.in_flight)
    return any(is_within(path, invocation.path) for path in recorded)


def check(plan: Plan) -> Stage | None:
    """The stage for a call, or an attempt, that was not made yet."""
    looks = bool(plan.site.expect)
    if not plan.policies:
        return expect if looks else None

    def authorise(invocation: Invocation) -> Awaitable[None] | None:
        invocation.decision = decide(plan.policies, _request(invocation))
        if invocation.history is not None or looks:
            return _looked_at(invocation)
        _refuse(invocation)
        return None

    return authorise


def may_demand(plan: Plan) -> bool:
    """Whether a policy may ask for an approval."""
    rules = (rule for applied in plan.policies for rule in applied.policy.rules)
    return any(rule.effect == "require-approval" for rule in rules)


def terms_of(invocation: Invocation) -> ApprovalTerms:
    """How long an approval of the call may take, and what must still be so when it is given."""
    decision = invocation.decision
    return _TERMS if decision is None or decision.approval is None else decision.approval


def _request(invocation: Invocation) -> Request:
    plan = invocation.plan
    run = invocation.context.run
    return Request(
        plan.instance.definition.kind,
        plan.instance.resource.name or "",
        invocation.inputs,
        run.principal,
        run.runtime.environment,
        invocation.to_cel() if reads(plan.policies, "invocation") else {},
    )


async def _looked_at(invocation: Invocation) -> None:
    history, decision = invocation.history, invocation.decision
    assert decision is not None
    if decision.effect != "deny":
        await expect(invocation)
    if history is not None:
        await history.note(invocation.id, "policy", decision.effect, decision.to_dict())
    _refuse(invocation)


def _refuse(invocation: Invocation) -> None:
    decision = invocation.decision
    if decision is not None and decision.effect == "deny":
        raise Denied(f"{invocation.plan.instance.address} was not called: {decision.reason}")
