"""The GitHub Action and the pre-commit hook: what they are, and that they do it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from analyzer.findings.catalogue import RULES
from kernel.manifest import read_data
from tests.support.warm import environment

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "tests" / "analyzer" / "data" / "github-actions.json"

GOOD = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\n"
BAD = GOOD.replace("Run.Sequence", "Run.Sequense")


def read(name: str) -> Any:
    return read_data((ROOT / name).read_text("utf-8"), name)


def test_the_action_is_one_by_the_schema_of_github() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(read("action.yml"))


def test_no_input_of_the_action_is_pasted_into_a_script() -> None:
    for step in read("action.yml")["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def script(name: str) -> str:
    steps = read("action.yml")["runs"]["steps"]
    return str(next(step["run"] for step in steps if step.get("name") == name))


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A runner on which the install step has been done."""
    kernel = tmp_path / "temp" / "kernel-check" / "bin" / "kernel"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent}/kernel" "$@"\n')
    kernel.chmod(0o755)
    (tmp_path / "work" / "my orders").mkdir(parents=True)
    (tmp_path / "work" / "my orders" / "a.yaml").write_text(BAD)
    (tmp_path / "work" / "-good.yaml").write_text(GOOD)
    return tmp_path


def step(runner: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that checks, as GitHub does."""
    usual = dict.fromkeys(("PATHS", "FAIL_ON", "AGAINST", "SARIF_FILE"), "")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("Check")],
        cwd=runner / "work",
        env=environment(
            **{**usual, **inputs},
            RUNNER_TEMP=str(runner / "temp"),
            GITHUB_WORKSPACE=str(runner / "work"),
            XDG_CACHE_HOME=str(runner / "cache"),
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_action_annotates_and_fails(runner: Path) -> None:
    done = step(runner, PATHS="my orders/\n-good.yaml\n")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=my orders/a.yaml,line=1,col=7,")
    assert step(runner, PATHS="-good.yaml").returncode == 0
    assert step(runner, PATHS="my orders", FAIL_ON="never").returncode == 0
    assert step(runner, PATHS="nowhere").returncode == 2


def test_the_action_writes_sarif_even_when_it_fails(runner: Path) -> None:
    done = step(runner, PATHS="my orders", SARIF_FILE="out.sarif")
    assert done.returncode == 1
    log = json.loads((runner / "work" / "out.sarif").read_text())
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["K004"]


def test_the_action_compares_with_a_revision(runner: Path) -> None:
    done = step(runner, PATHS="-good.yaml", AGAINST="v1; touch pwned")
    assert done.returncode == 2
    assert not (runner / "work" / "pwned").exists()


def test_the_hook_has_what_pre_commit_needs_and_runs() -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert hook["language"] == "python"
    assert re.search(hook["files"], "orders/a.yaml")
    assert re.search(hook["files"], "a.yml")
    assert not re.search(hook["files"], "a.yaml.txt")
    assert hook["pass_filenames"] is False
    done = subprocess.run(
        [f"{Path(sys.executable).parent}{os.sep}{hook['entry'].split()[0]}", "check", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0


def test_the_documentation_lists_the_rules_and_the_inputs() -> None:
    page = (ROOT / "docs" / "check.md").read_text("utf-8")
    listed = re.findall(r"^\| (K\d{3}) \| ([a-z-]+) \| ([EWI]) \|$", page, re.MULTILINE)
    assert listed == [(rule.code, rule.name, rule.severity[0].upper()) for rule in RULES.values()]
    for name in read("action.yml")["inputs"]:
        assert f"| `{name}` |" in page
