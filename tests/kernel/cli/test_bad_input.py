"""Bad input through the command: a clear error with its place, in bounded time and memory."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.support.command import Answer, kernel

MEMORY = 2 * 1024**3
"""Address space for a process: its threads and libraries take some hundreds of megabytes of it."""

SEQUENCE = "kind: Run.Sequence\nmetadata: { name: Main }\n"


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return SEQUENCE + "steps: []\nresult:\n" + "".join(f"  {line}\n" for line in lines)


def nested(inner: str) -> str:
    text = inner
    for _ in range(60):
        text = f"[{{ if: true, then: {text} }}]"
    return SEQUENCE + f"steps: {text}\n"


DEEP = 10_000


def expression(text: str) -> str:
    return f'{SEQUENCE}steps: []\nresult: "${{{{ {text} }}}}"\n'


CIRCLE = "{ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }"

WRONG = {
    "bomb": (bomb(), 3, r"main.yaml:\d+:\d+"),
    "deep_list": (f"{SEQUENCE}steps: []\nresult: {'[' * DEEP}{']' * DEEP}", 3, "main.yaml:4"),
    "deep_map": (f"{SEQUENCE}steps: []\nresult: {'{a: ' * DEEP}1{'}' * DEEP}", 3, "main.yaml:4"),
    "deep_steps": (nested("[]"), 3, "levels deep"),
    "deep_brackets": (expression(f"{'(' * DEEP}1{')' * DEEP}"), 3, "main.yaml:4"),
    "deep_minus": (expression("-" * DEEP + "x"), 3, "main.yaml:4"),
    "empty": ("", 3, "main.yaml"),
    "only_comments": ("# nothing\n", 3, "main.yaml"),
    "no_mapping": ("- a\n- b\n", 3, "main.yaml:1:1"),
    "nul": ("kind: Run.Sequence\0\n", 3, "main.yaml:1"),
    "many_documents": ("---\nkind: A.B\nmetadata: { name: A }\n" * 5_000, 3, "main.yaml"),
    "many_keys": (SEQUENCE + "".join(f"k{n}: 1\n" for n in range(50_000)), 3, "main.yaml"),
    "schema_circle": (f"{SEQUENCE}steps: []\ninputs: {CIRCLE}\n", None, ""),
    "bad_pattern": (
        f"{SEQUENCE}steps: []\ninputs: {{ properties: {{ a: {{ type: string, pattern: '(' }} }} }}",
        3,
        "main.yaml:4",
    ),
}


def bounded(*arguments: str | Path, folder: Path, **options: str) -> Answer:
    began = time.monotonic()
    answer = kernel(*arguments, folder=folder, memory=MEMORY, **options)
    assert time.monotonic() - began < 20
    assert len(answer.err) < 5_000_000
    return answer


@pytest.mark.parametrize("name", WRONG)
def test_manifests_that_are_hostile(name: str, tmp_path: Path) -> None:
    import re

    text, status, said = WRONG[name]
    (tmp_path / "main.yaml").write_text(text)
    answer = bounded("apply", "main.yaml", folder=tmp_path)
    assert answer.status in ((0, 1, 3) if status is None else (status,)), answer.err[-500:]
    if status == 3:
        assert answer.out == ""
        assert re.search(said, answer.err), answer.err[:500]


def test_binary_rubbish(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_bytes(random.Random(1).randbytes(100_000))
    (tmp_path / "utf16.yaml").write_bytes("kind: A.B\n".encode("utf-16")[:-1])
    for name in ("main.yaml", "utf16.yaml"):
        answer = bounded("apply", name, folder=tmp_path)
        assert (answer.status, answer.out) == (3, "")
        assert name in answer.err


def test_a_scalar_of_ten_megabytes(tmp_path: Path) -> None:
    text = (
        SEQUENCE
        + 'steps: []\nresult: "${{ size(inputs.text) }}"\ninputs: { properties: { text: {} } }\n'
    )
    (tmp_path / "main.yaml").write_text(text)
    (tmp_path / "in.yaml").write_text("text: " + "x" * 10_000_000 + "\n")
    answer = bounded("apply", "main.yaml", "--inputs", "in.yaml", folder=tmp_path)
    assert (answer.status, answer.out) == (0, "10000000\n")
    (tmp_path / "main.yaml").write_text(SEQUENCE + "steps: " + "x" * 10_000_000 + "\n")
    answer = bounded("apply", "main.yaml", folder=tmp_path)
    assert answer.status == 3
    assert "main.yaml:3:8" in answer.err
    assert len(answer.err) < 10_000


NUMBERS = "[" + ",".join(map(str, range(1000))) + "]"

ENDLESS = {
    "comprehensions": f"{NUMBERS}.all(a, {NUMBERS}.all(b, {NUMBERS}.all(c, a + b + c >= 0)))",
    "doubling": "".join(f"cel.bind(v{n + 1}, v{n} + v{n}, " for n in range(1, 60)).replace(
        "cel.bind(v2, v1 + v1, ", "cel.bind(v1, 'xxxxxxxx', cel.bind(v2, v1 + v1, ", 1
    )
    + "v60.size()"
    + ")" * 60,
    "pattern": "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+$') ? 1/0 : 1/0",
    "repeat": f"{NUMBERS}.map(a, {NUMBERS}.map(b, 'a long text'))",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_expression_that_never_ends(name: str, tmp_path: Path) -> None:
    step = f'steps:\n  - name: Long\n    value: "${{{{ {ENDLESS[name]} }}}}"\n'
    (tmp_path / "main.yaml").write_text(SEQUENCE + step)
    answer = bounded("apply", "--no-check", "main.yaml", folder=tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert "main.yaml:5:" in answer.err
    assert "Long" in answer.err


CONTROLLERS = """\
import asyncio, os, sys, time
class Node:
    pass
def odd(inputs): return {"a": Node()}
def nan(inputs): return float("nan")
def raises(inputs): raise RuntimeError("boom")
def exits(inputs): sys.exit(0)
def deep(inputs):
    value = []
    for _ in range(100000): value = [value]
    return value
def recursion(inputs): return recursion(inputs)
def floods(inputs):
    for n in range(300000): print("flood", n)
    return "dry"
def logs(inputs, call):
    for n in range(100000): call.log("flood " * 1000)
    return "dry"
async def hangs(inputs): await asyncio.sleep(3600)
def blocks(inputs): time.sleep(3600)
async def stubborn(inputs):
    while True:
        try: await asyncio.sleep(3600)
        except asyncio.CancelledError: pass
def huge(inputs): return ["x" * 1000] * 50000
class Bad:
    def __init__(self, fields): raise RuntimeError("boom")
    def invoke(self, inputs): pass
class Nothing:
    pass
"""

ENDS = {
    "odd": (1, "OutputError"),
    "nan": (1, "OutputError"),
    "raises": (1, "boom"),
    "exits": (1, "SystemExit"),
    "deep": (1, "OutputError"),
    "recursion": (1, "RecursionError"),
    "floods": (0, "the rest is dropped"),
    "logs": (0, "the rest is dropped"),
    "hangs": (1, "Timeout"),
    "blocks": (1, "Timeout"),
    "stubborn": (1, "Timeout"),
    "huge": (0, ""),
    "Bad": (1, "boom"),
    "Nothing": (3, "invoke"),
    "missing": (3, "missing"),
}


@pytest.mark.parametrize("controller", ENDS)
def test_controllers_that_misbehave(controller: str, tmp_path: Path) -> None:
    status, said = ENDS[controller]
    (tmp_path / "cli_bad.py").write_text(CONTROLLERS)
    (tmp_path / "main.yaml").write_text(
        f"""\
kind: Kernel.Definition
metadata: {{ name: Bad, module: T }}
capability: Invocable
controller: {{ python: "cli_bad:{controller}" }}
---
{SEQUENCE}steps:
  - {{ name: Call, invoke: {{ kind: T.Bad }}, timeout: {"500" if said == "Timeout" else "30000"} }}
"""
    )
    answer = bounded("apply", "main.yaml", folder=tmp_path)
    assert answer.status == status, answer.err[-500:]
    assert said in answer.err
    if status:
        assert answer.out == ""
    if status == 1 and controller != "Bad":
        # What cannot be constructed is told before anything runs.
        assert "in step Call" in answer.err


@pytest.mark.parametrize("capability", ["Provider", "Service"])
def test_what_cannot_be_brought_up(capability: str, tmp_path: Path) -> None:
    (tmp_path / "cli_down.py").write_text(
        "class Down:\n"
        "    def provide(self): raise RuntimeError('no way up')\n"
        "    def start(self): raise RuntimeError('no way up')\n"
    )
    (tmp_path / "main.yaml").write_text(
        f"""\
kind: Kernel.Definition
metadata: {{ name: Down, module: T }}
capability: {capability}
controller: {{ python: "cli_down:Down" }}
---
kind: T.Down
metadata: {{ name: Thing }}
---
{SEQUENCE}steps: []
"""
    )
    answer = bounded("apply", "main.yaml", folder=tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert "no way up" in answer.err
    assert "T.Down/Thing" in answer.err


def test_inputs_that_are_hostile(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(SEQUENCE + "steps: []\nresult: 1\n")
    for text in ("[" * 10_000, "- a", "a: &a [*a]", "{", "\0", "a: 1\na: 2"):
        answer = bounded("apply", "main.yaml", "--inputs", "-", folder=tmp_path, stdin=text)
        assert (answer.status, answer.out) == (2, ""), text[:10]


def test_the_values_of_an_imported_module_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "pay.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: Pay }\n"
        "secrets: { key: { type: string, env: PAY_KEY } }\n"
    )
    (tmp_path / "main.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: Main }\nimports: { P: ./pay.yaml }\n---\n"
        "kind: Run.Sequence\nmetadata: { name: S }\nsteps: [{ name: A, value: 1 }]\n"
    )
    refused = kernel("apply", "main.yaml", folder=tmp_path)
    assert refused.status == 2
    assert "set PAY_KEY\n" in refused.err
    assert "--var" not in refused.err
    done = kernel("apply", "main.yaml", folder=tmp_path, env={"PAY_KEY": "open sesame"})
    assert done.status == 0, done.err
