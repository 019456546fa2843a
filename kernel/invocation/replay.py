"""Before all else, replay: what the run concluded earlier is not done again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from kernel.errors import InvocationError, OutputError, ValidationError
from kernel.events.references import LostSecret
from kernel.invocation import expand, validate_inputs
from kernel.invocation.context import Answered
from kernel.invocation.history import error_from_json
from kernel.journal.rows import Won

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage
    from kernel.journal.rows import Invocation as Row


_MAX_PATH_LENGTH = 1_800
"""Characters of a path: so many find room in the index of every store."""


def prepare(plan: Plan) -> Stage | None:
    """Only with a journal; costs a look at an empty mapping in a run that was not interrupted."""
    if not plan.is_recorded:
        return None
    is_leaf = not plan.instance.is_topology

    def replay(invocation: Invocation) -> Awaitable[None] | None:
        history = invocation.history
        if history is None:
            if invocation.context.atomic is not None:
                invocation.context.atomic.refuse(plan.instance)
            return None
        if len(invocation.path) > _MAX_PATH_LENGTH:
            raise ValidationError(
                f"the path of a recorded call has at most {_MAX_PATH_LENGTH:,} characters; "
                f"this one begins {invocation.path[:100]}"
            )
        if history.met is not None:
            return _rehearse(invocation, history, history.met)
        if history.concluded:
            row = history.concluded.get(invocation.path)
            is_atomic = invocation.context.atomic is not None  # then the run does not stand still
            if row is not None and row.outcome == "cancelled" and not is_atomic:
                return _cancelled_again(history, row)
            if row is not None:
                if not history.replay_order.is_next(row.number or 0):
                    return _in_turn(invocation, history, row)
                answer(invocation, history, row)
        if history.in_flight:
            row = history.in_flight.get(invocation.path)
            if row is not None:
                invocation.began = (row.about or {}).get("began", row.claimed_at)
                invocation.claim = Won(row.execution, row.epoch, row.attempts)
                invocation.was_in_flight = True
        if is_leaf:
            invocation.is_active = True
            history.active += 1
            if history.is_behind and not invocation.was_in_flight:
                return history.finish_replay()
        return None

    return replay


async def _in_turn(invocation: Invocation, history: History, row: Row) -> None:
    """Answer, after what was recorded before it."""
    await history.replay_order.wait(row.number or 0)
    answer(invocation, history, row)
    if not invocation.plan.instance.is_topology:
        await _begun(invocation, history)


async def _begun(invocation: Invocation, history: History) -> None:
    invocation.is_active = True
    history.active += 1
    if history.is_behind:
        await history.finish_replay()


async def _cancelled_again(history: History, row: Row) -> None:
    """Stay until what cancelled it (another branch that failed, a timeout) does so again.

    Where nothing is left that could, it was somebody outside of the walk.
    """
    await history.wait_until_idle()
    raise error_from_json(row.error)


async def _rehearse(invocation: Invocation, history: History, met: dict[str, bool]) -> None:
    """Give what is recorded, if it is the answer to the same call; else stay here.

    What a topology that has no end yet has called may be recorded: that one is walked.
    """
    path, plan = invocation.path, invocation.plan
    row = history.concluded.get(path) or history.in_flight.get(path)
    walks = plan.instance.is_topology and (row is None or row.outcome is None)
    if row is not None:
        met[path] = not walks
        await _pass(invocation, expand.prepare(plan), validate_inputs.prepare(plan))
        found = history.intent(invocation, history.lease)
        same_inputs = walks or found.inputs_hash == row.inputs_hash
        if found.target != row.target or not same_inputs:
            history.differences.append(f"{path} was {row.target} with other inputs")
        if row.outcome is not None and row.outcome != "cancelled":
            answer(invocation, history, row)
    if walks and (row is not None or not _has_record(plan)):
        await _walk_through(invocation, history, row)
        raise Answered
    await asyncio.get_running_loop().create_future()


async def _pass(invocation: Invocation, *stages: Stage | None) -> None:
    for stage in stages:
        waiting = None if stage is None else stage(invocation)
        if waiting is not None:
            await waiting


def _has_record(plan: Plan) -> bool:
    """Whether a call has a commit record, so that nothing within it can be without one."""
    from kernel.invocation import deduplicate, record

    return record.prepare(plan) is not None or deduplicate.prepare(plan) is not None


async def _walk_through(invocation: Invocation, history: History, row: Row | None) -> None:
    """Walk a topology, and nothing else: no policy is asked, and nothing is recorded."""
    from kernel.invocation import attempt, record, resolve

    plan = invocation.plan
    await _pass(
        invocation, resolve.prepare(plan), expand.prepare(plan), validate_inputs.prepare(plan)
    )
    if row is not None:
        record.as_it_began(invocation, history)
    await _pass(invocation, attempt.prepare(plan))


def answer(invocation: Invocation, history: History, row: Row) -> None:
    """End the invocation as it is recorded.

    One that can be made again, and whose result was not kept (a secret, its size), goes on.
    """
    if row.error is not None and row.outcome != "succeeded":
        error = error_from_json(row.error)
        error.is_escalated = row.outcome == "unknown" and history.is_replayable
        raise error
    why = row.error and row.error.get("message")
    try:
        invocation.outputs = history.references.show(row.outputs)
    except LostSecret as error:
        why = error
    if why is None:
        raise Answered
    if row.safety != "idempotent":
        raise OutputError(
            f"{row.target} was called, and its result cannot be used again: {why}",
            code="RESULT_NOT_KEPT",
        )


def answer_for(invocation: Invocation, history: History, row: Row) -> None:
    """End the invocation as the one did that holds its key.

    Where that is not known, a person is asked of that one, and nothing is recorded of this.
    """
    try:
        answer(invocation, history, row)
    except InvocationError as error:
        if row.execution != invocation.id:
            where = f"with the same key, at {row.path} of run {row.run}"
            if row.outcome == "unknown":
                invocation.is_concluded = True
                said = f"whether it took effect is not known {where}: `kernel resolve"
                error.message += f" ({said} {row.execution}`)"
            else:
                error.message += f" (so it ended {where})"
            error.args = (error.message,)
        raise
