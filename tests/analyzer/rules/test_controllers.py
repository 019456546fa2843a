"""Controllers that are not there (K209) are found without importing, and no others."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.batch import check_each
from analyzer.findings.finding import Finding
from kernel.errors import UsageError
from kernel.registry.controllers import import_attribute

DEFINITION = """\
kind: Kernel.Definition
metadata: {{ name: A{number}, module: M }}
capability: Invocable
controller: {{ python: "{reference}" }}
"""

Files = Mapping[str, str]

WRONG: list[tuple[Files, str, str, str]] = [
    ({}, "own_nowhere:f", "warning", "no module `own_nowhere` among the installed packages or in "),
    (
        {"own_a.py": "def found(): ...\n"},
        "own_a:fuond",
        "error",
        "did you mean `found`?",
    ),
    ({"own_b.py": "def f(: ...\n"}, "own_b:g", "error", "cannot be read: invalid syntax in line 1"),
    ({"own_c.py": "# only = 1\n"}, "own_c:only", "error", "the module `own_c` has no `only`"),
    ({"own_c.py": "class A: ...\n"}, "own_c:B.run", "error", "the module `own_c` has no `B`"),
    (
        {"json.py": "def loads(x): ...\n"},
        "json.decoder:JSONDecoder",
        "error",
        "`json` is the file json.py beside the manifest, no package; it hides the installed `json`",
    ),
    (
        {"own_d/__init__.py": "", "own_d/inner.py": "f = 1\n"},
        "own_d.other:f",
        "error",
        "there is no module `own_d.other`: the package `own_d` has no `other`",
    ),
    (
        {"own_d/__init__.py": "", "own_d/inner/deep.py": "f = 1\n"},
        "own_d.inner.deep:g",
        "error",
        "the module `own_d.inner.deep` has no `g`",
    ),
    ({"own_e/inner.py": "f = 1\n"}, "own_e.inner:g", "error", "`own_e.inner` has no `g`"),
    (
        {"json/own_f.py": "f = 1\n"},
        "json.own_f:f",
        "warning",
        "`json.own_f` is looked for in the installed package `json`, which hides the folder json/",
    ),
]

RIGHT: list[tuple[Files, str]] = [
    ({}, "json:loads"),
    ({}, "sys:exit"),
    ({}, "os.path:join"),
    ({"json.py": "def loads(text): return 7\n"}, "json:loads"),
    ({"json/data.txt": ""}, "json:loads"),
    ({"own_g/__init__.py": "from own_g.inner import f\n", "own_g/inner.py": "f = 1\n"}, "own_g:f"),
    ({"own_h.py": "for f in range(3): pass\n"}, "own_h:f"),
    ({"own_h.py": "import json as f\n"}, "own_h:f"),
    ({"own_h.py": "import os.path\n"}, "own_h:os.path.join"),
    ({"own_h.py": "async def f(inputs): ...\n"}, "own_h:f"),
    ({"own_h.py": "if (f := 1): pass\n"}, "own_h:f"),
    ({"own_h.py": "a, (b, *f) = 1, (2, 3)\n"}, "own_h:f"),
    ({"own_h.py": "match [1]:\n    case [f]: pass\n"}, "own_h:f"),
    ({"own_h.py": "class A:\n    class B: ...\n"}, "own_h:A.B"),
    ({"own_h.py": "def make():\n    global f\n    f = 1\nmake()\n"}, "own_h:f"),
    ({"own_h.py": "from json import *\n"}, "own_h:loads"),
    ({"own_h.py": "globals()['f'] = 1\n"}, "own_h:f"),
    ({"own_h.py": "def __getattr__(name): return 1\n"}, "own_h:f"),
    ({"own_h.py": "import sys\nsetattr(sys.modules[__name__], 'f', 1)\n"}, "own_h:f"),
    ({"own_h.py": "exec('f = 1')\n"}, "own_h:f"),
    ({"own_h.py": "# -*- coding: latin-1 -*-\nf = 'é'\n"}, "own_h:f"),
    ({"own_i/__init__.py": "__path__ = ['elsewhere']\n"}, "own_i.inner:f"),
    ({"own_j/__init__.py": "import own_j.inner\n", "own_j/inner.py": ""}, "own_j:inner"),
    ({"own_j/__init__.py": "from . import outer\n", "own_j/outer.py": ""}, "own_j:outer"),
]


def written(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1" if "latin-1" in text else "utf-8"))
    return folder


def found(folder: Path, *references: str) -> list[Finding]:
    """The findings in definitions that name controllers; a kind that nothing uses is none."""
    text = "---\n".join(
        DEFINITION.format(number=number, reference=one) for number, one in enumerate(references)
    )
    (folder / "main.yaml").write_text(text)
    findings = analyzer.check(folder / "main.yaml").findings
    return [one for one in findings if one.code != "K901"]


@pytest.mark.parametrize(("files", "reference", "severity", "message"), WRONG)
def test_what_is_not_there_is_found(
    files: Files, reference: str, severity: str, message: str, tmp_path: Path
) -> None:
    (one,) = found(written(tmp_path, files), reference)
    assert (one.code, one.weight, one.path) == ("K209", severity, ("controller", "python"))
    assert message in one.message
    with pytest.raises(UsageError):
        import_attribute(reference, tmp_path)


@pytest.mark.parametrize(("files", "reference"), RIGHT)
def test_what_may_be_there_is_no_finding(files: Files, reference: str, tmp_path: Path) -> None:
    assert found(written(tmp_path, files), reference) == []
    if "elsewhere" not in str(files):
        import_attribute(reference, tmp_path)


def test_nothing_is_imported_and_each_module_is_read_once(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\ndef f(): ...\n"
    written(tmp_path, {"own_k.py": code, "own_l/__init__.py": code, "own_l/inner.py": code})
    opened: list[Any] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).startswith(str(tmp_path)):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    named = ["own_k:f", "own_l.inner:f"] * 20 + ["own_k:gone"] * 2
    messages = [one.message for one in found(tmp_path, *named)]
    watching = False
    assert messages == ["the module `own_k` has no `gone`"] * 2
    assert not (tmp_path / "ran").exists()
    assert sorted(one for one in opened if one.endswith(".py")) == [
        str(tmp_path / name) for name in ("own_k.py", "own_l/__init__.py", "own_l/inner.py")
    ]


def test_a_text_without_a_folder_says_nothing_about_modules() -> None:
    text = DEFINITION.format(number=0, reference="own_nowhere:f")
    assert [one.code for one in analyzer.check_text(text).findings if one.code != "K901"] == []


def test_a_check_depends_on_the_modules_that_it_looked_for(tmp_path: Path) -> None:
    found(tmp_path, "own_m.inner:f")
    places = check_each([tmp_path / "main.yaml"]).places
    for name in ("own_m", "own_m.py", "own_m/__init__.py", "own_m/inner.py"):
        assert str(tmp_path / name) in places


def test_a_long_module_is_not_read(tmp_path: Path) -> None:
    written(tmp_path, {"own_n.py": "# long\n" * 200_000})
    assert found(tmp_path, "own_n:f") == []
