"""The line that a message shows is of the text that was read, whatever the file holds by then."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import analyzer
from analyzer.report import as_github, as_text
from kernel import ManifestError, load, loads
from kernel.cli.render import show_faults
from tests.support.command import kernel

READ = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps: [{ name: A, vlaue: 1 }]\n"
LINE = "steps: [{ name: A, vlaue: 1 }]"
OTHER = "first\nsecond\nthe line of another file\n"


def replaced(path: Path) -> None:
    path.write_text(OTHER)


def deleted(path: Path) -> None:
    path.unlink()


def linked(path: Path) -> None:
    path.with_name("other").write_text(OTHER)
    path.unlink()
    path.symlink_to("other")


def blocking(path: Path) -> None:
    """A fifo: who opens it waits for a writer."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [replaced, deleted, linked, blocking])
def test_a_fault_shows_what_was_read(
    change: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "main.yaml"
    path.write_text(READ)
    with pytest.raises(ManifestError) as raised:
        load(path)
    report = analyzer.check(path)
    change(path)
    show_faults(raised.value.faults)
    lines = capsys.readouterr().err.splitlines()
    assert f"    {LINE}" in lines
    assert lines[lines.index(f"    {LINE}") + 1] == f"    {' ' * LINE.index('vlaue')}^^^^^"
    assert f"  3 | {LINE}" in as_text(report).splitlines()
    assert ",line=3,col=20," in as_github(report)


def test_a_text_that_is_no_file_is_shown_though_a_file_has_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("<string>", "<stdin>"):
        Path(name).write_text(OTHER)
    with pytest.raises(ManifestError) as raised:
        loads(READ)
    show_faults(raised.value.faults)
    assert f"    {LINE}\n" in capsys.readouterr().err
    told = kernel("check", "-", folder=tmp_path, stdin=READ)
    assert f"  3 | {LINE}\n" in told.out
    assert "another file" not in told.out + told.err


def test_a_line_is_shown_as_a_terminal_can_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    padding = "x" * 300
    with pytest.raises(ManifestError) as raised:
        loads(READ.replace("vlaue: 1", f'text: "\\t{padding}", vlaue: "\x85\u202e"'))
    show_faults(raised.value.faults)
    shown = capsys.readouterr().err
    assert "…" in shown
    assert "vlaue" in shown
    assert "\u202e" not in shown
    assert max(map(len, shown.splitlines())) < 200


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_are_those_that_places_count(ends: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ManifestError) as raised:
        loads(READ.replace("\n", ends).encode("utf-16"))
    show_faults(raised.value.faults)
    assert f"    {LINE}\n" in capsys.readouterr().err


def test_places_are_equal_whatever_was_read() -> None:
    places = []
    for text in (READ, READ + "\n"):
        with pytest.raises(ManifestError) as raised:
            loads(text)
        places.append(raised.value.faults[0].span)
    assert places[0] == places[1]
    assert hash(places[0]) == hash(places[1])
    assert READ not in repr(places[0])
