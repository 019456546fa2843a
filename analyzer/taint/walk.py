"""K801 and K802: secrets that are shown, and text from outside that is read as a language.

A second walk over the same trees, apart from the types. What a topology does with what it is given
is found once, so that a secret is followed into what is called. Outputs of calls are secret where
their contract says so, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from analyzer.findings.finding import Finding, Note
from analyzer.findings.message import Message
from analyzer.findings.messages import k8_taint
from analyzer.findings.messages.k8_taint import LANGUAGES
from analyzer.flow.guards import Known, conditions_of
from analyzer.program.linking import Callee, CelField, StandaloneSite, Unit
from analyzer.program.program import Program, written
from analyzer.taint.annotations import ANY, Annotations
from analyzer.taint.origins import CLEAN, Origin, Taint, join, mapped, tree
from analyzer.taint.sinks import Sink, leaks
from analyzer.taint.survey import Summary, Survey, of_origin, variable
from analyzer.taint.tracing import Env, Piece, Vetted, pieces, traced, vetted_by, whole
from kernel.cel import Template
from kernel.errors import Path, Span
from kernel.manifest import Definition, schemas_of
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Step, Steps, all_steps, inner_steps
from kernel.topology.sequence import Sequence

_MAX_ROUNDS = 3
_NOBODY: Vetted = frozenset()


def find_leaks(program: Program) -> Iterator[Finding]:
    """What is wrong with the ways that values take."""
    units = program.call_order.units
    survey = Survey(program)
    if not survey.is_needed(units):
        return
    for unit in units:
        walk = _UnitTaint(survey, unit)
        walk.run()
        survey.summaries[unit.owner] = walk.summary
        yield from walk.findings
    for unit in units:
        walk = _UnitTaint(survey, unit)
        walk.fields()
        yield from walk.findings


@dataclass(slots=True)
class _UnitTaint:
    """The walk over one unit."""

    survey: Survey
    unit: Unit
    findings: list[Finding] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    parts: dict[str | int, Taint] = field(default_factory=dict)
    thrown: list[list[Taint]] = field(default_factory=list)
    values: dict[Step, list[Piece]] = field(default_factory=dict)
    known: Mapping[Step, Known] = field(default_factory=dict)
    vetted: dict[int, Vetted] = field(default_factory=dict)
    reported: set[object] = field(default_factory=set)

    # Units

    def run(self) -> None:
        """Walk the sequence, and the other call sites."""
        env = dict(self.survey.module(self.unit.module))
        if self.unit.sequence is not None:
            self.sequence(self.unit.sequence, env)
        for site in self.unit.sites:
            inside = {**env, **self.around(site)}
            self.call(site.site, inside, _NOBODY)

    def around(self, site: StandaloneSite) -> Env:
        """The variables of a call site that stands by itself."""
        if isinstance(self.unit.owner, Definition):
            return self.arguments()
        return dict(self.survey.context(self.unit, site.context, site.data))

    def arguments(self) -> Env:
        """``inputs``, and ``self`` in a body."""
        inputs = self.survey.contract(self.unit, "inputs")
        env = {"inputs": variable("inputs", inputs, outside=True, given=True)}
        definition = self.unit.definition
        if self.unit.is_body and definition is not None and definition.schema is not None:
            fields = self.survey.annotations(definition.schema, schemas_of(self.unit.module))
            env["self"] = variable("self", fields, given=True)
        return env

    def sequence(self, sequence: Sequence, module: Env) -> None:
        """Rounds of a loop see the round before, so what has loops is walked more than once."""
        env = {**module, **self.arguments(), "steps": Taint(parts=self.parts)}
        self.known = conditions_of(sequence).form
        loops = any(isinstance(step.form, forms.Loop) for step in all_steps(sequence.steps))
        for _ in range(_MAX_ROUNDS if loops else 1):
            before = dict(self.parts)
            self.findings, self.summary, self.reported = [], Summary(), set()
            self.steps(sequence.steps, env)
            if before == self.parts:
                break
        if sequence.result is None:
            self.all_results(sequence.steps)
            return
        outputs = self.survey.contract(self.unit, "outputs")
        why = f"into the result of `{self.unit.label}`, which its event carries"
        found = list(pieces(sequence.result, env))
        self.put(found, sequence.result_path, (), [Sink((), outputs, why)])
        self.summary.result = whole(found)

    def all_results(self, steps: Steps) -> None:
        """Without ``result`` a sequence gives the results of its steps by name."""
        outputs = self.survey.contract(self.unit, "outputs")
        why = f"into what `{self.unit.label}` gives, which is all results without a `result`"
        given: list[tuple[str | int, Taint]] = []
        for step in _outside_of_each(steps):
            if step.name is None:
                continue
            place = None if outputs is None else outputs.inside(step.name)
            sink = Sink((), place, why)
            taint = self.parts.get(step.name, CLEAN).inside("result")
            given.append((step.name, taint))
            if isinstance(step.form, forms.Value):
                self.put(self.values.get(step, ()), (*step.path, "value"), (), [sink])
            elif isinstance(step.form, forms.Call):
                path = (*step.path, "name")
                self.reached(sink, taint, place, path, partial(self.span, path))
        self.summary.result = tree(given)

    def fields(self) -> None:
        """The fields of a resource, with what its kind says of them and does with them."""
        unit = self.unit
        env = dict(self.survey.module(unit.module))
        sinks: list[Sink] = []
        if unit.definition is not None and not unit.is_body and unit.home is not None:
            schema = unit.definition.schema
            annotations = (
                None if schema is None else self.survey.annotations(schema, schemas_of(unit.home))
            )
            sinks += _sinks_of(annotations, unit.label)
            summary = self.survey.summaries.get(unit.definition, Summary())
            sinks += self.beyond(summary, "self", unit.label, annotations)
        if not sinks:
            return
        for place in unit.fields:
            self.field(place, env, sinks)
        for place in unit.deferred:
            inside = {**env, **dict(self.survey.context(unit, place.context, None))}
            self.field(place, inside, sinks)
        for site in unit.sites:
            for place in site.own_fields:
                context = self.survey.context(unit, place.context, site.data)
                result = self.result_of(site.site, CLEAN, "result")
                self.field(place, {**env, **dict(context), "result": result}, sinks)

    def field(self, place: CelField, env: Env, sinks: list[Sink]) -> None:
        """One field with CEL."""
        found = list(pieces(written(place.value), env))
        self.put(found, self.unit.path, place.path[len(self.unit.path) :], sinks)

    # Steps

    def steps(self, steps: Steps, env: Env) -> Taint:
        """Walk some steps; gives the taint of the last one's result."""
        last = CLEAN
        for step in steps:
            last = self.form(step, env)
            if step.name is not None and (last or step.name in self.parts):
                self.parts[step.name] = tree([("result", last)])
        return last

    def form(self, step: Step, env: Env) -> Taint:
        """The taint of the result of a step."""
        match step.form:
            case forms.Call(site):
                return self.call(site, env, self.vetted_at(step))
            case forms.Value(value):
                found = self.values[step] = list(pieces(value, env, self.vetted_at(step)))
                return whole(found)
            case forms.If() | forms.Switch() | forms.Loop():
                return join(*(self.steps(inner, env) for inner in inner_steps(step.form)))
            case forms.ForEach():
                return self.each(step, step.form, env)
            case forms.Parallel(branches):
                return tree((name, self.steps(inner, env)) for name, inner in branches)
            case forms.Try():
                return self.boundary(step.form, env)
            case forms.Throw(error):
                self.raised(step, error, env)
            case forms.WaitFor():
                name = f"steps.{step.name}.result.data" if step.name else "the data of an event"
                return tree([("data", variable(name, None, outside=True))])
        return CLEAN

    def each(self, step: Step, each: forms.ForEach, env: Env) -> Taint:
        item = traced(each.items, env, self.vetted_at(step)).inside(ANY)
        inside = {**env, "item": item}
        last = self.steps(each.body, inside)
        if each.result is not None:
            last = traced(each.result, inside)
        return Taint(rest=last) if last else CLEAN

    def boundary(self, boundary: forms.Try, env: Env) -> Taint:
        """What is thrown and caught is shown only where the ``error`` is."""
        if boundary.handler is None:
            last = self.steps(boundary.body, env)
        else:
            self.thrown.append([])
            last = self.steps(boundary.body, env)
            error = join(*self.thrown.pop())
            last = join(last, self.steps(boundary.handler, {**env, "error": error}))
        if boundary.ending is not None:
            self.steps(boundary.ending, env)
        return last

    def raised(self, step: Step, error: Template, env: Env) -> None:
        path = (*step.path, "throw")
        if self.thrown:
            self.thrown[-1].append(traced(error, env))
            return
        sink = Sink((), None, "into an error, which is logged")
        self.put(list(pieces(error, env)), path, (), [sink])

    def vetted_at(self, step: Step) -> Vetted:
        """The references that the conditions around a step vouch for."""
        known = self.known.get(step, ())
        if not known:
            return _NOBODY
        if id(known) not in self.vetted:
            self.vetted[id(known)] = frozenset(
                path for one in known for path in vetted_by(one.expr, one.outcome)
            )
        return self.vetted[id(known)]

    # Calls

    def call(self, site: CallSite, env: Env, vetted: Vetted) -> Taint:
        """A call site: what is put into it, and what it gives."""
        callee = self.survey.program.linked.callee(self.unit.module, site.target)
        if site.idempotency_key is not None:
            sink = Sink((), None, "into an idempotency key, which the journal keeps")
            found = list(pieces(site.idempotency_key, env))
            self.put(found, (*site.path, "idempotencyKey"), (), [sink])
        arguments = CLEAN
        if site.inputs is not None and callee is not None:
            found = list(pieces(site.inputs, env, vetted))
            if found:
                self.put(found, (*site.path, "inputs"), (), self.sinks(callee))
                arguments = whole(found)
        name = f"steps.{site.name}.result" if site.name else "the result of a call"
        return self.result_of(site, arguments, name)

    def sinks(self, callee: Callee) -> list[Sink]:
        """Where what is given to a call must not be put."""
        inputs = self.survey.contract(callee, "inputs")
        name = callee.resource.name or callee.definition.kind
        summary = self.survey.summaries.get(callee.owner, Summary())
        return [*_sinks_of(inputs, name), *self.beyond(summary, "inputs", name, inputs)]

    def beyond(
        self, summary: Summary, name: str, label: str, inputs: Annotations | None
    ) -> Iterator[Sink]:
        """The sinks inside of what is called, as they are seen from outside."""
        for sink in summary.sinks.get(name, ()):
            yield replace(sink, beyond=label, inputs=inputs)

    def result_of(self, site: CallSite, arguments: Taint, name: str) -> Taint:
        """What a call gives: as its contract says, or else as what it calls does."""
        callee = self.survey.program.linked.callee(self.unit.module, site.target)
        if callee is None:
            return CLEAN
        outputs = self.survey.contract(callee, "outputs")
        if outputs is not None:
            return variable(name, outputs, outside=True)
        unit = self.survey.program.linked.unit_of(callee)
        if unit is None or unit.sequence is None:
            return variable(name, None, outside=True)
        return _given(self.survey.summaries.get(callee.owner, Summary()).result, arguments)

    # Findings

    def span(self, path: Path, _: Origin) -> Span:
        """The place of a value that is no expression."""
        return self.unit.document.span(path)

    def put(self, found: Iterable[Piece], root: Path, prefix: Path, sinks: Iterable[Sink]) -> None:
        """Some expressions are put where sinks are; ``prefix`` is where they stand from there."""
        sinks = list(sinks)
        for piece in found:
            path = (*prefix, *piece.path)
            where = (*root, *path)

            def span(origin: Origin, piece: Piece = piece, where: Path = where) -> Span:
                node = piece.node(origin)
                return self.unit.document.scalar_span(where, node.offset, node.end)

            for sink in sinks:
                part = sink.part(path, piece.taint)
                if part is not None:
                    self.reached(sink, *part, where, span)

    def reached(
        self,
        sink: Sink,
        taint: Taint,
        place: Annotations | None,
        path: Path,
        span: Callable[[Origin], Span],
    ) -> None:
        """What comes to a sink: findings, and what matters to callers only."""
        if not taint:
            return
        for read, secret in sorted(leaks(taint, place), key=lambda one: one[1].name):
            if secret.secret:
                self.leak(sink, secret, path, span(read))
            else:
                self.passed(sink, secret, place, partial(span, read))
        if sink.language is not None:
            for origin in sorted(taint.flat(), key=lambda one: one.name):
                if origin.outside and origin.mixed:
                    self.untrusted(sink, origin, path, span(origin))

    def passed(
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

    def leak(self, sink: Sink, secret: Origin, path: Path, span: Span) -> None:
        self.report(k8_taint.leak(secret.name, sink.why, sink.beyond), sink, path, span)

    def untrusted(self, sink: Sink, origin: Origin, path: Path, span: Span) -> None:
        message = k8_taint.untrusted(origin.name, sink.language or "sql", sink.beyond)
        self.report(message, sink, path, span)

    def report(self, message: Message, sink: Sink, path: Path, span: Span) -> None:
        """Collect a finding, one of each rule for a place."""
        key = message.code, span
        if key not in self.reported:
            self.reported.add(key)
            self.findings.append(message.at(span, path, _notes(sink)))


def _notes(sink: Sink) -> tuple[Note, ...]:
    if sink.beyond is None or sink.span is None:
        return ()
    return (Note("it is put there here", sink.span()),)


def _sinks_of(annotations: Annotations | None, label: str) -> Iterator[Sink]:
    """The sinks that a schema declares."""
    for path, place in () if annotations is None else annotations.sinks:
        where = ".".join(str(step) for step in path if step != ANY)
        field = f"`{where}` of `{label}`" if where else f"`{label}`"
        language = place.untrusted
        if language is None:
            yield Sink(path, place, f"into {field}, which others can read")
        else:
            yield Sink(path, place, f"into {LANGUAGES[language]}, {field}", language)


def _given(result: Taint, arguments: Taint) -> Taint:
    """The taint of a result with what was given in the place of what is given.

    A secret in it was reported where it was given.
    """
    found: list[Taint] = []
    for origin in result.whole:
        if origin.given is not None and origin.given[0] == "inputs":
            part = arguments.at(origin.given[1])
            found.append((part.mixed() if origin.mixed else part).only(outside=True))
        elif origin.outside:
            found.append(of_origin(replace(origin, secret=False, given=None, annotations=None)))
    found += [tree([(step, _given(part, arguments))]) for step, part in result.parts.items()]
    if result.rest is not None:
        found.append(Taint(rest=_given(result.rest, arguments) or None))
    return mapped(join(*found), lambda one: replace(one, given=None) if one.outside else one)


def _outside_of_each(steps: Steps) -> Iterator[Step]:
    """The steps whose results the sequence can see."""
    for step in steps:
        yield step
        if not isinstance(step.form, forms.ForEach):
            for inner in inner_steps(step.form):
                yield from _outside_of_each(inner)
