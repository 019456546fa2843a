"""What an editor shows in workflows and routers."""

from __future__ import annotations

import pytest

from analyzer.editor.renaming import rename
from analyzer.editor.symbols import occurrences_in
from analyzer.editor.workspace import Workspace
from kernel.topology.callsite import FIELDS
from kernel.topology.steps import FORMS
from tests.analyzer.support.editing import FILE, HEAD, opened, proposed
from tests.analyzer.test_linear import lines_run

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


@pytest.mark.parametrize(
    "node",
    [
        "{{ name: S{1}, needs: [S{0}], sleep: 0 }}",
        "{{ name: S{1}, value: '${{{{ steps.S{0} }}}}' }}",
    ],
    ids=["needs", "an expression"],
)
def test_the_steps_of_finding_all_names_are_linear(node: str) -> None:
    """Twice the nodes add twice the steps; it would be four times if they were quadratic."""

    def steps(count: int) -> int:
        nodes = "".join(f"  - {node}\n".format(n, n + 1) for n in range(count))
        workspace = Workspace()
        workspace.put(FILE, f"{HEAD_OF_MANY}{nodes}")
        analysis = workspace.analysis(FILE)
        (document,) = analysis.manifest.documents
        found: list[int] = []
        taken = lines_run(lambda: found.append(len(list(occurrences_in(analysis, document)))))
        assert found == [2 * count + 3]
        return taken

    _, small, middle, large = map(steps, (2, 75, 150, 300))  # what is imported is not counted
    assert large - middle <= 2.5 * (middle - small)


HEAD_OF_MANY = "kind: Flow.Workflow\nmetadata: { name: W }\nnodes:\n  - { name: S0, sleep: 0 }\n"
