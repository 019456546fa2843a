"""What can be written at the cursor, in texts as they are while they are being written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.editor.completion import complete
from analyzer.editor.cursor.vocabulary import CALL_SITE, STEP
from analyzer.editor.navigation import definition, hover, references
from analyzer.editor.renaming import RenameRefused, rename
from analyzer.editor.workspace import Workspace
from kernel.cel import parse_template, walk
from kernel.cel.tree import Select
from kernel.manifest import Document
from kernel.topology.callsite import FIELDS
from kernel.topology.steps import FORMS, OLD_NAMES
from tests.analyzer.support.editing import FILE, HEAD, accepted, proposed
from tests.support.properties import examples, part, partial, some

FETCH = "kind: Shop.Fetch\nmetadata: { name: B }\n"
FLOW = """\
kind: Run.Sequence
metadata: { name: S }
inputs:
  type: object
  properties: { day: { type: string, description: Which day. } }
  required: [day]
steps:
  - name: Fetch
    invoke: { kind: Shop.Fetch, name: Api }
    inputs: { day: "${{ inputs.day }}" }
"""
CALL = f"{FLOW}  - invoke: {{ kind: Shop.Fetch, name: Api }}\n"
FUNCTIONS = {"all", "exists", "filter", "map", "size"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind: ‸", {"Shop.Fetch", "Run.Sequence", "Kernel.Definition"}),
        ("kind: Shop.F‸\n", {"Shop.Fetch", "Run.Sequence"}),
        (FETCH + "peer: { kind: Shop.Fetch, name: ‸ }\n", {"Api", "B"}),
        (FLOW + "  - invoke: { kind: ‸ }\n", {"Shop.Fetch", "Run.Sequence"}),
        (FLOW + "  - name: X\n    if: ${{ true }}\n    ‸\n", {"then", "elseif", "else", "when"}),
        (FLOW + "  - ‸\n", {"name", "when", *FORMS}),
        (CALL + "    ‸\n", {"inputs", "retry", "timeout", "when", "expect"}),
        (FLOW + "  - do: []\n    ‸\n", {"until", "while", "maxIterations", "forEach"}),
    ],
)
def test_among_what_is_proposed(text: str, wanted: set[str]) -> None:
    assert wanted <= proposed(text).keys()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("‸\n", {"kind", "metadata"}),
        (FETCH + "‸\n", {"base", "mode", "secure", "peer"}),
        (FETCH + "base: x\n‸\n", {"mode", "secure", "peer"}),
        (FETCH + "ba‸\n", {"base", "mode", "secure", "peer"}),
        (FETCH + "mode: ‸\n", {"fast", "careful"}),
        (FETCH + "mode: fa‸\n", {"fast", "careful"}),
        (FETCH + "secure: ‸", {"true", "false"}),
        (FETCH + "peer: { ‸\n", {"kind", "name", "metadata"}),
        (FETCH + "peer: { kind: ‸\n", {"Shop.Fetch"}),
        ("kind: Shop.Fetch\nmetadata: { ‸\n", {"name", "description", "labels", "annotations"}),
        (FLOW + "  - invoke: { kind: Shop.Fetch, name: ‸\n", {"Api"}),
        (CALL + "    inputs:\n      ‸\n", {"day", "limit", "state"}),
        (CALL + "    inputs: { ‸ }\n", {"day", "limit", "state"}),
        (CALL + "    inputs: { day: x, ‸ }\n", {"limit", "state"}),
        (CALL + "    inputs: { day: x, state: ‸ }\n", {"open", "closed"}),
        (CALL + "    retry: { attempts: 2, backoff: ‸ }\n", {"linear", "exponential"}),
        ("kind: Kernel.Definition\nmetadata: { name: Q }\nsafety: ‸\n", {
            "idempotent", "write-once-checkable", "irreversible", "approval-bound",
        }),
        (FETCH + "# a comment ‸\n", set()),
        (FLOW + '  - value: "text ‸ ${{ 1 }}"\n', set()),
        (FLOW + '  - value: "$${{ ‸ }}"\n', set()),
        (FLOW + "  - value: \"${{ 'text ‸' }}\"\n", set()),
        (FLOW + "  - value: \"${{ steps.Fetch.result.state == '‸\n", {"open", "closed"}),
    ],
)  # fmt: skip
def test_all_that_is_proposed(text: str, wanted: set[str]) -> None:
    assert proposed(text).keys() == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("vars.‸", {"endpoint"}),
        ("secrets.‸", {"token"}),
        ("inputs.‸", {"day"}),
        ("steps.‸", {"Fetch"}),
        ("steps.Fetch.‸", {"result", "skipped"}),
        ("steps.Fetch.result.‸", {"count", "state", "rows"}),
        ("steps.Fetch.result.co‸unt + 1", {"count", "state", "rows"}),
        ("steps.Fetch.result.rows[0].‸", {"id", "amount"}),
        ("steps.Fetch.result.rows.filter(r, r.‸)", {"id", "amount"}),
        ("steps.Fetch.result.rows.filter(r, r.amount > 1 && r.‸", {"id", "amount"}),
        ("steps.Fetch.result.rows.filter(r, has(r.‸", {"id", "amount"}),
        ("steps.Fetch.result.rows.map(r, [r.‸", {"id", "amount"}),
        ("cel.bind(x, steps.Fetch.result, x.‸", {"count", "state", "rows"}),
        ("true ? steps.Fetch.result.‸", {"count", "state", "rows"}),
        ("{'a': steps.Fetch.result.‸", {"count", "state", "rows"}),
        ("steps.?Fetch.?result.‸", {"count", "state", "rows"}),
        ("1 + (steps.Fetch.result.‸ * 2) + 3", {"count", "state", "rows"}),
    ],
)
@pytest.mark.parametrize(
    "scalar",
    [
        '"${{ %s }}"',
        '"${{ %s',
        "${{ %s }}",
        '"text ${{ 1 }} and ${{ %s',
        ">-\n      ${{ true\n        && %s }}",
        "|\n      text ${{ %s\n",
        '[1, "${{ %s", 2]',
        '{ a: { b: "${{ %s }}"',
    ],
)
def test_members(expression: str, wanted: set[str], scalar: str) -> None:
    if "'" in expression and scalar.startswith("'"):
        return
    items = proposed(f"{FLOW}  - name: X\n    value: {scalar % expression}\nresult: 1\n")
    assert {label for label, item in items.items() if item.kind == "member"} == wanted


def test_what_a_check_gives_is_of_the_kind_that_landed() -> None:
    ways = "[{ properties: { id: { type: string }, made: { const: true } }, required: [id, made] },"
    other = "{ properties: { made: { const: false } }, required: [made] }]"
    text = (
        "kind: Kernel.Definition\nmetadata: { name: Find, module: Shop }\ncapability: Invocable\n"
        f"outputs: {{ type: object, oneOf: {ways} {other} }}\n---\n"
        "kind: Kernel.Definition\nmetadata: { name: Send, module: Shop }\ncapability: Invocable\n"
        "check:\n  invoke: { kind: Shop.Find }\n"
        '  landed: "${{ result.made }}"\n  outputs: "${{ result.‸ }}"\n'
    )
    assert proposed(text)["id"].detail == "string"
    assert proposed(text)["made"].detail == "true"


def test_types_and_documentation() -> None:
    items = proposed(FLOW + '  - value: "${{ steps.Fetch.result.‸ }}"\n')
    assert items["count"].detail == "int"
    assert items["count"].documentation == "How many there are."
    items = proposed(FLOW + '  - value: "${{ steps.Fetch.result.rows[0].‸ }}"\n')
    assert items["amount"].documentation == "In cents."
    items = proposed(FLOW + '  - value: "${{ vars.‸ }}"\n')
    assert items["endpoint"].documentation == "Where the shop is."
    items = proposed(FLOW + "  - value: \"${{ 'a'.‸ }}\"\n")
    assert items["split"].detail.startswith("string.split(string) -> list(string)")
    assert "`" in items["split"].documentation
    items = proposed(CALL + "    inputs: { ‸ }\n")
    assert items["day"].documentation == "The day of the orders."
    assert next(iter(items)) == "day"  # what is required comes first
    assert proposed("kind: ‸")["Shop.Fetch"].documentation == "Fetches the orders of a day"


def test_names_in_scope() -> None:
    assert {"vars", "secrets", "inputs", "steps", "has"} <= proposed(
        FLOW + '  - value: "${{ ‸ }}"\n'
    ).keys()
    each = (
        FLOW + '  - forEach: "${{ steps.Fetch.result.rows }}"\n    do:\n      - value: "${{ ‸ }}"\n'
    )
    assert {"item", "index"} <= proposed(each).keys()
    assert "item" not in proposed(FLOW + '  - value: "${{ ‸ }}"\n')
    retry = CALL + '    retry: { attempts: 2, when: "${{ error.‸ }}" }\n'
    assert {"code", "message"} <= proposed(retry).keys()
    assert "error" not in proposed(CALL + '    inputs: { day: "${{ ‸ }}" }\n')
    approval = proposed(CALL + '    approval: "${{ ‸ }}"\n')
    assert {"inputs", "steps", "invocation"} <= approval.keys()
    assert "error" not in approval
    item = proposed(each.replace("‸", "item.‸"))
    assert {"id", "amount"} <= item.keys()
    assert item["amount"].documentation == "In cents."


def test_only_expressions_in_an_expression_and_only_yaml_outside() -> None:
    inside = proposed(FLOW + '  - value: "${{ ‸ }}"\n')
    assert not {"invoke", "when", "kind"} & inside.keys()
    outside = proposed(FLOW + "  - ‸\n")
    assert not {"vars", "steps", "has"} & outside.keys()


@pytest.mark.parametrize(
    ("text", "label", "wanted"),
    [
        ("kind: Sho‸\n", "Shop.Fetch", "kind: Shop.Fetch\n"),
        (FETCH + "ba‸\n", "base", FETCH + "base: \n"),
        (FETCH + "b‸se: x\n", "base", FETCH + "base: x\n"),
        (FETCH + "ba‸: x\n", "base", FETCH + "base: x\n"),
        (FETCH + "mode: fa‸st\n", "careful", FETCH + "mode: careful\n"),
        (FETCH + "peer:\n  na‸\n", "name", FETCH + "peer:\n  name: \n"),
        (FLOW + "  - inv‸\n", "invoke", FLOW + "  - invoke: \n"),
        (
            FLOW + '  - value: "${{ steps.Fe‸tch.result }}"\n',
            "Fetch",
            FLOW + '  - value: "${{ steps.Fetch.result }}"\n',
        ),
        (
            FLOW + '  - value: "${{ inputs.day.sta‸ }}"\n',
            "startsWith",
            FLOW + '  - value: "${{ inputs.day.startsWith( }}"\n',
        ),
        (
            FLOW + "  - value: \"${{ inputs.day.sta‸('x') }}\"\n",
            "startsWith",
            FLOW + "  - value: \"${{ inputs.day.startsWith('x') }}\"\n",
        ),
        (
            FLOW + '  - value: "😀 ${{ steps.Fetch.result.ro‸ }} 😀"\n',
            "rows",
            FLOW + '  - value: "😀 ${{ steps.Fetch.result.rows }} 😀"\n',
        ),
    ],
)
def test_what_is_accepted_stands_as_it_should(text: str, label: str, wanted: str) -> None:
    assert accepted(text, label) == wanted


SOUND = FLOW + "  - name: X\n    value: 1\n"


@pytest.mark.parametrize(
    "broken",
    [
        "  - name: Broken\n    value: [ unclosed\n",
        '  - name: Broken\n    value: "unclosed\n',
        "  - name: Broken\n   value: 1\n",
        "  - name: Broken\n    value: { a: b: c }\n",
        "  - name: Broken\n    \tvalue: 1\n",
        "  - name: Broken\n    value: *nowhere\n",
    ],
)
def test_a_mistake_elsewhere_takes_nothing_away(broken: str) -> None:
    after = FLOW + '  - name: X\n    value: "${{ steps.Fetch.result.‸ }}"\n' + broken
    assert {"count", "rows"} <= proposed(after, before=SOUND).keys()
    before = FLOW + broken + '  - name: X\n    value: "${{ steps.Fetch.result.‸ }}"\n'
    assert {"count", "rows"} <= proposed(before, before=FLOW + "  - name: B\n    value: 1\n").keys()
    key = FLOW + broken + "  - invoke: { kind: Shop.Fetch, name: Api }\n    ‸\n"
    assert {"inputs", "retry"} <= proposed(key, before=SOUND).keys()
    other = FETCH + "‸\n---\n" + FLOW + broken
    assert "base" in proposed(other)


def test_the_vocabulary_is_that_of_the_readers() -> None:
    steps = {name for form in FORMS.values() for name in form.fields}
    named = steps - OLD_NAMES.keys() | {"name", "description", "when"}
    assert STEP["properties"].keys() == named
    assert CALL_SITE["properties"].keys() == FIELDS
    for schema in (*STEP["properties"].values(), *CALL_SITE["properties"].values()):
        assert schema["description"]


# Laws --------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
OK = sorted((ROOT / "ok").glob("*.yaml"))


def _members(workspace: Workspace, path: str) -> list[tuple[Document, int, str]]:
    """Every name after a dot, with the offset of its end."""
    found = []
    for document in workspace.analysis(path).documents_of(path):
        body = {k: v for k, v in document.data.items() if k not in ("kind", "metadata")}
        for where, embedded in parse_template(body).expressions():
            for node in walk(embedded.expr):
                if isinstance(node, Select) and not node.optional:
                    span = document.scalar_span(where, node.end - len(node.field), node.end)
                    end = document.source.offset(span.end_line, span.end_column)
                    found.append((document, end, node.field))
    return found


@partial
def test_what_stands_in_sound_manifests_is_what_would_be_proposed(tmp_path: Path) -> None:
    path = str(tmp_path / "m.yaml")
    wanted = missing = 0
    for file in some(OK):
        workspace = Workspace()
        workspace.put(path, file.read_text("utf-8"))
        for _, end, name in _members(workspace, path):
            wanted += 1
            missing += name not in {one.label for one in complete(workspace, path, end).items}
    # What remains is read of values that no schema speaks of, or where it must not be.
    assert wanted > part(300)
    assert missing / wanted < 0.1


@examples(75)
@given(st.data())
def test_no_place_of_no_text_is_too_much(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(OK))
    text = HEAD + file.read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(start + 12, len(text))))
    text = (
        text[:start]
        + data.draw(st.sampled_from(["", "${{ ", "{", "x", "- ", "\n", '"']))
        + (text[stop:])
    )
    workspace = Workspace()
    workspace.put(FILE, text)
    offset = min(max(start + data.draw(st.integers(-3, 6)), 0), len(text))
    proposals = complete(workspace, FILE, offset)
    assert 0 <= proposals.start <= offset <= proposals.end <= len(text)
    assert "\n" not in text[proposals.start : proposals.end]
    hover(workspace, FILE, offset)
    definition(workspace, FILE, offset)
    references(workspace, FILE, offset)
    with suppress(RenameRefused):
        rename(workspace, FILE, offset, "other")
    workspace.diagnose(FILE)


OF_TOPOLOGY = f"{FLOW}concurrency: {{ %s }}\n"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("‸", {"limit", "group", "full"}),
        ("limit: 1, full: ‸", {"queue", "reject", "cancel-running"}),
        ('limit: 1, group: "${{ ‸ }}"', {"inputs", "vars"}),
        ('limit: 1, group: "${{ inputs.‸ }}"', {"day"}),
    ],
)
def test_the_concurrency_of_a_topology(written: str, wanted: set[str]) -> None:
    found = proposed(OF_TOPOLOGY % written).keys()
    assert wanted <= found
    assert not {"steps", "secrets", "resources"} & found


def test_concurrency_of_kinds_that_do_not_declare_it() -> None:
    own = """\
kind: Kernel.Definition
metadata: { name: Flow, module: Shop }
capability: Invocable
topology: Sequence
schema: { type: object, properties: { does: { x-kernel-role: steps } } }
---
"""
    fields = proposed(f"{own}kind: Shop.Flow\nmetadata: {{ name: F }}\ndoes: []\n‸\n")
    assert "How many invocations" in str(fields["concurrency"].documentation)
    inside = proposed(
        f"{own}kind: Shop.Flow\nmetadata: {{ name: F }}\ndoes: []\nconcurrency:\n  ‸\n"
    )
    assert {"limit", "group", "full"} <= inside.keys()
    body = proposed(
        "kind: Kernel.Definition\nmetadata: { name: B, module: Shop }\ncapability: Invocable\n"
        "body:\n  steps: []\n  concurrency:\n    ‸\n"
    )
    assert {"limit", "group", "full"} <= body.keys()
