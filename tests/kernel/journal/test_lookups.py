"""Looking at a journal: ids by their beginning, all invocations of a run, and no traces left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kernel.journal import (
    Conclusion,
    Found,
    Invocation,
    Journal,
    Missing,
    NewApproval,
    open_journal,
    store,
)
from tests.support.journals import Clock, begin, by_hand, intent, play, win


def test_ids_are_found_by_their_beginning(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal, "r1")
        await begin(journal, "r12")
        await begin(journal, "R2")
        for run in ("r1", "r12"):
            await journal.record(intent("steps.A_%", run=run), Conclusion("succeeded"))
        await journal.ask(NewApproval("ra", "e1", "r1", "T", {}, "large", None, None))
        assert await journal.find("r") == Found(
            ("r1", "r12"), ("r1/steps.A_%", "r12/steps.A_%"), ("ra",)
        )
        assert await journal.find("r1") == Found(("r1",)), "what is equal goes before"
        assert await journal.find("r1/") == Found((), ("r1/steps.A_%",))
        assert await journal.find("r1/steps.A_") == Found((), ("r1/steps.A_%",))
        assert await journal.find("r1/steps_") == await journal.find("%") == Found()
        assert await journal.find("r", limit=1) == Found(("r1",), ("r1/steps.A_%",), ("ra",))

    play(address, scene)


def test_all_invocations_of_a_run_come_page_by_page(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PAGE_ROWS", 2)

    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        await journal.record(intent("steps.Other", run="r2"), Conclusion("succeeded"))
        await win(journal, intent("steps.Open"))
        for number in range(5):
            await journal.record(intent(f"steps.S{number}"), Conclusion("succeeded"))
        paths = [one.path async for one in journal.invocations("r1")]
        assert paths == [*(f"steps.S{number}" for number in range(5)), "steps.Open"]
        rest = [one.path async for one in journal.invocations("r1", after=4)]
        assert rest == ["steps.S4", "steps.Open"]
        assert [one async for one in journal.invocations("r9")] == []

    play(address, scene)


def test_what_is_concluded_meanwhile_comes_once(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await journal.record(intent("steps.First"), Conclusion("succeeded"))
        won = await win(journal, intent("steps.Open"))
        seen: list[Invocation] = []
        async for one in journal.invocations("r1"):
            seen.append(one)
            if len(seen) == 1:
                await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        assert [one.path for one in seen] == ["steps.First", "steps.Open"]

    play(address, scene)


def test_the_steps_of_several_executions(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PAGE_ROWS", 2)

    async def scene(journal: Journal) -> None:
        for number in range(5):
            for step in ("policy", "attempt"):
                await journal.note(f"e{number}", step, "done", {"n": number})
        found = await journal.traces(["e3", "e1", "none", "e4"])
        assert {key: [note.step for note in notes] for key, notes in found.items()} == {
            "e3": ["policy", "attempt"],
            "e1": ["policy", "attempt"],
            "none": [],
            "e4": ["policy", "attempt"],
        }
        assert found["e4"] == await journal.trace("e4")
        assert await journal.traces([]) == {}

    play(address, scene, clock=Clock(7))


async def nothing(journal: Journal) -> None:
    """Only look whether it can be opened."""


def test_none_is_made_unless_it_is_wanted(address: str) -> None:
    with pytest.raises(Missing, match=r"there is no journal at .*; `kernel apply` makes one"):
        play(address, nothing, create=False)
    if address == "memory:":
        return
    if "postgresql:" not in address:
        assert not Path(address).parent.exists()
    play(address, nothing)
    play(address, nothing, create=False)


def test_an_empty_file_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with pytest.raises(Missing):
        play(str(tmp_path / "journal.db"), nothing, create=False)
    assert (tmp_path / "journal.db").stat().st_size == 0


def test_to_open_what_is_there_waits_for_nobody(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.db")
    play(address, nothing)
    with closing(sqlite3.connect(address, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        async def scene(journal: Journal) -> None:
            assert await journal.runs() == []

        play(address, scene, busy=0.01, create=False)


def test_what_was_restored_from_a_dump_gets_its_log_again(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.db")
    play(address, begin)
    assert by_hand(address, "PRAGMA journal_mode = DELETE") == [("delete",)]
    play(address, nothing)
    assert by_hand(address, "PRAGMA journal_mode") == [("wal",)]


def test_a_closed_journal_says_so(address: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(address)
        await other.close()
        with pytest.raises(Exception, match="the journal is closed"):
            await other.find("r")

    play(address, scene)
