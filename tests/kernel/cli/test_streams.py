"""Standard output in any encoding, full, closed or without a reader: the answer, or a sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kernel.cli.streams import _escaped
from tests.support.command import COMMAND, kernel, start
from tests.support.properties import examples
from tests.support.warm import PIPE, environment

TEXT = "Zoë paid 5 € 😀"

MAIN = f"""\
kind: Kernel.Definition
metadata: {{ name: Once, module: T, description: Grüße }}
capability: Invocable
safety: approval-bound
controller: {{ python: "cli_streams:once" }}
---
kind: Run.Sequence
metadata: {{ name: Greet }}
inputs: {{ type: object, properties: {{ who: {{ type: string, default: "{TEXT}" }} }} }}
steps:
  - {{ name: Say, invoke: {{ kind: Log.Print }}, inputs: {{ message: "${{{{ inputs.who }}}}" }} }}
result: {{ text: "${{{{ inputs.who }}}}" }}
---
kind: Run.Sequence
metadata: {{ name: Fails }}
steps: [{{ name: Bad, throw: {{ code: E, message: "{TEXT}" }} }}]
---
kind: Run.Sequence
metadata: {{ name: Waits }}
steps: [{{ name: Ask, invoke: {{ kind: T.Once }} }}]
"""

ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252:replace"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "utf-8": {"LC_ALL": "C"},
    "us-ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MAIN, "utf-8")
    (tmp_path / "cli_streams.py").write_text("def once(inputs): return 1\n")
    return tmp_path


def run(folder: Path, *arguments: str, stdin: bytes | None = None, **options: Any) -> Answer:
    env = environment(KERNEL_JOURNAL=str(folder / "journal.db"), **options.pop("env", {}))
    given = None if stdin is None else PIPE
    fresh = "LC_ALL" in env
    process = start(
        *arguments, folder=folder, env=env, stdin=given, text=False, fresh=fresh, **options
    )
    out, err = process.communicate(stdin, timeout=100)
    for said in (out, err):
        assert b"Traceback" not in (said or b"").replace(b"\0", b"")
        assert b"Exception ignored" not in (said or b"").replace(b"\0", b"")
    return Answer(process.wait(), out or b"", err or b"")


@dataclass(frozen=True)
class Answer:
    status: int
    out: bytes
    err: bytes


def apply(target: str, form: str = "text") -> tuple[str, ...]:
    return "apply", "main.yaml", "--target", f"Run.Sequence/{target}", "-o", form


# Encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_answer_is_whole_in_any_encoding(folder: Path, encoding: str) -> None:
    env = ENCODINGS[encoding]
    given = json.dumps({"who": TEXT}, ensure_ascii=False).encode()
    answer = run(folder, *apply("Greet", "json"), "--inputs", "-", env=env, stdin=given)
    assert answer.status == 0, answer.err
    document = json.loads(answer.out.decode(encoding))
    assert document["result"] == {"text": TEXT}
    answer = run(folder, "trace", document["run"], "-o", "yaml", env=env)
    shown = YAML(typ="safe").load(answer.out.decode(encoding))
    assert shown["run"]["result"] == {"text": TEXT}
    answer = run(folder, *apply("Fails", "json"), env=env)
    assert answer.status == 1, answer.err
    assert json.loads(answer.out.decode(encoding))["error"]["message"] == TEXT


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("trace", "one"), 0),
        (("get", "main.yaml"), 0),
        (("check", "main.yaml", "-o", "sarif"), 0),
        (("explain", "cel"), 0),
        (("apply", "nöwhere"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_every_command_answers_in_ascii(
    folder: Path, arguments: tuple[str, ...], status: int
) -> None:
    run(folder, *apply("Greet"), "--run-id", "one")
    answer = run(folder, *arguments, env={"PYTHONIOENCODING": "ascii"})
    assert answer.status == status
    assert (answer.out + answer.err).isascii()
    assert answer.out or answer.err


@given(st.text(st.characters(exclude_categories=()), max_size=20))
@examples(200)
def test_what_an_encoding_lacks_is_written_as_json_escapes_it(text: str) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        error = UnicodeEncodeError(encoding, text, 0, len(text), "not there")
        written, end = _escaped(error)
        assert end == len(text)
        assert json.loads(f'"{written}"') == json.loads(json.dumps(text))


# A stream that takes nothing


@needs_full
@pytest.mark.parametrize(
    ("target", "form", "status"),
    [
        ("Greet", "text", 5),
        ("Greet", "json", 5),
        ("Greet", "yaml", 5),
        ("Fails", "json", 1),
        ("Waits", "json", 4),
    ],
)
def test_a_run_whose_answer_cannot_be_written(
    folder: Path, target: str, form: str, status: int
) -> None:
    """The status tells what became of the run, and a sentence where the answer is."""
    with open("/dev/full", "w") as full:
        answer = run(folder, *apply(target, form), stdout=full.fileno())
    assert answer.status == status, answer.err
    said = answer.err.decode()
    assert "could not be written to standard output: No space left on device" in said
    (kept,) = re.findall("`kernel ((?:resume|trace) .*?)`", said)
    again = run(folder, *kept.split())
    wanted = {"Greet": TEXT, "Fails": TEXT, "Waits": "needs approval"}[target]
    assert wanted in (again.out + again.err).decode()


@needs_full
@pytest.mark.parametrize(
    "arguments",
    [
        ("version",),
        ("--help",),
        ("runs",),
        ("trace", "one"),
        ("trace", "one", "-o", "otlp"),
        ("approvals", "-o", "yaml"),
        ("approve", "waits"),
        ("get", "main.yaml"),
        ("check", "main.yaml"),
        ("explain", "cel"),
        ("completion", "bash"),
        ("policy", "simulate", "main.yaml", "Greet"),
        ("resume", "one"),
        ("escalations", "-o", "json"),
    ],
    ids=" ".join,
)
def test_every_command_says_that_the_device_is_full(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    run(folder, *apply("Greet"), "--run-id", "one")
    run(folder, *apply("Waits"), "--run-id", "waits")
    with open("/dev/full", "w") as full:
        answer = run(folder, *arguments, stdout=full.fileno())
    assert answer.status == 5, answer.err
    assert b"No space left on device" in answer.err
    if arguments[0] == "approve":  # what was asked for has been done
        assert b"approved" in run(folder, "approvals").out


def test_a_reader_that_has_gone(folder: Path) -> None:
    """It misses the answer of a run, which is told; of a list it has read what it wanted."""
    for arguments, said in ((apply("Greet"), b"kernel resume"), (("runs",), b"")):
        source, sink = os.pipe()
        os.close(source)
        with open(sink, "w") as gone:
            answer = run(folder, *arguments, stdout=gone.fileno())
        assert answer.status == 0
        assert said in answer.err
        assert said or not answer.err


def test_closed_streams(folder: Path) -> None:
    """Nothing else is written into a file that got the number of a closed stream."""
    command = " ".join(map(repr, [*COMMAND, *apply("Greet")]))
    env = environment(KERNEL_JOURNAL=str(folder / "journal.db"))
    for closed, status, out in ((">&-", 5, ""), ("2>&-", 0, TEXT), ("<&-", 0, TEXT)):
        done = subprocess.run(
            f"{command} {closed}",
            shell=True,
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert out in done.stdout
        assert "Traceback" not in done.stderr
    assert kernel("trace", "--verify", env={"KERNEL_JOURNAL": env["KERNEL_JOURNAL"]}).status == 0


@needs_full
def test_messages_that_cannot_be_written_harm_nothing(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        answer = run(folder, *apply("Greet"), stderr=full.fileno())
        assert (answer.status, json.loads(answer.out)) == (0, {"text": TEXT})
        assert run(folder, *apply("Fails"), stderr=full.fileno()).status == 1
        assert run(folder, *apply("Waits"), stdout=full.fileno(), stderr=full.fileno()).status == 4


def test_a_pipe_that_does_not_block_gets_all(folder: Path) -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    big = json.dumps({"who": "x" * 300_000})
    (folder / "big.json").write_text(big)
    with open(sink, "w") as slow:
        process = subprocess.Popen(
            [*COMMAND, *apply("Greet"), "--inputs", "big.json", "--journal", "memory:"],
            cwd=folder,
            env=environment(),
            stdout=slow,
            stderr=subprocess.DEVNULL,
        )
    with open(source) as reader:
        assert len(json.load(reader)["text"]) == 300_000
    assert process.wait(60) == 0
