"""Runs that wait for a slot of a concurrency group, as processes and as the commands show them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import kernel, said, start
from tests.support.warm import Process

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Switch, module: Site }
capability: Invocable
safety: approval-bound
controller: { python: "queued_site:switch" }
---
kind: Run.Sequence
metadata: { name: Deploy }
concurrency: { limit: 1, full: FULL }
steps:
  - { name: Switch, invoke: { kind: Site.Switch } }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: Deploy, invoke: { kind: Run.Sequence, name: Deploy } }
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MANIFEST.replace("FULL", "queue"))
    (tmp_path / "queued_site.py").write_text("def switch(inputs):\n    return {}\n")
    return tmp_path


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def apply(site: Path, run: str) -> Process:
    return start(
        "apply", "main.yaml", "--target", "Run.Sequence/Main", "--run-id", run, folder=site
    )


def state(site: Path, run: str) -> str:
    (found,) = [one for one in said(site, "runs") if one["run"] == run]
    return str(found["state"])


def parked(site: Path, run: str) -> None:
    process = apply(site, run)
    process.communicate(timeout=30)
    assert process.wait() == 4


def test_a_run_that_waits_is_shown_and_keeps_its_place(site: Path) -> None:
    parked(site, "first")
    second = apply(site, "second")
    until(lambda: "second" in str(said(site, "runs")) and state(site, "second") == "queued")
    (shown,) = said(site, "runs", "--state", "queued")
    assert shown["waits"] == [
        {
            "path": "steps.Deploy",
            "topology": "Run.Sequence/Deploy",
            "before": 1,
            "behind": ["first"],
        }
    ]
    assert "‖ queued behind first" in kernel("runs", folder=site, env={"COLUMNS": "150"}).out
    tree = kernel("trace", "second", folder=site, env={"COLUMNS": "150"}).out
    assert "‖ Deploy" in tree
    assert "Run.Sequence/Deploy  queued behind first" in tree
    os.kill(second.pid, signal.SIGKILL)
    _, told = second.communicate(timeout=30)
    assert "‖ steps.Deploy is queued: the slot is held by steps.Deploy of run first" in told
    assert "`kernel resume first`" in told
    until(lambda: state(site, "second") == "interrupted")
    assert "queued behind first" in kernel("trace", "second", folder=site).out
    third = apply(site, "third")
    until(lambda: "third" in str(said(site, "runs")) and state(site, "third") == "queued")
    assert kernel("approve", "first", folder=site).status == 0
    assert kernel("resume", "first", folder=site).status == 0
    third.send_signal(signal.SIGTERM)  # it leaves the run, and its place
    third.communicate(timeout=30)
    assert kernel("resume", "second", folder=site).status == 4
    assert kernel("cancel", "second", folder=site).status == 0
    assert kernel("resume", "third", folder=site).status == 4  # it had the slot, and parked


def test_a_queued_run_is_cancelled_from_elsewhere(site: Path) -> None:
    parked(site, "first")
    second = apply(site, "second")
    until(lambda: "second" in str(said(site, "runs")) and state(site, "second") == "queued")
    assert kernel("cancel", "second", folder=site).status == 0
    second.communicate(timeout=30)
    assert second.wait() == 130
    assert [one["state"] for one in said(site, "runs")] == ["cancelled", "parked"]


def test_the_oldest_is_cancelled_in_another_process(site: Path) -> None:
    (site / "main.yaml").write_text(MANIFEST.replace("FULL", "cancel-running"))
    (site / "queued_site.py").write_text(
        "import time\n\ndef switch(inputs):\n    time.sleep(60)\n    return {}\n"
    )
    text = (site / "main.yaml").read_text().replace("approval-bound", "idempotent")
    (site / "main.yaml").write_text(text)
    first = apply(site, "first")
    until(lambda: "first" in str(said(site, "runs")) and state(site, "first") == "running")
    time.sleep(0.5)
    second = apply(site, "second")
    _, told = first.communicate(timeout=30)
    assert first.wait() == 130
    assert "Run.Sequence/Deploy was called in run second, and cancels older calls" in told
    assert state(site, "first") == "cancelled"
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
