"""Whatever it is given, the command answers in sentences. (``kernel`` refuses any traceback.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import kernel

ECHO = """\
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { any: {}, list: { type: array }, number: { type: integer } } }
steps: [{ name: Value, value: "${{ inputs }}" }]
result: "${{ size(string(steps.Value.result.any)) }}"
"""

STARTS = """\
kind: Kernel.Definition
metadata: { name: Values, module: T }
capability: Provider
controller: { python: "own_values:Values" }
---
kind: T.Values
metadata: { name: V }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ name: S, value: 1 }]
"""


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    path = tmp_path / "main.yaml"
    path.write_text(ECHO)
    return path


@pytest.mark.parametrize(
    "given",
    [
        "any=" + "[" * 20_000,
        "any=" + '{"a":' * 20_000,
        "list=" + "[" * 20_000,
        "number=" + "9" * 20_000,
        "any=1e999",
        "any=NaN",
        'any="\\ud800"',
        "any=\udcff",
        "\udcff=1",
    ],
    ids=lambda given: ascii(given[:12]),
)
def test_inputs(echo: Path, given: str) -> None:
    answer = kernel("apply", echo, "--input", given)
    assert answer.status in (0, 2)
    assert len(answer.err) < 2_000


@pytest.mark.parametrize("text", ["[" * 20_000, '{"x":' * 20_000, "\x00\x01", "&a [*a]", "? [x]\n"])
def test_files(echo: Path, text: str) -> None:
    echo.with_name("given").write_text(text)
    for option in ("--inputs", "--var-file"):
        assert kernel("apply", echo, option, echo.with_name("given")).status == 2
    assert kernel("apply", echo.with_name("given")).status == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_reported_once_and_fails_nothing(echo: Path) -> None:
    answer = kernel("apply", echo, "--input", "any=12", "--events", "/dev/full")
    assert answer.json == 2
    assert answer.err.count("No space left on device") == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('nothing there')", "ValueError: nothing there"),
        ("import sys; sys.exit(7)", "SystemExit"),
        ("return self.provide()", "RecursionError"),
        ("return 1", "no mapping of fields"),
    ],
)
def test_a_controller_that_cannot_start(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "own_values.py").write_text(
        f"class Values:\n    def provide(self):\n        {code}\n"
    )
    (tmp_path / "main.yaml").write_text(STARTS)
    answer = kernel("apply", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert said in answer.err


def test_a_module_that_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "own_values.py").write_text("import sys\nsys.exit(0)\n\nclass Values: ...\n")
    (tmp_path / "main.yaml").write_text(STARTS)
    answer = kernel("apply", tmp_path)
    assert answer.status == 3
    assert "importing `own_values` failed: SystemExit" in answer.err
