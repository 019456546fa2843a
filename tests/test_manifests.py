"""Manifests as tests: `ok` runs and gives what its head says, `err` has the faults that it says.

The head of a manifest is comments of the form ``# word: JSON``:

``expect``   the result of the run
``error``    what the error of the run has: some of message, code, step, kind, data, outcome
``inputs``   the inputs of the run
``vars``     values as ``--var`` gives them
``env``      environment variables
``target``   what to start
``events``   the types of all events, in order
``fault``    ``CODE LINE:COLUMN``, one for each fault, in reading order (not JSON)
``check``    the same for each finding of the analyzer, whatever its severity

What has no ``check`` is a manifest in which the analyzer finds nothing.
"""

from __future__ import annotations

import json
import shutil
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.findings.catalogue import RULES
from analyzer.rules.breaking_changes import breaking_changes
from kernel import ManifestError, load
from tests.support.heads import PLAIN, apply, head_of

HERE = Path(__file__).parent
OK = sorted((HERE / "ok").glob("*.yaml"))
ERR = sorted((HERE / "err").glob("*.yaml"))
PROJECTS = sorted((HERE / "projects").glob("*/main.yaml"))


def name_of(path: Path) -> str:
    return path.parent.name if path.stem == "main" else path.stem


def same(found: Any, wanted: Any) -> bool:
    """Equal as JSON: unlike for Python, 1, 1.0 and true are three values."""
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project in a folder of its own, for those that write."""
    shutil.copytree(request.param.parent, tmp_path / "own")
    return tmp_path / "own" / request.param.name


def run(path: Path) -> None:
    said = head_of(path)
    result, told = apply(path, said)
    if "error" in said:
        assert result.error is not None
        seen = result.error.to_cel()
        assert {name: seen[name] for name in said["error"][0]} == said["error"][0]
        assert result.outcome == seen["outcome"]
    else:
        assert result.error is None, result.error.message
        assert result.outcome == "succeeded"
        assert "expect" in said, f"{path} does not say what comes of it"
        assert same(result.result, said["expect"][0]), result.result
    if "events" in said:
        life = (".Initialized", ".Started", ".Stopped")
        assert [kind for kind in told if not kind.endswith(life)] == said["events"][0]


@pytest.mark.parametrize("path", OK, ids=name_of)
def test_ok(path: Path) -> None:
    run(path)


@pytest.mark.parametrize("copied", PROJECTS, indirect=True, ids=name_of)
def test_projects(copied: Path) -> None:
    run(copied)


@pytest.mark.parametrize("path", ERR, ids=name_of)
def test_err(path: Path) -> None:
    """All faults are reported, none besides, each at its place."""
    said = head_of(path)
    wanted = said.get("fault")
    if wanted is None:
        assert "check" in said, f"{path} does not say its faults"
        return
    with pytest.raises(ManifestError) as caught:
        apply(path, {})
    found = [
        f"{fault.code} {fault.span.line}:{fault.span.column}" if fault.span else fault.code
        for fault in caught.value.faults
    ]
    assert found == wanted, "\n".join(map(str, caught.value.faults))


@pytest.mark.parametrize("path", [*OK, *PROJECTS], ids=name_of)
def test_what_the_analyzer_finds_in_what_runs(path: Path) -> None:
    assert found_in(path) == head_of(path).get("check", []), path


@pytest.mark.parametrize("path", [one for one in ERR if "check" in head_of(one)], ids=name_of)
def test_what_the_analyzer_finds(path: Path) -> None:
    assert found_in(path) == head_of(path)["check"], path


@pytest.mark.parametrize("path", ERR, ids=name_of)
def test_a_comment_at_the_beginning_changes_no_finding(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    text = "".join(dropwhile(lambda line: line.startswith("#"), lines))
    found = analyzer.check_text(text, str(path)).findings
    moved = analyzer.check_text(f"# A comment.\n{text}", str(path)).findings
    assert [(one.code, one.message, one.path) for one in found] == [
        (one.code, one.message, one.path) for one in moved
    ]


def found_in(path: Path) -> list[str]:
    """The findings of the analyzer, in reading order, as a head writes them."""
    place = path.parent if path.stem == "main" else path
    found = list(analyzer.check(place).findings)
    for older in head_of(path).get("against", []):
        found += breaking_changes(load(path.parent / older), load(place))
    return [
        f"{one.code} {one.span.line}:{one.span.column}" if one.span else one.code for one in found
    ]


def test_there_is_something_of_everything() -> None:
    assert len(OK) >= 45
    assert len(ERR) >= 35
    assert len(PROJECTS) >= 6


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    said = {word.split()[0] for path in ERR for key in PLAIN for word in head_of(path).get(key, [])}
    assert said >= set(RULES)
