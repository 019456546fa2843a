"""Before all else, replay: a call that the run has concluded earlier is not made again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from kernel.errors import ValidationError
from kernel.invocation.history import History, error_from_json
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.invocation.recovery.answers import answer
from kernel.invocation.recovery.silent import settled
from kernel.invocation.time_limits import note_cut_off
from kernel.journal.rows import Invocation as Row

_MAX_PATH_LENGTH = 1_800
"""Characters of a path: so many find room in the index of every store."""


def check_path(path: str) -> None:
    """Raises :class:`ValidationError` for a path that no store could keep."""
    if len(path) > _MAX_PATH_LENGTH:
        raise ValidationError(
            f"the path of a recorded call has at most {_MAX_PATH_LENGTH:,} characters; "
            f"this one begins {path[:100]}"
        )


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
        if history.fault is not None:
            return history.halt(history.fault)
        check_path(invocation.path)
        if history.concluded:
            row = history.concluded.get(invocation.path)
            is_atomic = invocation.context.atomic is not None  # then the run does not stand still
            if row is not None and row.outcome == "cancelled" and not is_atomic:
                invocation.context.around.note_call()
                return _cancelled_again(history, row)
            if row is not None:
                if not history.replay_order.is_next(row.number or 0):
                    return _in_turn(invocation, history, row)
                answer(invocation, history, row)
        if history.in_flight:
            row = history.in_flight.get(invocation.path)
            if row is not None and row.holder is not None:
                return _in_time(invocation, history, row)
            if row is not None and row.execution not in history.going_on:
                invocation.go_on_with(row)
        if is_leaf:
            invocation.activate()
            if history.replay_order.is_behind and not invocation.was_in_flight:
                return history.replay_order.finish()
        return None

    return replay


async def _in_time(invocation: Invocation, history: History, row: Row) -> None:
    """Answer or go on with a call once its silent owner does so no more."""
    found = await settled(invocation, history, row)
    if found.outcome is None:
        invocation.go_on_with(found)
    elif found.path in history.concluded:
        answer(invocation, history, found)
    if not invocation.plan.instance.is_topology:
        invocation.activate()


async def _in_turn(invocation: Invocation, history: History, row: Row) -> None:
    """Answer once it is the turn of the answer."""
    try:
        await history.replay_order.wait(row.number or 0)
    except asyncio.CancelledError:
        if row.outcome == "unknown":
            note_cut_off(row.path)  # as it was when its outcome was recorded
        raise
    answer(invocation, history, row)
    if not invocation.plan.instance.is_topology:
        invocation.activate()
        if history.replay_order.is_behind:
            await history.replay_order.finish()


async def _cancelled_again(history: History, row: Row) -> None:
    """Stay until what cancelled the call (another branch that failed, a timeout) does so again.

    If nothing does until the run is idle, it was cancelled from outside of the walk.
    """
    await history.activity.wait_until_idle()
    raise error_from_json(row.error)
