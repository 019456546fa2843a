"""The answer of a run that could not begin, or that says more than it should."""

from __future__ import annotations

from pathlib import Path

from tests.support.command import kernel

CONTROLLERS = """\
class Port:
    async def start(self): raise RuntimeError("the port is taken")
    async def stop(self): pass
def talk(inputs):
    print("inputs:", inputs)
    raise ValueError("no " + inputs["token"])
"""
MANIFEST = """\
kind: Kernel.Module
metadata: {{ name: M }}
secrets: {{ token: {{ type: string, env: TOKEN }} }}
---
kind: Kernel.Definition
metadata: {{ name: Odd, module: T }}
capability: {capability}
controller: {{ python: "cli_answers:{controller}" }}
---
kind: T.Odd
metadata: {{ name: One }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: Call
    when: "${{{{ {called} }}}}"
    invoke: {{ kind: {target} }}
    inputs: {{ token: "${{{{ secrets.token }}}}", ms: 1 }}
"""


def written(folder: Path, **parts: str) -> Path:
    (folder / "cli_answers.py").write_text(CONTROLLERS)
    (folder / "main.yaml").write_text(MANIFEST.format(**parts))
    return folder / "main.yaml"


def test_a_service_that_cannot_start_is_an_answer_too(tmp_path: Path) -> None:
    path = written(
        tmp_path, capability="Service", controller="Port", called="false", target="Time.Sleep"
    )
    answer = kernel("apply", "--no-check", path, "-o", "json", env={"TOKEN": "hunter2-secret"})
    assert answer.status == 1
    assert (answer.json["outcome"], answer.json["result"]) == ("rejected", None)
    assert answer.json["error"]["kind"] == "InvalidState"
    assert "T.Odd/One" in answer.json["error"]["message"]
    assert "the port is taken" in answer.json["error"]["message"]
    assert "the port is taken" in answer.err


def test_secrets_are_in_nothing_that_is_printed(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        capability="Invocable",
        controller="talk",
        called="true",
        target="T.Odd, name: One",
    )
    answer = kernel("apply", "--no-check", path, "-o", "json", env={"TOKEN": "hunter2-secret"})
    assert answer.status == 1
    assert answer.json["error"]["message"] == "no [redacted]"
    assert "inputs: {'token': '[redacted]', 'ms': 1}" in answer.err
    assert "failed in step Call" in answer.err
    assert "hunter2" not in answer.out + answer.err
