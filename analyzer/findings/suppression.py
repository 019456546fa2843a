"""Comments that suppress findings: ``# kernel: ignore[K503] reason`` (analyzer.md, Diagnostics).

A comment behind a value is about its line, a comment on a line of its own about the next line that
is no comment. Within a scalar of several lines no comment can stand: what is found there is
suppressed where the scalar begins. What is no comment for YAML is none here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final

from analyzer.findings.catalogue import RULES, codes
from analyzer.findings.finding import Edit, Finding, Report
from analyzer.findings.messages import k9_hygiene
from kernel.errors import Span
from kernel.manifest.source import Source
from kernel.manifest.suggest import nearest
from kernel.structs import struct

_TRACE = re.compile(r"#[ \t]*kernel:[ \t]*ignore\b")
_COMMENT = re.compile(
    r"#[ \t]*kernel:[ \t]*ignore\b[ \t]*(?:\[(?P<codes>[^\]\r\n]*)\])?(?P<reason>.*)"
)
_HASH = re.compile(r"(?:(?<=[ \t\r\n])|^)#", re.MULTILINE)
_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_MAX_SLOW_LENGTH = 1 << 16

NEVER: Final = codes(
    "yaml-syntax", "duplicate-key", "unknown-field", "unknown-kind", "wrong-value",
    "cel-not-evaluated", "not-json", "invalid-schema", "unresolved-schema-ref", "bad-default",
    "unknown-reference", "bad-name", "cel-syntax", "stale-suppression",
)  # fmt: skip
"""What `kernel apply` refuses to read in any case, as the pages of these rules say; and no comment
excuses a comment."""

_CODES: Final = {rule.name: rule.code for rule in RULES.values()}
_HIDING: Final = codes(
    "yaml-syntax", "duplicate-key", "unknown-kind", "not-json", "invalid-schema",
    "unresolved-schema-ref", "unknown-reference", "unknown-field", "unknown-property",
    "unknown-variable", "unknown-function", "cel-syntax", "no-overload",
)  # fmt: skip
"""Where these are found, others are not looked for: a comment may be right after all."""


@struct
class Suppression:
    """One comment: the rules that it names, why, where it stands, and the line that it is about."""

    codes: tuple[str, ...]
    reason: str
    span: Span
    line: int
    start: int
    end: int


def suppressed(report: Report) -> Report:
    """The report without what comments suppress, with what is wrong with the comments (K902)."""
    readers = [_Reader(source) for source in report.sources if _TRACE.search(source.text)]
    if not readers:
        return report
    files = {reader.source.name: _Comments(reader) for reader in readers}
    kept: list[Finding] = []
    for finding in report.findings:
        file = None if finding.span is None else files.get(finding.span.file)
        if file is None or not file.suppress(finding):
            kept.append(finding)
    added = [complaint for file in files.values() for complaint in file.complaints()]
    return Report.of([*kept, *added], report.sources)


def is_suppressible(finding: Finding) -> bool:
    """Whether a comment may suppress a finding: a fault of reading only where it is a warning."""
    if finding.name == "stale-suppression":
        return False
    return finding.code not in NEVER or finding.weight != "error"


class _Comments:
    """The comments of a file by their lines, and which of them were about a finding."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._by_line: dict[int, list[Suppression]] = {}
        for comment in reader.suppressions():
            self._by_line.setdefault(comment.line, []).append(comment)
        self._used: set[tuple[Suppression, str]] = set()
        self._is_blind = False

    def suppress(self, finding: Finding) -> bool:
        """Whether a comment suppresses a finding in the file."""
        assert finding.span is not None
        hits: list[Suppression] = []
        if is_suppressible(finding):
            hits = [
                comment
                for line in self._reader.lines_of(finding.span)
                for comment in self._by_line.get(line, ())
                if comment.reason and finding.code in comment.codes
            ]
        self._used.update((comment, finding.code) for comment in hits)
        self._is_blind = self._is_blind or (not hits and finding.code in _HIDING)
        return bool(hits)

    def complaints(self) -> Iterator[Finding]:
        """What is wrong with the comments, once all findings in the file are known."""
        for comments in self._by_line.values():
            for comment in comments:
                yield from _complaints(comment, self._reader.source, self._used, self._is_blind)


def _complaints(
    comment: Suppression, source: Source, used: set[tuple[Suppression, str]], blind: bool
) -> Iterator[Finding]:
    span = comment.span
    if not comment.codes:
        yield k9_hygiene.NO_RULE_NAMED.at(span)
        return
    unknown = [code for code in comment.codes if code not in RULES]
    for code in unknown:
        yield k9_hygiene.no_such_rule(code, _meant(code)).at(span)
    for code in comment.codes:
        if code in NEVER and (comment, code) not in used:
            is_refused = RULES[code].name != "stale-suppression"
            yield k9_hygiene.not_suppressible(code, is_refused=is_refused).at(span)
    if not comment.reason:
        yield k9_hygiene.NO_REASON.at(span)
        return
    stale = [
        code
        for code in comment.codes
        if code in RULES and code not in NEVER and (comment, code) not in used
    ]
    if stale and not blind:
        fix = None if unknown else _without(comment, stale, source)
        yield k9_hygiene.stale(stale).at(span, fix=fix)


def _meant(code: str) -> str | None:
    return code.upper() if code.upper() in RULES else nearest(code, [*RULES, *_CODES])


def _without(comment: Suppression, stale: list[str], source: Source) -> Edit:
    """The edit that removes some rules from a comment, or the comment if no rule is left."""
    left = [code for code in comment.codes if code not in stale]
    text = source.text
    if left:
        start = text.index("[", comment.start) + 1
        span = source.span(start, text.index("]", start))
        return Edit(f"take {', '.join(stale)} out of the comment", span, ", ".join(left))
    start, end = comment.start, comment.end
    while start and text[start - 1] in " \t":
        start -= 1
    if not start or text[start - 1] in "\r\n":  # a line of its own goes with its line break
        end += 2 if text.startswith("\r\n", end) else 1 if end < len(text) else 0
    return Edit("remove the comment", source.span(start, end), "")


class _Reader:
    """One file with traces of suppressions: its scalars, as the scanner of YAML tells them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._scalars = sorted(set(_scalars(source.text)))
        self._starts = [start for start, _, _ in self._scalars]

    def suppressions(self) -> Iterator[Suppression]:
        """All comments that mean to suppress something, in order."""
        text, position = self.source.text, self.source.position
        comments = {position(place)[0]: place for place in self._comments()}
        for line, start in comments.items():
            found = _COMMENT.match(text, start)
            if found is None:
                continue
            about = line
            while about in comments and self._alone(comments[about]):
                about += 1
            end = start + len(found.group().rstrip())
            words = [word.strip() for word in (found["codes"] or "").split(",")]
            codes = tuple(_CODES.get(word, word) for word in words if word)
            reason = found["reason"].strip(" \t\r:-")
            yield Suppression(codes, reason, self.source.span(start, end), about, start, end)

    def lines_of(self, span: Span) -> frozenset[int]:
        """The lines on which a comment is about what begins at ``span``."""
        scalar = self._scalar_at(self.source.offset(span.line, span.column))
        begin = span.line if scalar is None else self.source.position(scalar[0])[0]
        return frozenset((span.line, begin))

    def _comments(self) -> Iterator[int]:
        """The first character of every comment; the first of a line is the only one."""
        last = -1
        for found in _HASH.finditer(self.source.text):
            start = found.start()
            scalar = self._scalar_at(start)
            if start >= last and (scalar is None or start < scalar[2]):
                yield start
                last = _end_of_line(self.source.text, start)

    def _alone(self, offset: int) -> bool:
        line, _ = self.source.position(offset)
        return not self.source.text[self.source.offset(line, 1) : offset].strip(" \t")

    def _scalar_at(self, offset: int) -> tuple[int, int, int] | None:
        place = bisect_right(self._starts, offset) - 1
        if place < 0 or offset >= self._scalars[place][1]:
            return None
        return self._scalars[place]


def _scalars(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and begin of the content of every scalar; a header of a block is no content.

    What cannot be scanned is left out up to the next document.
    """
    from _ruamel_yaml import CParser  # type: ignore[import-not-found]  # compiled, without stubs

    here = 0
    while here < len(text):
        done = here
        piece = text[here:]
        try:
            for start, end, content in _tokens(CParser(piece).get_token, piece):
                yield here + start, here + end, here + content
                done = here + end
            return
        except Exception:  # libyaml: what is wrong here is K001, and has been reported
            marker = _MARKER.search(text, done + 1)
            stop = marker.start() if marker else len(text)
            yield from _slowly(text, here, stop)
            here = stop


def _slowly(text: str, here: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """As far as the scanner of YAML 1.2 comes, where libyaml's gave up."""
    if stop - here > _MAX_SLOW_LENGTH:
        return
    from ruamel.yaml import YAML

    piece = text[here:stop]
    scanned = YAML(typ="safe", pure=True).scan(piece)
    try:
        for start, end, content in _tokens(lambda: next(scanned, None), piece):
            yield here + start, here + end, here + content
    except Exception:
        return


def _tokens(get: Any, text: str) -> Iterator[tuple[int, int, int]]:
    while (token := get()) is not None:
        if type(token).__name__ != "ScalarToken":
            continue
        start, end = token.start_mark.index, token.end_mark.index
        block = token.style in ("|", ">")
        yield start, end, _end_of_line(text, start) if block else start


def _end_of_line(text: str, start: int) -> int:
    found = re.compile(r"[\r\n]").search(text, start)
    return found.start() if found else len(text)
