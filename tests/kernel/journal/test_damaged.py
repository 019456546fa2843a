"""A row that is not what the kernel wrote is damaged; the others of its list can be read."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.journal import Conclusion, Damaged, Journal, NewApproval
from tests.support.journals import begin, by_hand, intent, play, win


async def fill(journal: Journal) -> None:
    await begin(journal, "r1")
    await begin(journal, "r2")
    for path in ("a", "b"):
        won = await win(journal, intent(path))
        await journal.finalize(won.execution, won.epoch, Conclusion("unknown", error={"code": "E"}))
        await journal.note(won.execution, "policy", "allowed", {"policy": "P"})
    for path in ("c", "d"):
        await win(journal, intent(path))
        what = {"path": path, "approvers": ["ann"]}
        await journal.ask(
            NewApproval(f"ask-{path}", f"r1/{path}", "r1", "T/X", what, "why", None, None)
        )


DAMAGE = {
    "a state that there is not": ("runs", "UPDATE kernel_runs SET state = 'odd' WHERE run = 'r2'"),
    "no JSON": ("runs", "UPDATE kernel_runs SET inputs = '{' WHERE run = 'r2'"),
    "JSON without end": (
        "runs",
        f"UPDATE kernel_runs SET inputs = '{'[' * 100_000}' WHERE run = 'r2'",
    ),
    "no number of JSON": ("runs", "UPDATE kernel_runs SET result = '[NaN]' WHERE run = 'r2'"),
    "a moment before all": ("runs", "UPDATE kernel_runs SET opened_at = -1 WHERE run = 'r2'"),
    "a number that nobody counted": (
        "runs",
        f"UPDATE kernel_progress SET epoch = {2**63 - 1} WHERE run = 'r2'",
    ),
    "no progress": ("runs", "DELETE FROM kernel_progress WHERE run = 'r2'"),
    "an outcome that there is not": (
        "escalations",
        "UPDATE kernel_invocations SET safety = 'odd' WHERE path = 'b'",
    ),
    "an error that is none": (
        "escalations",
        "UPDATE kernel_conclusions SET error = '[1]' WHERE number = 2",
    ),
    "an intent about nothing": (
        "unresolved",
        "UPDATE kernel_invocations SET about = '{\"began\": \"x\"}' WHERE path = 'd'",
    ),
    "an outcome that is missing": (
        "unresolved",
        "UPDATE kernel_invocations SET conclusion = 9 WHERE path = 'd'",
    ),
    "approvers that are none": (
        "approvals",
        "UPDATE kernel_approvals SET frozen = '{\"approvers\": \"ann\"}' WHERE approval = 'ask-d'",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_row_of_a_list_is_told(shared: str, what: str) -> None:
    name, sql = DAMAGE[what]
    play(shared, fill)

    async def listed(journal: Journal, **more: Any) -> int:
        return len(await getattr(journal, name)(**more))

    whole = play(shared, listed)
    by_hand(shared, sql)

    async def scene(journal: Journal) -> None:
        told: list[Damaged] = []
        assert await listed(journal, damaged=told.append) == whole - 1
        assert len(told) == 1
        with pytest.raises(Damaged) as refusal:
            await listed(journal)
        assert str(refusal.value) == str(told[0])
        assert "is damaged: " in str(told[0])

    play(shared, scene)


def test_a_record_of_a_damaged_run_does_not_hold(shared: str) -> None:
    play(shared, fill)
    by_hand(shared, "UPDATE kernel_trace SET detail = '{' WHERE execution = 'r1/a'")

    async def scene(journal: Journal) -> None:
        broken = await journal.verify("r1")
        assert broken is not None
        assert "`kernel_trace.detail` is not JSON" in broken.why
        assert await journal.verify("r2") is None

    play(shared, scene)


def test_a_key_whose_holder_is_missing_is_given_to_nobody(shared: str) -> None:
    async def hold(journal: Journal) -> None:
        await begin(journal)
        await win(journal, intent("a", key="k", scope="s"))

    async def ask(journal: Journal) -> None:
        with pytest.raises(Damaged, match="the holder of an idempotency key"):
            await journal.claim(intent("b", key="k", scope="s"))

    play(shared, hold)
    by_hand(shared, "UPDATE kernel_keys SET execution = 'odd'")
    play(shared, ask)
