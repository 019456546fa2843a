"""Fixes applied to texts and files."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.findings.fixes import Check, Texts, mend, write
from analyzer.findings.trials import edited
from analyzer.report import Edit, Finding, Report
from kernel.manifest.source import Source, decode


def edit(source: Source, start: int, end: int, text: str) -> Edit:
    return Edit(f"write {text}", source.span(start, end), text)


def finds(*files: Path, words: dict[str, str], code: str = "K205", worse: str = "") -> Check:
    """A check that finds words in files, and wants others in their place."""

    def check(texts: Texts) -> Report:
        found: list[Finding] = []
        sources: list[Source] = []
        for file in files:
            data = texts.get(os.path.realpath(file), file.read_bytes())
            source = Source(str(file), decode(data, str(file)))
            sources.append(source)
            for word, wanted in words.items():
                place = source.text.find(word)
                while place >= 0:
                    fix = edit(source, place, place + len(word), wanted)
                    found.append(Finding(code, f"bad {word}", fix.span, fix=fix))
                    place = source.text.find(word, place + len(word))
            if worse and worse in source.text:
                found += [Finding("K001", "no", source.span(0, n)) for n in range(3)]
        return Report.of(found, sources)

    return check


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_everything_else_stays_byte_for_byte(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.yaml"
    text = "日: BAD  # é\r\n\tx:  BAD\n\n--- \r\nb: 'BAD'"
    file.write_bytes(text.encode(encoding))
    mended = mend([file], finds(file, words={"BAD": "good"}))
    (change,) = mended.changes
    assert change.after == text.replace("BAD", "good").encode(encoding)
    assert change.before == file.read_bytes()
    assert (mended.count, mended.report.findings) == (3, ())


def test_rounds_go_on_until_nothing_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("ONE")
    mended = mend([file], finds(file, words={"ONE": "good", "TWO": "three"}))
    assert mended.changes[0].after == b"good"


def test_fixes_that_never_end_are_ended(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("ONE")
    mended = mend([file], finds(file, words={"ONE": "ONE ONE"}))
    assert mended.changes == ()
    assert mended.count == 0
    mended = mend([file], finds(file, words={"ONE": "TWO", "TWO": "ONE"}))
    assert len(mended.report.findings) == 1


def test_a_fix_that_makes_it_worse_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    file, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    file.write_text("ONE TWO ONE")
    other.write_text("ONE")
    check = finds(file, other, words={"ONE": "good", "TWO": "BROKEN"}, worse="BROKEN")
    mended = mend([tmp_path], check)
    assert [change.after for change in mended.changes] == [b"good TWO good", b"good"]
    assert mended.count == 3
    assert len(mended.report.findings) == 1


def test_files_elsewhere_are_left_alone(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in" / "sub" / "a.yaml", tmp_path / "inner.yaml"
    inside.parent.mkdir(parents=True)
    for file in (inside, outside):
        file.write_text("BAD")
    mended = mend([tmp_path / "in"], finds(inside, outside, words={"BAD": "good"}))
    assert [change.path for change in mended.changes] == [str(inside.resolve())]
    assert len(mended.report.findings) == 1


def test_the_diff_is_one_that_patch_applies(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("a: 1\nb: BAD\nc: é".encode())
    (change,) = mend([file], finds(file, words={"BAD": "good", "é": "è"})).changes
    assert change.diff().splitlines()[3:] == [
        " a: 1",
        "-b: BAD",
        "-c: é",
        "\\ No newline at end of file",
        "+b: good",
        "+c: è",
        "\\ No newline at end of file",
    ]
    subprocess.run(
        ["git", "apply", "--unsafe-paths", "-p0", "-"],
        input=change.diff(),
        cwd="/",
        text=True,
        check=True,
        capture_output=True,
        timeout=20,
    )
    assert file.read_bytes() == change.after


def test_a_file_is_replaced_whole_with_its_mode_and_through_links(tmp_path: Path) -> None:
    file, link = tmp_path / "a.yaml", tmp_path / "link.yaml"
    file.write_text("BAD")
    file.chmod(0o640)
    link.symlink_to(file)
    (change,) = mend([link], finds(link, words={"BAD": "good"})).changes
    assert write(change)
    assert link.is_symlink()
    assert file.read_text() == "good"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "link.yaml"]


def test_a_file_that_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("BAD")
    (change,) = mend([file], finds(file, words={"BAD": "good"})).changes
    file.write_text("new BAD")
    assert not write(change)
    assert file.read_text() == "new BAD"


@given(
    st.text("ab\r\né", max_size=20),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.sampled_from(["", "x", "yz"]))),
)
def test_edits_that_are_applied_do_not_overlap(
    text: str, wanted: list[tuple[int, int, str]]
) -> None:
    source = Source("", text)
    edits = [
        edit(source, min(start, len(text)), min(start + length, len(text)), new)
        for start, length, new in wanted
    ]
    changed, applied = edited(text, edits)
    extents = sorted(
        (
            source.offset(e.span.line, e.span.column),
            source.offset(e.span.end_line, e.span.end_column),
            e.text,
        )
        for e in applied
    )
    assert all(one[1] <= two[0] for one, two in pairwise(extents))
    for start, end, new in reversed(extents):
        text = text[:start] + new + text[end:]
    assert changed == text
    assert bool(applied) == bool(edits)
