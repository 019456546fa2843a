"""``kernel lsp``, asked by an editor over its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import COMMAND, kernel
from tests.support.editor import WAIT, Editor, Failed, editor
from tests.support.warm import environment

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Fetch, module: Shop, description: Fetches the orders }
capability: Invocable
inputs:
  type: object
  properties: { day: { type: string, description: The day of the orders. } }
  required: [day]
outputs:
  type: object
  properties: { count: { type: integer } }
  required: [count]
  additionalProperties: false
safety: idempotent
---
kind: Run.Sequence
metadata: { name: Import }
inputs: { type: object, properties: { day: { type: string } }, required: [day] }
steps:
  - name: Orders
    invoke: { kind: Shop.Fetch }
    inputs: { day: "${{ inputs.day }}" }
result: "${{ steps.Orders.result.count }}"
"""


def line_of(text: str, part: str) -> tuple[int, int]:
    """The line and the character, from 0, of a part of a text."""
    before = text[: text.index(part)]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def replaced(line: int, start: int, end: int, text: str) -> dict[str, Any]:
    return {
        "range": {
            "start": {"line": line, "character": start},
            "end": {"line": line, "character": end},
        },
        "text": text,
    }


def applied(text: str, edit: dict[str, Any]) -> str:
    """The text after an edit within one line; for texts without surrogate pairs before it."""
    lines = text.split("\n")
    start, end = edit["range"]["start"], edit["range"]["end"]
    assert start["line"] == end["line"]
    line = lines[start["line"]]
    lines[start["line"]] = line[: start["character"]] + edit["newText"] + line[end["character"] :]
    return "\n".join(lines)


def test_a_session(tmp_path: Path) -> None:
    with editor(tmp_path) as session:
        answer = session.initialize()
        assert answer["serverInfo"]["name"] == "kernel"
        capabilities = answer["capabilities"]
        assert capabilities["positionEncoding"] == "utf-16"
        assert capabilities["renameProvider"]
        uri = session.open("shop.yaml", MANIFEST)
        assert session.found(uri, 1) == []

        line, start = line_of(MANIFEST, "count }}")
        version = session.change(uri, replaced(line, start, start + 5, "cuont"))
        (found,) = session.found(uri, version)
        assert found["code"] == "K401"
        assert found["source"] == "kernel"
        begin = line_of(MANIFEST, "steps.Orders")[1]
        assert found["range"]["start"] == {"line": line, "character": begin}
        assert found["range"]["end"] == {"line": line, "character": start + 5}
        actions = session.ask(
            "textDocument/codeAction",
            textDocument={"uri": uri},
            range=found["range"],
            context={"diagnostics": [found]},
        )
        wrong = MANIFEST.replace("count }}", "cuont }}")
        edits = [one["edit"]["changes"][uri][0] for one in actions if one.get("isPreferred")]
        assert [applied(wrong, edit) for edit in edits] == [MANIFEST]

        version = session.change(uri, replaced(line, start, start + 5, ""))
        items = session.ask("textDocument/completion", **session.at(uri, line, start))["items"]
        item = next(one for one in items if one["label"] == "count")
        assert item["detail"] == "int"
        assert item["textEdit"]["newText"] == "count"
        session.change(uri, replaced(line, start, start, "count"))
        assert session.found(uri, version + 1) == []

        line, start = line_of(MANIFEST, 'day: "')
        hover = session.ask("textDocument/hover", **session.at(uri, line, start + 1))
        assert "The day of the orders." in hover["contents"]["value"]
        place = session.ask("textDocument/definition", **session.at(uri, line, start + 1))
        declared = line_of(MANIFEST, "day: { type: string, description")
        assert place["uri"] == uri
        assert place["range"]["start"] == {"line": declared[0], "character": declared[1]}

        line, start = line_of(MANIFEST, "Orders\n")
        named = session.ask(
            "textDocument/references",
            **session.at(uri, line, start),
            context={"includeDeclaration": True},
        )
        assert len(named) == 2
        edit = session.ask("textDocument/rename", **session.at(uri, line, start), newName="Fetched")
        text = MANIFEST
        for one in edit["changes"][uri]:
            text = applied(text, one)
        assert text == MANIFEST.replace("Orders\n", "Fetched\n").replace(
            "steps.Orders", "steps.Fetched"
        )
        with pytest.raises(Failed, match="is no name"):
            session.ask("textDocument/rename", **session.at(uri, line, start), newName="not one")
        assert session.leave() == 0


def test_files_of_a_folder_are_one_manifest_with_their_unsaved_texts(tmp_path: Path) -> None:
    kinds, _, flow = MANIFEST.partition("---\n")
    (tmp_path / "kinds.yaml").write_text(kinds, "utf-8")
    (tmp_path / "flow.yaml").write_text(flow, "utf-8")
    with editor(tmp_path) as session:
        session.initialize()
        main = session.open("flow.yaml", flow)
        assert session.found(main, 1) == []
        other = session.open("kinds.yaml", kinds)
        assert session.found(other, 1) == []
        session.change(other, {"text": kinds.replace("count", "size")})
        assert [one["code"] for one in session.found(main)] == ["K401"]
        session.tell("textDocument/didClose", textDocument={"uri": other})
        assert session.found(other) == []
        assert session.found(main) == []


def test_characters_beyond_the_basic_plane(tmp_path: Path) -> None:
    text = 'kind: Run.Sequence\nmetadata: { name: S }\nsteps: []\nresult: "😀ä ${{ varz.x }}"\n'
    line = text.split("\n")[3]
    for encodings, unit in ((["utf-8"], "utf-8"), (["utf-32"], "utf-32"), ([], "utf-16")):
        with editor(tmp_path) as session:
            general = {"positionEncodings": encodings} if encodings else {}
            answer = session.initialize(general=general)
            assert answer["capabilities"]["positionEncoding"] == unit
            uri = session.open("s.yaml", text)
            (found,) = session.found(uri, 1)
            before = line[: line.index("varz")].encode(unit if unit == "utf-8" else f"{unit}-le")
            width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[unit]
            start = len(before) // width
            assert found["range"]["start"] == {"line": 3, "character": start}
            assert found["range"]["end"] == {"line": 3, "character": start + 4}
            version = session.change(uri, replaced(3, start, start + 4, "vars"))
            assert all("varz" not in one["message"] for one in session.found(uri, version))
            items = session.ask("textDocument/completion", **session.at(uri, 3, start + 2))["items"]
            edit = next(one for one in items if one["label"] == "vars")["textEdit"]
            assert edit["range"]["start"]["character"] == start
            assert edit["range"]["end"]["character"] == start + 4


def test_a_text_in_no_file_and_a_text_that_is_no_manifest(tmp_path: Path) -> None:
    with editor(tmp_path) as session:
        session.initialize()
        uri = session.open("untitled:Untitled-1", MANIFEST.replace("steps.Orders", "steps.Ordres"))
        assert [one["code"] for one in session.found(uri, 1)] == ["K401"]
        other = session.open("compose.yaml", "services: { web: { image: x } }\n")
        assert session.found(other, 1) == []
        kubernetes = session.open("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n")
        assert session.found(kubernetes, 1) == []


def test_the_last_of_many_changes_counts(tmp_path: Path) -> None:
    with editor(tmp_path) as session:
        session.initialize()
        uri = session.open("shop.yaml", MANIFEST)
        for number in range(60):
            text = MANIFEST.replace("steps.Orders", f"steps.Orders{number}")
            session.change(uri, {"text": text})
        version = session.change(uri, {"text": MANIFEST})
        assert session.found(uri, version) == []


def test_what_is_no_message_does_not_stop_it(tmp_path: Path) -> None:
    with editor(tmp_path) as session:
        session.write(b"this is no header\r\n\r\n{]\n\x00\xff\n")
        session.write(b"Content-Length: 5\r\n\r\n{nope")
        session.write(b"Content-Length: 2\r\n\r\n[]")
        session.write(b"Content-Length: x\r\n\r\n")
        session.initialize()
        with pytest.raises(Failed):
            session.ask("textDocument/hover", nonsense=True)
        with pytest.raises(Failed):
            session.ask("no/such/method")
        session.tell("textDocument/didChange", textDocument={"uri": "file:///not/open.yaml"})
        uri = session.open("shop.yaml", MANIFEST)
        assert session.found(uri, 1) == []
        for line, character in ((10_000, 0), (0, 10_000)):
            session.ask("textDocument/completion", **session.at(uri, line, character))
        assert session.leave() == 0


def test_it_ends_when_its_input_does(tmp_path: Path) -> None:
    with editor(tmp_path) as session:
        session.initialize()
        assert session.process.stdin is not None
        session.process.stdin.close()
        assert session.process.wait(WAIT) == 1


def test_only_garbage_on_its_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "lsp"],
        cwd=tmp_path,
        env=environment(),
        input=os.urandom(100_000),
        capture_output=True,
        timeout=WAIT,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""


def test_it_ends_when_the_editor_is_killed(tmp_path: Path) -> None:
    # Standard input stays open: another process holds it.
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    session = Editor(tmp_path)
    try:
        session.ask("initialize", processId=parent.pid, rootUri=None, capabilities={})
        time.sleep(0.1)
        assert session.process.poll() is None
        parent.send_signal(signal.SIGKILL)
        parent.wait(WAIT)
        assert session.process.wait(WAIT) == 1
    finally:
        session.end()


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "pygls").mkdir()
    (tmp_path / "pygls" / "__init__.py").write_text(
        "raise ModuleNotFoundError('no', name='pygls')\n", "utf-8"
    )
    answer = kernel("lsp", env={"PYTHONPATH": str(tmp_path)}, folder=tmp_path)
    assert answer.status == 2
    assert "pip install 'invocable-kernel[lsp]'" in answer.err


def test_only_the_command_imports_the_package() -> None:
    code = (
        "import analyzer, analyzer.editor.completion, kernel.cli.app, sys\n"
        "print(*{'pygls', 'lsprotocol', 'cattrs'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
