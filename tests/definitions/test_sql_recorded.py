"""What is called inside a transaction and is no part of it: recorded, and made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, Kernel, RunResult, loads
from kernel.journal import Invocation, Journal, Lease
from tests.definitions.support.databases import database
from tests.support.recorded import DEFINITIONS, TOKEN, World, call, in_a_loop, looked

KINDS = """\
kind: Kernel.Definition
metadata: { name: Book, module: Pay }
capability: Invocable
---
kind: Kernel.Definition
metadata: { name: Send, module: Pay }
capability: Invocable
safety: write-once-checkable
check: { invoke: { kind: Pay.Look }, landed: "${{ LANDED }}", outputs: { found: true } }
---
kind: Sql.Connection
metadata: { name: Db }
url: "URL"
setup: ["CREATE TABLE IF NOT EXISTS t (name TEXT)"]
busyTimeout: 20
---
kind: Sql.Connection
metadata: { name: Other }
url: "sqlite:///OTHER"
setup: ["CREATE TABLE IF NOT EXISTS t (name TEXT)"]
---
kind: Sql.Exec
metadata: { name: Insert }
connection: { kind: Sql.Connection, name: Db }
sql: INSERT INTO t VALUES (:name)
---
kind: Sql.Exec
metadata: { name: InsertThere }
connection: { kind: Sql.Connection, name: Other }
sql: INSERT INTO t VALUES (:name)
---
kind: Sql.Query
metadata: { name: Names }
connection: { kind: Sql.Connection, name: Db }
sql: SELECT name FROM t ORDER BY name
---
"""
MAIN = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
"""


def insert(name: str, into: str = "Insert") -> str:
    inputs = f"inputs: {{ bindings: {{ name: {name} }} }}"
    return f"  - {{ name: {name}, invoke: {{ kind: Sql.Exec, name: {into} }}, {inputs} }}\n"


def fails(times: int) -> str:
    """A look, and a failure with which a transaction may be repeated, so many times."""
    thrown = "throw: { code: BUSY, message: lost to another }"
    when = f"when: '${{{{ steps.L.result.n <= {times} }}}}'"
    return f"  - {{ name: L, invoke: {{ kind: Pay.Look }} }}\n  - {{ name: F, {thrown}, {when} }}\n"


def transaction(steps: str, name: str = "Tx", on: str = "Db") -> str:
    inside = steps.replace("\n", "\n    ").rstrip(" ")
    return (
        f"kind: Sql.Transaction\nmetadata: {{ name: {name} }}\n"
        f"connection: {{ kind: Sql.Connection, name: {on} }}\n"
        f"do:\n  invoke:\n    kind: Run.Sequence\n    steps:\n    {inside}---\n"
    )


def within(name: str = "Tx", fields: str = "") -> str:
    return f"  - {{ name: {name}, invoke: {{ kind: Sql.Transaction, name: {name} }}{fields} }}\n"


RETRY = ", retry: { attempts: 3 }"
CHARGE = call("C", "Charge", ", inputs: { of: 5 }")


class Shop(World):
    """A world with a database and a journal. ``Look`` counts; ``stuck`` never comes back."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__()
        self.url = url
        self.folder = folder
        self.journal = folder / "journal.db"
        self.looks = 0
        self.stuck: str | None = None
        self.is_stuck = asyncio.Event()
        self.look: Callable[[int], Any] = lambda _: None

    def controllers(self) -> Mapping[str, Any]:
        made: dict[str, Any] = dict(super().controllers())

        async def look(inputs: Any) -> Any:
            self.looks += 1
            self.look(self.looks)
            return {"n": self.looks}

        async def send(inputs: Any, call: Any) -> Any:
            self.calls.append(("Send", dict(inputs), call.idempotency_key))

        async def book(inputs: Any, call: Any) -> Any:
            target = inputs.get("target", "Sql.Exec/Insert")
            bindings = {"bindings": {"name": "booked"}} if "Exec" in target else {}
            return await call.invoke(target, bindings)

        def sticking(name: str, invoke: Any) -> Any:
            async def stick(inputs: Any, call: Any) -> Any:
                answer = await (invoke(inputs) if name == "Look" else invoke(inputs, call))
                if self.stuck == name:
                    self.is_stuck.set()
                    await asyncio.get_running_loop().create_future()
                return answer

            return stick

        made |= {"Pay.Look": look, "Pay.Send": send, "Pay.Book": book}
        return {kind: sticking(kind.removeprefix("Pay."), one) for kind, one in made.items()}

    def kernel(self, text: str) -> Kernel:
        kinds = KINDS.replace("URL", self.url).replace("OTHER", str(self.folder / "other.db"))
        kinds = kinds.replace("LANDED", "true")
        return Kernel(
            loads(DEFINITIONS + kinds + text),
            controllers=self.controllers(),
            journal=self.journal,
            environ=TOKEN,
        )

    async def run(self, text: str) -> RunResult:
        async with self.kernel(text) as kernel, asyncio.timeout(20):
            return await kernel.apply("Run.Sequence/Main", run_id="r")

    async def left(self, text: str, stuck: str) -> None:
        """A run whose process ends while such a call is on its way."""
        self.stuck = stuck
        async with self.kernel(text) as kernel:
            task = asyncio.ensure_future(kernel.apply("Run.Sequence/Main", run_id="r"))
            await asyncio.wait_for(self.is_stuck.wait(), 20)
            journal = kernel.runtime.journal
            assert journal is not None
            lease = await journal.take_over(
                await journal.lease("r"), is_dead=True
            )  # as if this one were dead
            assert isinstance(lease, Lease)
            await journal.finish_run(lease, "running")
            task.cancel()
            await asyncio.wait([task])
        self.stuck = None

    async def names(self, connection: str = "Db") -> list[str]:
        text = f"{MAIN}  - name: N\n    invoke: {{ kind: Sql.Query, connection: {{ kind: "
        text += f"Sql.Connection, name: {connection} }} }}\n"
        text += "    inputs: { sql: SELECT name FROM t ORDER BY name }\n"
        async with self.kernel(text) as kernel:
            ended = await kernel.apply("Run.Sequence/Main")
        return [row["name"] for row in ended.result["N"]["rows"]]

    async def rows(self) -> dict[str, Invocation]:
        async def read(journal: Journal) -> dict[str, Invocation]:
            return {one.path: one async for one in journal.invocations("r")}

        found: dict[str, Invocation] = await looked(self.journal, read)
        return found

    async def resolve(self, **landed: bool) -> None:
        """Say what became of what waits for a person, by its kind."""

        async def say(journal: Journal) -> None:
            waiting = {one.target.split("/")[0]: one for one in await journal.escalations()}
            assert {kind.split(".")[1] for kind in waiting} == set(landed)
            for kind, one in waiting.items():
                has = landed[kind.split(".")[1]]
                await journal.resolve(one.execution, has, "bob", outputs={} if has else None)

        await looked(self.journal, say)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with database(request.param, tmp_path) as url:
        yield Shop(url, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Shop:
    return Shop(f"sqlite:///{tmp_path}/test.db", tmp_path)


@in_a_loop
async def test_what_is_no_part_of_a_transaction_is_made_once(shop: Shop) -> None:
    steps = insert("a") + CHARGE + fails(2) + insert("b")
    text = transaction(steps) + MAIN + within(fields=RETRY)
    ended = await shop.run(text)
    assert ended.outcome == "succeeded"
    assert shop.made("Charge") == [{"of": 5}]
    assert shop.looks == 3
    assert await shop.names() == ["a", "b"]
    rows = await shop.rows()
    charged = [one for one in rows.values() if one.target.startswith("Pay.Charge")]
    assert [(one.outcome, one.safety) for one in charged] == [("succeeded", "irreversible")]
    inside = {one.target for path, one in rows.items() if path.startswith("steps.Tx.")}
    assert inside == {"Pay.Charge/inline", "Pay.Look/inline"}
    assert (await shop.run(text)).result == ended.result
    assert len(shop.calls) == 1


@in_a_loop
async def test_a_lock_of_somebody_else(tmp_path: Path) -> None:
    with database("postgresql", tmp_path) as url:
        import psycopg

        shop = Shop(f"{url}%20-clock_timeout%3D1000", tmp_path)
        text = transaction(CHARGE + fails(0) + insert("a")) + MAIN
        assert await shop.names() == []
        with psycopg.connect(url) as other:
            shop.look = lambda n: other.execute("LOCK t") if n == 1 else n == 3 and other.rollback()
            ended = await shop.run(text + within(fields=RETRY))
        assert ended.outcome == "succeeded", ended.error
        assert (len(shop.made("Charge")), shop.looks) == (1, 3)
        assert await shop.names() == ["a"]


@in_a_loop
async def test_what_failed_is_attempted_again(file: Shop) -> None:
    file.broken["Charge"] = [Failure("not now", code="BUSY", outcome="failed")]
    text = transaction(insert("a") + CHARGE) + MAIN + within(fields=RETRY)
    assert (await file.run(text)).outcome == "succeeded"
    assert len(file.made("Charge")) == 2
    assert await file.names() == ["a"]


@in_a_loop
async def test_a_process_that_ends_before_the_commit(shop: Shop) -> None:
    text = transaction(insert("a") + CHARGE + fails(0) + insert("b")) + MAIN + within()
    await shop.left(text, "Look")
    assert (await shop.run(text)).outcome == "unknown"
    await shop.resolve(Transaction=False)
    assert (await shop.run(text)).outcome == "succeeded"
    assert len(shop.made("Charge")) == 1
    assert await shop.names() == ["a", "b"]


@pytest.mark.parametrize("has_landed", [True, False])
@in_a_loop
async def test_a_process_that_ends_while_it_calls(file: Shop, has_landed: bool) -> None:
    text = transaction(insert("a") + CHARGE + insert("b")) + MAIN + within()
    await file.left(text, "Charge")
    assert (await file.run(text)).outcome == "unknown"
    await file.resolve(Transaction=False)
    assert (await file.run(text)).outcome == "unknown"
    await file.resolve(Transaction=False, Charge=has_landed)
    assert (await file.run(text)).outcome == "succeeded"
    assert len(file.made("Charge")) == (1 if has_landed else 2)
    assert await file.names() == ["a", "b"]


@pytest.mark.parametrize("key", ["", ", idempotencyKey: k"])
@in_a_loop
async def test_what_can_be_found_out_is(file: Shop, key: str) -> None:
    text = transaction(insert("a") + call("S", "Send", key)) + MAIN + within()
    await file.left(text, "Send")
    assert (await file.run(text)).outcome == "unknown"
    await file.resolve(Transaction=False)
    assert (await file.run(text)).outcome == "succeeded"
    assert len(file.made("Send")) == 1
    assert await file.names() == ["a"]


@in_a_loop
async def test_what_became_of_a_call_is_not_known(file: Shop) -> None:
    file.broken["Charge"] = [Failure("no answer", outcome="unknown")]
    text = transaction(insert("a") + CHARGE) + MAIN + within(fields=RETRY)
    assert (await file.run(text)).outcome == "unknown"
    await file.resolve(Transaction=False, Charge=True)
    assert (await file.run(text)).outcome == "succeeded"
    assert len(file.made("Charge")) == 1
    assert await file.names() == ["a"]


@in_a_loop
async def test_a_savepoint_is_a_part_and_another_connection_is_none(shop: Shop) -> None:
    inner = transaction(insert("b") + CHARGE, "Inner")
    there = transaction(insert("c", "InsertThere") + call("R", "Charge"), "There", "Other")
    steps = insert("a") + within("Inner") + within("There") + insert("d", "InsertThere")
    text = inner + there + transaction(steps + fails(2)) + MAIN + within(fields=RETRY)
    assert (await shop.run(text)).outcome == "succeeded"
    assert len(shop.made("Charge")) == 2
    assert await shop.names() == ["a", "b"]
    assert await shop.names("Other") == ["c", "d"]


@pytest.mark.parametrize("step", [call("R", "Refund"), call("R", "Charge", ", approval: required")])
@in_a_loop
async def test_nobody_is_asked_while_a_transaction_is_open(file: Shop, step: str) -> None:
    ended = await file.run(transaction(insert("a") + step) + MAIN + within())
    assert ended.error is not None
    assert (ended.outcome, ended.error.category) == ("failed", "InvalidState")
    assert "cannot wait" in ended.error.message
    assert file.calls == []
    assert await file.names() == []


@in_a_loop
async def test_a_part_is_not_hidden_in_a_call_that_is_recorded(file: Shop) -> None:
    reads = call("B", "Book", ", inputs: { target: Sql.Query/Names }")
    assert (await file.run(transaction(reads) + MAIN + within())).outcome == "succeeded"
    file.journal = file.folder / "another.db"
    ended = await file.run(transaction(insert("a") + call("B", "Book")) + MAIN + within())
    assert ended.error is not None
    assert ended.error.category == "InvalidState"
    assert "Sql.Exec/Insert" in ended.error.message
    assert await file.names() == []


@in_a_loop
async def test_a_run_is_not_parked_in_the_middle_of_a_transaction(file: Shop) -> None:
    steps = insert("a") + CHARGE + "  - { name: S, sleep: 300 }\n" + insert("b")
    both = "  - name: Both\n    parallel:\n      one:\n      {}      two:\n      {}"
    both = both.format(
        call("R", "Refund").replace("\n", "\n      ").rstrip(" "),
        within().replace("\n", "\n      ").rstrip(" "),
    )
    assert (await file.run(transaction(steps) + MAIN + both)).outcome == "parked"
    assert (await file.rows())["steps.Tx"].outcome == "succeeded"
    assert await file.names() == ["a", "b"]
