"""A user's kind, in ten lines of Python or in YAML alone, is told as one of the library.

``Mine.Sleep`` says what ``Time.Sleep`` says; all that is shown of the one must be shown of the
other, but for the name and the two errors that every typed function has.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from analyzer import check
from analyzer.editor.completion import complete
from analyzer.editor.navigation import hover
from analyzer.editor.workspace import Workspace
from kernel import Event, InvocationError, Kernel, load
from tests.support.command import kernel

SLEEP = '''\
from typing import Annotated
from pydantic import Field
from kernel import Call, invocable


@invocable("Mine.Sleep", safety="idempotent")
def sleep(ms: Annotated[int, Field(ge=0, le=86400000)], call: Call) -> None:
    """Waits inside one invocation, and ends at once when that is cancelled. It does not outlive the
    process.

    :param ms: How long to wait, in milliseconds; at most a day.
    """
    call.cancellation.wait_in_thread(ms / 1000)
'''
BODY = """\
kind: Kernel.Definition
metadata:
  name: Sleep
  module: Mine
  description: >-
    Waits inside one invocation, and ends at once when that is cancelled. It does not outlive the
    process.
capability: Invocable
safety: idempotent
schema: { type: object, additionalProperties: false, properties: {} }
inputs:
  type: object
  additionalProperties: false
  required: [ms]
  properties:
    ms:
      description: How long to wait, in milliseconds; at most a day.
      type: integer
      minimum: 0
      maximum: 86400000
outputs: { type: "null" }
body:
  steps:
    - name: Wait
      invoke: { kind: Time.Sleep }
      inputs: { ms: "${{ inputs.ms }}" }
  result: "${{ steps.Wait.result }}"
"""
USE = """\
kind: {kind}
metadata: {{ name: Nap }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties: {{ n: {{ type: integer, minimum: 0, maximum: 9 }} }}
  required: [n]
steps:
  - name: Rest
    invoke: {{ kind: {kind}, name: Nap }}
    inputs: {{ {inputs} }}
    retry: {{ attempts: 3 }}
result: "${{{{ steps.Rest.result }}}}"
"""
KINDS = ("Time.Sleep", "Mine.Sleep")


@pytest.fixture(params=["python", "yaml"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project with the user's kind: as `kernel define` writes it, or with a body."""
    if request.param == "yaml":
        (tmp_path / "naps.yaml").write_text(BODY)
        return tmp_path
    (tmp_path / "naps.py").write_text(SLEEP)
    (tmp_path / "naps.yaml").write_text(kernel("define", "naps", folder=tmp_path).out)
    return tmp_path


def use(folder: Path, kind: str, inputs: str = "ms: '${{ inputs.n }}'") -> Path:
    made = folder / "main.yaml"
    made.write_text(USE.format(kind=kind, inputs=inputs))
    return made


def alike(shown: list[str]) -> None:
    """What is shown of the one kind is what is shown of the other."""
    theirs, ours = (text.replace(kind, "KIND") for text, kind in zip(shown, KINDS, strict=True))
    assert theirs == ours
    assert "KIND" in ours


def test_explain(folder: Path) -> None:
    def explained(*words: str) -> list[str]:
        shown = [
            kernel("explain", *(word.format(kind) for word in words), *path, folder=folder)
            for kind, path in zip(KINDS, ([], ["--path", str(folder)]), strict=True)
        ]
        assert [one.status for one in shown] == [0, 0], shown
        return [one.out.partition("\nERRORS:")[0].rstrip("\n") for one in shown]

    alike(explained("{}"))
    alike(explained("{}.inputs.ms"))


def test_get(folder: Path) -> None:
    shown = []
    for kind in KINDS:
        use(folder, kind)
        rows = kernel("get", ".", "-o", "json", folder=folder).json
        shown.append(str([row for row in rows if row["name"] == "Nap"]))
    alike(shown)


@pytest.mark.parametrize(
    "inputs", ["ms: -1", "ms: lots", "mss: 1", "", "ms: 1, more: 2", "ms: 1.5"]
)
def test_findings(folder: Path, inputs: str) -> None:
    shown = []
    for kind in KINDS:
        made = use(folder, kind, inputs)
        # Where the library's kind is used, the user's is unused; that is told in its own file.
        found = [one for one in check(folder).findings if one.span and one.span.file == str(made)]
        assert [one.weight for one in found] == ["error"]
        told = [(str(one.span), one.code, one.message, one.help, one.fix) for one in found]
        shown.append(f"{kind} {told}")
    alike(shown)


def test_what_is_correct_is_clean(folder: Path) -> None:
    for kind in KINDS:
        use(folder, kind)
        assert kernel("check", ".", folder=folder).status == 0


@pytest.mark.parametrize("inputs", [{"ms": 1}, {"ms": -1}, {"ms": "1"}, {}, {"mss": 1}])
def test_errors_and_events(folder: Path, inputs: Any) -> None:
    async def tell(kind: str) -> str:
        heard: list[Event] = []
        use(folder, kind)
        async with Kernel(load(folder)) as running:
            running.subscribe(heard.append)
            try:
                result = await running.invoke(f"{kind}/Nap", inputs)
            except InvocationError as error:
                result = (type(error).__name__, error.to_cel())
        # What a body calls is told besides.
        told = [one for one in heard if not one.type.startswith("Time.Sleep.inline.")]
        events = [(one.type, one.data if "Nap" in one.type else None) for one in told]
        return str((result, events))

    alike([asyncio.run(tell(kind)) for kind in KINDS])


@pytest.mark.parametrize("inputs", ["‸", "m‸: 1", "ms: ‸"])
def test_completion_and_hover(folder: Path, inputs: str) -> None:
    shown = []
    for kind in KINDS:
        path = str(use(folder, kind, inputs))
        text = Path(path).read_text()
        offset = text.index("‸")
        workspace = Workspace()
        workspace.put(path, text.replace("‸", ""))
        proposals = complete(workspace, path, offset)
        told = [hover(workspace, path, text.index(word)) for word in ("Nap", kind)]
        shown.append(f"{proposals.items} {told} {kind}")
    alike(shown)
