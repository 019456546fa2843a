"""K801 and K802: secrets that are shown, and text from outside that is read as a language.

A second walk over the same trees, apart from the types. What a topology does with what it is given
is found once, so that a secret is followed into what is called. Outputs of calls are secret where
their contract says so, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.findings.finding import Finding
from analyzer.flow.guards import conditions_of
from analyzer.flow.known import Known
from analyzer.program.linking import StandaloneSite, Unit
from analyzer.program.program import Program
from analyzer.taint.annotations import ANY
from analyzer.taint.callees import result_of_call, sinks_of_call
from analyzer.taint.fields import walk_fields
from analyzer.taint.origins import CLEAN, Taint, join, tree
from analyzer.taint.reached import Reached
from analyzer.taint.sinks import Sink
from analyzer.taint.survey import Survey, variable
from analyzer.taint.tracing import Env, Piece, Vetted, pieces, traced, vetted_by, whole
from kernel.manifest import Definition, schemas_of
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Field, Step, Steps, all_steps, field_of
from kernel.topology.topology import Topology

_MAX_ROUNDS = 3
_NONE_VETTED: Vetted = frozenset()


def find_leaks(program: Program) -> Iterator[Finding]:
    """What is wrong with the ways that values take."""
    units = program.call_order.units
    survey = Survey(program)
    if not survey.is_needed(units):
        return
    for unit in units:
        reached = _TaintWalk(survey, unit).run()
        survey.summaries[unit.owner] = reached.summary
        yield from reached.findings
    for unit in units:
        yield from walk_fields(survey, unit).findings


@struct(frozen=False)
class _TaintWalk:
    """The walk over the steps and the other call sites of one unit."""

    survey: Survey
    unit: Unit
    reached: Reached = field(init=False)
    results: dict[str | int, Taint] = field(default_factory=dict)
    """What ``steps`` holds: the results of the steps walked so far, by name."""
    thrown: list[list[Taint]] = field(default_factory=list)
    """What is thrown in each part around whose failures are caught, the innermost last."""
    values: dict[Step, list[Piece]] = field(default_factory=dict)
    """The expressions of each ``value`` step."""
    known: Mapping[Step, Known] = field(default_factory=dict)
    """The conditions that hold at the fields of each step."""
    vetted: dict[int, Vetted] = field(default_factory=dict)
    """What conditions vouch for, by their identity: many steps have the same."""

    def __post_init__(self) -> None:
        self.reached = Reached(self.unit)

    def run(self) -> Reached:
        """Walk the topology, and the other call sites."""
        env = self.survey.module(self.unit.module)
        if self.unit.topology is not None:
            self.topology(self.unit.topology, env)
        for site in self.unit.sites:
            inside = {**env, **self.around(site)}
            self.call(site.site, inside, _NONE_VETTED)
        return self.reached

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

    # Topologies

    def topology(self, topology: Topology, module: Env) -> None:
        """Rounds of a loop see the round before, so what has loops is walked more than once."""
        env = {**module, **self.arguments(), "steps": Taint(parts=self.results)}
        for name, (outer, *inner) in topology.variables.items():
            env[name] = env.get(outer, CLEAN).at(tuple(inner))
        self.known = conditions_of(topology).fields
        parts = (part for step in all_steps(topology.steps) for part in step.parts)
        for _ in range(_MAX_ROUNDS if any(part.sees_round_before for part in parts) else 1):
            before = dict(self.results)
            self.reached = Reached(self.unit)
            last = self.steps(topology.steps, env)
            if before == self.results:
                break
        if topology.result is None:
            self.all_results(topology, last)
            return
        outputs = self.survey.contract(self.unit, "outputs")
        why = f"into the result of `{self.unit.label}`, which its event carries"
        found = list(pieces(topology.result, env))
        self.reached.put(found, topology.result_path, [Sink((), outputs, why)])
        self.reached.summary.result = whole(found)

    def all_results(self, topology: Topology, last: Taint) -> None:
        """Without ``result`` a topology gives the results of its steps by name, or of the last."""
        if topology.given is None:
            self.reached.summary.result = last
            return
        outputs = self.survey.contract(self.unit, "outputs")
        why = f"into the results of all steps of `{self.unit.label}`, which has no `result`"
        given: list[tuple[str | int, Taint]] = []
        for step in topology.given:
            if step.name is None:
                continue
            sink = Sink((), None if outputs is None else outputs.inside(step.name), why)
            taint = self.results.get(step.name, CLEAN).inside("result")
            given.append((step.name, taint))
            if step in self.values:
                self.reached.put(self.values[step], (*step.path, "value"), [sink])
            elif step.site is not None:
                self.reached.put_result(taint, (*step.path, "name"), sink)
        self.reached.summary.result = tree(given)

    # Steps

    def steps(self, steps: Steps, env: Env) -> Taint:
        """Walk some steps; gives the taint of the last one's result."""
        last = CLEAN
        for step in steps:
            last = self.step(step, env)
            if step.name is not None and (last or step.name in self.results):
                self.results[step.name] = tree([("result", last)])
        return last

    def step(self, step: Step, env: Env) -> Taint:
        """The taint of the result of a step."""
        if step.site is not None:
            return self.call(step.site, env, self.vetted_at(step))
        if step.parts:
            return self.parts(step, env)
        match step.form.gives:
            case "value":
                value = field_of(step, "value").template
                found = self.values[step] = list(pieces(value, env, self.vetted_at(step)))
                return whole(found)
            case "nothing":
                self.throw(step, field_of(step, "error"), env)
            case "event":
                name = f"steps.{step.name}.result.data" if step.name else "the data of an event"
                return tree([("data", variable(name, None, outside=True))])
        return CLEAN

    def parts(self, step: Step, env: Env) -> Taint:
        """The taint of what the parts of a step give.

        What is thrown and caught is shown only where ``error`` is.
        """
        given: list[tuple[str | int, Taint]] = []
        error = CLEAN
        for part in step.parts:
            inside = env
            if "item" in part.brings:
                inside = {**env, "item": self.item(step, env)}
            elif "error" in part.brings and not part.is_ending:
                inside = {**env, "error": error}
            if part.is_caught:
                self.thrown.append([])
            last = self.steps(part.steps, inside)
            if part.is_caught:
                error = join(*self.thrown.pop())
            if part.is_isolated:
                last = Taint(rest=self.of_each(step, last, inside) or None)
            if not part.is_ending:
                given.append((part.key, last))
        if step.form.gives == "record":
            return tree(given)
        return join(*(taint for _, taint in given))

    def item(self, step: Step, env: Env) -> Taint:
        items = field_of(step, "list").template
        return traced(items, env, self.vetted_at(step)).inside(ANY)

    def of_each(self, step: Step, last: Taint, env: Env) -> Taint:
        """What each item gives: the ``result`` if there is one, or else that of the last step."""
        results = [one.template for one in step.fields if one.sees_body]
        return traced(results[0], env) if results else last

    def throw(self, step: Step, error: Field, env: Env) -> None:
        if self.thrown:
            self.thrown[-1].append(traced(error.template, env))
            return
        sink = Sink((), None, "into an error, which is logged")
        self.reached.put(pieces(error.template, env), (*step.path, *error.path), [sink])

    def vetted_at(self, step: Step) -> Vetted:
        """The references that the conditions around a step vouch for."""
        known = self.known.get(step, ())
        if not known:
            return _NONE_VETTED
        if id(known) not in self.vetted:
            self.vetted[id(known)] = frozenset(
                path
                for one in known
                if one.gives is None
                for path in vetted_by(one.expr, one.outcome)
            )
        return self.vetted[id(known)]

    def call(self, site: CallSite, env: Env, vetted: Vetted) -> Taint:
        """A call site: what is put into it, and what it gives."""
        callee = self.survey.program.linked.callee(self.unit.module, site.target)
        if site.idempotency_key is not None:
            sink = Sink((), None, "into an idempotency key, which the journal keeps")
            found = list(pieces(site.idempotency_key, env))
            self.reached.put(found, (*site.path, "idempotencyKey"), [sink])
        arguments = CLEAN
        if site.inputs is not None and callee is not None:
            found = list(pieces(site.inputs, env, vetted))
            if found:
                sinks = sinks_of_call(self.survey, callee)
                self.reached.put(found, (*site.path, "inputs"), sinks)
                arguments = whole(found)
        name = f"steps.{site.name}.result" if site.name else "the result of a call"
        return result_of_call(self.survey, self.unit, site, arguments, name)
