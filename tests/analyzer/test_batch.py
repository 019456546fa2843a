"""Several manifests in one go: the same findings as one by one, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import check
from analyzer.batch import check_each
from analyzer.editor.workspace import Workspace
from analyzer.report import Finding

LIBRARY = """\
kind: Run.Sequence
metadata: { name: Price }
inputs: { type: object, properties: { amount: { type: integer } }, required: [amount] }
steps:
  - { name: A, value: "${{ inputs.amuont }}" }
  - name: Say
    invoke:
      kind: Log.Print
    inputs: { message: "${{ inputs.wrong }}" }
result: { total: "${{ inputs.amount + 1 }}" }
---
kind: Kernel.Definition
metadata: { name: Twice, module: Lib }
capability: Invocable
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
body:
  steps:
    - { name: B, value: "${{ inputs.n * '2' }}" }
  result: "${{ steps.B.result }}"
"""

MAIN = """\
kind: Kernel.Module
metadata: {{ name: Main{n} }}
imports: {{ L: ./lib.yaml }}
---
kind: Run.Sequence
metadata: {{ name: Main{n} }}
steps:
  - name: P
    invoke: {{ kind: Run.Sequence, name: L.Price }}
    inputs: {{ amount: 1 }}
  - name: S
    invoke: {{ kind: Log.Print }}
    inputs: {{ message: "${{{{ steps.P.result.totl }}}}" }}
result: "${{{{ steps.P.result.{field} }}}}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("lib.yaml").write_text(LIBRARY)
    for n, field in enumerate(("total", "totl", "total")):
        Path(f"m{n}.yaml").write_text(MAIN.format(n=n, field=field))
    return tmp_path


def test_the_findings_are_those_of_each_path_each_once(folder: Path) -> None:
    paths = [Path(name) for name in ("m0.yaml", "m1.yaml", "lib.yaml", "m2.yaml")]
    alone: set[Finding] = set()
    for path in paths:
        alone |= set(check(path).findings)
    together = check_each(paths).report.findings
    assert set(together) == alone
    assert len(together) == len(alone)
    assert {one.span.file for one in together if one.span} >= {"lib.yaml", "m1.yaml"}


def test_a_configuration_is_for_the_paths_below_it(folder: Path) -> None:
    (folder / "in").mkdir()
    text = "kind: A.B\nmetadata: { name: X }\n"
    Path("in/a.yaml").write_text(text)
    Path("b.yaml").write_text(text)
    Path("in/kernel.toml").write_text("[check]\nfail-on = 'info'\nseverity = { K004 = 'info' }\n")
    checked = check_each([Path("in"), Path("b.yaml")])
    weights = {one.span.file: one.weight for one in checked.report.findings if one.span}
    assert weights == {"in/a.yaml": "info", "b.yaml": "error"}
    assert checked.fail_on == "info"


def test_a_comment_is_not_stale_where_another_path_needs_it(folder: Path) -> None:
    (folder / "in").mkdir()
    Path("in/module.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: M }\nvars: { x: { type: string, default: a } }\n"
    )
    Path("in/value.yaml").write_text(
        "kind: Run.Sequence\nmetadata: { name: Value }\nsteps: []\n"
        "result: '${{ vars.x }}' # kernel: ignore[K401] declared in module.yaml\n"
    )

    def codes(*names: str) -> list[str]:
        return [one.code for one in check_each([Path(name) for name in names]).report.findings]

    assert codes("in/value.yaml") == []
    assert codes("in") == ["K902"]
    assert codes("in", "in/value.yaml") == []


OLD_NAME = """\
kind: Run.Sequence
metadata: { name: Value }
steps:
  - name: A
    forEach: [1]
    concurrency: 2 # kernel: ignore[K003] the others have the older version
    do: [{ value: 1, unknown: 2 }] # kernel: ignore[K003] it is not read
result: "${{ steps.A.result }}"
"""


@pytest.mark.parametrize("weight", ["error", "warning", "info"])
def test_a_fault_of_reading_is_suppressed_where_it_is_no_error(tmp_path: Path, weight: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(OLD_NAME)
    (tmp_path / "kernel.toml").write_text(f"[check]\nseverity = {{ K003 = '{weight}' }}\n")
    found = [(one.code, one.weight) for one in check_each([file]).report.findings]
    workspace = Workspace()
    workspace.put(str(file), OLD_NAME)
    assert found == [(one.code, one.weight) for one in workspace.diagnose(str(file))]
    assert ("K003", weight) not in found or weight == "error"
    assert bool(found) == (weight == "error")
