"""What is known from the version before makes no difference to what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.editor.workspace import Workspace
from analyzer.report import Finding
from tests.analyzer.support.editing import FILE, HEAD
from tests.support.properties import examples, partial, some

SEQUENCES = "".join(
    f"""\
kind: Run.Sequence
metadata: {{ name: S{number} }}
inputs: {{ type: object, properties: {{ day: {{ type: string }} }}, required: [day] }}
steps:
  - name: Fetch
    invoke: {{ kind: Shop.Fetch, name: Api }}
    inputs: {{ day: "${{{{ inputs.day }}}}" }}
  - name: Other
    invoke: {{ kind: Run.Sequence, name: S{max(number - 1, 0)} }}
    inputs: {{ day: "${{{{ inputs.day }}}}" }}
    when: "${{{{ steps.Fetch.result.count > {number} }}}}"
result: "${{{{ has(steps.Other.result) ? 1 : steps.Fetch.result.count }}}}"
---
"""
    for number in range(5)
)
MANIFEST = HEAD + SEQUENCES.replace(
    "{ kind: Run.Sequence, name: S0 }", "{ kind: Shop.Fetch, name: Api }", 1
)

WORDS = ("day", "count", "Fetch", "Other", "string", "integer", "inputs", "steps", "result", "S1")


def edited(text: str, edit: tuple[int, int, str]) -> str:
    """A text after a line was dropped, doubled, put first, or a word in it replaced."""
    what, at, word = edit
    lines = text.split("\n")
    at %= len(lines)
    match what:
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines.insert(at, "# a comment")
        case 3:
            lines[at] = lines[at].replace(word, "x" + word)
        case 4:
            lines[at] = lines[at].replace(word, WORDS[at % len(WORDS)])
    return "\n".join(lines)


EDIT = st.tuples(st.integers(0, 4), st.integers(0, 200), st.sampled_from(WORDS))


def alone(text: str) -> tuple[Finding, ...]:
    workspace = Workspace()
    workspace.put(FILE, text)
    return workspace.diagnose(FILE)


@examples(30)
@given(st.lists(EDIT, min_size=1, max_size=5))
def test_edits_one_after_the_other(edits: list[tuple[int, int, str]]) -> None:
    workspace, text = Workspace(), MANIFEST
    workspace.put(FILE, text)
    assert workspace.diagnose(FILE) == alone(text)
    for edit in edits:
        text = edited(text, edit)
        workspace.put(FILE, text)
        assert workspace.diagnose(FILE) == alone(text)


def test_only_what_a_change_concerns_is_looked_at() -> None:
    workspace = Workspace()
    workspace.put(FILE, MANIFEST)
    workspace.diagnose(FILE)
    (known,) = workspace._known.values()
    whole = known.checked
    workspace.put(FILE, MANIFEST + "# at the end\n")
    workspace.diagnose(FILE)
    last = known.checked
    workspace.put(FILE, MANIFEST.replace("result.count > 4", "result.count > 5") + "# at the end\n")
    workspace.diagnose(FILE)
    assert whole >= 7
    assert last <= 1
    assert known.checked <= 2


def test_a_search_that_was_broken_off_leaves_nothing_wrong() -> None:
    workspace = Workspace()
    workspace.put(FILE, MANIFEST)
    for stop in (3, 10, 40):
        search = workspace.diagnosing(FILE)
        for _ in zip(range(stop), search, strict=False):
            pass
        search.close()  # type: ignore[attr-defined]
        workspace.put(FILE, MANIFEST.replace("S3", f"S{stop}"))
    text = MANIFEST.replace("steps.Fetch.result.count }", "steps.Fetch.result.cuont }")
    workspace.put(FILE, text)
    assert workspace.diagnose(FILE) == alone(text)


ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "ok").glob("*.yaml"), *(ROOT / "err").glob("*.yaml")])


@partial
@pytest.mark.parametrize("seed", range(4))
def test_manifests_of_all_kinds(seed: int, tmp_path: Path) -> None:
    name = str(tmp_path / "m.yaml")
    kept = Workspace()
    for number, file in enumerate(some(FILES[seed::4])):
        text = file.read_text("utf-8", errors="replace")
        for edit in ((1, number, "name"), (0, number * 3, "name"), (2, 0, "name")):
            for one in (text, edited(text, edit)):
                kept.put(name, one)
                fresh = Workspace()
                fresh.put(name, one)
                assert kept.diagnose(name) == fresh.diagnose(name), file.name


def test_a_folder_of_several_manifests_is_taken_file_by_file(tmp_path: Path) -> None:
    flow = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\n"
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(flow, "utf-8")
    second.write_text(flow, "utf-8")
    workspace = Workspace()
    workspace.put(str(first), flow)
    assert "K202" in {one.code for one in workspace.analysis(str(first)).faults}
    second.write_text(f"kind: Kernel.Module\nmetadata: {{ name: B }}\n---\n{flow}", "utf-8")
    workspace.forget(str(second))
    text = f"kind: Kernel.Module\nmetadata: {{ name: A }}\n---\n{flow}"
    workspace.put(str(first), text)
    assert workspace.analysis(str(first)).faults == ()
    assert len(workspace.analysis(str(first)).manifest.sources) == 1
    second.unlink()
    workspace.forget(str(second))
    third = tmp_path / "c.yaml"
    third.write_text(flow.replace("Main", "Other"), "utf-8")
    workspace.forget(str(third))
    assert {*workspace.analysis(str(first)).manifest.root.resources} == {"Main", "Other"}


def test_a_file_that_was_not_saved_yet_is_part_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "kinds.yaml").write_text(HEAD, "utf-8")
    workspace = Workspace()
    path = str(tmp_path / "new.yaml")
    workspace.put(path, "kind: Shop.Fetch\nmetadata: { name: Mine }\nbase: y\n")
    assert not [one for one in workspace.diagnose(path) if one.weight == "error"]
    workspace.put(path, "kind: Shop.Fetch\nmetadata: { name: Mine }\nbase: 1\n")
    assert [one.code for one in workspace.diagnose(path)] == ["K007"]


def test_faults_of_the_text_are_told_each_time(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kind: [\n", "utf-8")
    workspace = Workspace()
    path = str(tmp_path / "m.yaml")
    for number in range(3):
        workspace.put(path, f"{HEAD}# {number}\n")
        assert [one.code for one in workspace.analysis(path).faults] == ["K001"]


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("description: The orders API }", "description: The orders API"),
        ("safety: idempotent", "safety: ["),
        ("vars:", "vars: ["),
        ("mode: { enum: [fast, careful] }", "mode: { enum: [fast, careful"),
        ("  required: [base]", ' required: [base"]'),
    ],
)
def test_what_cannot_be_read_is_told_once(sound: str, broken: str) -> None:
    flow = SEQUENCES.replace('day: "${{ inputs.day }}"', 'day: "${{ vars.endpoint }}"', 1)
    workspace = Workspace()
    workspace.put(FILE, HEAD + flow)
    before = {one.code for one in workspace.diagnose(FILE)}
    assert sound in HEAD
    workspace.put(FILE, HEAD.replace(sound, broken) + flow)
    found = [one.code for one in workspace.diagnose(FILE)]
    assert found.count("K001") == 1
    assert not {*found} & {"K004", "K201", "K302", "K401", "K407"}
    assert "K001" not in before
