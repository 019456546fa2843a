"""``apply``, ``resume``, ``replay`` and ``cancel`` over a journal, as processes."""

from __future__ import annotations

import json
import os
import pty
import signal
import time
from pathlib import Path

import pytest

from tests.support.command import kernel, said, start
from tests.support.warm import Process, environment

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Refund, module: Shop }
capability: Invocable
safety: approval-bound
inputs: { type: object, properties: { amount: { type: integer } }, required: [amount] }
controller: { python: "recorded_shop:refund" }
---
kind: Kernel.Definition
metadata: { name: Look, module: Shop }
capability: Invocable
safety: idempotent
controller: { python: "recorded_shop:look" }
---
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { amount: { type: integer } }, required: [amount] }
steps:
  - { name: Look, invoke: { kind: Shop.Look } }
  - { name: Pay, invoke: { kind: Shop.Refund }, inputs: { amount: "${{ inputs.amount }}" } }
result: "${{ steps.Pay.result }}"
"""

SHOP = """\
import os, pathlib, time

def refund(inputs, call):
    with open("effects", "a") as file:
        file.write(call.idempotency_key + "\\n")
    return {"refunded": inputs["amount"]}

def look(inputs):
    with open("looks", "a") as file:
        file.write("look\\n")
    if pathlib.Path("slow").exists():
        time.sleep(60)
    return {}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MANIFEST)
    (tmp_path / "recorded_shop.py").write_text(SHOP)
    return tmp_path


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_parked_run_is_approved_and_goes_on(shop: Path) -> None:
    parked = kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    assert (parked.status, parked.out) == (4, "")
    assert "kernel resume r" in parked.err
    (approval,) = said(shop, "approvals")
    assert approval["approval"] in parked.err
    assert kernel("resume", "r", folder=shop).status == 4
    assert kernel("approve", approval["approval"][:8], folder=shop).status == 0
    done = kernel("resume", "r", folder=shop)
    assert (done.status, json.loads(done.out)) == (0, {"refunded": 5})
    assert len(lines(shop / "effects")) == len(lines(shop / "looks")) == 1
    again = kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    assert (again.status, json.loads(again.out)) == (0, {"refunded": 5})
    other = kernel("apply", "main.yaml", "--input", "amount=6", "--run-id", "r", folder=shop)
    assert other.status == 2
    assert "other inputs" in other.err
    assert len(lines(shop / "effects")) == 1


def test_a_run_that_waits_for_several_says_which_is_which(shop: Path) -> None:
    pay = "invoke: { kind: Shop.Refund }, inputs: { amount: 1 }"
    text = MANIFEST.replace(
        "  - { name: Pay,",
        f"  - parallel: {{ A: [{{ name: One, {pay} }}], B: [{{ name: Two, {pay} }}] }}\n"
        "  - { name: Pay,",
    )
    (shop / "main.yaml").write_text(text)
    parked = kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    asked = {one["approval"]: one["frozen"]["path"] for one in said(shop, "approvals")}
    assert sorted(asked.values()) == ["steps.One", "steps.Two"]
    for approval, path in asked.items():
        assert f"  kernel approve {approval}   (or kernel deny) for {path}\n" in parked.err
    wide = {"COLUMNS": "160"}
    header, *rows = kernel("approvals", folder=shop, env=wide).out.splitlines()
    assert header.split()[:4] == ["APPROVAL", "STATE", "TARGET", "PATH"]
    shown = {row.split()[0]: row.split()[4] for row in rows}
    assert shown == {approval[:8]: path for approval, path in asked.items()}


def test_a_call_that_is_no_topology_is_not_called_one(shop: Path) -> None:
    text = f"{MANIFEST}---\nkind: Shop.Refund\nmetadata: {{ name: Card }}\n"
    (shop / "main.yaml").write_text(text)
    parked = kernel("invoke", "main.yaml", "Shop.Refund/Card", "--input", "amount=5", folder=shop)
    assert "(or kernel deny)\n" in parked.err
    (approval,) = said(shop, "approvals")
    recorded = kernel("trace", approval["execution"], folder=shop).out
    assert recorded.startswith("… the call  Shop.Refund/Card  in flight\n")
    assert "‖ the call  Shop.Refund/Card  needs approval" in kernel(
        "trace", approval["run"], folder=shop
    ).out.replace("    ", "  ")


def test_a_denied_run_fails(shop: Path) -> None:
    kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    (approval,) = said(shop, "approvals")
    kernel("deny", approval["approval"], "--reason", "too much", folder=shop)
    done = kernel("resume", "r", folder=shop)
    assert done.status == 1
    assert "too much" in done.err
    assert lines(shop / "effects") == []


def test_an_execution_is_answered_from_the_journal(shop: Path) -> None:
    kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    tree = said(shop, "trace", "r")
    (look,) = [one for one in tree["invocations"] if one["path"] == "steps.Look"]
    (pay,) = [one for one in tree["invocations"] if one["path"] == "steps.Pay"]
    assert kernel("replay", look["execution"], folder=shop).status == 0
    assert len(lines(shop / "looks")) == 1
    fresh = kernel("replay", look["execution"], "--fresh", folder=shop)
    assert fresh.status == 0, fresh.err
    assert len(lines(shop / "looks")) == 2
    in_flight = kernel("replay", pay["execution"], folder=shop)
    assert in_flight.status == 2
    refused = kernel("replay", pay["execution"], "--fresh", folder=shop)
    assert refused.status == 2
    assert "approval-bound" in refused.err


def test_a_parked_run_is_cancelled(shop: Path) -> None:
    kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    assert kernel("cancel", "r", "--reason", "not needed", folder=shop).status == 0
    assert [one["state"] for one in said(shop, "approvals")] == ["denied"]
    assert kernel("cancel", "r", folder=shop).status == 1
    again = kernel("resume", "r", folder=shop)
    assert again.status == 130
    assert "cancelled by user:" in again.err
    assert "not needed" in again.err


def test_a_run_that_is_cancelled_while_it_is_worked_on_says_so(shop: Path) -> None:
    (shop / "slow").write_text("")
    working = start("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    while not (shop / "looks").exists():
        time.sleep(0.02)
    assert kernel("cancel", "r", folder=shop).status == 0
    _, err = working.communicate(timeout=60)
    assert working.returncode == 130
    assert "cancelled: cancelled by user:" in err
    assert said(shop, "trace", "r")["run"]["state"] == "cancelled"


@pytest.mark.parametrize(
    "command",
    [("apply", "main.yaml", "--run-id", "s"), ("invoke", "main.yaml", "Run.Sequence/Main")],
    ids=lambda command: command[0],
)
def test_a_killed_run_is_gone_on_with_when_the_next_process_starts(
    shop: Path, command: tuple[str, ...]
) -> None:
    (shop / "slow").write_text("")
    process = start("apply", "main.yaml", "--input", "amount=5", folder=shop)
    while not lines(shop / "looks"):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (shop / "slow").unlink()
    (run,) = said(shop, "runs")
    assert run["state"] == "interrupted"
    second = kernel(*command, "--input", "amount=7", folder=shop)
    assert second.status == 4
    assert f"the run {run['run']}, which was interrupted, parked" in second.err
    assert len(said(shop, "approvals")) == 2


def test_a_changed_manifest_is_refused(shop: Path) -> None:
    kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    changed = MANIFEST.replace("steps:\n", "steps:\n  - { name: New, value: 1 }\n", 1)
    (shop / "main.yaml").write_text(changed)
    refused = kernel("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", folder=shop)
    assert refused.status == 2
    assert "--migrate" in refused.err
    # It goes on with the manifest that it began with, which is in the journal.
    assert kernel("resume", "r", folder=shop).status == 4
    ours = ("apply", "main.yaml", "--input", "amount=5", "--run-id", "r", "--migrate")
    assert kernel(*ours, folder=shop).status == 4


def asked(shop: Path) -> tuple[Process, int, bytes]:
    """A run on a terminal that asks for an approval: its process, the terminal, what it holds."""
    primary, secondary = pty.openpty()
    process = start(
        *("apply", "main.yaml", "--input", "amount=5", "--run-id", "r"),
        folder=shop,
        env=environment(TERM="dumb"),
        stdin=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    seen = b""
    while b"later)" not in seen:
        seen += os.read(primary, 4096)
    return process, primary, seen


@pytest.mark.parametrize(
    ("typed", "status", "effects"), [("maybe\ne\nY", 0, 1), ("No", 1, 0), ("l", 4, 0), ("", 4, 0)]
)
def test_the_beginning_of_an_answer_is_enough(
    shop: Path, typed: str, status: int, effects: int
) -> None:
    process, primary, seen = asked(shop)
    assert b"Approve it? (yes, no, later)" in seen
    os.write(primary, f"{typed}\n".encode())
    process.communicate(timeout=30)
    seen += os.read(primary, 4096)
    os.close(primary)
    assert (process.returncode, len(lines(shop / "effects"))) == (status, effects)
    assert seen.count(b"say yes, no, or later") == typed.count("\n")


def test_who_is_asked_on_a_terminal_may_interrupt(shop: Path) -> None:
    process, primary, _ = asked(shop)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)  # without a line from the terminal
    os.close(primary)
    assert process.returncode == 130
    (one,) = said(shop, "approvals")
    assert (one["run"], one["state"]) == ("r", "invalidated")
    assert not (shop / "effects").exists()


def test_what_expires_while_it_is_asked_has_expired(shop: Path) -> None:
    with (shop / "main.yaml").open("a") as file:
        file.write("---\nkind: Kernel.Policy\nmetadata: { name: Soon }\ntargets: [Shop.Refund]\n")
        file.write("approval: { expires: 3000 }\n")
        file.write("rules: [{ effect: require-approval, reason: r }]\n")
    process, primary, _ = asked(shop)
    process.communicate(timeout=30)
    os.close(primary)
    assert process.returncode == 1
    (one,) = said(shop, "approvals", "--state", "expired")
    assert one["run"] == "r"


def test_only_a_run_that_is_named_is_migrated(shop: Path) -> None:
    answer = kernel("apply", "main.yaml", "--input", "amount=5", "--migrate", folder=shop)
    assert (answer.status, answer.out) == (2, "")
    assert "--run-id" in answer.err
    assert not (shop / "looks").exists()


@pytest.mark.parametrize(
    "address", ["mysql://x/y", "Postgresql://a:secret@h/d", "postgres+x://h/d"]
)
def test_an_address_that_is_none_makes_no_file(shop: Path, address: str) -> None:
    before = sorted(shop.iterdir())
    answer = kernel("apply", "main.yaml", "--input", "amount=5", "--journal", address, folder=shop)
    assert answer.status != 0
    assert "there is no journal at" in answer.err
    assert "secret" not in answer.err
    assert [one for one in sorted(shop.iterdir()) if one.name != "__pycache__"] == before


def test_a_terminal_is_asked(shop: Path) -> None:
    process, primary, seen = asked(shop)
    os.write(primary, b"yes\n")
    out, _ = process.communicate(timeout=30)
    os.close(primary)
    assert process.returncode == 0
    assert json.loads(out) == {"refunded": 5}
    assert b"approval-bound" in seen


def test_nothing_is_recorded_in_memory(shop: Path) -> None:
    answer = kernel(
        "apply", "main.yaml", "--input", "amount=5", "--journal", "memory:", folder=shop
    )
    assert answer.status == 1
    assert "no journal" in answer.err
    assert not (shop / ".kernel").exists()


def test_a_journal_that_cannot_be_written_says_so(shop: Path) -> None:
    (shop / ".kernel").write_text("a file")
    answer = kernel("apply", "main.yaml", "--input", "amount=5", folder=shop)
    assert answer.status == 1
    assert ".kernel" in answer.err
    assert "--journal memory:" in answer.err


LOST = """\
kind: Kernel.Definition
metadata: { name: Send, module: Shop }
capability: Invocable
safety: irreversible
outputs:
  type: object
  properties: { parcel: { type: integer }, pin: { type: string, x-kernel-secret: true } }
  required: [parcel]
controller: { python: "recorded_shop:send" }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ name: Send, invoke: { kind: Shop.Send } }]
result: "${{ steps.Send.result.parcel + 1 }}"
"""


def test_what_a_person_says_was_returned_keeps_the_contract(shop: Path) -> None:
    (shop / "main.yaml").write_text(LOST)
    (shop / "recorded_shop.py").write_text("def send(inputs):\n    raise TimeoutError\n")
    lost = kernel("apply", "main.yaml", "--run-id", "r", folder=shop)
    assert lost.status == 1
    assert "kernel resolve r --landed --outputs JSON   (or --not-landed)" in lost.err
    for outputs, message in (
        ((), "--outputs says what the call would have returned"),
        (("--outputs", '{"parcel": "7"}'), "parcel"),
    ):
        refused = kernel("resolve", "r", "--landed", *outputs, folder=shop)
        assert refused.status == 2
        assert message in refused.err
        assert "Shop.Send/inline does not return that, by its contract" in refused.err
    given = ("--outputs", '{"parcel": 7.0, "pin": "4711-0815"}')
    resolved = kernel("resolve", "r", "--landed", *given, folder=shop)
    assert resolved.status == 0, resolved.err
    kept = b"".join(file.read_bytes() for file in (shop / ".kernel").iterdir())
    assert b"4711-0815" not in kept
    assert said(shop, "trace", "r")["invocations"][0]["outputs"]["parcel"] == 7


def test_who_interrupts_a_call_is_told_that_something_is_to_be_found_out(shop: Path) -> None:
    (shop / "main.yaml").write_text(LOST)
    (shop / "recorded_shop.py").write_text(
        "import time\ndef send(inputs):\n    open('looks', 'w')\n    time.sleep(5)\n"
    )
    working = start("apply", "main.yaml", "--run-id", "r", folder=shop)
    while not (shop / "looks").exists():
        time.sleep(0.02)
    working.send_signal(signal.SIGINT)
    _, err = working.communicate(timeout=60)
    assert working.returncode == 130
    assert "somebody has to find out what became of it (kernel escalations):" in err
    assert "kernel resolve r --landed" in err
    assert "kernel resume" not in err


def test_a_variable_that_holds_a_secret_is_whole_again_when_the_run_goes_on(shop: Path) -> None:
    module = """\
kind: Kernel.Module
metadata: { name: Shop }
vars:
  url: { type: string, env: SHOP_URL, pattern: "^http://[^{}]*$" }
secrets:
  token: { type: string, env: SHOP_TOKEN }
---
"""
    manifest = MANIFEST.replace("${{ steps.Pay.result }}", "${{ vars.url.size() }}")
    (shop / "main.yaml").write_text(module + manifest)
    secret = {"SHOP_TOKEN": "hunter2xyz"}
    url = {"SHOP_URL": "http://u:hunter2xyz@h/"}
    given = ("apply", "main.yaml", "--input", "amount=5", "--run-id", "r")
    assert kernel(*given, folder=shop, env=secret | url).status == 4
    assert b"hunter2xyz" not in (shop / ".kernel/journal.db").read_bytes()
    assert kernel("approve", "r", folder=shop).status == 0
    without = kernel("resume", "r", folder=shop)
    assert without.status == 2
    assert "set SHOP_TOKEN, or give --var token=…" in without.err
    done = kernel("resume", "r", folder=shop, env=secret)
    assert (done.status, done.out.strip()) == (0, str(len("http://u:hunter2xyz@h/")))
