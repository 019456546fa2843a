"""The pages of the rules: their form, and their examples, which are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analyzer import check_text
from analyzer.findings.catalogue import RULES
from analyzer.report import Finding

FOLDER = Path(__file__).parents[3] / "analyzer" / "rules"
PAGES = sorted(FOLDER.glob("K*.md"))
SECTIONS = ["Why", "Failing", "Passing", "How to fix", "How to suppress"]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """A manifest of a page, with the files beside it and the one that it is compared with."""

    text: str
    files: dict[str, str] = field(default_factory=dict)
    before: str | None = None

    def codes(self, folder: Path) -> list[str]:
        """What the analyzer finds in it."""
        for name, text in self.files.items():
            (folder / name).write_text(text, "utf-8")
        return [finding.code for finding in self._findings(folder)]

    def _findings(self, folder: Path) -> Iterator[Finding]:
        yield from check_text(self.text, "example.yaml", folder).findings
        if self.before is not None:
            from analyzer.rules.breaking_changes import breaking_changes
            from kernel.manifest import loads

            yield from breaking_changes(
                loads(self.before, "example.yaml", folder), loads(self.text, "example.yaml", folder)
            )


def sections(page: Path) -> dict[str, str]:
    """The parts of a page by their headings."""
    text = page.read_text("utf-8")
    fenced = [match.span() for match in FENCE.finditer(text)]
    marks = [
        match
        for match in re.finditer(r"^## (.*)$", text, re.MULTILINE)
        if not any(start < match.start() < end for start, end in fenced)
    ]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {mark[1]: text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}


def examples(section: str) -> list[Example]:
    """The manifests of a section."""
    found: list[Example] = []
    files: dict[str, str] = {}
    before = None
    for info, text in FENCE.findall(section):
        word, _, role = info.partition(" ")
        if role.endswith(".py"):
            files[role] = text
        if word != "yaml":
            continue
        if role.endswith(".yaml"):
            files[role] = text
        elif role == "before":
            before = text
        else:
            assert not role, f"a block cannot be {role!r}"
            found.append(Example(text, files, before))
            files, before = {}, None
    unused = files or before
    assert not unused, "there is no manifest after these blocks"
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_form(page: Path) -> None:
    text = page.read_text("utf-8")
    rule = RULES[page.stem]
    heading, blank, what = text.split("\n", 2)
    assert heading == f"# {rule.code} {rule.name} ({rule.severity})"
    assert not blank
    assert what.partition("\n##")[0].strip()
    parts = sections(page)
    assert list(parts) == SECTIONS
    assert all(parts.values())
    shown = rf"# kernel: ignore\[{rule.code}\] \w+"
    assert re.search(rf"{shown}|cannot be suppressed", parts["How to suppress"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_failing_examples(page: Path, tmp_path: Path) -> None:
    failing = examples(sections(page)["Failing"])
    assert failing
    for example in failing:
        assert set(example.codes(tmp_path)) == {page.stem}, example.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_passing_examples(page: Path, tmp_path: Path) -> None:
    passing = examples(sections(page)["Passing"])
    assert passing
    for example in passing:
        assert example.codes(tmp_path) == [], example.text


def test_pages_are_of_rules() -> None:
    assert PAGES
    assert {page.stem for page in PAGES} <= set(RULES)
