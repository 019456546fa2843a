"""Stage 8, record: the commit record, durable, before anything leaves."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from kernel.errors import Conflict, Unknown
from kernel.events.references import LostSecret
from kernel.invocation.history import DIGEST
from kernel.invocation.left import conclude_interrupted
from kernel.invocation.replay import answer_for
from kernel.journal import rows
from kernel.run_paths import without_attempts
from kernel.topology.callsite import DIFFERS, names_in

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def prepare(plan: Plan) -> Stage | None:
    """Only with a journal, and for what has an effect: a topology only where its kind says so.

    A topology whose inputs a later process may find otherwise is recorded too, so that it is walked
    with the same. The class ``idempotent`` needs no intent; it may be computed from the fields of
    the resource, so it is known when the target is up.
    """
    instance, site = plan.instance, plan.site
    is_topology = instance.is_topology
    read = frozenset[str]() if site.inputs is None else names_in(site.inputs)
    differs = is_topology and not read.isdisjoint(DIFFERS)
    is_plain = is_topology and instance.definition.safety is None and site.idempotency_key is None
    if not plan.is_recorded or (is_plain and not differs):
        return None

    def record(invocation: Invocation) -> Awaitable[None] | None:
        history = invocation.history
        if history is None:
            return None
        if invocation.claim is not None:
            if invocation.was_in_flight:
                as_it_began(invocation, history)
            return None
        safety = instance.contract.safety
        has_effect = safety != "idempotent" and not (is_topology and safety is None)
        if has_effect or (differs and history.is_replayable):
            return _claim(invocation, history)
        return None

    return record


def as_it_began(invocation: Invocation, history: History) -> None:
    """An invocation that has a commit record goes on with its inputs and its key."""
    row = history.in_flight.get(invocation.path) or history.not_landed.get(invocation.path)
    if row is None:
        return
    if invocation.plan.site.idempotency_key is not None and row.key is not None:
        _with_key(invocation, history, row)
    if history.intent(invocation, history.lease).inputs_hash == row.inputs_hash:
        return
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


async def _claim(invocation: Invocation, history: History) -> None:
    as_it_began(invocation, history)
    if invocation.context.repeats:
        # Another attempt of what is around makes this call again, at another path.
        key = invocation.idempotency_key
        got = await claim(invocation, history, key=key, scope=history.run)
    else:
        got = await history.claim(invocation)
    take_up(invocation, history, got)


async def claim(invocation: Invocation, history: History, **more: Any) -> rows.Claimed:
    """The commit record of a call with a key.

    Where an earlier attempt of what is around made the same call, and left it with its process,
    that is found out about first: nobody comes back to it there.
    """
    got = await history.claim(invocation, **more)
    if not isinstance(got, rows.InFlight):
        return got
    left = history.in_flight.get(got.invocation.path)
    if left is None or not _is_of_another_attempt(left.path, invocation.path):
        return got
    if (left.about or {}).get("topology"):
        return got
    await conclude_interrupted(invocation, history, left)
    return await history.claim(invocation, **more)


def _is_of_another_attempt(path: str, here: str) -> bool:
    return path != here and without_attempts(path) == without_attempts(here)


def take_up(invocation: Invocation, history: History, got: rows.Claimed) -> None:
    """Go on with a claim that was won, or end as what stands in its place."""
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
            # A topology that an earlier attempt of what is around left, not knowing what it did.
            raise Unknown(f"what became of {row.path} is not known", code="IN_FLIGHT")
        case rows.InFlight(row):
            raise Conflict(f"{row.path} of run {row.run} is being worked on", code="IN_FLIGHT")
