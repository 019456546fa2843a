"""Reconciliation: finding out whether an effect landed whose outcome is unknown (pipeline.md)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from kernel.cel import CelError, Template
from kernel.errors import InvocationError
from kernel.invocation.around import aside
from kernel.invocation.context import EvaluationContext
from kernel.invocation.invocation import Invocation
from kernel.registry.instances import Instance
from kernel.run_paths import is_within, of_check
from kernel.structs import struct
from kernel.topology.callsite import CallSite, constant, read_call_site
from kernel.topology.reader import Reader

_MAX_CHECK_REPEATS = 5
"""How often a `check` that fails is made again, with growing pauses, until a person is asked."""

_FIRST_PAUSE_SECONDS = 0.25


@struct
class CheckResult:
    """The answer of a ``check``; where ``landed`` is None, ``why`` says why it is not known."""

    landed: bool | None
    outputs: Any = None
    why: str = ""


@struct(eq=False)
class Check:
    """The ``check`` of a definition."""

    site: CallSite
    landed: Template
    outputs: Template | None


async def find_out(invocation: Invocation, repeats: int = _MAX_CHECK_REPEATS) -> CheckResult:
    """Ask the ``check`` of the definition whether the effect of a call landed.

    "It did not" is only believed when no attempt of this process is still at work.
    """
    instance = invocation.plan.instance
    check = _check_of(invocation.plan.runtime.checks, instance)
    if check is None:
        return CheckResult(None, why=f"{instance.definition.kind} has no `check`")
    pause, number, why = _FIRST_PAUSE_SECONDS, 0, ""
    while True:
        has_live_attempt = invocation.has_live_attempt
        try:
            found = await _ask(invocation, check, number)
        except (InvocationError, CelError) as error:
            why = f"its `check` fails: {error}"
        else:
            if found.landed or not has_live_attempt:
                return await _told(invocation, found)
            why = "an attempt is still at work and may yet take effect"
        number += 1
        if number > repeats:
            return CheckResult(None, why=why)
        await asyncio.sleep(pause)
        pause *= 2


async def reconcile(invocation: Invocation, error: InvocationError) -> bool:
    """Whether an attempt of unknown outcome has landed; if it has not, its error says failed."""
    found = await find_out(invocation)
    if found.landed:
        invocation.outputs = found.outputs
        invocation.is_adopted = True
        return True
    if found.landed is False:
        error.outcome = "failed"
        await settle_within(invocation, landed=False)
    else:
        error.reword(f"{error.message}; whether it took effect is not known: {found.why}")
    return False


async def _told(invocation: Invocation, found: CheckResult) -> CheckResult:
    history = invocation.history
    if history is not None:
        await history.note(invocation.id, "reconcile", "landed" if found.landed else "not landed")
    invocation.tell("Reconciled", {"landed": found.landed})
    return found


async def settle_within(invocation: Invocation, *, landed: bool) -> None:
    """Resolve the unknown outcomes within a topology as the outcome of the topology."""
    history, instance = invocation.history, invocation.plan.instance
    if history is None or not instance.is_topology:
        return
    who = f"the check of {instance.definition.kind}"
    for row in await history.guard(history.journal.escalations(history.run)):
        if is_within(row.path, invocation.path):
            await history.guard(history.journal.resolve(row.execution, landed, who))


def _check_of(known: dict[Any, Check | None], instance: Instance) -> Check | None:
    definition = instance.definition
    if definition not in known:
        known[definition] = None
        if definition.check is not None:
            reader = Reader(definition.document)
            site = read_call_site(reader, definition.check, ("check",))
            assert site is not None, "a check that is none does not pass the loading"
            outputs = definition.check.get("outputs")
            known[definition] = Check(
                site,
                reader.template(definition.check["landed"]),
                None if outputs is None else reader.template(outputs),
            )
    return known[definition]


async def _ask(invocation: Invocation, check: Check, number: int) -> CheckResult:
    """Call the check once, as a part of the invocation, at a path of its own."""
    instance, outer = invocation.plan.instance, invocation.context
    epoch = 0 if invocation.claim is None else invocation.claim.epoch
    bindings = {
        **instance.home.bindings,
        "self": instance.fields,
        "inputs": invocation.inputs,
        "invocation": invocation.to_cel(),
    }
    path = of_check(invocation.path, epoch, invocation.attempt, number)
    document = instance.definition.document
    context = EvaluationContext(
        outer.run, instance.home, bindings, path, outer.depth + 1, document,
        atomic=outer.atomic, around=aside(),
    )  # fmt: skip
    # `invocation` in its inputs is the one that is found out about, not that of the check.
    values = None if check.site.inputs is None else check.site.inputs.evaluate(bindings)
    site = replace(check.site, inputs=None if values is None else constant(values))
    result = await context.invoke_once(site)
    seen = {**bindings, "result": result}
    landed = check.landed.evaluate(seen)
    if landed is not True and landed is not False:
        raise InvocationError("`landed` of the check is no bool")
    outputs = None
    if landed and check.outputs is not None:
        outputs = check.outputs.evaluate(seen)
    return CheckResult(landed, outputs)
