"""``--fix``: the fixes of findings, applied to texts, and texts written to files.

A round applies the fixes of a report that do not overlap; the next report is on what came of it.
A fix after which there are more errors than before is taken back. Nothing is written before all
is done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path

from analyzer.findings.finding import Edit, Report
from kernel.errors import ManifestError
from kernel.manifest.source import Source, decode, encoding_of
from kernel.structs import struct

_MAX_ROUNDS = 10
_MAX_SINGLE_EDITS = 100

Texts = Mapping[str, bytes]
Check = Callable[[Texts], Report]
"""The report on the files with some texts in their place, by real path."""


@struct
class Change:
    """A file that is to be changed: its name, its real path, its bytes before and after."""

    name: str
    path: str
    before: bytes
    after: bytes

    def diff(self) -> str:
        """The change as a unified diff."""
        old = decode(self.before, self.name).splitlines(keepends=True)
        new = decode(self.after, self.name).splitlines(keepends=True)
        lines = unified_diff(old, new, self.name, self.name)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )


@struct
class Mended:
    """The outcome: the number of fixes, the changed files, the refused fixes, the report."""

    count: int
    changes: tuple[Change, ...]
    refused: int
    report: Report


def mend(paths: Sequence[Path], check: Check) -> Mended:
    """Apply the fixes to files at ``paths``, or below them; nothing is written."""
    work = _Work(paths, check)
    for _ in range(_MAX_ROUNDS):
        if not work.round():
            break
    return work.done()


def write(change: Change) -> bool:
    """Replace a file at once, unless it has changed meanwhile; raises OSError."""
    target = Path(change.path)
    if target.read_bytes() != change.before:
        return False
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.after)
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return True


def edited(text: str, edits: Iterable[Edit]) -> tuple[str, list[Edit]]:
    """The text with those edits applied that do not overlap an earlier one, and which they are."""
    source = Source("", text)
    pieces: list[str] = []
    applied: list[Edit] = []
    here, last = 0, -1
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: source.extent(edit.span)):
        start, end = source.extent(edit.span)
        if start < here or start == last:
            continue
        pieces += [text[here:start], _with_breaks(edit.text, text)]
        here, last = end, start
        applied.append(edit)
    return "".join([*pieces, text[here:]]), applied


def _with_breaks(inserted: str, text: str) -> str:
    return inserted.replace("\n", "\r\n") if "\n" in inserted and "\r\n" in text else inserted


class _Work:
    """The texts so far, and the report on them."""

    def __init__(self, paths: Sequence[Path], check: Check) -> None:
        self._files = {os.path.realpath(path) for path in paths if not path.is_dir()}
        self._folders = [os.path.realpath(path) for path in paths if path.is_dir()]
        self._check = check
        self._names: dict[str, str] = {}
        self._before: dict[str, bytes] = {}
        self._texts: dict[str, bytes] = {}
        self._report = check({})
        self._count = 0
        self._refused: set[tuple[str, str, str]] = set()

    def done(self) -> Mended:
        changes = (
            Change(self._names[path], path, self._before[path], after)
            for path, after in sorted(self._texts.items())
            if after != self._before[path]
        )
        return Mended(self._count, tuple(changes), len(self._refused), self._report)

    def round(self) -> bool:
        """Apply what can be applied; whether anything was."""
        edits = self._edits()
        if not edits or self._try(edits):
            return bool(edits)
        singles = [(path, edit) for path, listed in edits.items() for edit in listed]
        del singles[_MAX_SINGLE_EDITS:]
        bad = [(path, edit) for path, edit in singles if not self._try({path: [edit]}, keep=False)]
        self._refused.update(_known(edit) for _, edit in bad)
        return bool(bad) or any(self._try({path: [edit]}) for path, edit in singles)

    def _edits(self) -> dict[str, list[Edit]]:
        """The fixes of the report by the real path of the file that they are for."""
        found: dict[str, list[Edit]] = {}
        for finding in self._report.findings:
            fix = finding.fix
            if fix is None or _known(fix) in self._refused:
                continue
            path = os.path.realpath(fix.span.file)
            if self._is_ours(path) and self._read(path, fix.span.file):
                found.setdefault(path, []).append(fix)
        return found

    def _is_ours(self, path: str) -> bool:
        return path in self._files or any(
            os.path.commonpath([folder, path]) == folder for folder in self._folders
        )

    def _read(self, path: str, name: str) -> bool:
        """Whether the file is there, and is what the report is about."""
        if path in self._before:
            return True
        source = next((each for each in self._report.sources if each.name == name), None)
        try:
            data = Path(path).read_bytes()
            if source is None or Source(name, decode(data, name)).text != source.text:
                return False
        except (OSError, ManifestError):
            return False
        self._before[path], self._names[path] = data, name
        return True

    def _try(self, edits: Mapping[str, Collection[Edit]], keep: bool = True) -> bool:
        """Apply edits, unless there are more errors after them than before."""
        texts = dict(self._texts)
        count = 0
        for path, listed in edits.items():
            data = texts.get(path, self._before[path])
            encoding, skip = encoding_of(data)
            text = data[skip:].decode(encoding)
            changed, applied = edited(text, listed)
            texts[path] = data[:skip] + changed.encode(encoding)
            count += len(applied)
        if texts == self._texts or not count:
            return False
        report = self._check(texts)
        if _is_worse(report, self._report):
            return False
        if not keep:
            return True
        self._texts, self._report = texts, report
        self._count += count
        return True


def _is_worse(report: Report, before: Report) -> bool:
    return report.count("error") > before.count("error") or _unread(report) > _unread(before)


def _unread(report: Report) -> int:
    return sum(finding.name == "yaml-syntax" for finding in report.findings)


def _known(edit: Edit) -> tuple[str, str, str]:
    return edit.span.file, edit.title, edit.text
