"""``--fix``: the fixes of findings, applied to texts, and texts written to files.

A round applies the fixes of a report that do not overlap; the next report is on what came of it.
Fixes are kept if they hold (`analyzer.findings.trials`). Nothing is written before all is done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path

from analyzer.findings.finding import Edit, Finding, Report
from analyzer.findings.trials import edited, holds
from kernel.errors import ManifestError
from kernel.manifest.source import Source, decode, encoding_of
from kernel.structs import struct

_MAX_ROUNDS = 10
_MAX_SINGLE_FIXES = 100

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
    """The outcome: the number of fixes, the changed files, the report."""

    count: int
    changes: tuple[Change, ...]
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
        self._refused: set[Hashable] = set()

    def done(self) -> Mended:
        changes = (
            Change(self._names[path], path, self._before[path], after)
            for path, after in sorted(self._texts.items())
            if after != self._before[path]
        )
        return Mended(self._count, tuple(changes), self._report)

    def round(self) -> bool:
        """Apply what can be applied; whether another round may apply more."""
        wanted = self._wanted()
        if not wanted or self._try(wanted):
            return bool(wanted)
        singles = wanted[:_MAX_SINGLE_FIXES]
        bad = [one for one in singles if not self._try([one], keep=False)]
        self._refused.update(map(_known, bad))
        return bool(bad) or any(self._try([one]) for one in singles)

    def _wanted(self) -> list[Finding]:
        """The findings with a fix of a file that may be changed."""
        found: list[Finding] = []
        for finding in self._report.findings:
            fix = finding.fix
            if fix is None or _known(finding) in self._refused:
                continue
            path = os.path.realpath(fix.span.file)
            if self._is_ours(path) and self._read(path, fix.span.file):
                found.append(finding)
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

    def _try(self, wanted: Sequence[Finding], keep: bool = True) -> bool:
        """Apply the fixes of some findings, if they hold."""
        texts = dict(self._texts)
        edits: dict[str, list[Edit]] = {}
        for finding in wanted:
            if finding.fix is not None:
                path = os.path.realpath(finding.fix.span.file)
                edits.setdefault(path, []).append(finding.fix)
        done: set[Edit] = set()
        for path, listed in edits.items():
            data = texts.get(path, self._before[path])
            encoding, skip = encoding_of(data)
            text = data[skip:].decode(encoding)
            changed, applied = edited(text, listed)
            texts[path] = data[:skip] + changed.encode(encoding)
            done.update(applied)
        if texts == self._texts or not done:
            return False
        report = self._check(texts)
        if not holds((one for one in wanted if one.fix in done), self._report, report):
            return False
        if not keep:
            return True
        self._texts, self._report = texts, report
        self._count += len(done)
        return True


def _known(finding: Finding) -> Hashable:
    """What a fix is known by that was refused, wherever its place has moved to."""
    fix = finding.fix
    return fix and (finding.code, finding.path, fix.span.file, fix.title, fix.text)
