"""A fix is tried before it is offered: it must leave fewer findings, and none that was not there.

The changed text is checked as a whole. Findings are told apart by what they say, as their places
move with the text.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from analyzer.findings.finding import Edit, Finding, Report
from kernel.manifest.source import Source

MAX_ALONE: Final = 5
"""So many fixes are tried one by one; of more than that several together, and halves of these."""

MAX_TRIALS: Final = 32
"""Fixes that are not tried by then are not offered."""

Try = Callable[[Mapping[str, str]], Report]
"""The report with other texts in the place of some sources, by their names."""


def with_tried_fixes(report: Report, attempt: Try) -> Report:
    """The report with the fixes that hold, and without the others."""
    fixable = [one for one in report.findings if one.fix is not None]
    return without_fixes(report, {*fixable} - held_fixes(fixable, report, attempt))


def without_fixes(report: Report, findings: Collection[Finding]) -> Report:
    """The report with some of its findings without their fixes."""
    if not findings:
        return report
    bare = (replace(one, fix=None) if one in findings else one for one in report.findings)
    return Report(tuple(bare), report.sources)


def holds(fixed: Iterable[Finding], before: Report, after: Report) -> bool:
    """Whether the findings that were fixed are gone, and nothing else is wrong instead.

    An info says what the check does not know: it may well be about what the fix has written.
    """
    gone, old, new = (_counted(one) for one in (fixed, before.findings, after.findings))
    return all(new[key] <= old[key] - gone[key] for key in {*gone, *new} if key in gone or key[2])


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


def held_fixes(found: Sequence[Finding], report: Report, attempt: Try) -> set[Finding]:
    """Those of some findings whose fixes hold; the report is on the texts as they are."""
    texts = {source.name: source.text for source in report.sources}
    size = -(-len(found) // MAX_ALONE)
    waiting = [found[start : start + size] for start in range(0, len(found), size or 1)]
    held: set[Finding] = set()
    for _ in range(MAX_TRIALS):
        if not waiting:
            break
        group = waiting.pop(0)
        changed = _changed(group, texts)
        gc.collect(1)  # what the check before has left behind, which is young
        if changed is not None and holds(group, report, attempt(changed)):
            held.update(group)
        elif len(group) > 1:
            middle = len(group) // 2
            waiting += [group[:middle], group[middle:]]
    return held


def _changed(group: Collection[Finding], texts: Mapping[str, str]) -> dict[str, str] | None:
    """The texts that the fixes of some findings change; None where one cannot be applied."""
    edits: dict[str, list[Edit]] = {}
    for one in group:
        if one.fix is not None:
            edits.setdefault(one.fix.span.file, []).append(one.fix)
    changed: dict[str, str] = {}
    for name, wanted in edits.items():
        if name not in texts:
            return None
        changed[name], applied = edited(texts[name], wanted)
        if len(applied) < len(set(wanted)) or changed[name] == texts[name]:
            return None
    return changed


def _counted(findings: Iterable[Finding]) -> Counter[tuple[str, str, bool, str]]:
    """How often each finding is there: what it says, whether something is wrong, in which file."""
    return Counter(
        (one.code, one.message, one.weight != "info", "" if one.span is None else one.span.file)
        for one in findings
    )
