"""The commands over a journal: runs, trace, approvals and what people decide."""

from __future__ import annotations

import base64
import getpass
import json
import os
import pty
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width
from uuid import UUID, uuid5

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ruamel.yaml import YAML

from kernel.journal import Conclusion, Journal, NewApproval, NewRun, Opened
from tests.support.command import Answer, kernel, start
from tests.support.journals import Clock, begin, by_hand, intent, place, play, win
from tests.support.warm import environment

RUN = "5d0c7a52-66f1-4b8e-9a3c-1f2e3d4c5b6a"
NOON = 1_789_000_000_000_000_000
MS = 1_000_000


def execution(path: str) -> str:
    return str(uuid5(UUID(RUN), path))


def of(path: str, **more: Any) -> Any:
    return replace(intent(path, run=RUN, **more), execution=execution(path))


async def fill(journal: Journal, clock: Clock) -> None:
    """A run with a loop of 25 rounds, a retry, an unknown outcome and a call that waits."""
    clock.now = NOON
    opened = await journal.open_run(
        NewRun(RUN, "Run.Sequence/Main", "d" * 64, {"day": "monday"}, "api", "user:ann", "c-1")
    )
    assert isinstance(opened, Opened)
    clock.now += 100 * MS
    fetched = {"rows": 25, "token": "${{ secrets.token }}"}
    await journal.record(
        of("steps.Fetch", safety="idempotent", target="Http.Request/Orders"),
        Conclusion("succeeded", fetched, duration=90 * MS),
    )
    for number in range(25):
        clock.now += 10 * MS
        path = f"steps.Each[{number}].steps.Charge"
        won = await win(journal, of(path, inputs={"n": number}, key=f"k{number}", scope="me/x"))
        if number == 3:
            await journal.attempted(won.execution, won.epoch, 1, "failed", {"code": "E1"})
        clock.now += 5 * MS
        failed = Conclusion("failed", error={"code": "E1", "message": "no \x1b[31mmoney"})
        ended = failed if number == 22 else Conclusion("succeeded", number)
        attempts = 2 if number == 3 else 1
        await journal.finalize(
            won.execution, won.epoch, replace(ended, attempts=attempts, duration=4 * MS)
        )
    won = await win(journal, of("steps.Refund", safety="approval-bound", target="Pay.Refund/Card"))
    await journal.note(won.execution, "policy", "require-approval", {"policy": "Refunds"})
    await journal.ask(
        NewApproval(
            *("ap-1", won.execution, RUN, "Pay.Refund/Card", {"inputs": {"amount": 900}}),
            *("large refund", "user:ann", None),
        )
    )
    lost = await win(journal, of("steps.Ship"))
    await journal.finalize(
        lost.execution, lost.epoch, Conclusion("unknown", error={"message": "no answer"})
    )
    clock.now += MS
    await begin(journal, "another")


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with place(request.param, tmp_path) as address:
        clock = Clock()
        play(address, lambda opened: fill(opened, clock), clock=clock)
        yield address


def ask(journal: str, *arguments: str) -> Answer:
    return kernel(*arguments, env={"KERNEL_JOURNAL": journal})


# Runs


def test_runs_are_listed_the_newest_first(journal: str) -> None:
    answer = ask(journal, "runs")
    assert answer.status == 0
    header, *lines = answer.out.splitlines()
    assert header.split() == ["RUN", "TOPOLOGY", "STATE", "OPENED", "TAKES", "PRINCIPAL"]
    assert [line.split()[0] for line in lines] == ["another", RUN[:8]]
    assert lines[1].split()[1:4] == ["Run.Sequence/Main", "…", "running"]
    assert lines[1].split()[4:6] == ["2026-09-10", "00:26"]
    assert lines[1].split()[-1] == "user:ann"
    wide = kernel("runs", env={"KERNEL_JOURNAL": journal, "COLUMNS": "120"}).out.splitlines()
    assert wide[0].split()[-2:] == ["CONCLUDED", "PRINCIPAL"]
    assert wide[2].split()[-2:] == ["27", "user:ann"]


LONG = "The warehouse refused: " + "many words that say why, " * 20 + "and 日本 as well"


async def fill_long(journal: Journal, clock: Clock) -> None:
    """A run with names, reasons and errors that are longer than a line."""
    clock.now = NOON
    name = "AVeryLongNameOfATopologyThatSomebodyHasChosen"
    opened = await journal.open_run(
        NewRun("a-run-with-an-id-that-somebody-has-chosen-and-that-is-longer-than-a-line-of-80",
               f"Run.Sequence/{name}", "d" * 64, {"day": "monday " * 30}, "api",
               "user:somebody.with.a.long.name@example.com", "c-1")
    )  # fmt: skip
    assert isinstance(opened, Opened)
    run = opened.lease.run
    path = f"steps.{'Outermost' * 3}[3].steps.{'Innermost' * 3}"
    won = await win(journal, replace(of(path, target=f"Shop.{name}/{name}"), run=run))
    await journal.ask(
        NewApproval(
            *("ask-1", won.execution, run, f"Shop.{name}/{name}", {"inputs": {"why": LONG}}),
            *(LONG, "user:somebody.with.a.long.name@example.com", None),
        )
    )
    error = {"message": LONG, "code": "E" * 90, "kind": "Thrown", "step": "X", "data": [LONG]}
    lost = await win(journal, replace(of("steps.Lost"), run=run))
    await journal.finalize(lost.execution, lost.epoch, Conclusion("unknown", error=error))
    await journal.finish_run(opened.lease, "failed", error=error)


def columns_of(line: str) -> int:
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in line)


def test_what_is_long_fits_80_columns_and_is_whole(tmp_path: Path) -> None:
    address, clock = str(tmp_path / "journal.db"), Clock()
    play(address, lambda opened: fill_long(opened, clock), clock=clock)
    run = "a-run"
    lost = execution("steps.Lost")
    for arguments in (
        *(("runs",), ("approvals",), ("escalations",), ("trace", run), ("trace", "--all", run)),
        *(("trace", lost), ("trace", "--verify")),
    ):
        for width in ("", "60", "200"):
            env = {"KERNEL_JOURNAL": address, **({"COLUMNS": width} if width else {})}
            answer = kernel(*arguments, env=env)
            assert answer.status == 0, answer.err
            assert answer.out
            for line in answer.out.splitlines():
                assert columns_of(line) <= int(width or 80), (arguments, line)
    for arguments in (("trace", run), ("trace", lost), ("escalations",)):
        told = ask(address, *arguments).out
        words = "".join(told.split())
        assert "".join(LONG.split()) in words or arguments == ("escalations",)
    assert "E" * 90 in "".join(ask(address, "trace", run).out.split())


def test_interrupted_runs_are_listed(journal: str) -> None:
    """A run is interrupted if it is recorded as running, and its process has ended."""
    by_hand(journal, "UPDATE kernel_progress SET owner = NULL")
    found = ask(journal, "runs", "--state", "interrupted", "-o", "json").json
    assert [(one["run"], one["state"]) for one in found] == [
        ("another", "interrupted"),
        (RUN, "interrupted"),
    ]
    assert ask(journal, "runs", "--state", "running", "-o", "json").json == []
    assert len(ask(journal, "runs", "--state", "interrupted", "--limit", "1").out.splitlines()) == 2
    assert ask(journal, "trace", RUN).out.startswith(f"… run {RUN}  Run.Sequence/Main  interrupted")


def test_runs_as_documents_have_all_their_fields(journal: str) -> None:
    listed = ask(journal, "runs", "-o", "json").json
    assert [one["run"] for one in listed] == ["another", RUN]
    run = listed[1]
    assert run["inputs"] == {"day": "monday"}
    assert (run["opened_at"], run["finished_at"]) == ("2026-09-10T00:26:40.000000Z", None)
    assert datetime.fromisoformat(run["opened_at"]).timestamp() == NOON / 1e9
    assert YAML(typ="safe").load(ask(journal, "runs", "-o", "yaml").out)[1]["topology"] == (
        "Run.Sequence/Main"
    )
    assert len(ask(journal, "runs", "--limit", "1", "-o", "json").json) == 1
    assert ask(journal, "runs", "--state", "failed", "-o", "json").json == []
    none = ask(journal, "runs", "--state", "failed")
    assert (none.status, none.out, none.err) == (0, "", "there are no such runs\n")


def test_more_runs_than_a_page(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.db")

    async def many(journal: Journal) -> None:
        for number in range(1001):
            await begin(journal, f"r{number}")

    play(address, many)
    assert len(ask(address, "runs", "--limit", "1000", "-o", "json").json) == 1000
    assert ask(address, "trace", "--verify").out.count("✓") == 1001


# A run


def test_a_run_is_a_tree_of_its_invocations(journal: str) -> None:
    answer = ask(journal, "trace", RUN[:4])
    assert answer.status == 0, answer.err
    assert f"… run {RUN}  Run.Sequence/Main  running" in answer.out
    assert "opened 2026-09-10T00:26:40.000Z by user:ann (source api)" in answer.out
    lines = [line for line in answer.out.splitlines() if line]
    first = next(line for line in lines if "Fetch" in line)
    assert first.split() == [
        *("✓", "Fetch", "Http.Request/Orders", "succeeded", "90ms"),
        execution("steps.Fetch")[:8],
    ]
    wide = kernel("trace", RUN, env={"KERNEL_JOURNAL": journal, "COLUMNS": "150"}).out
    assert next(line for line in wide.splitlines() if "Fetch" in line).split()[3:7] == [
        *("succeeded", "idempotent", "+10ms", "90ms")
    ]
    assert any(line.startswith("  Each") for line in lines)
    assert sum(" Charge " in line for line in lines) == 21, "twenty, and one that failed"
    assert sum(line.strip() == "… 4 more succeeded" for line in lines) == 1
    assert next(line for line in lines if ", 2 attempts" in line).startswith("  ✓ [3] Charge")
    assert sum(line.startswith("  ✗ [22] Charge") for line in lines) == 1
    assert "‖ Refund" in answer.out
    assert "needs approval ap-1" in answer.out
    assert "? Ship" in answer.out


def test_every_round_is_shown_on_demand(journal: str) -> None:
    answer = ask(journal, "trace", "--all", RUN)
    assert answer.out.count(" Charge ") == 25
    assert "more succeeded" not in answer.out


def test_a_run_as_a_document(journal: str) -> None:
    found = ask(journal, "trace", RUN, "-o", "json").json
    assert found["run"]["run"] == RUN
    assert [one["path"] for one in found["invocations"]] == [
        "steps.Fetch",
        *(f"steps.Each[{number}].steps.Charge" for number in range(25)),
        "steps.Ship",
        "steps.Refund",
    ]
    fetch = found["invocations"][0]
    assert fetch["outputs"]["token"] == "${{ secrets.token }}"
    assert (fetch["duration_ms"], fetch["outcome"]) == (90, "succeeded")
    as_yaml = YAML(typ="safe", pure=True).load(ask(journal, "trace", RUN, "-o", "yaml").out)
    assert as_yaml["invocations"] == found["invocations"]
    assert as_yaml["run"] == found["run"]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_run_without_invocations(journal: str, form: str) -> None:
    answer = ask(journal, "trace", "another", "-o", form)
    assert YAML(typ="safe").load(answer.out)["invocations"] == []
    assert ask(journal, "trace", "another").out.startswith("… run another")


# An execution


def test_all_that_is_recorded_of_an_execution(journal: str) -> None:
    path = "steps.Each[3].steps.Charge"
    answer = ask(journal, "trace", execution(path))
    assert answer.status == 0, answer.err
    assert answer.out.startswith(f"✓ {path}  Payments.Charge/Card  succeeded\n")
    for part in (RUN, "irreversible", "k3 (scope me/x)", '{"n": 3}', "4.0ms", "attempts   2"):
        assert part in answer.out
    found = ask(journal, "trace", execution(path), "-o", "json").json
    assert (found["inputs"], found["outputs"], found["key"]) == ({"n": 3}, 3, "k3")
    assert [(step["step"], step["status"]) for step in found["trace"]] == [
        ("commit", "recorded"),
        ("attempt", "failed"),
        ("outcome", "succeeded"),
    ]
    assert found["trace"][1]["detail"] == {"code": "E1"}
    assert found["trace"][0]["at"] == found["claimed_at"]
    assert found["approvals"] == []
    failed = ask(journal, "trace", execution("steps.Each[22].steps.Charge")).out
    assert "no \\\\u001b[31mmoney" in failed or "no \\u001b[31mmoney" in failed
    assert "\x1b" not in failed


def test_an_execution_with_its_approval(journal: str) -> None:
    name = execution("steps.Refund")
    found = ask(journal, "trace", name, "-o", "json").json
    assert [step["step"] for step in found["trace"]] == ["commit", "policy", "approval"]
    assert found["approvals"][0]["frozen"] == {"inputs": {"amount": 900}}
    text = ask(journal, "trace", name).out
    assert "… steps.Refund  Pay.Refund/Card  in flight" in text
    assert "‖ approval ap-1  Pay.Refund/Card  pending" in text


def test_ids_that_are_not_there_or_are_not_clear(journal: str) -> None:
    for name, message in (
        ("zzz", "there is no run or execution zzz in this journal"),
        ("", "the id of a run or execution is needed"),
    ):
        answer = ask(journal, "trace", name)
        assert (answer.status, answer.err) == (2, f"Error: {message}\n")

    async def more(opened: Journal) -> None:
        await begin(opened, f"{RUN[:8]}-other")

    play(journal, more)
    answer = ask(journal, "trace", RUN[:6])
    assert answer.status == 2
    assert f"`{RUN[:6]}` is the beginning of several ids:\n  run {RUN}" in answer.err
    assert f"  run {RUN[:8]}-other" in answer.err
    assert "`kernel runs` lists" in ask(journal, "trace").err


# Verification


def test_the_chain_is_proven_and_its_break_is_found(journal: str) -> None:
    answer = ask(journal, "trace", "--verify")
    assert (answer.status, answer.out) == (0, f"✓ another\n✓ {RUN}\n")
    altered = "UPDATE kernel_conclusions SET outputs = '9' WHERE number = 5"
    by_hand(journal, altered)
    assert ask(journal, "trace", "--verify", "another").status == 0
    for arguments in ((), (RUN,)):
        answer = ask(journal, "trace", "--verify", *arguments)
        assert answer.status == 1
        said = " ".join(answer.out.split())
        assert f"✗ {RUN} broken at number 5: steps.Each[3].steps.Charge was altered" in said
    (proof,) = ask(journal, "trace", "--verify", RUN, "-o", "json").json
    assert (proof["holds"], proof["number"]) == (False, 5)
    assert proof["path"] == "steps.Each[3].steps.Charge"


# OpenTelemetry


def with_bytes(span: dict[str, Any]) -> dict[str, Any]:
    """OTLP/JSON has hexadecimal ids where the JSON mapping of protobuf has base64."""
    ids = ("traceId", "spanId", "parentSpanId")
    coded = {
        name: base64.b64encode(bytes.fromhex(span[name])).decode() for name in ids if name in span
    }
    return {**span, **coded}


def test_a_run_as_spans_is_what_the_protocol_says(journal: str) -> None:
    document = ask(journal, "trace", RUN, "-o", "otlp").json
    (resource,) = document["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    scope["spans"] = [with_bytes(span) for span in scope["spans"]]
    request = ParseDict(document, ExportTraceServiceRequest())
    assert request.resource_spans[0].resource.attributes[0].value.string_value == "kernel"
    run, *spans = request.resource_spans[0].scope_spans[0].spans
    assert run.trace_id == UUID(RUN).bytes
    assert (len(run.trace_id), len(run.span_id), run.parent_span_id) == (16, 8, b"")
    assert len({span.span_id for span in spans} | {run.span_id}) == len(spans) + 1 == 29
    for span in spans:
        assert span.trace_id == run.trace_id
        assert run.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= run.end_time_unix_nano
        assert span.parent_span_id == run.span_id
    charge = next(span for span in spans if span.span_id == id_of("steps.Each[3].steps.Charge"))
    facts = {one.key: one.value for one in charge.attributes}
    assert facts["kernel.path"].string_value == "steps.Each[3].steps.Charge"
    assert facts["kernel.attempts"].int_value == 2
    assert facts["kernel.outcome"].string_value == "succeeded"
    assert facts["kernel.target"].string_value == "Payments.Charge/Card"
    assert charge.status.code == 1
    (event,) = charge.events
    assert event.name == "attempt"
    assert json.loads(event.attributes[1].value.string_value) == {"code": "E1"}
    ship = next(span for span in spans if span.span_id == id_of("steps.Ship"))
    assert (ship.status.code, ship.status.message) == (2, "no answer")


def id_of(path: str) -> bytes:
    return UUID(execution(path)).bytes[:8]


def test_spans_lie_within_those_around_them(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.db")

    async def nested(journal: Journal) -> None:
        await begin(journal, "r1")
        for path in ("steps.A[1].steps.B.call[2]", "steps.A[1].steps.B", ""):
            await journal.record(intent(path), Conclusion("succeeded"))

    play(address, nested)
    document = ask(address, "trace", "r1", "-o", "otlp").json
    run, *spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    inner, middle, topology = (span for span in spans)
    assert inner["parentSpanId"] == middle["spanId"]
    assert middle["parentSpanId"] == topology["spanId"]
    assert topology["parentSpanId"] == run["spanId"]
    assert len(run["traceId"]) == 32
    assert "is an execution" in ask(address, "trace", "r1/steps.A[1].steps.B", "-o", "otlp").err
    text = ask(address, "trace", "r1").out.splitlines()
    begun = [line.split("  ")[0] for line in text if line.startswith("✓")]
    assert begun == ["✓ the topology"]


def test_a_topology_began_when_the_first_of_its_calls_did(tmp_path: Path) -> None:
    address, clock = str(tmp_path / "journal.db"), Clock(NOON)

    async def gone_on_with(journal: Journal) -> None:
        await begin(journal, "r1")
        for path in ("steps.A.steps.B", "steps.A", ""):
            clock.now += 5_000 * MS
            await journal.record(intent(path), Conclusion("succeeded", duration=MS))

    play(address, gone_on_with, clock=clock)
    document = ask(address, "trace", "r1", "-o", "otlp").json
    _, *spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert {span["startTimeUnixNano"] for span in spans} == {str(NOON + 4_999 * MS)}
    text = ask(address, "trace", "r1").out.splitlines()
    took = {line.split()[1]: line.split()[-2] for line in text if "✓" in line}
    assert took == {"the": "10.00s", "A": "5.00s", "B": "1.0ms"}


# People


def test_an_approval_is_answered_once(journal: str) -> None:
    listed = ask(journal, "approvals").out.splitlines()
    assert listed[0].split()[0] == "APPROVAL"
    assert "ap-1" in listed[1]
    assert "large refund" in listed[1]
    assert ask(journal, "approvals", "--state", "denied", "-o", "json").json == []
    answer = ask(journal, "approve", "ap", "--reason", "she asked kindly")
    assert answer.status == 0, answer.err
    assert '{"inputs": {"amount": 900}}' in answer.out
    assert f"by user:{getpass.getuser()}: she asked kindly" in answer.out
    assert f"kernel resume {RUN}" in answer.out
    again = ask(journal, "deny", "ap-1")
    assert again.status == 1
    assert again.err == "Error: the approval ap-1 is approved already\n"
    assert "she asked kindly" in again.out
    (one,) = ask(journal, "approvals", "--state", "approved", "-o", "json").json
    assert (one["decided_by"], one["note"]) == (f"user:{getpass.getuser()}", "she asked kindly")
    missing = ask(journal, "deny", "ap-9")
    assert (missing.status, missing.err) == (
        2,
        "Error: there is no approval or run ap-9 in this journal\n",
    )


def test_what_a_run_waits_for_is_answered_by_the_run(journal: str) -> None:
    assert ask(journal, "approve", RUN, "-o", "json").json["approval"] == "ap-1"
    none = ask(journal, "deny", RUN)
    assert (none.status, none.err) == (2, f"Error: the run {RUN} waits for no approval\n")
    resolved = ask(journal, "resolve", RUN[:8], "--not-landed", "-o", "json").json
    assert resolved["execution"] == execution("steps.Ship")
    none = ask(journal, "resolve", RUN, "--not-landed")
    assert (none.status, none.err) == (2, f"Error: the run {RUN} has no unknown outcome\n")


def test_a_run_that_waits_for_several_does_not_say_which(journal: str) -> None:
    async def second(opened: Journal) -> None:
        await opened.ask(NewApproval("ap-2", "e", RUN, "T.X", {}, "late", None, None))

    play(journal, second)
    answer = ask(journal, "approve", RUN)
    assert answer.status == 2
    assert "waits for several:\n  approval ap-1\n  approval ap-2" in answer.err


def test_an_approval_is_denied_by_a_principal(journal: str) -> None:
    denied = ask(journal, "deny", "ap-1", "--principal", "team:finance", "-o", "json").json
    assert (denied["state"], denied["decided_by"]) == ("denied", "team:finance")


def test_what_has_expired_is_not_approved(journal: str) -> None:
    async def expired(opened: Journal) -> None:
        await opened.ask(NewApproval("old", "e", "another", "T.X", {}, "late", None, 5))

    play(journal, expired, clock=Clock(1))
    assert "expired" in next(
        line for line in ask(journal, "approvals").out.splitlines() if line.startswith("old")
    )
    assert [one["approval"] for one in ask(journal, "approvals", "-o", "json").json] == [
        "old",
        "ap-1",
    ]
    answer = ask(journal, "approve", "old")
    assert (answer.status, answer.err) == (1, "Error: the approval old has expired\n")


def test_a_person_says_what_has_become_of_an_unknown_outcome(journal: str) -> None:
    name = execution("steps.Ship")
    (line,) = ask(journal, "escalations").out.splitlines()[1:]
    assert line.startswith(name[:8])
    assert "no answer" in line
    answer = ask(journal, "resolve", name[:13], "--landed", "--outputs", '{"parcel": 7}')
    assert answer.status == 0, answer.err
    assert '{"parcel": 7}' in answer.out
    assert f"kernel resume {RUN} goes on" in answer.out
    none = ask(journal, "escalations")
    assert (none.status, none.out, none.err) == (0, "", "no outcome waits for a person\n")
    again = ask(journal, "resolve", name, "--not-landed")
    assert again.status == 1
    assert "has no unknown outcome to resolve" in again.err
    found = ask(journal, "trace", name, "-o", "json").json
    assert (found["outcome"], found["by"]) == ("succeeded", f"user:{getpass.getuser()}")
    assert ask(journal, "trace", "--verify", RUN).status == 0


def test_outputs_come_from_a_file(journal: str, tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_text("[1, 2]")
    name = execution("steps.Ship")
    answer = ask(
        journal,
        *("resolve", name, "--landed", "--outputs", f"@{tmp_path / 'outputs.json'}", "-o", "json"),
    )
    assert answer.json["outputs"] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of --landed and --not-landed is needed"),
        (("--landed", "--not-landed"), "one of --landed and --not-landed is needed"),
        (("--not-landed", "--outputs", "1"), "what has not landed has no --outputs"),
        (("--landed", "--outputs", "{"), "--outputs is not JSON"),
        (("--landed", "--outputs", "NaN"), "--outputs is not JSON"),
        (("--landed", "--outputs", "@nowhere"), "--outputs @nowhere cannot be read"),
    ],
)
def test_what_a_person_says_is_clear(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    answer = ask(str(tmp_path / "none.db"), "resolve", "x", *arguments)
    assert answer.status == 2
    assert message in answer.err


# No journal


@pytest.mark.parametrize(
    "command",
    [
        ("runs",),
        ("trace", "r1"),
        ("trace", "--verify"),
        ("approvals",),
        ("approve", "a1"),
        ("deny", "a1"),
        ("escalations",),
        ("resolve", "e1", "--landed"),
    ],
    ids=" ".join,
)
def test_looking_makes_no_journal(command: tuple[str, ...], tmp_path: Path) -> None:
    answer = kernel(*command, folder=tmp_path)
    assert answer.status == 2
    assert answer.err == (
        f"Error: there is no journal at {tmp_path / '.kernel' / 'journal.db'}; "
        "`kernel apply` makes one\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_said_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a journal")
    answer = kernel("runs", "--journal", tmp_path / "notes.txt")
    assert answer.status == 1
    assert "is not a journal" in answer.err


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.db")
    clock = Clock()
    play(address, lambda opened: fill(opened, clock), clock=clock)
    ours, theirs = pty.openpty()
    process = start(
        "trace", RUN, "--journal", address, stdout=theirs, env=environment(TERM="xterm")
    )
    _, err = process.communicate(timeout=60)
    os.close(theirs)
    text = b""
    while chunk := read(ours):
        text += chunk
    os.close(ours)
    assert process.returncode == 0, err
    assert b"\x1b[32m" in text, "green"
    assert b"\x1b[31m" in text, "red"


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
