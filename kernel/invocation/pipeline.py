"""The pipeline: the stages of an invocation, in the order of ``pipeline.md``.

Each stage is a file. Its ``prepare`` looks at a call site and its target once, before the first
invocation, and gives the function that does the stage's work for each invocation, or None when
there is nothing to do: then the stage costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel.invocation import (
    approve,
    attempt,
    authorise,
    conclude,
    deduplicate,
    expand,
    record,
    replay,
    resolve,
    tell,
    validate_inputs,
    validate_outputs,
)
from kernel.invocation.plan import Plan, Stage

if TYPE_CHECKING:
    from kernel.events import Bus
    from kernel.invocation.threads import Threads
    from kernel.policy import Applied
    from kernel.registry.instances import Instance
    from kernel.topology.callsite import CallSite

STAGES: tuple[Callable[[Plan], Stage | None], ...] = (
    replay.prepare,  # what an earlier process concluded is the answer
    resolve.prepare,  # 1
    # 2 accept: the source against the target's triggers, for calls that enter from outside
    expand.prepare,  # 3
    validate_inputs.prepare,  # 4
    deduplicate.prepare,  # 5
    # 6 limit: sliding window of the target
    authorise.prepare,  # 7
    record.prepare,  # 8
    approve.prepare,  # 9
    attempt.prepare,  # 10
    validate_outputs.prepare,  # 11
    conclude.prepare,  # 12
    tell.prepare,  # 13
)


def plan_call(
    site: CallSite,
    instance: Instance,
    label: str,
    bus: Bus,
    threads: Threads,
    *,
    is_recorded: bool = False,
    policies: tuple[Applied, ...] = (),
) -> Plan:
    """The plan of a call site: the stages that have something to do."""
    plan = Plan(site, instance, label, bus, threads, is_recorded, policies)
    planned = (stage(plan) for stage in STAGES)
    plan.stages = tuple(stage for stage in planned if stage is not None)
    plan.end = tell.prepare_end(plan)
    plan.conclude_failure = conclude.prepare_failure(plan)
    return plan
