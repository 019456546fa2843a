"""No run ends in a state that nothing leads out of: each end of a call, in each form around it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from kernel.journal import Journal, Lease, open_journal
from kernel.journal.errors import Refused
from kernel.runtime import open_and_resume
from kernel.runtime.cancelling import cancel
from tests.kernel.runtime.support.late import Late
from tests.kernel.runtime.support.person import ENDED, Person
from tests.kernel.runtime.support.world import (
    CHECK,
    NAME,
    Step,
    World,
    applied,
    calling,
    inner,
    kernel,
    kind,
    sequence,
    to_the_end,
)
from tests.support.journals import place
from tests.support.properties import partial, some

T = TypeVar("T")


def limited(step: Step) -> Step:
    return {"if": "${{ true }}", "then": [step], "timeout": 100}


# The ends of a call: the step, what goes wrong, and what a person answers

ENDS: dict[str, tuple[Step, str, str]] = {
    "landed": (calling("e"), "lost", ""),
    "not landed": (calling("e"), "gone", ""),
    "the check fails": (calling("e", "Order"), "lost", ""),
    "no class": (calling("e", "Post"), "gone", ""),
    "no time": (calling("e", timeout=50), "slow", ""),
    "no time in a thread": (calling("e", "Work", timeout=50), "", ""),
    "approved, lost": (calling("e", "Wire"), "lost", "approved"),
    "approved, not landed": (calling("e", "Wire"), "gone", "approved"),
    "denied": (calling("e", "Wire"), "", "denied"),
    "expired": (calling("e", approval={"expires": 60}), "", ""),
    "no time around an approval": (limited(calling("e", "Wire")), "", "approved"),
    "no time around a call": (limited(calling("e")), "slow", ""),
    "no time around a check": (limited(calling("e", "Order")), "slow", ""),
    "no time around a thread": (limited(calling("e", "Work")), "", ""),
    "a key": (calling("e", idempotencyKey="k"), "lost", ""),
}


# The forms around it: the steps of Main, and the resources beside


def around(step: Step) -> list[Step]:
    """A call of a controller that makes the call."""
    if "approval" in step or "invoke" not in step:
        return [sequence("Main", step)]
    inputs = {**step["inputs"], "kind": step["invoke"]["kind"]}
    return [sequence("Main", {**step, "invoke": {"kind": "Pay.Around"}, "inputs": inputs})]


def again(step: Step) -> list[Step]:
    """Twice with one key; the first time whatever comes of it is caught."""
    keyed = inner(idempotencyKey="again")
    return [
        sequence("Main", {"try": [keyed], "catch": [{"value": 1}]}, keyed),
        sequence("Inner", step),
    ]


def body(step: Step) -> list[Step]:
    """The body of a kind that has a check, and that fails."""
    about = {"safety": "write-once-checkable", "check": CHECK, "body": {"steps": [step]}}
    made = kind("Made", inputs=NAME, **about)
    call = {"invoke": {"kind": "Pay.Made"}, "inputs": {"name": "body"}, "timeout": 2000}
    return [made, sequence("Main", call)]


FORMS: dict[str, Callable[[Step], list[Step]]] = {
    "alone": lambda step: [sequence("Main", step)],
    "timeout": lambda step: [sequence("Main", {**limited(step), "timeout": 60_000})],
    "catch": lambda step: [sequence("Main", {"try": [step], "catch": [calling("c")]})],
    "finally": lambda step: [sequence("Main", {"try": [step], "finally": [calling("f")]})],
    "forEach": lambda step: [
        sequence("Main", {"forEach": [0, 1], "parallelism": 2, "do": [_numbered(step)]})
    ],
    "parallel": lambda step: [
        sequence("Main", {"parallel": {"a": [step], "b": [{"sleep": 30}, calling("b")]}})
    ],
    "nested": lambda step: [sequence("Main", inner()), sequence("Inner", step)],
    "retry": lambda step: [
        sequence("Main", inner(retry={"attempts": 2, "delay": 1})), sequence("Inner", step)
    ],
    "key": lambda step: [sequence("Main", inner(idempotencyKey="n")), sequence("Inner", step)],
    "time": lambda step: [
        sequence("Main", inner(timeout=300)), sequence("Inner", calling("n"), step, {"sleep": 200})
    ],
    "time and key": lambda step: [
        sequence("Main", inner(timeout=300, idempotencyKey="n")),
        sequence("Inner", calling("n"), step, {"sleep": 60_000}),
    ],
    "controller": around,
    "again": again,
    "body": body,
}  # fmt: skip


def _numbered(step: Step) -> Step:
    if "then" in step:
        return {**step, "then": [_numbered(one) for one in step["then"]]}
    name = step["inputs"]["name"]
    return {**step, "inputs": {"name": f"{name}-${{{{ string(index) }}}}"}}


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks are repeated, and silent processes taken for that, after a moment."""
    monkeypatch.setattr("kernel.invocation.recovery.reconcile._FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(open_and_resume, "PATIENCE_SECONDS", 0.05)


def cases() -> list[tuple[str, str]]:
    """All of them, in an order in which any part has something of each end and each form."""
    return _mixed([(end, form) for end in ENDS for form in FORMS])


def _mixed(found: list[T]) -> list[T]:
    return sorted(found, key=lambda one: hashlib.sha256(repr(one).encode()).digest())


@partial
@pytest.mark.parametrize(("end", "form"), some(cases()))
def test_each_end_in_each_form(tmp_path: Path, end: str, form: str) -> None:
    step, fault, answer = ENDS[end]

    async def told(address: str) -> None:
        await to_the_end(address, FORMS[form](step), World(fault), answer)

    with place("sqlite", tmp_path) as address:
        asyncio.run(told(address))


@partial
@pytest.mark.parametrize(("end", "form"), some(cases()[::3]))
def test_each_end_in_each_form_with_a_journal_that_answers_late(
    tmp_path: Path, end: str, form: str
) -> None:
    step, fault, answer = ENDS[end]

    async def told(address: str) -> None:
        def late(journal: Journal) -> Late:
            return Late(journal, f"{end} {form}")

        await to_the_end(address, FORMS[form](step), World(fault), answer, in_front=late)

    with place("sqlite", tmp_path) as address:
        asyncio.run(told(address))


# A process that ends, or stands still, while a call is in flight

STEPS = {
    "charge": calling("e"),
    "order": calling("e", "Order"),
    "wire": calling("e", "Wire"),
    "post": calling("e", "Post"),
    "key": calling("e", idempotencyKey="k"),
    "time": limited(calling("e")),
}


async def left_in_flight(
    address: str, resources: list[Step], world: World, *, is_silent: bool
) -> None:
    """Leave a run while a call is in flight, which was made: its process ends, or is silent."""
    journal, other = await open_journal(address), await open_journal(address)
    if is_silent:
        journal.owner = "elsewhere/1/1"  # type: ignore[attr-defined]
    person = Person(other, world.has_landed, {"name": "?"})
    async with kernel(resources, world, journal) as started:
        begun = asyncio.ensure_future(world.begun.wait())
        while not begun.done():
            run = asyncio.ensure_future(started.apply("Run.Sequence/Main", run_id="r"))
            await asyncio.wait((run, begun), return_when=asyncio.FIRST_COMPLETED)
            if not begun.done():
                await person.help("r", run.result().outcome)
        if is_silent:
            lease = await other.take_over(await other.lease("r"))
            if isinstance(lease, Lease):  # else the run has ended
                await other.finish_run(lease, "running")
        started.let_go()
        await asyncio.wait((run,))
        world.fault = ""
    await journal.close()
    await other.close()


def disturbed() -> list[tuple[str, str, bool]]:
    silent = (False, True)
    return _mixed([(step, form, one) for one in silent for step in STEPS for form in FORMS])


@partial
@pytest.mark.parametrize(("step", "form", "is_silent"), some(disturbed()))
def test_what_a_process_left_in_flight(
    tmp_path: Path, step: str, form: str, is_silent: bool
) -> None:
    resources, world = FORMS[form](STEPS[step]), World("slow")

    async def told(address: str) -> None:
        await left_in_flight(address, resources, world, is_silent=is_silent)
        await to_the_end(address, resources, world, "")

    with place("sqlite", tmp_path) as address:
        asyncio.run(told(address))


# A person who cancels


@partial
@pytest.mark.parametrize(("end", "form"), some(cases()))
def test_a_run_that_is_cancelled_where_it_waits(tmp_path: Path, end: str, form: str) -> None:
    step, fault, _ = ENDS[end]
    resources, world = FORMS[form](step), World(fault)

    async def told(address: str) -> None:
        journal = await open_journal(address)
        await applied(resources, world, journal, "r")
        with suppress(Refused):  # it has ended
            await cancel(journal, "r", "ann")
        await journal.close()
        assert await to_the_end(address, resources, world, "") in ENDED

    with place("sqlite", tmp_path) as address:
        asyncio.run(told(address))


# A key that is held by a call of another run


@partial
@pytest.mark.parametrize(
    ("form", "fault"),
    some([(form, fault) for form in FORMS for fault in ("lost", "gone") if form != "controller"]),
)
def test_a_key_of_an_unknown_call_of_another_run(tmp_path: Path, form: str, fault: str) -> None:
    world, step = World(fault), calling("e", idempotencyKey="k")

    async def told(address: str) -> None:
        journal = await open_journal(address)
        first = await applied([sequence("Main", step)], world, journal, "other")
        assert first.outcome == "unknown"
        await journal.close()
        await to_the_end(address, FORMS[form](step), world, "")

    with place("sqlite", tmp_path) as address:
        asyncio.run(told(address))
