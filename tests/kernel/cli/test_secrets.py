"""Secrets of the command line's runs: what controllers print, raise and log; short secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Answer, kernel

KEY = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEAzq\nu8Jq1mZ0Xh7Yd3kFQp\n-----END KEY-----"
MAIN = """\
kind: Kernel.Module
metadata: { name: Keys }
secrets:
  key: { type: string, env: KEY }
  pin: { type: string, env: PIN, default: "" }
  code: { type: integer, env: CODE, default: 7 }
---
kind: Kernel.Definition
metadata: { name: Use, module: Keys }
capability: Invocable
safety: idempotent
inputs: { type: object, properties: { key: { type: string } } }
controller: { python: "user:use" }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: Use
    invoke: { kind: Keys.Use }
    inputs: { key: "${{ secrets.key }}", of: ["${{ secrets.pin }}", "${{ secrets.code }}"] }
result: "${{ steps.Use.result }}"
"""


def apply(folder: Path, body: str, **env: str) -> Answer:
    (folder / "main.yaml").write_text(MAIN)
    (folder / "user.py").write_text(f"import logging, sys\n\n\ndef use(inputs):\n    {body}\n")
    names = ("apply", "main.yaml", "--run-id", "r", "-o", "json", "--events", "events.jsonl")
    return kernel(*names, folder=folder, env={"KEY": KEY, **env})


@pytest.mark.parametrize(
    "body",
    [
        "print(inputs['key'])",
        "print('key', inputs['key'], sep=': ', end='')",
        "sys.stdout.writelines(inputs['key'])",
        "print(inputs['key'].encode(), file=sys.stderr)",
        "sys.stderr.writelines([inputs['key']])",
        "logging.warning('%s', inputs['key'].split())",
        "logging.basicConfig(level=0); logging.getLogger('mine').info(inputs['key'])",
        "logging.getLogger('kernel').warning(inputs['key'])",
        "import warnings; warnings.warn(inputs['key'])",
        "raise ValueError(inputs['key'].split()[3])",
        "raise ValueError(inputs['key'].replace(chr(10), chr(13) + chr(10)).encode())",
        "return {'sent': inputs['key'].replace(chr(10), chr(13) + chr(10))}",
        "return {inputs['key'].split()[3].encode().hex().upper(): 1}",
    ],
)
def test_a_secret_of_several_lines_is_shown_nowhere(tmp_path: Path, body: str) -> None:
    answer = apply(tmp_path, body)
    assert answer.status in (0, 1), answer.err
    journal = (tmp_path / ".kernel").glob("*")
    files = [one.read_text("latin-1") for one in (tmp_path / "events.jsonl", *journal)]
    shown = "".join((answer.out, answer.err, *files)).lower()
    for word in ("MIIEowIBAAKCAQEAzq", "u8Jq1mZ0Xh7Yd3kFQp"):
        assert word.lower() not in shown
        assert word.encode().hex() not in shown


def test_short_secrets_neither_leak_nor_make_nonsense(tmp_path: Path) -> None:
    body = "return {'x': 7, '7': 'x', 'l': ['x', 7.0, 'of 7', True]}"
    answer = apply(tmp_path, body, PIN="x", CODE="7")
    assert answer.json["result"] == {"x": 7, "7": "x", "l": ["x", 7.0, "of 7", True]}
    assert answer.err.count("warning: the secret") == 2
    assert "`pin` of Keys has under 4 characters" in answer.err
    told = json.loads(kernel("trace", "r", "-o", "json", folder=tmp_path).out)
    (call,) = (one for one in told["invocations"] if one["path"] == "steps.Use")
    assert call["inputs"] == {
        "key": "${{ Keys.secrets.key }}",
        "of": ["${{ Keys.secrets.pin }}", "${{ Keys.secrets.code }}"],
    }
    assert call["outputs"] == answer.json["result"]


def test_a_number_that_equals_a_secret_is_told_as_it_is_and_hidden_in_errors(
    tmp_path: Path,
) -> None:
    answer = apply(tmp_path, "return {'boxes': 918273, 'text': 'of 918273'}", CODE="918273")
    assert answer.json["result"] == {"boxes": 918273, "text": "of [redacted]"}
    body = "raise type('E', (Exception,), {'code': 'E', 'data': [918273]})('918273')"
    (tmp_path / "again").mkdir()
    answer = apply(tmp_path / "again", body, CODE="918273")
    assert "918273" not in answer.out + answer.err
