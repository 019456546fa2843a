"""Reports kept on disk: what comes back, for how long, and how many."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.batch import Checked, check_each
from analyzer.findings import cache as caching
from analyzer.findings.cache import Cache, state
from analyzer.findings.catalogue import RULES
from analyzer.findings.configuration import Configuration
from analyzer.report import Edit, Finding, Note, Report
from kernel.errors import Span
from kernel.manifest.source import Source

LATER = 60_000_000_000
"""Nanoseconds: a check that begins this much later sees no change as recent."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cache(*paths: str, configuration: Configuration | None = None, later: int = LATER) -> Cache:
    listed = [Path(path) for path in paths]
    asked = [configuration or Configuration()] * len(listed)
    return Cache(listed, asked, time.time_ns() + later)


def test_what_was_kept_is_found_until_something_changes(folder: Path) -> None:
    Path("a.yaml").write_text("kind: A.B\nmetadata: { name: X }\n")
    checked = check_each([Path("a.yaml")])
    assert cache("a.yaml").find() is None
    cache("a.yaml").keep(checked)
    found = cache("a.yaml").find()
    assert found is not None
    assert (found.report, found.fail_on) == (checked.report, checked.fail_on)
    assert [source.text for source in found.report.sources] == [Path("a.yaml").read_text()]
    assert cache("./a.yaml", "b.yaml").find() is None
    assert cache("a.yaml", configuration=Configuration({"K004": "off"})).find() is None
    Path("a.yaml").write_text("kind: A.C\nmetadata: { name: X }\n")
    assert cache("a.yaml").find() is None


def test_what_has_just_changed_is_not_kept(folder: Path) -> None:
    Path("a.yaml").write_text("kind: A.B\nmetadata: { name: X }\n")
    checked = check_each([Path("a.yaml")])
    cache("a.yaml", later=0).keep(checked)
    assert cache("a.yaml").find() is None


def test_what_is_not_what_was_checked_is_not_kept(folder: Path) -> None:
    Path("a.yaml").write_text("kind: A.B\nmetadata: { name: X }\n")
    checked = check_each([Path("a.yaml")])
    Path("a.yaml").write_text("kind: A.C\nmetadata: { name: X }\n")
    cache("a.yaml").keep(checked)
    assert cache("a.yaml").find() is None


def test_entries_are_few_and_the_used_ones_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "MAX_ENTRIES", 3)
    answer = Checked(Report(), "error", frozenset())
    for number in range(5):
        cache(f"{number}.yaml").keep(answer)
        for entry in caching.cache_folder().iterdir():
            past = entry.stat().st_mtime - 10
            os.utime(entry, (past, past))
        assert number == 0 or cache("0.yaml").find() is not None
    assert len(list(caching.cache_folder().iterdir())) == 3
    assert cache("0.yaml").find() is not None
    assert cache("1.yaml").find() is None


def test_only_the_user_can_look_into_the_folder(folder: Path) -> None:
    cache("a.yaml").keep(Checked(Report(), "error", frozenset()))
    assert caching.cache_folder().stat().st_mode & 0o077 == 0


SPANS = st.builds(Span, st.just("a.yaml"), *[st.integers(1, 99)] * 4)
TEXTS = st.text(max_size=10)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(sorted(RULES)),
    TEXTS,
    st.none() | SPANS,
    st.lists(TEXTS | st.integers()).map(tuple),
    st.lists(st.builds(Note, TEXTS, SPANS)).map(tuple),
    st.none() | st.builds(Edit, TEXTS, SPANS, TEXTS),
    st.none() | TEXTS,
    st.sampled_from([None, "error", "warning", "info"]),
)


@given(st.lists(FINDINGS, max_size=5))
def test_every_report_comes_back_as_it_was(findings: list[Finding]) -> None:
    report = Report.of(findings, [Source("a.yaml", "x")])
    entry = {
        "findings": [astuple(finding) for finding in report.findings],
        "sources": ["a.yaml"],
        "places": {},
        "fail_on": "error",
        "empty": [],
    }
    import json

    found = caching._checked(json.loads(json.dumps(entry)), {"a.yaml": b"x"})
    assert found.report == report


def test_the_state_of_a_place(folder: Path) -> None:
    states = [state("a")]
    Path("a").write_text("")
    states.append(state("a"))
    Path("a").write_text("x")
    states.append(state("a"))
    Path("a").unlink()
    Path("a").mkdir()
    states.append(state("a"))
    Path("a/b.yaml").touch()
    states.append(state("a"))
    Path("a/b.txt").touch()
    assert state("a") == states[-1]
    os.mkfifo("pipe")
    states.append(state("pipe"))
    states += [state("package:json"), state("package:nothing_of_that_name")]
    assert len(set(states)) == len(states)


def test_every_file_that_a_check_opens_is_one_that_its_answer_depends_on(folder: Path) -> None:
    """Who adds a way to read files must tell the loader's `Shared.places`."""
    (folder / "in").mkdir()
    (folder / "far").mkdir()
    (folder / "kernel.toml").write_text("")
    (folder / "in" / "main.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: M }\n"
        "imports: { F: ../far, G: ../gone.yaml, S: ../single.yaml, T: definitions.time }\n"
    )
    (folder / "in" / "data.yaml").write_text("no: manifest\n")
    (folder / "single.yaml").write_text("kind: Log.Print\nmetadata: { name: P }\n")
    (folder / "far" / "one.yml").write_text(
        "kind: Run.Sequence\nmetadata: { name: S }\nsteps: [{ invoke: { kind: Log.Print } }]\n"
    )
    script = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from analyzer.batch import check_each\n"
        "from analyzer.findings.cache import _library_places\n"
        "seen = set()\n"
        "def hook(event, arguments):\n"
        "    if event in ('open', 'os.listdir', 'os.scandir'):\n"
        "        seen.add(str(arguments[0]))\n"
        "sys.addaudithook(hook)\n"
        "checked = check_each([Path('in')])\n"
        "known = {*checked.places, *_library_places()}\n"
        "print(*sorted(seen - known), sep='\\n')\n"
        "print(len(checked.report.sources), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    code = re.compile(r"\.(py|pyc|so|pyd)$|/__pycache__|\.(dist|egg)-info|entry_points\.txt$")
    data = [line for line in done.stdout.splitlines() if line and not code.search(line)]
    assert [line for line in data if line.endswith((".yaml", ".yml")) or line == "in"] == []
    assert not [line for line in data if line.startswith(("in", "far", str(folder)))]
    assert int(done.stderr) >= 3


def test_what_is_proposed_for_a_missing_import_follows_the_files(tmp_path: Path) -> None:
    text = "kind: Kernel.Module\nmetadata: { name: M }\nimports: { A: ./mial, B: mailing }\n"
    (tmp_path / "main.yaml").write_text(text)
    checked = check_each([tmp_path / "main.yaml"])
    before = {place: state(place) for place in checked.places}
    for name in ("mail", "mailing"):
        (tmp_path / name).mkdir()
        assert {place: state(place) for place in checked.places} != before
        (tmp_path / name).rmdir()
        assert {place: state(place) for place in checked.places} == before
