"""What a process goes on with that others left: neither waited for too long, nor lost."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import command
from tests.support.command import kernel, said
from tests.support.warm import Process

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
safety: write-once-checkable
check:
  invoke: { kind: Shop.Find }
  inputs: { key: "${{ invocation.idempotencyKey }}" }
  landed: "${{ result }}"
controller: { python: "recovered_shop:charge" }
---
kind: Kernel.Definition
metadata: { name: Find, module: Shop }
capability: Invocable
safety: idempotent
controller: { python: "recovered_shop:find" }
---
kind: Run.Sequence
metadata: { name: Quick }
steps: [ { name: A, value: 1 } ]
result: ok
---
kind: Run.Sequence
metadata: { name: Nap }
steps: [ { name: A, sleep: 60000 } ]
---
kind: Run.Sequence
metadata: { name: Rest }
steps: [ { name: A, sleep: 60000 } ]
---
kind: Run.Sequence
metadata: { name: Doze }
steps: [ { name: A, sleep: 6000 } ]
---
kind: Run.Sequence
metadata: { name: Pay }
steps:
  - { name: A, invoke: { kind: Shop.Charge }, idempotencyKey: order-1 }
result: paid
"""

SHOP = """\
import pathlib, time

def charge(inputs, call):
    with open("effects", "a") as file:
        file.write(call.idempotency_key + "\\n")
    if pathlib.Path("slow").exists():
        time.sleep(60)
    return {}

def find(inputs):
    effects = pathlib.Path("effects")
    return effects.exists() and inputs["key"] in effects.read_text().split()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MANIFEST)
    (tmp_path / "recovered_shop.py").write_text(SHOP)
    return tmp_path


def start(shop: Path, name: str, *options: str) -> Process:
    return command.start(
        "apply", "main.yaml", "--target", f"Run.Sequence/{name}", *options, folder=shop
    )


def killed(shop: Path, name: str, *options: str) -> None:
    """A run whose process ends while it is under way."""
    process = start(shop, name, "--run-id", name, *options)
    while not _began(shop, name):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _began(shop: Path, name: str) -> bool:
    if name == "Pay":
        return (shop / "effects").exists()
    journal = shop / ".kernel" / "journal.db"
    return journal.exists() and any(
        one["run"] == name and said(shop, "trace", name)["invocations"] for one in runs(shop)
    )


def runs(shop: Path) -> list[dict[str, Any]]:
    answer = kernel("runs", "-o", "json", folder=shop)
    return answer.json if answer.status == 0 else []


def state(shop: Path, run: str) -> str:
    (found,) = [one["state"] for one in runs(shop) if one["run"] == run]
    return str(found)


def test_a_run_that_sleeps_for_long_is_left_for_later(shop: Path) -> None:
    killed(shop, "Nap")
    began = time.monotonic()
    answer = kernel("apply", "main.yaml", "--target", "Run.Sequence/Quick", folder=shop)
    assert time.monotonic() - began < 20
    assert (answer.status, answer.out) == (0, '"ok"\n')
    assert "the run Nap, which was interrupted, is left where it was" in answer.err
    assert state(shop, "Nap") == "interrupted"


def test_a_run_that_nobody_works_on_is_shown_so(shop: Path) -> None:
    alive = start(shop, "Nap", "--run-id", "alive")
    while not _began(shop, "alive"):
        time.sleep(0.05)
    killed(shop, "Rest")
    shown = kernel("runs", folder=shop).out.splitlines()
    assert [line.split()[3] for line in shown if line.startswith("alive")] == ["running"]
    assert [line.split()[3] for line in shown if line.startswith("Rest")] == ["interrupted"]
    alive.send_signal(signal.SIGINT)
    alive.communicate(timeout=30)


SECRET = """\
kind: Kernel.Module
metadata: { name: Shop }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [ { name: A, value: 1 } ]
result: { known: "${{ secrets.token }}" }
"""


def test_what_has_ended_answers_without_secrets(shop: Path) -> None:
    (shop / "main.yaml").write_text(SECRET)
    env = {"SHOP_TOKEN": "s3cr3t-token"}
    options = ("--no-check", "--run-id", "r")
    first = kernel("apply", "main.yaml", *options, folder=shop, env=env)
    again = kernel("resume", "r", folder=shop)
    assert (again.status, again.json) == (0, {"known": "${{ Shop.secrets.token }}"})
    assert "s3cr3t" not in first.out + again.out


def test_the_id_of_a_run_holds_no_secret(shop: Path) -> None:
    (shop / "main.yaml").write_text(SECRET)
    env = {"SHOP_TOKEN": "s3cr3t-token"}
    options = ("--no-check", "--run-id", "a-s3cr3t-token")
    refused = kernel("apply", "main.yaml", *options, folder=shop, env=env)
    assert refused.status == 2
    assert "the id of the run holds a secret" in refused.err
    assert "s3cr3t" not in refused.err


def test_a_weak_secret_may_be_a_part_of_who_calls_and_where(shop: Path) -> None:
    (shop / "main.yaml").write_text(SECRET)
    options = ("--no-check", "--principal", "test-bot", "--environment", "test")
    answer = kernel("apply", "main.yaml", *options, folder=shop, env={"SHOP_TOKEN": "test"})
    assert answer.status == 0, answer.err


def test_who_interrupts_the_wait_for_others_has_the_answer(shop: Path) -> None:
    killed(shop, "Doze")
    process = start(shop, "Quick")
    assert process.stdout is not None
    assert process.stdout.readline() == '"ok"\n'
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert state(shop, "Doze") == "interrupted"


def test_a_command_that_fails_leaves_what_it_went_on_with(shop: Path) -> None:
    alive = start(shop, "Nap", "--run-id", "alive")
    while not _began(shop, "alive"):
        time.sleep(0.05)
    killed(shop, "Rest")
    refused = start(shop, "Nap", "--run-id", "alive")
    _, err = refused.communicate(timeout=30)
    assert refused.returncode == 2
    assert "is being worked on by" in err
    assert state(shop, "Rest") == "interrupted"
    alive.send_signal(signal.SIGINT)
    alive.communicate(timeout=30)
    assert state(shop, "alive") == "cancelled"


def test_a_key_that_a_dead_process_holds_is_waited_for_while_its_run_goes_on(shop: Path) -> None:
    (shop / "slow").touch()
    killed(shop, "Pay")
    (shop / "slow").unlink()
    answer = kernel("apply", "main.yaml", "--target", "Run.Sequence/Pay", folder=shop)
    assert (answer.status, answer.out) == (0, '"paid"\n'), answer.err
    assert (shop / "effects").read_text() == "order-1\n"
