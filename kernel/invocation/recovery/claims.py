"""Claims: the commit record of a call, before the call is made.

A claim is won once, and the invocation that has won it makes the call. What the journal holds in
its place answers any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kernel.errors import Conflict, Unknown
from kernel.events.references import LostSecret
from kernel.invocation.history import DIGEST, History
from kernel.invocation.invocation import Invocation
from kernel.invocation.recovery.answers import answer_for
from kernel.invocation.recovery.silent import settled
from kernel.invocation.slots import given_back
from kernel.journal import rows
from kernel.journal.errors import Damaged, JournalError
from kernel.journal.rows import Conclusion
from kernel.journal.values import digest_of
from kernel.topology.tasks import to_the_end


def intent_of(invocation: Invocation, history: History, **more: Any) -> rows.Intent:
    """The invocation as a commit record."""
    instance = invocation.plan.instance
    inputs = kept_inputs(invocation, history)
    return rows.Intent(
        execution=invocation.id,
        run=history.run,
        path=invocation.path,
        target=instance.address,
        inputs_hash=digest_of(inputs),
        lease=history.lease.epoch,
        safety=invocation.safety,
        inputs=inputs,
        about={"began": invocation.began, **_about(invocation)},
        **more,
    )


def kept_inputs(invocation: Invocation, history: History) -> Any:
    """The inputs as the journal keeps them."""
    return history.references.hide(invocation.inputs, invocation.plan.hide_inputs)


def _about(invocation: Invocation) -> dict[str, Any]:
    instance, runtime = invocation.plan.instance, invocation.plan.runtime
    told: dict[str, Any] = {} if not instance.is_topology else {"topology": True}
    if id(instance.scope.module) != runtime.root:
        told["module"] = runtime.module_of(instance)
    return told


async def claim(invocation: Invocation, history: History, **more: Any) -> rows.Claimed:
    """Claim a call; ``more`` has its key, the scope of the key, and how long it is kept.

    The key may be held by a call of the same run that an earlier process left in flight. If no
    invocation goes on with that call, this one does: the walk may not come to its path again.
    """
    while True:
        got = await _claim(invocation, history, more)
        if not (isinstance(got, rows.InFlight) and is_left(history, got.invocation)):
            return got
        found = await history.guard(history.journal.invocation(got.invocation.execution))
        if found is not None and found.outcome is not None:
            continue  # it was concluded just after the answer
        row = history.in_flight.get(got.invocation.path)
        if row is None or row.execution in history.taken_up:
            return got
        if row.holder is not None:
            row = await settled(invocation, history, row)
        if row.outcome is None and is_left(history, row):
            invocation.go_on_with(row)
            assert invocation.claim is not None
            return invocation.claim


def is_left(history: History, row: rows.Invocation) -> bool:
    """Whether no invocation of this process goes on with a call in flight of its own run."""
    return row.run == history.run and row.execution not in history.going_on


async def _claim(invocation: Invocation, history: History, more: Mapping[str, Any]) -> rows.Claimed:
    if "key" in more:
        more = {**more, "key": history.kept_key(more["key"])}
    history.going_on.add(invocation.id)

    async def claimed() -> rows.Claimed:
        await history.open_run()
        return await history.claim(intent_of(invocation, history, **more))

    try:
        return await history.guard(claimed())
    except asyncio.CancelledError:
        if not history.activity.is_suspended:
            await to_the_end(_find_claim(invocation, history, more))
        raise


async def _find_claim(invocation: Invocation, history: History, more: Mapping[str, Any]) -> None:
    """Find out what came of a claim that was cancelled: the request was not taken back."""
    intent = replace(intent_of(invocation, history, **more), inputs=None)
    try:
        await history.open_run()
        got = await history.journal.claim(intent)
    except JournalError as error:
        await history.lose(error)
        return
    match got:
        case rows.InFlight(row) if row.execution == invocation.id:
            invocation.claim = rows.Won(row.execution, row.epoch, row.attempts)
        case rows.Won():
            invocation.claim = got
    if invocation.claim is not None:
        history.open.add(invocation.id)


def take_up(invocation: Invocation, history: History, got: rows.Claimed) -> None:
    """Go on with a claim that was won, or end as the invocation in its place."""
    match got:
        case rows.Won():
            invocation.claim = got
        case rows.Recorded(row):
            answer_for(invocation, history, row)
        case rows.Conflict(row):
            raise Conflict(
                f"the idempotency key of {row.target} was used with other inputs, at {row.path} "
                f"of run {row.run}"
            )
        case rows.InFlight(row) if row.run == history.run:
            error = Unknown(f"what became of {row.path} is not known", code="IN_FLIGHT")
            if is_left(history, row):  # a topology: a person is asked about a call within it
                invocation.is_concluded = True
                error.is_escalated = history.is_replayable
            raise error
        case rows.InFlight(row):
            raise Conflict(f"{row.path} of run {row.run} is being worked on", code="IN_FLIGHT")


def as_it_began(invocation: Invocation, history: History) -> None:
    """Give an invocation the inputs and the key of its commit record, if it has one already."""
    row = history.in_flight.get(invocation.path) or history.not_landed.get(invocation.path)
    if row is None:
        return
    if invocation.plan.site.idempotency_key is not None and row.key is not None:
        _with_key(invocation, history, row)
    if digest_of(kept_inputs(invocation, history)) == row.inputs_hash:
        return
    if row.inputs is not None and digest_of(row.inputs) != row.inputs_hash:
        what = f"the commit record of {row.path} in run {row.run}"
        raise history.stop(Damaged(what, "its inputs are not those of its hash"))
    try:
        invocation.inputs = history.references.show(row.inputs)
    except LostSecret:
        invocation.inputs = None
    if invocation.inputs is None:
        raise Conflict(f"{row.path} began with other inputs, and those are not kept")


def _with_key(invocation: Invocation, history: History, row: rows.Invocation) -> None:
    assert row.key is not None
    if not row.key.startswith(DIGEST):
        invocation.idempotency_key = row.key
    elif history.kept_key(invocation.idempotency_key) != row.key:
        raise Conflict(f"{row.path} began with another idempotency key, and that is not kept")


async def record_outcome(invocation: Invocation, history: History, ending: Conclusion) -> None:
    """Record the outcome, of a claim or of an invocation that needed none.

    Raises :class:`TooLarge` for outputs that are.
    """
    claim = invocation.claim
    if invocation.ticket is not None:
        ending = replace(ending, ticket=invocation.ticket.execution)
    if claim is not None:
        invocation.is_concluded = True
        await history.finalize(invocation.id, claim.epoch, ending)
    elif history.is_replayable and invocation.path not in history.concluded:
        await history.record(intent_of(invocation, history), ending)
    else:
        return
    if ending.ticket is not None:
        given_back(invocation)
