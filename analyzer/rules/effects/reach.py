"""What a call of a topology leads to, through the topologies that it calls.

A topology without a safety class of its own is as safe as what it calls, so a retry around it
repeats all of that. Each kind that is called is there once, however often it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import or_

from analyzer.program.linking import Callee, Unit
from analyzer.program.program import Program
from analyzer.program.raising import NO_ERRORS, Code, Raised, Raising
from analyzer.rules.effects.safety import class_of
from kernel.errors import Span
from kernel.manifest import Definition
from kernel.safety import CLASSES
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite, Target
from kernel.topology.forms import Step, Steps


@struct
class ReachedKind:
    """A kind that is called, its safety class, and the target of one such call.

    ``after`` are the errors with which the topology may fail when its effect may have happened;
    ``guarded``: each call of it has a key that keeps it from happening twice; ``looped``: each
    stands in a loop or under a retry.
    """

    definition: Definition
    safety: str | None
    target: Target
    name: str
    after: Raised
    guarded: bool
    looped: bool

    @property
    def span(self) -> Span | None:
        """The place where it is called."""
        document = self.target.document
        return None if document is None else document.span(self.target.path)

    def __or__(self, other: ReachedKind) -> ReachedKind:
        first = other if self.guarded and not other.guarded else self
        return replace(
            first,
            after=(NO_ERRORS if self.guarded else self.after)
            | (NO_ERRORS if other.guarded else other.after),
            guarded=self.guarded and other.guarded,
            looped=self.looped and other.looped,
        )


@struct
class SiteContext:
    """A call site, with what may fail after it, and whether what it fails with is caught."""

    site: CallSite
    after: Raised
    caught: bool
    looped: bool


ReachedKinds = dict[tuple[Definition, str | None], ReachedKind]


class Effects:
    """What the units of a manifest do, as far as their definitions say; each is looked at once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.linked = program.linked
        self.raising = program.raising
        self._units: dict[Unit, ReachedKinds] = {}
        self._harmfuls: dict[tuple[Definition, Raised], Raised] = {}
        self._classes: dict[tuple[object, Definition, CallSite], str | None] = {}

    def callee(self, unit: Unit, site: CallSite) -> Callee | None:
        """What a call site calls."""
        return self.linked.callee(unit.module, site.target)

    def class_of(self, callee: Callee, site: CallSite) -> str | None:
        """The safety class of a call."""
        if callee.definition.safety in (None, *CLASSES):
            return callee.definition.safety
        key = callee.resource, callee.definition, site
        if key not in self._classes:
            self._classes[key] = class_of(self.program.contracts, callee, site.inputs)
        return self._classes[key]

    def inside(self, callee: Callee) -> Unit | None:
        """The topology that a call leads to, where that has no safety class of its own."""
        unit = self.linked.unit_of(callee)
        if callee.definition.safety is not None or unit is None or unit.topology is None:
            return None
        return unit

    def is_own(self, definition: Definition) -> bool:
        """Whether a definition stands in the manifest itself."""
        return definition in self.linked.units

    def of_callee(self, unit: Unit, context: SiteContext, callee: Callee) -> ReachedKinds:
        """What a call leads to."""
        inside = self.inside(callee)
        if inside is not None:
            return {key: self._outer(one, context) for key, one in self.of_unit(inside).items()}
        definition, safety = callee.definition, self.class_of(callee, context.site)
        after = context.after
        if not context.caught:
            after |= self._harmful(unit, context.site, callee)
        reached = ReachedKind(
            definition,
            safety,
            context.site.target,
            name_of(callee),
            after,
            context.site.idempotency_key is not None,
            context.looped,
        )
        return {(definition, safety): reached}

    def of_unit(self, unit: Unit) -> ReachedKinds:
        """What the topology of a unit leads to."""
        if unit not in self._units:
            self._units[unit] = {}  # for calls in a circle
            found: ReachedKinds = {}
            for context in self.sites(unit):
                callee = self.callee(unit, context.site)
                if callee is None:
                    continue
                for key, one in self.of_callee(unit, context, callee).items():
                    found[key] = one | found[key] if key in found else one
            self._units[unit] = found
        return self._units[unit]

    def sites(self, unit: Unit) -> Iterator[SiteContext]:
        """The call sites of a topology, the last one first."""
        if unit.topology is not None:
            walk = _Sites(self.raising, unit)
            yield from walk.steps(unit.topology.steps, NO_ERRORS, caught=False, looped=False)

    def _outer(self, reached: ReachedKind, context: SiteContext) -> ReachedKind:
        after = context.after if context.caught else context.after | reached.after
        repeats = context.site.retry is not None and context.site.retry.attempts > 1
        looped = reached.looped or context.looped or repeats
        guarded = reached.guarded or context.site.idempotency_key is not None
        return replace(reached, after=after, guarded=guarded, looped=looped)

    def _harmful(self, unit: Unit, site: CallSite, callee: Callee) -> Raised:
        """What a call may fail with when its effect may have happened."""
        key = callee.definition, self.raising.of_site(unit, site)
        if key not in self._harmfuls:
            self._harmfuls[key] = _without_harmless(*key)
        return self._harmfuls[key]


def _without_harmless(definition: Definition, raised: Raised) -> Raised:
    """The errors of a call but for those by which its definition says that nothing happened."""
    harmless: set[Code] = {
        code
        for code, said in (definition.errors or {}).items()
        if (said or {}).get("outcome") == "failed"
    }
    codes, retried = raised.codes - harmless, raised.retried - harmless
    return Raised(codes, retried, raised.open, raised.throws)


def name_of(callee: Callee) -> str:
    """What people call it: its name, or its kind."""
    return callee.resource.name or callee.definition.kind


@struct
class _Sites:
    raising: Raising
    unit: Unit
    others: dict[Step, list[Raised]] = field(default_factory=dict)

    def steps(
        self, steps: Steps, after: Raised, *, caught: bool, looped: bool
    ) -> Iterator[SiteContext]:
        """``after`` is what may fail behind these steps; nothing of theirs adds to it if caught."""
        for step in reversed(steps):
            if step.site is not None:
                repeats = step.site.retry is not None and step.site.retry.attempts > 1
                yield SiteContext(step.site, after, caught, looped or repeats)
            for number, part in enumerate(step.parts):
                yield from self.steps(
                    part.steps,
                    after if caught else after | self._behind(step, number),
                    caught=caught or part.is_caught,
                    looped=looped or part.repeats,
                )
            if not caught:
                after = after | self.raising.of_step(self.unit, step)

    def _behind(self, step: Step, number: int) -> Raised:
        """What may fail within a step after one of its parts has run."""
        part, before = step.parts[number], step.parts[:number]
        if part.after is not None:
            return self._beside(step, number)
        if part.repeats or part.beside:
            return self.raising.of_step(self.unit, step)
        if part.is_ending:
            # An error that came before goes on when the `finally` is through.
            behind = [one for one in before if not one.is_caught]
        else:
            behind = [one for one in step.parts if one.is_ending]
            behind += step.parts[number + 1 : number + 2] if part.is_caught else ()
        raised = NO_ERRORS
        for one in behind:
            raised |= self.raising.of_steps(self.unit, one.steps)
        return raised

    def _beside(self, step: Step, number: int) -> Raised:
        """What may fail after a node of a workflow has run: all nodes that it did not wait for."""
        if step not in self.others:
            self.others[step] = self._others(step)
        return self.others[step][number]

    def _others(self, step: Step) -> list[Raised]:
        """For each part of a step, what those raise that are neither it nor before it.

        Sets of parts are whole numbers with a bit for each.
        """
        raising: dict[Raised, int] = {}
        before: list[int] = []
        for number, part in enumerate(step.parts):
            raised = self.raising.of_steps(self.unit, part.steps)
            raising[raised] = raising.get(raised, 0) | 1 << number
            known = 0
            for one in part.after or ():
                known |= 1 << one | (before[one] if one < number else 0)
            before.append(known)
        found = []
        for number, known in enumerate(before):
            own = known | 1 << number
            others = (raised for raised, parts in raising.items() if parts & ~own)
            found.append(reduce(or_, others, NO_ERRORS))
        return found
