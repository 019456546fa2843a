"""Ctrl-C and SIGTERM, to a real process in the middle of its work."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.support.command import start
from tests.support.warm import Process

WAITS = """\
kind: Kernel.Definition
metadata: { name: Wait, module: T }
capability: Invocable
controller: { python: "cli_waits:%s" }
---
kind: Kernel.Definition
metadata: { name: Note, module: T }
capability: Invocable
controller: { python: "cli_waits:note" }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - try:
      - { name: Waits, invoke: { kind: T.Wait } }
    catch:
      - { invoke: { kind: T.Note }, inputs: { text: caught } }
    finally:
      - invoke: { kind: T.Note }
        inputs: { text: "finally ${{ error == null ? '' : error.kind }}" }
"""

WAITS_PY = """\
import asyncio, pathlib, time

def ready():
    pathlib.Path("ready").touch()

def note(inputs):
    with open("notes", "a") as file:
        print(inputs["text"], file=file)

async def politely(inputs, call):
    ready()
    try:
        await asyncio.sleep(60)
    finally:
        note({"text": f"cancelled {call.cancellation.cancelled}"})

def in_thread(inputs, call):
    ready()
    if call.cancellation.wait_in_thread(60):
        note({"text": "thread told"})

def deaf(inputs):
    ready()
    time.sleep(60)

async def stubborn(inputs):
    ready()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

def flood(inputs):
    ready()
    while True:
        print("x" * 1000)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cli_waits.py").write_text(WAITS_PY)
    return tmp_path


def wait_for(path: Path, process: Process) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def begin(folder: Path, controller: str, *arguments: str) -> Process:
    (folder / "main.yaml").write_text(WAITS % controller)
    process = start("apply", "main.yaml", *arguments, folder=folder)
    wait_for(folder / "ready", process)
    return process


@pytest.mark.parametrize(
    ("number", "journal"), [(signal.SIGINT, "journal.db"), (signal.SIGTERM, "memory:")]
)
def test_an_interrupted_run_cleans_up(folder: Path, number: signal.Signals, journal: str) -> None:
    options = ("-o", "json", "--events", "events.jsonl", "--journal", journal)
    process = begin(folder, "politely", *options)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (folder / "notes").read_text() == "cancelled True\nfinally Cancelled\n"
    document = json.loads(out)
    assert (document["outcome"], document["error"]["kind"]) == ("cancelled", "Cancelled")
    assert "Traceback" not in err
    types = [
        json.loads(line)["type"] for line in (folder / "events.jsonl").read_text().splitlines()
    ]
    assert types[-1] == "Run.Sequence.Main.Cancelled"
    assert document["run"]
    assert document["run"] in (folder / "events.jsonl").read_text()


def test_a_stopped_process_leaves_its_run_to_the_next(folder: Path) -> None:
    process = begin(folder, "politely", "--run-id", "r")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted: the run is left where it is; `kernel resume r` goes on with it\n" in err
    assert (folder / "notes").read_text() == "cancelled True\n"
    again = start("resume", "r", folder=folder)
    again.communicate(timeout=20)
    assert (folder / "notes").read_text().startswith("cancelled True\ncaught\nfinally")


def test_a_thread_is_told(folder: Path) -> None:
    process = begin(folder, "in_thread")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert "finally Cancelled" in (folder / "notes").read_text()


@pytest.mark.parametrize("controller", ["deaf", "stubborn", "flood"])
def test_what_does_not_listen_does_not_keep_the_process_for_long(
    folder: Path, controller: str
) -> None:
    process = begin(folder, controller)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    if controller == "stubborn":
        # Asked politely it stays; asked twice it goes.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - began < 10
    assert out == ""
    assert len(err) < 2_000_000
    assert "Traceback" not in err


SERVICES = """\
kind: Kernel.Definition
metadata: { name: Lamp, module: T }
capability: Service
controller: { python: "cli_lamp:Lamp" }
---
kind: T.Lamp
metadata: { name: One }
---
kind: T.Lamp
metadata: { name: Two }
"""

LAMP_PY = """\
import asyncio, pathlib

class Lamp:
    def __init__(self):
        self.over = asyncio.Event()

    async def start(self, call):
        call.ready({"lit": True})
        with open("lamps", "a") as file:
            print("up", file=file, flush=True)
        await self.over.wait()

    async def stop(self):
        self.over.set()
        with open("lamps", "a") as file:
            print("down", file=file)
"""


def lamps(folder: Path, process: Process, count: int) -> None:
    until = time.monotonic() + 20
    file = folder / "lamps"
    while not file.exists() or file.read_text().count("up") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_services_run_until_they_are_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "main.yaml").write_text(SERVICES)
    (tmp_path / "cli_lamp.py").write_text(LAMP_PY)
    process = start("apply", "main.yaml", folder=tmp_path)
    lamps(tmp_path, process, 2)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (tmp_path / "lamps").read_text().split() == ["up", "up", "down", "down"]
    assert "Traceback" not in err
