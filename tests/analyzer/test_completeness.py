"""Faults are caught: single mutations of correct manifests that change what they mean.

A mutation is caught if there is an error or a warning, since there was none before. One that is
not sure to change the meaning (`mutations.py`) and is not caught is judged by running: if the
outcome and the result are the same as before, it does not count.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.analyzer.support.mutations import Mutation, mutations
from tests.analyzer.support.untried import found_at
from tests.support.corpus import ROOT, files, projects
from tests.support.heads import apply, head_of
from tests.support.properties import part, some

BEYOND = {
    r"rows\[0\]\.|row\.|steps\.Row\.result\.": "no schema speaks of the columns of a query",
    r"\.result\.body\.": "no schema speaks of the body of an answer",
    r"self\.currency": "a kind without a schema takes any fields",
    r"error\.code >= 500: ": "a code is a string or an int",
    r"text: string → integer": "the tickets come from a file",
}
"""What no analyzer can know: a pattern of the mutation, and the reason."""

EACH = 24
"""How many mutations of a project are tried in the usual run; of a file, a sixth of them."""


def subjects() -> list[Path]:
    """Correct manifests; those of several files are folders."""
    examples = ROOT / "examples"
    return [path for path in (*projects(), *files()) if path.parent != examples]


def copied(subject: Path, folder: Path) -> Path:
    """A copy with what stands beside it, that may be written to."""
    own = folder / "own"
    manifests = () if subject.is_dir() else ("*.yaml",)
    source = subject if subject.is_dir() else subject.parent
    shutil.copytree(source, own, ignore=shutil.ignore_patterns("__pycache__", *manifests))
    return own if subject.is_dir() else Path(shutil.copy(subject, own))


def sampled(found: list[Mutation], number: int) -> list[Mutation]:
    """A sample with something of every operator, always the same."""
    by_operator: dict[str, list[Mutation]] = {}
    for mutation in found:
        by_operator.setdefault(mutation.operator, []).append(mutation)
    share = max(1, number // len(by_operator))
    return [one for group in by_operator.values() for one in group[:: max(1, len(group) // share)]]


def alarmed(target: Path) -> bool:
    """Whether there is an error or a warning; a mutation is of the meaning, not of the YAML."""
    findings = found_at(target)
    assert all(found.code != "K001" for found in findings), findings
    return any(found.weight != "info" for found in findings)


def outcome(target: Path) -> Any:
    """What comes of a run, as far as it can be compared."""
    path = target / "main.yaml" if target.is_dir() else target
    try:
        result, _ = apply(path, head_of(path))
    except Exception as error:
        return type(error).__name__
    return result.outcome, json.dumps(result.result, sort_keys=True), str(result.error)


def missed(subject: Path, folder: Path, number: int | None) -> Iterator[tuple[Mutation, bool]]:
    """The mutations of a manifest that change its meaning, each with whether it is missed."""
    target = copied(subject, folder)
    assert not alarmed(target)
    runs = "expect" in head_of(target / "main.yaml" if target.is_dir() else target)
    before: Any = None
    found = list(mutations(target))
    for mutation in sampled(found, number) if number else found:
        text = mutation.file.read_text("utf-8")
        mutation.file.write_text(mutation.applied(text), "utf-8")
        try:
            if alarmed(target):
                yield mutation, False
            elif mutation.sure:
                yield mutation, True
            elif runs:
                after = outcome(target)
                mutation.file.write_text(text, "utf-8")
                before = before or outcome(target)
                if after != before:
                    yield mutation, True
        finally:
            mutation.file.write_text(text, "utf-8")


def beyond(mutation: Mutation) -> str | None:
    """The pattern for which a mutation need not be caught."""
    return next((pattern for pattern in BEYOND if re.search(pattern, str(mutation))), None)


def judged(
    folder: Path, of_project: int | None, of_file: int | None, least: int
) -> tuple[str, set[str]]:
    """The figure, for people, and the reasons that were needed; fails if something is missed."""
    tried = caught = 0
    reasons: set[str] = set()
    wrong: list[str] = []
    for count, subject in enumerate(some(subjects())):
        number = of_project if subject.is_dir() else of_file
        for mutation, is_missed in missed(subject, folder / str(count), number):
            tried += 1
            caught += not is_missed
            if is_missed and (reason := beyond(mutation)):
                reasons.add(reason)
            elif is_missed:
                wrong.append(f"{subject.relative_to(ROOT)}: {mutation}")
    assert not wrong, "\n".join(wrong)
    assert tried >= least
    figure = f"{caught} of {tried} mutations that change the meaning are caught"
    return f"{figure}; the other {tried - caught} cannot be known", reasons


def test_every_fault_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, _ = judged(tmp_path, EACH, EACH // 6, part(300))
    with capsys.disabled():
        print(f"\n{figure}", file=sys.stderr)


@pytest.mark.long
def test_every_fault_of_all_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, reasons = judged(tmp_path, None, None, 1500)
    assert reasons == set(BEYOND)
    with capsys.disabled():
        print(f"\n{figure}", file=sys.stderr)
