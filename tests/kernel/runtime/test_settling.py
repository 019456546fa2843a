"""Calls out of a service whose process ended: they are settled, and never made again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, load, loads
from kernel.journal import Intent, Invocation, Journal, NewRun, Opened
from kernel.runtime import open_and_resume
from kernel.runtime.run_request import RunRequest
from tests.support.journals import play
from tests.support.recorded import DEFINITIONS, TOKEN, World

SHOP = (
    DEFINITIONS
    + """\
kind: Kernel.Definition
metadata: { name: Once, module: Pay }
capability: Invocable
safety: write-once-checkable
check: { invoke: { kind: Pay.Look }, inputs: { n: 1 }, landed: "${{ result.n == 1 }}", outputs: {} }
controller: { python: "tests.support.recorded:nothing" }
---
kind: Pay.Once
metadata: { name: Once }
---
kind: Pay.Charge
metadata: { name: Charge }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [ { name: A, invoke: { kind: Pay.Once } } ]
---
kind: Pay.Look
metadata: { name: Look }
"""
)
OTHER = "kind: Log.Print\nmetadata: { name: Main }\n"


def left(
    target: str, safety: Any, module: str | None = None, *, ends: bool = True, **began: Any
) -> Any:
    """A call out of a service that was begun and not concluded; its process ``ends``."""

    async def scene(journal: Journal) -> None:
        asked = RunRequest(None, {}, **{"vars": {}, **began}).to_json()
        opened = await journal.open_run(NewRun("call", "", "", asked, "api"))
        assert isinstance(opened, Opened)
        lease = opened.lease.epoch
        about = {} if module is None else {"module": module}
        intent = Intent(
            "e", "call", "routes.Pay", target, "h", lease, safety, inputs={}, about=about
        )
        await journal.claim(intent)
        if ends:
            await journal.finish_run(opened.lease, "running")

    return scene


async def recover(text: str, path: Path) -> list[str]:
    controllers = World().controllers() if text is SHOP else {}
    kernel = Kernel(loads(text), controllers=controllers, journal=path, environ=TOKEN)
    async with kernel:
        return [one.outcome for one in await kernel.recover()]


def found(path: Path) -> tuple[str, Invocation]:
    async def scene(journal: Journal) -> tuple[str, Invocation]:
        run, row = await journal.run("call"), await journal.invocation("e")
        assert run is not None
        assert row is not None
        return run.state, row

    return play(str(path), scene)


@pytest.mark.parametrize(
    ("target", "safety", "outcome", "state"),
    [
        ("Pay.Once/Once", "write-once-checkable", "succeeded", "failed"),
        ("Pay.Once/inline", "write-once-checkable", "succeeded", "failed"),
        ("Pay.Charge/Charge", "irreversible", "unknown", "unknown"),
        ("Pay.Look/Look", "idempotent", "failed", "failed"),
        ("Pay.Charge/Charge", None, "unknown", "unknown"),
    ],
)
def test_what_a_call_left_is_settled_by_its_class(
    tmp_path: Path, target: str, safety: Any, outcome: str, state: str
) -> None:
    path = tmp_path / "journal.db"
    play(str(path), left(target, safety))
    assert len(asyncio.run(recover(SHOP, path))) == 1
    run, row = found(path)
    assert (row.outcome, run) == (outcome, state)
    assert asyncio.run(recover(SHOP, path)) == []


def test_a_call_of_a_silent_server_is_settled_when_a_person_says_that_it_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_and_resume, "PATIENCE_SECONDS", 0.01)
    path = tmp_path / "journal.db"

    async def scene(journal: Any) -> None:
        journal.owner = "elsewhere/1/1"
        await left("Pay.Once/Once", "write-once-checkable", ends=False)(journal)

    async def resume(is_dead: bool) -> str:
        kernel = Kernel(loads(SHOP), controllers=World().controllers(), journal=path, environ=TOKEN)
        async with kernel:
            return (await kernel.resume("call", owner_is_dead=is_dead)).outcome

    play(str(path), scene)
    assert asyncio.run(resume(False)) == asyncio.run(resume(False)) == "unknown"
    assert found(path)[1].outcome is None
    assert asyncio.run(resume(True)) == "failed"
    run, row = found(path)
    assert (row.outcome, run) == ("succeeded", "failed")


def test_a_manifest_leaves_alone_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    play(str(path), left("Pay.Once/Once", "write-once-checkable"))
    assert asyncio.run(recover(OTHER, path)) == []
    run, row = found(path)
    assert (row.outcome, run) == (None, "running")


@pytest.mark.parametrize(
    "began", [{"vars": {"bank": "other"}}, {"environment": "test"}, {"place": "/else"}]
)
def test_what_another_deployment_left_is_for_that_one(tmp_path: Path, began: Any) -> None:
    path = tmp_path / "journal.db"
    play(str(path), left("Pay.Once/Once", "write-once-checkable", **began))
    assert asyncio.run(recover(SHOP, path)) == []
    run, row = found(path)
    assert (row.outcome, run) == (None, "running")


def test_what_stands_in_an_import_is_found_there(tmp_path: Path) -> None:
    path, inner = tmp_path / "journal.db", tmp_path / "inner"
    inner.mkdir()
    (inner / "main.yaml").write_text(SHOP)
    root = "kind: Kernel.Module\nmetadata: { name: Root }\nimports: { Inner: ./inner }\n"
    (tmp_path / "root.yaml").write_text(f"{root}---\n{OTHER}")
    play(str(path), left("Pay.Once/Once", "write-once-checkable", module="Shop"))

    async def recovered() -> list[str]:
        controllers = World().controllers()
        manifest = load(tmp_path / "root.yaml")
        async with Kernel(manifest, controllers=controllers, journal=path, environ=TOKEN) as kernel:
            return [one.outcome for one in await kernel.recover()]

    assert len(asyncio.run(recovered())) == 1
    run, row = found(path)
    assert (row.outcome, run) == ("succeeded", "failed")


def test_outputs_that_a_check_finds_and_that_are_too_large_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    play(str(path), left("Pay.Once/Once", "write-once-checkable"))
    large = SHOP.replace("outputs: {} }", 'outputs: { long: "${{ lists.range(5000) }}" } }')

    async def scene(journal: Journal) -> None:
        controllers = World().controllers()
        async with Kernel(
            loads(large), controllers=controllers, journal=journal, environ=TOKEN
        ) as k:
            assert len(await k.recover()) == 1

    play(str(path), scene, largest=10_000)
    run, row = found(path)
    assert (row.outcome, row.outputs, run) == ("succeeded", None, "failed")
    assert "its result is not kept: the outputs have 2" in row.error["message"]
