"""Hover, go to definition, references, rename and quick fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.editor.actions import actions_for
from analyzer.editor.cursor.text import Encoding, Position, Text
from analyzer.editor.navigation import definition, hover, references
from analyzer.editor.renaming import RenameRefused, rename
from analyzer.editor.symbols import occurrences_in
from analyzer.editor.workspace import Workspace
from analyzer.findings.finding import Edit, Report
from analyzer.findings.trials import edited, holds
from tests.analyzer.support.editing import FILE, HEAD, opened

FLOW = """\
kind: Run.Sequence
metadata: { name: Flow, description: Two steps }
inputs:
  type: object
  properties: { day: { type: string, description: Which day. } }
  required: [day]
steps:
  - name: Fetch
    invoke: { kind: Shop.Fetch, name: Api }
    inputs: { day: "${{ inputs.day + '😀' }}" }
  - name: Count
    value: "😀 ${{ has(steps.Fetch.result) ? steps.Fetch.result.rows.filter(r, r.amount > 1).size() : 0 }}"
    when: "${{ [{'Fetch': 1}].all(steps, steps.Fetch == 1) }}"
  - invoke: { kind: Shop.Fetch, name: "Api" }
    inputs: { day: "${{ vars.endpoint + steps['Fetch'].result.state }}" }
result: >-
  ${{ steps.?Fetch.result.count
      .orValue(0) + vars.endpoint.size() }}
"""  # noqa: E501  # as people write them


def asked(part: str, number: int = 0) -> tuple[Workspace, int]:
    """The flow in an editor with the cursor at ``‸`` of some part of it."""
    bare = part.replace("‸", "")
    at = -1
    for _ in range(number + 1):
        at = FLOW.index(bare, at + 1)
    return opened(FLOW[:at] + part + FLOW[at + len(bare) :])


def shown(part: str, number: int = 0) -> str:
    found = hover(*_args(part, number))
    return "" if found is None else found.text


def _args(part: str, number: int = 0) -> tuple[Workspace, str, int]:
    workspace, offset = asked(part, number)
    return workspace, FILE, offset


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("kind: Run.‸Sequence", "Runs its steps one after the other"),
        ("kind: Shop.‸Fetch, name", "Fetches the orders of a day"),
        ("kind: Shop.‸Fetch, name", "inputs: `day`, `limit?`, `state?`"),
        ("name: A‸pi", "The orders API"),
        ("ste‸ps:", "The steps, in order"),
        ("da‸y: \"${{ inputs", "The day of the orders."),
        ("inputs.d‸ay", "inputs.day: string"),
        ("inputs.d‸ay", "Which day."),
        ("steps.Fetch.result.ro‸ws", "steps.Fetch.result.rows: list("),
        ("r.am‸ount", "r.amount: int"),
        (".fil‸ter(r", "range.filter(x, predicate)"),
        ("ha‸s(steps", "has(e.f)"),
        (".si‸ze()", "string.size() -> int"),
        (".orVal‸ue(0)", "orValue"),
        ("vars.end‸point.size", "Where the shop is."),
        ("result.cou‸nt\n", "How many there are."),
        ("wh‸en:", "false skips the step"),
        ("descri‸ption: Two", "What it is for."),
    ],
)  # fmt: skip
def test_hover(part: str, wanted: str) -> None:
    assert wanted in shown(part)


def test_hover_is_about_the_word_under_the_cursor() -> None:
    workspace, offset = asked("r.am‸ount")
    found = hover(workspace, FILE, offset)
    assert found is not None
    assert workspace.text(FILE)[found.start : found.end] == "amount"
    assert hover(*_args("'‸😀' }}")) is None


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("kind: Shop.‸Fetch, name", "Fetch, module: Shop"),
        ("name: A‸pi }", "Api, description"),
        ("steps.Fe‸tch.result)", "Fetch\n    invoke"),
        ("steps['Fe‸tch']", "Fetch\n    invoke"),
        ("vars.end‸point +", "endpoint: {"),
        ("inputs.d‸ay", "day: { type: string, description: Which"),
        ("steps.Fetch.result.ro‸ws", "rows:\n"),
        ("da‸y: \"${{ inputs", "day: { type: string, description: The day"),
    ],
)  # fmt: skip
def test_definition(part: str, wanted: str) -> None:
    workspace, offset = asked(part)
    span = definition(workspace, FILE, offset)
    assert span is not None
    assert span.file == FILE
    text = workspace.text(FILE)
    start = Text(text, "utf-32").offset(Position(span.line - 1, span.column - 1))
    assert text[start:].startswith(wanted)


def test_definition_of_a_kind_of_the_library_is_in_its_package() -> None:
    span = definition(*_args("kind: Run.‸Sequence"))
    assert span is not None
    assert Path(span.file).name == "sequence.yaml"
    assert Path(span.file).exists()


def renamed(part: str, name: str) -> str:
    workspace, offset = asked(part)
    text = workspace.text(FILE)
    lines = Text(text, "utf-32")
    for change in sorted(rename(workspace, FILE, offset, name), key=lambda c: c.span.line * -1000):
        area = lines.area_of(change.span)
        found = text.split("\n")[area.start.line]
        assert found[area.start.character : area.end.character] in part.replace("‸", "")
    edits = sorted(
        ((lines.offset(a.start), lines.offset(a.end)) for a in
         (lines.area_of(one.span) for one in rename(workspace, FILE, offset, name))),
        reverse=True,
    )  # fmt: skip
    for start, end in edits:
        text = text[:start] + name + text[end:]
    return text


def test_rename_of_a_step_reaches_every_place_and_no_other() -> None:
    wanted = FLOW.replace("name: Fetch", "name: Orders").replace("steps.Fetch.", "steps.Orders.")
    wanted = wanted.replace("steps.?Fetch", "steps.?Orders").replace("['Fetch']", "['Orders']")
    for part in ("name: Fe‸tch", "has(steps.Fe‸tch", "steps['Fe‸tch']", "steps.?Fe‸tch"):
        assert renamed(part, "Orders") == HEAD + wanted


def test_rename_of_a_resource_and_of_a_variable() -> None:
    made = renamed("name: A‸pi }", "Remote")
    assert made == (HEAD + FLOW).replace("name: Api", "name: Remote").replace(
        'name: "Api"', 'name: "Remote"'
    )
    made = renamed("vars.end‸point.size", "base")
    assert made == (HEAD + FLOW).replace("  endpoint:", "  base:").replace(
        "vars.endpoint", "vars.base"
    )
    workspace = Workspace()
    workspace.put(FILE, made)
    assert not [one for one in workspace.diagnose(FILE) if one.weight == "error"]


WORDS = ("true", "False", "null", "Null", "NULL", "in", "no", "off", "On", "YES", "if", "void", "")


@pytest.mark.parametrize(
    ("part", "name", "why"),
    [
        ("name: Fe‸tch", "not one", "is no name"),
        ("name: Fe‸tch", "1st", "is no name"),
        ("name: Fe‸tch", "Count", "there is a step `Count` already"),
        *(("name: Fe‸tch", word, "is no name") for word in WORDS),
        ("name: A‸pi }", "true", "YAML reads it as true"),
        ("vars.end‸point +", "in", "a word of CEL"),
        ("name: A‸pi }", "Flow", "there is a resource `Flow` already"),
        ("vars.end‸point +", "token", "already"),
        ("kind: Shop.‸Fetch, name", "Other", "the name of a kind cannot be changed here"),
        ("va‸lue: ", "other", "nothing here"),
    ],
)
def test_rename_refuses(part: str, name: str, why: str) -> None:
    with pytest.raises(RenameRefused, match=why):
        rename(*_args(part), name)


def test_references() -> None:
    assert len(references(*_args("name: Fe‸tch"))) == 5
    assert len(references(*_args("name: Fe‸tch"), declaration=False)) == 4
    assert len(references(*_args("name: A‸pi }"))) == 3
    assert len(references(*_args("kind: Shop.‸Fetch, name"))) == 4
    assert references(*_args("wh‸en:")) == ()


def test_every_name_that_is_told_stands_there() -> None:
    workspace = Workspace()
    workspace.put(FILE, HEAD + FLOW)
    analysis = workspace.analysis(FILE)
    lines = (HEAD + FLOW).split("\n")
    count = 0
    for document in analysis.documents_of(FILE):
        for one in occurrences_in(analysis, document):
            written = lines[one.span.line - 1][one.span.column - 1 : one.span.end_column - 1]
            assert one.symbol.name in written
            count += 1
    assert count > 15


def test_a_name_is_changed_in_every_file_of_the_manifest(tmp_path: Path) -> None:
    main, shop = tmp_path / "main.yaml", tmp_path / "shop"
    shop.mkdir()
    head = HEAD.replace("vars:", "imports: { }\nvars:")
    (shop / "shop.yaml").write_text(head, "utf-8")
    main.write_text(
        "kind: Kernel.Module\nmetadata: { name: Main }\nimports: { Shop: ./shop }\n"
        "targets:\n  - invoke: { kind: Shop.Fetch, name: Shop.Api }\n    inputs: { day: x }\n",
        "utf-8",
    )
    workspace = Workspace()
    for file in (main, shop / "shop.yaml"):
        workspace.put(str(file), file.read_text("utf-8"))
    offset = workspace.text(str(shop / "shop.yaml")).index("Api, desc")
    changes = rename(workspace, str(shop / "shop.yaml"), offset, "Remote")
    assert {Path(one.span.file).name for one in changes} == {"main.yaml", "shop.yaml"}
    offset = workspace.text(str(main)).index("./shop")
    span = definition(workspace, str(main), offset)
    assert span is not None
    assert span.file == str(shop / "shop.yaml")


# Actions -----------------------------------------------------------------------------------------


def test_what_is_suppressed_is_not_found_again() -> None:
    flow = FLOW.replace("result: >-", "result: >-\n  ${{ true || true }}\n  ")
    flow += "---\nkind: Run.Sequence\nmetadata: { name: Other }\nsteps:\n  - name: A\n    invoke:\n"
    flow += "      kind: Shop.Fetch\n      name: Api\n    inputs: { day: x }\n"
    flow += "    retry: { attempts: 1 }\n    when: |\n      ${{ 1\n        == 1 }}\n"
    workspace = Workspace()
    workspace.put(FILE, HEAD + flow)
    found = [one for one in workspace.diagnose(FILE) if one.weight == "warning"]
    assert found
    for finding in found:
        (action,) = [one for one in actions_for(workspace, FILE, [finding]) if not one.preferred]
        text = HEAD + flow
        offset = Text(text).offset(Position(action.span.line - 1, 0))
        other = Workspace()
        other.put(FILE, text[:offset] + action.text + text[offset:])
        codes = [one.code for one in other.diagnose(FILE)]
        assert codes.count(finding.code) < [one.code for one in found].count(finding.code)
        assert "K902" not in codes


def test_only_a_fix_that_holds_is_offered() -> None:
    text = (
        "kind: Run.Sequence\nmetadata: { name: Main }\n"
        "inputs: { type: object, properties: { state: { type: string } }, required: [state] }\n"
        "steps:\n  - { name: A, value: '${{ inputs[''satte''] }}' }\n"
        "  - { name: B, value: 1, whne: x, wehn: x }\n  - { name: C, vlaue: 1, value: 2 }\n"
        'result: "${{ [steps.A.result, steps.B.result, steps.C.result] }}"\n'
    )
    workspace = Workspace()
    workspace.put(FILE, text)
    found = workspace.diagnose(FILE)
    offered = [one for one in actions_for(workspace, FILE, found) if one.preferred]
    assert [one.text for one in offered][:1] == ["''state''"]
    for one in offered:
        after = workspace.report_with(FILE, {FILE: edited(text, [Edit("", one.span, one.text)])[0]})
        assert holds([one.finding], Report.of(found), after)


# Positions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_go_there_and_back(encoding: Encoding) -> None:
    text = Text("a😀ä\r\n\n漢字 x\rlast", encoding)
    for offset in range(len(text.text) + 1):
        position = text.position(offset)
        if text.text[offset - 1 : offset + 1] != "\r\n":
            assert text.offset(position) == offset
        line = text.text[:offset].replace("\r\n", "\n").replace("\r", "\n").rpartition("\n")[2]
        units = len(line.encode(encoding if encoding == "utf-8" else f"{encoding}-le"))
        width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
        if text.text[offset - 1 : offset] != "\r":
            assert position.character == units // width
    assert text.offset(Position(99, 0)) == len(text.text)
    assert text.offset(Position(0, 99)) == 3
