"""A Provider that is not there yet: the call that needs it fails with its code, and is retried."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, InvalidState, Kernel, loads
from tests.support.embedded import World, call, definition, resource, sequence

USES = {"type": "object", "properties": {"source": {"x-kernel-ref": "T.Source"}}}
USED = {"kind": "T.Work", "source": {"kind": "T.Source", "name": "S"}}


class Late:
    """A Provider that comes up at the start with the number ``at``, counted from 1."""

    def __init__(self, at: int, error: Exception) -> None:
        self.at, self.error = at, error
        self.starts = self.closes = 0

    def kind(self) -> type:
        late = self

        class Source:
            async def provide(self) -> dict[str, Any]:
                late.starts += 1
                await asyncio.sleep(0.01)
                if late.starts < late.at:
                    raise late.error
                return {"start": late.starts}

            def close(self) -> None:
                late.closes += 1

        return Source


class Work:
    def __init__(self, fields: Any) -> None:
        assert fields["source"] is not None

    def invoke(self, inputs: Any) -> str:
        return "done"


def world(late: Late, *documents: Any, safety: str | None = None, **declared: Any) -> World:
    more = {} if safety is None else {"safety": safety}
    return World(
        definition(schema=USES, **more),
        definition("Source", capability="Provider", **declared),
        resource("T.Source", "S"),
        *documents,
        Work=Work,
        Source=late.kind(),
    )


def uses(**more: Any) -> dict[str, Any]:
    return call(invoke=USED, **more)


RETRY = {"attempts": 5, "delay": 1, "when": "${{ error.code == 'AWAY' }}"}


@pytest.mark.parametrize("safety", [None, "idempotent", "irreversible"])
def test_the_call_site_waits_for_a_provider(safety: str | None) -> None:
    late = Late(3, Failure("away", code="AWAY"))
    result = world(late, sequence(uses(retry=RETRY)), safety=safety).apply()
    assert (result.outcome, result.error) == ("succeeded", None)
    assert (late.starts, late.closes) == (3, 3)


def test_without_a_retry_the_call_fails_with_the_code_of_the_provider() -> None:
    late = Late(9, Failure("away", code="AWAY", data={"port": 1}))
    result = world(late, sequence(uses())).apply()
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("failed", "AWAY")
    assert (result.error.category, result.error.data) == ("ControllerError", {"port": 1})
    assert "T.Source/S could not be started: Failure: away" in result.error.message
    assert late.starts == 2


def test_a_try_sees_the_code() -> None:
    late = Late(9, ConnectionRefusedError("nobody listens"))
    caught = {"name": "Code", "value": "${{ error.code }}"}
    result = world(late, sequence({"name": "T", "try": [uses()], "catch": [caught]})).apply()
    assert result.result["T"] == "ConnectionRefusedError"


def test_calls_at_once_share_a_start() -> None:
    late = Late(3, Failure("away", code="AWAY"))
    branches = {f"b{number}": [uses(name=f"S{number}", retry=RETRY)] for number in range(20)}
    result = world(late, sequence({"name": "P", "parallel": branches})).apply()
    assert result.outcome == "succeeded"
    assert late.starts == 3


def test_what_nothing_needs_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    late = Late(9, Failure("away", code="AWAY"))
    assert world(late, sequence({"name": "V", "value": 1})).apply().outcome == "succeeded"
    assert late.starts == 1
    assert "a call that needs it starts it anew" in caplog.text


def test_what_is_declared_final_stops_the_start() -> None:
    late = Late(2, Failure("never", code="NEVER"))
    errors = {"NEVER": {"description": "d", "retryable": False}}
    with pytest.raises(InvalidState) as caught:
        world(late, sequence(uses(retry={"attempts": 3})), errors=errors).apply()
    assert caught.value.code == "NEVER"
    assert late.starts == 1


def test_an_accident_stops_the_start_with_its_code() -> None:
    with pytest.raises(InvalidState) as caught:
        world(Late(2, ZeroDivisionError("by zero")), sequence(uses())).apply()
    assert caught.value.code == "ZeroDivisionError"


def test_a_timeout_covers_the_start() -> None:
    class Slow(Late):
        def kind(self) -> type:
            late = self

            class Source:
                async def provide(self) -> dict[str, Any]:
                    late.starts += 1
                    if late.starts == 2:
                        await asyncio.sleep(30)
                    raise late.error

            return Source

    slow = Slow(9, Failure("away", code="AWAY"))
    result = world(slow, sequence(uses(timeout=50, retry={"attempts": 2}))).apply()
    assert result.error is not None
    assert (result.error.code, slow.starts) == ("AWAY", 3)


def test_a_locked_sqlite_file(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    manifest = loads(f"""\
kind: Sql.Connection
metadata: {{ name: Db }}
url: "sqlite:///{tmp_path}/x.db"
busyTimeout: 10
setup: ["CREATE TABLE IF NOT EXISTS u (x)"]
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: Once
    try:
      - invoke: {{ kind: Sql.Query, connection: {{ kind: Sql.Connection, name: Db }} }}
        inputs: {{ sql: "SELECT count(*) AS n FROM u" }}
    catch: [{{ name: Code, value: "${{{{ error.code }}}}" }}]
  - name: Again
    invoke: {{ kind: Sql.Exec, connection: {{ kind: Sql.Connection, name: Db }} }}
    inputs: {{ sql: "INSERT INTO u VALUES (1)" }}
    retry: {{ attempts: 100, delay: 50, maxDelay: 50, when: "${{{{ error.code == 'BUSY' }}}}" }}
result: "${{{{ [steps.Once.result, steps.Again.result.count] }}}}"
""")

    async def main() -> Any:
        async with Kernel(manifest) as kernel:
            asyncio.get_running_loop().call_later(0.5, holder.execute, "COMMIT")
            return await kernel.apply()

    try:
        assert asyncio.run(main()).result == ["BUSY", 1]
    finally:
        holder.close()


def test_an_expression_that_reads_its_values_says_why_they_are_not_there() -> None:
    late = Late(9, Failure("away", code="AWAY"))
    result = world(late, sequence({"name": "V", "value": "${{ resources.S.start }}"})).apply()
    assert result.error is not None
    assert (result.error.category, result.error.code) == ("ExpressionError", "AWAY")
    assert "T.Source/S could not be started: Failure: away" in result.error.message


def test_its_values_are_there_once_it_is() -> None:
    late = Late(3, Failure("away", code="AWAY"))
    value = {"name": "V", "value": "${{ resources.S.start }}"}
    assert world(late, sequence(uses(retry=RETRY), value)).apply().result["V"] == 3
