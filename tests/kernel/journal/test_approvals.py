"""Approvals: one pending for an execution, answered once, by somebody, for one attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernel.journal import Journal, NewApproval, Refused, open_journal
from tests.support.journals import Clock, play

NEW = NewApproval(
    "a1", "e1", "r1", "Payments.Refund/Card", {"inputs": {"amount": 900}}, "large", "me", 100
)


def test_one_is_pending_for_an_execution(address: str) -> None:
    async def scene(journal: Journal) -> None:
        asked = await journal.ask(NEW)
        assert (asked.state, asked.frozen, asked.asked_at) == (
            "pending",
            {"inputs": {"amount": 900}},
            7,
        )
        assert await journal.ask(replace(NEW, approval="a2")) == asked
        other = await journal.ask(replace(NEW, approval="a3", execution="e2"))
        assert await journal.approvals("pending") == [asked, other]
        assert await journal.approvals(execution="e2") == [other]
        await journal.decide("a1", "denied", "ann")
        assert (await journal.ask(replace(NEW, approval="a2"))).approval == "a2"
        with pytest.raises(Refused, match="asked for already"):
            await journal.ask(replace(NEW, execution="e9"))

    play(address, scene, clock=Clock(7))


def test_of_two_answers_one_counts(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(shared, clock=Clock(50))
        await journal.ask(NEW)
        answers = await asyncio.gather(
            journal.decide("a1", "approved", "ann", "fine"),
            other.decide("a1", "denied", "bob", "no"),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Refused) for answer in answers) == 1
        found = await journal.approval("a1")
        assert (found.state, found.decided_by, found.note) in (
            ("approved", "ann", "fine"),
            ("denied", "bob", "no"),
        )
        assert found.decided_at == 50
        await other.close()

    play(shared, scene, clock=Clock(50))


def test_an_approval_is_for_one_attempt(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await journal.ask(NEW)
        with pytest.raises(Refused, match="is pending, not approved"):
            await journal.spend("a1")
        await journal.decide("a1", "approved", "ann")
        answers = await asyncio.gather(
            *(journal.spend("a1") for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(answer, Refused) for answer in answers) == 4
        assert (await journal.approval("a1")).state == "spent"
        assert (await journal.ask(replace(NEW, approval="a2"))).approval == "a2"

    play(address, scene, clock=Clock(7))


def test_what_has_expired_cannot_be_approved(address: str) -> None:
    clock = Clock(99)

    async def scene(journal: Journal) -> None:
        await journal.ask(NEW)
        await journal.ask(replace(NEW, approval="a2", execution="e2", expires_at=None))
        assert await journal.expire() == []
        clock.now = 100
        with pytest.raises(Refused, match="has expired"):
            await journal.decide("a1", "approved", "ann")
        assert [(one.approval, one.state) for one in await journal.expire()] == [("a1", "expired")]
        assert await journal.expire() == []
        with pytest.raises(Refused, match="is expired already"):
            await journal.decide("a1", "approved", "ann")
        assert (await journal.decide("a2", "invalidated", "kernel")).state == "invalidated"

    play(address, scene, clock=clock)


def test_what_is_no_answer_is_refused(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await journal.ask(NEW)
        for state in ("pending", "spent", "expired"):
            with pytest.raises(Refused, match="approved, denied or invalidated"):
                await journal.decide("a1", state, "ann")
        with pytest.raises(Refused, match="no approval a9"):
            await journal.decide("a9", "approved", "ann")

    play(address, scene, clock=Clock(7))
