"""A condition that holds at a place of a topology, and all that is known there of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from analyzer.flow.items import expression_of
from kernel.cel import Expr, Template, free_names
from kernel.cel.tree import Binary, Ident, Literal
from kernel.errors import Path
from kernel.structs import struct
from kernel.topology.forms import Field, Part, Step
from kernel.topology.step_names import steps_read_by


@struct(eq=False)
class Condition:
    """An expression that was evaluated at a step, and what it gave.

    ``reads`` are the steps that it reads, ``names`` its variables.
    """

    expr: Expr
    outcome: bool
    step: Step
    reads: frozenset[str]
    names: frozenset[str]
    gives: str | None = None
    """The step whose result the condition speaks of; it matters only where that is read."""

    @property
    def negated(self) -> Condition:
        """The same with the other outcome."""
        return Condition(self.expr, not self.outcome, self.step, self.reads, self.names)


Known = tuple[Condition, ...]
"""Conditions that hold at a place."""


@struct(eq=False)
class Way:
    """How a step is reached from the step that it stands in."""

    parent: Step | None = None
    """None at the top of the topology."""
    part: Part | None = None
    """The part of the parent that the step stands in."""
    conditions: Known = ()
    """What holds where the part runs."""
    is_decided: bool = True
    """After the parent it is certain that the part ran to its end if the conditions held."""


@struct(eq=False)
class Conditions:
    """The conditions that hold at each place of a topology."""

    fields: Mapping[Step, Known]
    """At the fields of a step, but for those in ``asked`` and those that see the step's body."""
    asked: Mapping[tuple[Step, Path], Known]
    """At the fields, by their paths, that decide whether a step or one of its parts runs."""
    within: Mapping[Step, Known]
    """At the fields that see a step's body."""
    end: Known
    """At the result of the topology."""
    ways: Mapping[Step, Way]
    order: Mapping[Step, int]
    """The number of each step in reading order."""
    by_name: Mapping[str, Step]
    brought: Set[str]
    """The variables that parts bring."""
    unhandled: Set[Step]
    """The steps with a ``finally`` that end without an error only where their ``try`` does."""

    def at(self, step: Step, asked: Field) -> Known:
        """What is known where a field of a step is evaluated."""
        if asked.sees_body:
            return self.within[step]
        return self.asked.get((step, asked.path), self.fields[step])

    def guards(self, step: Step, place: Step | None, within: bool = False) -> Known | None:
        """The conditions under which ``step`` has certainly run at ``place``, a later step.

        ``place`` is None at the result; ``within``: at a field of it that sees its body. Gives
        None where more than conditions decides.
        """
        above = set(self.lineage(place)) if place is not None else set()
        if place is not None and not within:
            above.discard(place)
        found: list[Condition] = []
        deciding = [step]
        while True:
            way = self.ways[step]
            if way.parent is None or way.parent in above:
                break
            if not way.is_decided:
                return None
            found += way.conditions
            step = way.parent
            deciding.append(step)
        for one in deciding:
            known = when_of(one)
            if one.when is not None and not known:
                return None
            found += known
        beside = self._beside(place, way.parent, within)
        if beside is None:
            return tuple(found)
        if self.ways[beside].part is not way.part:
            if _waits_for(self.ways[beside], way.part):
                return tuple(found)
            ended = self._ended(way, beside)
            return None if ended is None else (*found, ended)
        return tuple(found) if self.order[step] < self.order[beside] else None

    def _ended(self, way: Way, beside: Step) -> Condition | None:
        """The condition under which a ``try`` has come to its end where its ``finally`` runs."""
        part, parent = self.ways[beside].part, way.parent
        if parent is None or way.part is not parent.parts[0] or parent not in self.unhandled:
            return None
        if part is None or not part.is_ending:
            return None
        error = Ident(0, 0, "error", False)
        return condition_on(Binary(0, 0, "==", error, Literal(0, 0, None)), True, beside)

    def lineage(self, step: Step) -> Iterator[Step]:
        """The step and those that it stands in, from the inside out."""
        while True:
            yield step
            parent = self.ways[step].parent
            if parent is None:
                return
            step = parent

    def brought_by(
        self, name: str, place: Step | None, within: bool = False
    ) -> tuple[Step, Path] | None:
        """The step, and the path of the part of it, that bring a variable to a place."""
        if place is not None and within:
            for part in place.parts:
                if name in part.brings:
                    return place, part.path
        for step in () if place is None else self.lineage(place):
            way = self.ways[step]
            if way.parent is not None and way.part is not None and name in way.part.brings:
                return way.parent, way.part.path
        return None

    def is_past(self, name: str, step: Step) -> bool:
        """Whether a step of that name, if it runs at all, has come to its end before ``step``."""
        read = self.by_name.get(name)
        if read is None or self.order[read] >= self.order[step]:
            return False
        parts = {self.ways[one].parent: self.ways[one].part for one in self.lineage(read)}
        for one in self.lineage(step):
            if one is read:
                return False
            way = self.ways[one]
            if way.parent in parts:
                part = parts[way.parent]
                is_apart = part is not way.part and way.part is not None and way.part.beside
                return not is_apart or _waits_for(way, part)
        return True

    def _beside(self, place: Step | None, parent: Step | None, within: bool) -> Step | None:
        """The step on the way to ``place`` that stands in the same parent; None at the end."""
        if place is None or (within and place is parent):
            return None
        for step in self.lineage(place):
            if self.ways[step].parent is parent:
                return step
        return None


def _waits_for(way: Way, other: Part | None) -> bool:
    """Whether a part begins only when another part of the same form has come to its end."""
    if way.part is None or way.parent is None:
        return False
    return any(way.parent.parts[number] is other for number in way.part.after or ())


def those_that_matter(known: Known, read: frozenset[str]) -> Known:
    """The conditions without those on results of steps that neither they nor ``read`` name."""
    if all(one.gives is None for one in known):
        return known
    wanted = set(read).union(*(one.reads for one in known if one.gives is None))
    kept: list[Condition] = []
    for one in reversed(known):
        if one.gives is None or one.gives in wanted:
            kept.append(one)
            wanted |= one.reads
    return tuple(reversed(kept))


def when_of(step: Step) -> Known:
    """The condition of a step's ``when``; nothing where there is none, or no single expression."""
    made = None if step.when is None else condition_of(step.when, True, step)
    return () if made is None else (made,)


def condition_of(template: Template, outcome: bool, step: Step) -> Condition | None:
    """The condition that a template of a step is; None where it is no expression over names."""
    expr = expression_of(template)
    return None if expr is None else condition_on(expr, outcome, step)


def condition_on(expr: Expr, outcome: bool, step: Step) -> Condition | None:
    """The condition that an expression of a step is; None where it reads all steps."""
    reads = steps_read_by(expr)
    if reads is None:
        return None
    names = free_names(expr)
    # Each call has an invocation of its own.
    return None if "invocation" in names else Condition(expr, outcome, step, reads, names)
