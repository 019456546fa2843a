"""The Python modules of a manifest are its own, whatever else has their names."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, ManifestError, load

MAIN = """\
kind: Kernel.Definition
metadata: { name: Go, module: T }
capability: Invocable
controller: { python: "function:go" }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ name: Go, invoke: { kind: T.Go } }]
result: "${{ steps.Go.result }}"
"""

LIBRARY = sorted(
    {
        *(one.stem for one in Path("definitions").glob("*/*.py")),
        *("analyzer", "kernel", "definitions", "tests", "json", "asyncio"),
    }
    - {"__init__", "function"}
)
"""Names that the library, the kernel or Python has for modules of its own."""


def project(folder: Path, code: str, **modules: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.yaml").write_text(MAIN, "utf-8")
    (folder / "function.py").write_text(code, "utf-8")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return folder


def results(*folders: Path) -> list[Any]:
    """What several manifests give that are open in one process at the same time."""

    async def main() -> list[Any]:
        kernels = [Kernel(load(str(one)), environ={}) for one in folders]
        for kernel in kernels:
            await kernel.__aenter__()
        try:
            return [(await kernel.apply()).result for kernel in kernels]
        finally:
            for kernel in kernels:
                await kernel.__aexit__(None, None, None)

    return asyncio.run(main())


def test_the_modules_of_a_manifest_are_its_own_whatever_the_names(tmp_path: Path) -> None:
    assert {"rows", "values", "analyzer"} <= {*LIBRARY, "values"}
    lines = [f"import {name}" for name in LIBRARY]
    given = ", ".join(f"{name}.OWN" for name in LIBRARY)
    code = "\n".join([*lines, "def go(inputs):", f"    return [{given}]"])
    modules = {name: f"OWN = '{name}'" for name in LIBRARY}
    assert results(project(tmp_path / "a", code, **modules)) == [LIBRARY]


CODE = """\
import rows
from pack import inner
import pack.inner as other

def go(inputs):
    import values
    from values import NAME
    return [rows.NAME, values.NAME, NAME, inner.NAME, other.NAME]
"""


def test_two_manifests_with_modules_of_one_name_do_not_meet(tmp_path: Path) -> None:
    before = list(sys.path)
    folders = []
    for name in ("a", "b"):
        folder = project(
            tmp_path / name, CODE, rows="from values import NAME", values=f"NAME = '{name}'"
        )
        (folder / "pack").mkdir()
        (folder / "pack" / "__init__.py").write_text("from .inner import NAME")
        (folder / "pack" / "inner.py").write_text("import values\nNAME = values.NAME")
        folders.append(folder)
    assert results(*folders, *folders) == [["a"] * 5, ["b"] * 5] * 2
    assert sys.path == before
    assert not {"rows", "values", "pack"} & sys.modules.keys()


def test_a_folder_without_code_hides_no_package(tmp_path: Path) -> None:
    folder = project(tmp_path / "a", "import json\ndef go(inputs):\n    return json.dumps(1)")
    (folder / "json").mkdir()
    assert results(folder) == ["1"]


def test_a_module_that_is_not_there_is_named_as_it_is_written(tmp_path: Path) -> None:
    folder = project(tmp_path / "a", "import nowhere_at_all")
    with pytest.raises(ManifestError) as caught:
        results(folder)
    assert "there is no module `nowhere_at_all`" in str(caught.value)
    (folder / "main.yaml").write_text(MAIN.replace("function:go", "pack.inner:go"), "utf-8")
    (folder / "pack").mkdir()
    (folder / "pack" / "__init__.py").write_text("")
    with pytest.raises(ManifestError) as caught:
        results(folder)
    assert "there is no module `pack.inner`" in str(caught.value)
