"""What an editor offers of what is imported: what is exported, and the values that are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.editor.completion import complete
from analyzer.editor.navigation import definition, hover
from analyzer.editor.renaming import rename
from analyzer.editor.workspace import Workspace

LIB = """\
kind: Kernel.Module
metadata: { name: Lib }
exports: [Send, Post]
vars:
  from: { type: string, description: Who writes. }
  port: { type: integer, default: 25 }
secrets: { key: { type: string } }
---
kind: Kernel.Definition
metadata: { name: Send }
capability: Invocable
---
kind: Kernel.Definition
metadata: { name: Hidden }
capability: Invocable
---
kind: Lib.Send
metadata: { name: Post }
---
kind: Lib.Send
metadata: { name: Inner }
"""

MAIN = """\
kind: Kernel.Module
metadata: { name: Main }
imports:
  Mail:
    source: ./lib
    vars: { from: "${{ vars.sender }}" }
    secrets: { key: k }
vars: { sender: { type: string, default: me } }
exports: [Own]
---
kind: Run.Sequence
metadata: { name: Own }
steps:
  - invoke: { kind: Mail.Send, name: Mail.Post }
"""


def proposed(folder: Path, text: str) -> set[str]:
    offset = text.index("‸")
    (folder / "lib").mkdir()
    (folder / "lib" / "lib.yaml").write_text(LIB, "utf-8")
    workspace = Workspace()
    path = str(folder / "main.yaml")
    workspace.put(path, MAIN)
    complete(workspace, path, 0)
    workspace.put(path, text.replace("‸", ""))
    return {one.label for one in complete(workspace, path, offset).items}


@pytest.mark.parametrize(
    ("before", "after", "wanted", "unwanted"),
    [
        ("{ kind: Mail.Send, name: Mail.Post }", "{ kind: ‸ }", {"Mail.Send"}, {"Mail.Hidden"}),
        (
            "{ kind: Mail.Send, name: Mail.Post }",
            "{ kind: Mail.Send, name: ‸ }",
            {"Mail.Post"},
            {"Mail.Inner"},
        ),
        ("{ from: \"${{ vars.sender }}\" }", "{ ‸ }", {"from", "port"}, {"key"}),
        ("secrets: { key: k }", "secrets: { ‸ }", {"key"}, {"from"}),
        ("vars.sender", "vars.‸", {"sender"}, {"from"}),
        ("${{ vars.sender }}", "${{ ‸ }}", {"vars", "secrets"}, {"resources", "inputs"}),
        ("    secrets: { key: k }\n", "    ‸\n", {"secrets"}, {"source"}),
        ("exports: [Own]", "exports: [‸]", {"Own"}, set()),
    ],
)  # fmt: skip
def test_what_is_offered(
    tmp_path: Path, before: str, after: str, wanted: set[str], unwanted: set[str]
) -> None:
    found = proposed(tmp_path, MAIN.replace(before, after))
    assert wanted <= found
    assert not unwanted & found


def test_what_a_passed_value_is_for(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "lib.yaml").write_text(LIB, "utf-8")
    workspace, path = Workspace(), str(tmp_path / "main.yaml")
    workspace.put(path, MAIN)
    said = hover(workspace, path, MAIN.index("from:") + 1)
    assert said is not None
    assert "Who writes." in str(said)


def test_a_file_that_imports_another_of_its_folder_stands_alone(tmp_path: Path) -> None:
    main = MAIN.replace("./lib", "./lib.yaml")
    kinds = "---\n".join(LIB.split("---\n")[1:]).replace("Lib.", "lib.")
    (tmp_path / "lib.yaml").write_text(kinds, "utf-8")
    workspace, path = Workspace(), str(tmp_path / "main.yaml")
    (tmp_path / "main.yaml").write_text(main, "utf-8")
    passed = 'vars: { from: "${{ vars.sender }}" }', "secrets: { key: k }"
    workspace.put(path, main.replace(passed[0], "").replace(passed[1], ""))
    assert workspace.analysis(path).faults == ()
    offset = workspace.text(path).index("Mail.Send")
    assert "Mail.Hidden" in {one.label for one in complete(workspace, path, offset).items}


def test_a_new_name_reaches_exports_and_what_is_passed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    lib, main = str(tmp_path / "lib" / "lib.yaml"), str(tmp_path / "main.yaml")
    workspace = Workspace()
    for path, text in ((lib, LIB), (main, MAIN)):
        Path(path).write_text(text, "utf-8")
        workspace.put(path, text)
        workspace.analysis(path)

    def changed(word: str, name: str) -> set[tuple[str, int]]:
        found = rename(workspace, lib, LIB.index(word), name)
        return {(Path(one.span.file).stem, one.span.line) for one in found}

    assert changed("from:", "sender") == {("lib", 5), ("main", 6)}
    assert changed("Post }", "Card") == {("lib", 3), ("lib", 18), ("main", 14)}
    assert changed("key:", "token") == {("lib", 7), ("main", 7)}
    span = definition(workspace, main, MAIN.index("from:"))
    assert span is not None
    assert (Path(span.file).stem, span.line) == ("lib", 5)
    span = definition(workspace, main, MAIN.index("./lib"))
    assert span is not None
    assert Path(span.file).stem == "lib"
