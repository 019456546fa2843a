"""What an editor shows in workflows and routers."""

from __future__ import annotations

import pytest

from analyzer.editor.renaming import rename
from kernel.topology.callsite import FIELDS
from kernel.topology.steps import FORMS
from tests.analyzer.support.editing import FILE, HEAD, opened, proposed

FLOW = """\
kind: Flow.Workflow
metadata: { name: W }
nodes:
  - name: Last
    needs: [Other]
    value: "${{ steps.Fetch.result.count }}"
  - name: Fetch
    invoke: { kind: Shop.Fetch, name: Api }
    inputs: { day: x }
  - { name: Other, value: 1 }
"""
ROUTER = """\
kind: Flow.Router
metadata: { name: R }
event:
  type: object
  properties: { day: { type: string }, kind: { enum: [a, b] } }
  required: [day, kind]
entries:
  - match: "${{ event.kind == 'a' }}"
    invoke: { kind: Shop.Fetch, name: Api }
"""
BODY = "kind: Kernel.Definition\nmetadata: { name: D }\ncapability: Invocable\nbody:\n  "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind: Flow.Workflow\nmetadata: { name: W }\n‸\n",
         {"inputs", "outputs", "nodes", "onFailure", "parallelism", "concurrency", "result"}),
        (FLOW + "onFailure: ‸\n", {"fail", "continue"}),
        (FLOW + "  - name: X\n    needs: [‸]\n", {"Last", "Fetch", "Other"}),
        (FLOW + "  - name: X\n    needs: [Last, ‸]\n", {"Last", "Fetch", "Other"}),
        (FLOW + "  - name: X\n    value: \"${{ steps.‸ }}\"\n", {"Last", "Fetch", "Other"}),
        (FLOW.replace("needs: [Other]", "needs: [‸]"), {"Fetch", "Other"}),
        (FLOW.replace("value: 1 }", 'value: "${{ steps.‸ }}" }'), {"Fetch"}),
        (FLOW.replace("result.count", "result.‸"), {"count", "state", "rows"}),
        (ROUTER + "    inputs: { day: \"${{ event.‸ }}\" }\n", {"day", "kind"}),
        (ROUTER + "    inputs: { ‸ }\n", {"day", "limit", "state"}),
        (ROUTER + "  - match: \"${{ event.kind == '‸' }}\"\n", {"a", "b"}),
        (ROUTER + "  - ‸\n", {"match", "description", *FIELDS}),
        (ROUTER + "fallback:\n  ‸\n", {*FIELDS}),
        (BODY + "topology: ‸\n", {"Sequence", "Workflow", "Router"}),
    ],
)  # fmt: skip
def test_all_that_is_proposed(text: str, wanted: set[str]) -> None:
    found = {name for name, item in proposed(text).items() if item.kind != "function"}
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (FLOW + "  - ‸\n", {"name", "needs", "when", *FORMS}),
        (FLOW + "  - name: X\n    invoke: { kind: Shop.Fetch, name: Api }\n    ‸\n",
         {"needs", "inputs", "retry", "timeout"}),
        (FLOW + "  - name: X\n    needs: [Last]\n    ‸\n", {"when", *FORMS}),
        (ROUTER + "  - match: \"${{ ‸ }}\"\n", {"event", "inputs", "vars"}),
        (BODY + "topology: Workflow\n  nodes:\n    - ‸\n", {"name", "needs", *FORMS}),
        (BODY + "topology: Router\n  entries:\n    - ‸\n", {"match", "invoke"}),
    ],
)  # fmt: skip
def test_among_what_is_proposed(text: str, wanted: set[str]) -> None:
    assert wanted <= proposed(text).keys()


def test_rename_reaches_needs() -> None:
    marked = FLOW.replace("needs: [Other]", "needs: [Oth‸er]")
    workspace, offset = opened(marked)
    text = workspace.texts[FILE]
    found = rename(workspace, FILE, offset, "Another")
    lines = text.splitlines()
    named = sorted(lines[one.span.line - 1][one.span.column - 1 :][:5] for one in found)
    assert named == ["Other", "Other"]
    assert HEAD in text
