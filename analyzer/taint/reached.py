"""What comes to the sinks of one unit: findings, and what those who call the unit must know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from analyzer.findings.finding import Finding, Note
from analyzer.findings.message import Message
from analyzer.findings.messages import k8_taint
from analyzer.program.linking import Unit
from analyzer.taint.annotations import Annotations
from analyzer.taint.origins import Origin, Taint
from analyzer.taint.sinks import Sink, leaks
from analyzer.taint.survey import Summary
from analyzer.taint.tracing import Piece
from kernel.errors import Path, Span
from kernel.structs import field, struct

SpanOf = Callable[[Origin], Span]
"""The place where an origin is read."""


@struct(frozen=False)
class Reached:
    """What the values of a unit come to. A rule has one finding for each place."""

    unit: Unit
    findings: list[Finding] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    reported: set[object] = field(default_factory=set)

    def put(
        self, found: Iterable[Piece], root: Path, sinks: Iterable[Sink], prefix: Path = ()
    ) -> None:
        """Some expressions are put where sinks are; ``prefix`` is where they stand from there."""
        sinks = list(sinks)
        for piece in found:
            path = (*prefix, *piece.path)
            where = (*root, *path)
            span = partial(self._span_in, piece, where)
            for sink in sinks:
                part = sink.part(path, piece.taint)
                if part is not None:
                    self._reach(sink, *part, where, span)

    def put_result(self, taint: Taint, path: Path, sink: Sink) -> None:
        """A value that is no expression, and stands at ``path``, is put where a sink is."""
        self._reach(sink, taint, sink.place, path, lambda _: self.unit.document.span(path))

    def _span_in(self, piece: Piece, where: Path, origin: Origin) -> Span:
        node = piece.node(origin)
        return self.unit.document.scalar_span(where, node.offset, node.end)

    def _reach(
        self, sink: Sink, taint: Taint, place: Annotations | None, path: Path, span: SpanOf
    ) -> None:
        if not taint:
            return
        for read, secret in sorted(leaks(taint, place), key=lambda one: one[1].name):
            if secret.secret:
                message = k8_taint.leak(secret.name, sink.why, sink.beyond)
                self._report(message, sink, path, span(read))
            else:
                self._pass_on(sink, secret, place, partial(span, read))
        if sink.language is not None:
            for origin in sorted(taint.flat(), key=lambda one: one.name):
                if origin.outside and origin.mixed:
                    message = k8_taint.untrusted(origin.name, sink.language, sink.beyond)
                    self._report(message, sink, path, span(origin))

    def _pass_on(
        self, sink: Sink, origin: Origin, place: Annotations | None, span: Callable[[], Span]
    ) -> None:
        """Part of what is given comes to a sink: callers must know."""
        assert origin.given is not None
        name, path = origin.given
        language = None if origin.mixed else sink.language
        inner = Sink(
            path, None if origin.mixed else place, sink.why, language, None, sink.span or span
        )
        self.summary.sinks.setdefault(name, []).append(inner)

    def _report(self, message: Message, sink: Sink, path: Path, span: Span) -> None:
        key = message.code, span
        if key not in self.reported:
            self.reported.add(key)
            self.findings.append(message.at(span, path, _notes(sink)))


def _notes(sink: Sink) -> tuple[Note, ...]:
    if sink.beyond is None or sink.span is None:
        return ()
    return (Note("it is put there here", sink.span()),)
