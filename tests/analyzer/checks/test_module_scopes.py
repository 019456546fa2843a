"""What a module sees of others: the same by `check` and by the run time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from analyzer.pipeline import check
from kernel import Kernel, KernelError, load

MAIN = """\
kind: Kernel.Module
metadata: { name: Main }
imports: { Lib: ./lib }
vars: { mine: { type: string, default: m } }
secrets: { key: { type: string, default: main-secret } }
---
kind: Lib.Source
metadata: { name: Own }
says: main
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: S, invoke: INVOKE }
result: "${{ [string(EXPR), string(steps.S.result)].size() }}"
"""

LIB = """\
kind: Kernel.Module
metadata: { name: Library }
imports: { Inner: ../inner.yaml }
exports: [Tell, Source, Public, Do, Given]
vars: { theirs: { type: string, default: t } }
secrets: { token: { type: string, default: lib-secret } }
---
kind: Kernel.Definition
metadata: { name: Source }
capability: Provider
schema: { type: object, properties: { says: { type: string } } }
outputs: { type: object, properties: { said: { type: string } }, required: [said] }
controller: { python: "code_of_lib:Source" }
---
kind: Kernel.Definition
metadata: { name: Do }
capability: Invocable
outputs: { type: string }
body: { steps: [], result: "${{ vars.theirs }}" }
---
kind: Kernel.Definition
metadata: { name: Hidden }
capability: Invocable
outputs: { type: string }
body: { steps: [], result: hidden }
---
kind: Library.Source
metadata: { name: Public }
says: lib
---
kind: Library.Source
metadata: { name: Private }
says: lib
---
kind: Run.Sequence
metadata: { name: Tell }
steps: []
result: "${{ string(INSIDE) }}"
---
kind: Run.Sequence
metadata: { name: Own }
steps: []
result: own
---
kind: Library.Do
metadata: { name: Given }
"""

INNER = """\
kind: Run.Sequence
metadata: { name: Deep }
steps: []
result: deep
"""

CODE = """\
class Source:
    def __init__(self, fields):
        self.says = fields["says"]

    def provide(self):
        return {"said": self.says}
"""

TELL = "{ kind: Run.Sequence, name: Lib.Tell }"


@pytest.mark.parametrize(
    ("invoke", "expr", "inside", "is_right"),
    [
        (TELL, "vars.mine", "vars.theirs", True),
        (TELL, "size(secrets.key)", "size(secrets.token)", True),
        (TELL, "resources.Own.said", "resources.Public.said", True),
        (TELL, "resources.Own.said", "resources.Private.said", True),
        ("{ kind: Lib.Do, name: Lib.Given }", "vars.mine", "1", True),
        ("{ kind: Lib.Do, name: Given }", "vars.mine", "1", True),
        ("{ kind: Lib.Do }", "vars.mine", "1", True),
        # Values of the other.
        (TELL, "vars.theirs", "vars.theirs", False),
        (TELL, "vars.mine", "vars.mine", False),
        (TELL, "size(secrets.token)", "1", False),
        (TELL, "1", "size(secrets.key)", False),
        (TELL, "resources.Public.said", "1", False),
        (TELL, "resources.Lib.Public.said", "1", False),
        (TELL, "1", "resources.Own.said", False),
        # Names that are not exported, or of an import of an import.
        ("{ kind: Lib.Hidden }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Lib.Own }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Tell }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Deep }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Inner.Deep }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Lib.Inner.Deep }", "1", "1", False),
        ("{ kind: Library.Do }", "1", "1", False),
        ("{ kind: Inner.Do }", "1", "1", False),
        ("{ kind: Run.Sequence, name: Lib.Given }", "1", "1", False),
        ("{ kind: Lib.Source, name: Lib.Public }", "1", "1", False),
    ],
)
def test_scopes_are_the_same_by_the_check_and_by_the_run_time(
    tmp_path: Path, invoke: str, expr: str, inside: str, is_right: bool
) -> None:
    main = MAIN.replace("INVOKE", invoke).replace("EXPR", expr)
    files = {
        "main.yaml": main,
        "lib/lib.yaml": LIB.replace("INSIDE", inside),
        "lib/code_of_lib.py": CODE,
        "inner.yaml": INNER,
    }
    (tmp_path / "lib").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")

    async def run() -> bool:
        try:
            async with Kernel(load(tmp_path / "main.yaml"), environ={}) as kernel:
                return (await kernel.apply("Main")).error is None
        except KernelError:
            return False

    found = [one for one in check(tmp_path / "main.yaml").findings if one.weight == "error"]
    assert (not found) is is_right, found
    assert asyncio.run(run()) is is_right
