"""What holds for the library as a whole, and the kinds that need only a few words."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from definitions.http.request import Request
from definitions.http.server import Server
from definitions.sql.connection import Connection
from kernel import Cancelled, Failure, Kernel, ValidationError, loads, schema
from tests.definitions.support.databases import database

LIBRARY = Path(__file__).parents[2] / "definitions"
HEAVY = ("httpx", "starlette", "uvicorn", "sqlalchemy", "psycopg", "pydantic", "jsonschema")
CONTROLLERS = (
    "file.list", "file.read", "file.write", "http.api", "http.request", "http.server", "log.print",
    "python.function", "sql.connection", "sql.exec", "sql.query", "sql.transaction", "time.sleep",
)  # fmt: skip


def invoke(kind: str, inputs: dict[str, Any], fields: str = "") -> Any:
    text = f"kind: {kind}\nmetadata: {{ name: It }}\n{fields}"

    async def main() -> Any:
        async with asyncio.timeout(10), Kernel(loads(text), environ={}) as kernel:
            return await kernel.invoke(f"{kind}/It", inputs)

    return asyncio.run(main())


def test_every_kind_says_how_safe_it_is_to_call() -> None:
    declared = {}
    for file in sorted(LIBRARY.glob("*/*.yaml")):
        for one in YAML(typ="safe").load_all(file):
            if one["capability"] == "Invocable":
                said = "has no safety class" in one["metadata"]["description"]
                declared[one["metadata"]["name"]] = one.get("safety", said)
    assert {name for name, safety in declared.items() if safety is True} == {
        "Function", "Router", "Sequence", "Workflow",
    }  # fmt: skip
    assert len(declared) == 13
    assert all(declared.values())


def test_controllers_import_nothing_heavy() -> None:
    imports = "; ".join(f"import definitions.{name}" for name in CONTROLLERS)
    listed = f"import sys; {imports}; print(*(set(sys.modules) & set({HEAVY!r})))"
    ran = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("httpx", "http", lambda: _once(Request({}), {"url": "http://127.0.0.1:1"})),
        ("uvicorn", "http", lambda: asyncio.run(Server({"port": 0}).start(None))),  # type: ignore[arg-type]
        ("sqlalchemy", "sql", lambda: Connection({})),
        ("psycopg", "postgresql", lambda: Connection({"url": "postgresql://x/y"})),
    ],
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, extra: str, use: Any
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Failure) as caught:
        use()
    assert caught.value.code == "MISSING_EXTRA"
    assert f"pip install 'invocable-kernel[{extra}]'" in caught.value.message


def _once(request: Request, inputs: dict[str, Any]) -> Any:
    class Call:
        idempotency_key = None

    return asyncio.run(request.invoke(inputs, Call()))


def test_print_logs_and_never_prints(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "kernel")
    assert invoke("Log.Print", {"message": "one", "fields": {"a": 1}}) is None
    invoke("Log.Print", {"message": "two %s", "level": "error"})
    invoke("Log.Print", {"message": "three"}, "level: warning")
    logged = [(r.levelname, r.getMessage()) for r in caplog.records if r.getMessage() != ""]
    wanted = [("INFO", "one"), ("ERROR", "two %s"), ("WARNING", "three")]
    assert [each for each in logged if each in wanted] == wanted
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["message", "level"])
def test_fields_do_not_hide_the_message(name: str) -> None:
    with pytest.raises(ValidationError):
        invoke("Log.Print", {"message": "m", "fields": {name: 1}})


def test_sleep_takes_its_time_and_ends_at_once_when_cancelled() -> None:
    text = "kind: Time.Sleep\nmetadata: { name: It }"

    async def main() -> tuple[float, float]:
        async with Kernel(loads(text), environ={}) as kernel:
            began = time.monotonic()
            await kernel.invoke("Time.Sleep/It", {"ms": 50})
            slept = time.monotonic() - began
            task = asyncio.create_task(kernel.invoke("Time.Sleep/It", {"ms": 60_000}))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, Cancelled)):
                await task
            return slept, time.monotonic() - began

    slept, both = asyncio.run(main())
    assert 0.05 <= slept < both < 5


@pytest.mark.parametrize("ms", [-1, 86_400_001, 1.5, "1", None])
def test_sleep_is_bounded(ms: Any) -> None:
    with pytest.raises(ValidationError):
        invoke("Time.Sleep", {"ms": ms})


STEPS = [
    {"name": "A", "invoke": {"kind": "K", "name": "n"}, "inputs": {"a": 1}, "when": "${{ true }}"},
    {"invoke": {"kind": "K"}, "retry": {"attempts": 3, "delay": 1, "backoff": "linear"}},
    {"invoke": {"kind": "K"}, "timeout": 5, "idempotencyKey": "${{ 'k' }}", "approval": "required"},
    {"name": "V", "value": {"a": ["${{ 1 }}"]}},
    {"if": "${{ true }}", "then": [{"value": 1}], "elseif": [{"if": "x", "then": []}], "else": []},
    {"switch": "${{ 1 }}", "cases": {"1": [{"value": 1}]}, "default": []},
    {"do": [{"value": 1}], "while": "${{ true }}", "maxIterations": 3},
    {"do": [], "until": "${{ true }}"},
    {"forEach": "${{ [1] }}", "do": [{"value": 1}], "result": "${{ item }}", "parallelism": 2},
    {"parallel": {"A": [{"value": 1}], "B": []}},
    {"try": [], "catch": [{"value": 1}], "finally": []},
    {"throw": {"code": 1, "message": "m", "data": {}}},
    {"sleep": 5},
    {"waitFor": {"type": "x"}, "timeout": 5},
]
WRONG_STEPS: list[Any] = [
    {}, {"name": "A"}, {"value": 1, "vlaue": 2}, {"if": 1, "then": [{"invok": {}}]},
    {"invoke": {"kind": "K"}, "retry": {"delay": 5}}, "text", {"do": {"value": 1}},
]  # fmt: skip


def test_the_schema_of_steps_knows_every_form() -> None:
    definition = YAML(typ="safe").load(LIBRARY / "run" / "sequence.yaml")
    compiled = schema.compile_schema(definition["schema"])
    for step in STEPS:
        assert compiled.problems({"steps": [step]}) == ()
    for step in WRONG_STEPS:
        assert not compiled.is_valid({"steps": [step]}), step


def test_a_transaction_is_the_same_on_postgresql(tmp_path: Path) -> None:
    path = Path(__file__).parent / "manifests" / "sql_transaction.yaml"
    text = path.read_text()

    async def main(url: str) -> Any:
        async with asyncio.timeout(20):
            manifest = loads(text.replace('"sqlite://"', f'"{url}"'))
            async with Kernel(manifest, environ={}) as kernel:
                return await kernel.apply()

    results = [asyncio.run(main("sqlite://"))]
    with database("postgresql", tmp_path) as url:
        results.append(asyncio.run(main(url)))
    assert results[0].error is results[1].error is None
    assert results[0].result == results[1].result


def test_a_cancelled_transaction_leaves_nothing(tmp_path: Path) -> None:
    text = f"""
kind: Sql.Connection
metadata: {{ name: Db }}
url: sqlite:///{tmp_path}/x.db
setup: ["CREATE TABLE IF NOT EXISTS t (a INTEGER)"]
---
kind: Sql.Transaction
metadata: {{ name: Slow }}
connection: {{ kind: Sql.Connection, name: Db }}
do:
  invoke:
    kind: Run.Sequence
    steps:
      - name: Write
        invoke:
          kind: Sql.Exec
          connection: {{ kind: Sql.Connection, name: Db }}
          sql: INSERT INTO t VALUES (1)
      - name: Wait
        invoke: {{ kind: Time.Sleep }}
        inputs: {{ ms: 60000 }}
---
kind: Sql.Query
metadata: {{ name: All }}
connection: {{ kind: Sql.Connection, name: Db }}
sql: SELECT * FROM t
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: Try
    try:
      - name: Slow
        invoke: {{ kind: Sql.Transaction, name: Slow }}
        timeout: 100
    catch:
      - name: Kind
        value: "${{{{ error.kind + ' ' + error.outcome }}}}"
  - name: All
    invoke: {{ kind: Sql.Query, name: All }}
result: ["${{{{ steps.Try.result }}}}", "${{{{ steps.All.result.count }}}}"]
"""

    async def main() -> Any:
        async with asyncio.timeout(20), Kernel(loads(text), environ={}) as kernel:
            return await kernel.apply()

    assert asyncio.run(main()).result == ["Timeout unknown", 0]
