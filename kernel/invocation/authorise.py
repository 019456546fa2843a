"""Stage 7, authorise: policies permit the call, and what it expects of the world holds."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, Any

from kernel.cel import CelError, compile, walk
from kernel.cel.tree import Ident, Select
from kernel.errors import Denied, StateDrift
from kernel.invocation.values import to_json
from kernel.manifest import ApprovalTerms
from kernel.policy import Request, decide, reads
from kernel.topology.callsite import names_in
from kernel.topology.context import type_name

if TYPE_CHECKING:
    from kernel.cel import Template
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage

_TERMS = ApprovalTerms()


def plan(plan: Plan) -> Stage | None:
    """Only where a policy names the target, or the call site has ``expect``.

    What an earlier process has sent is not refused any more: it is found out about first, and this
    stage is asked before another attempt (:func:`now`).
    """
    stage = now(plan)
    if stage is None or not plan.is_recorded:
        return stage

    def authorise(invocation: Invocation) -> Awaitable[None] | None:
        if not is_under_way(invocation):
            return stage(invocation)
        if plan.policies:
            invocation.decision = decide(plan.policies, _request(invocation))
        return None

    return authorise


def is_under_way(invocation: Invocation) -> bool:
    """Whether an earlier process may have made the call: of a topology, something within it."""
    history, instance = invocation.history, invocation.plan.instance
    if history is None:
        return False
    if instance.topology is None:
        return invocation.was_left and instance.contract.safety != "idempotent"
    within = (f"{invocation.path}.", f"{invocation.path}~")
    return any(path.startswith(within) for path in (*history.concluded, *history.left))


def now(plan: Plan) -> Stage | None:
    """What refuses a call that nobody has made yet."""
    if not plan.policies:
        return None if not plan.site.expect else _expect

    def authorise(invocation: Invocation) -> Awaitable[None] | None:
        decision = invocation.decision = decide(plan.policies, _request(invocation))
        if decision.effect != "deny":
            _expect(invocation)
        if invocation.history is not None:
            return _noted(invocation)
        _refuse(invocation)
        return None

    return authorise


def may_demand(plan: Plan) -> bool:
    """Whether a policy may ask for an approval."""
    return any(
        rule.effect == "require-approval"
        for applied in plan.policies
        for rule in applied.policy.rules
    )


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
        run.world.environment,
        invocation.to_cel() if reads(plan.policies, "invocation") else {},
    )


async def _noted(invocation: Invocation) -> None:
    history, decision = invocation.history, invocation.decision
    assert history is not None
    assert decision is not None
    await history.note(invocation, "policy", decision.effect, decision.to_dict())
    _refuse(invocation)


def _refuse(invocation: Invocation) -> None:
    decision = invocation.decision
    if decision is not None and decision.effect == "deny":
        raise Denied(f"{invocation.plan.instance.address} was not called: {decision.reason}")


def _expect(invocation: Invocation) -> None:
    plan, context = invocation.plan, invocation.context
    site = plan.site
    bindings = _bindings(invocation)
    for number, condition in enumerate(site.expect):
        path = (*site.path, "expect", number)
        try:
            holds = condition.evaluate(bindings)
        except CelError as error:
            raise context.failed_expression(error, path) from None
        if holds is not True:
            found = "false" if holds is False else type_name(holds)
            said = " ".join(str(condition.tree.structure).split())
            raise StateDrift(
                f"{plan.instance.address} was not called: it expects {said}, which is {found}",
                span=None if context.document is None else context.document.span(path),
            )


def _bindings(invocation: Invocation) -> dict[str, Any]:
    site, bindings = invocation.plan.site, invocation.context.bindings
    if any("invocation" in names_in(one) for one in site.expect):
        return {**bindings, "invocation": invocation.to_cel()}
    return bindings


def looked_at(invocation: Invocation) -> dict[str, Any]:
    """The values that ``expect`` looks at, by how it writes them: ``resources.Account.balance``."""
    found: dict[str, Any] = {}
    bindings = _bindings(invocation)
    for condition in invocation.plan.site.expect:
        for text in dict.fromkeys(_selections(condition)):
            try:
                found[text] = to_json(compile(text).evaluate(bindings))
            except CelError:
                found[text] = None
    return found


def _selections(condition: Template) -> Iterator[str]:
    """The selections of a condition that begin with a variable, each as it is written."""
    for path, embedded in condition.tree.expressions():
        text = condition.tree.scalars[path].text
        inner = {id(one.operand) for one in walk(embedded.expr) if isinstance(one, Select)}
        for node in walk(embedded.expr):
            if isinstance(node, (Select, Ident)) and id(node) not in inner and _is_chain(node):
                yield text[node.offset : node.end]


def _is_chain(node: Any) -> bool:
    while isinstance(node, Select):
        node = node.operand
    return isinstance(node, Ident)
