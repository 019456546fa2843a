"""Which conditions hold at each place of a topology, and which of them decide that a step ran.

The condition of an ``if``, ``when``, ``switch`` or ``while`` dominates what is inside; that of a
branch which always fails is false after it. Expressions are pure, so a condition stays as it was
found as long as no step that it reads runs again.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.flow.items import expression_of, said_of_items, said_of_result
from analyzer.flow.known import (
    Condition,
    Conditions,
    Known,
    Way,
    condition_of,
    condition_on,
)
from kernel.cel import Template, free_names
from kernel.cel.tree import Binary, Literal, Logical
from kernel.errors import Path
from kernel.structs import field, struct
from kernel.topology.forms import Part, Step, Steps, all_steps, visible_steps
from kernel.topology.step_names import steps_read_by
from kernel.topology.topology import Topology

MAX_KNOWN_CASES = 8
"""After a ``switch`` with more cases it is not known that one of their keys was equal."""


def conditions_of(topology: Topology) -> Conditions:
    """The conditions at each place of a topology; each step is looked at once."""
    walk = _GuardsWalk()
    walk.number(topology.steps)
    end, _ = walk.steps(topology.steps, (), Way())
    return Conditions(
        walk.fields,
        walk.asked,
        walk.within,
        end,
        walk.ways,
        walk.order,
        walk.by_name,
        walk.brought,
        walk.unhandled,
    )


@struct(frozen=False)
class _GuardsWalk:
    fields: dict[Step, Known] = field(default_factory=dict)
    asked: dict[tuple[Step, Path], Known] = field(default_factory=dict)
    within: dict[Step, Known] = field(default_factory=dict)
    ways: dict[Step, Way] = field(default_factory=dict)
    order: dict[Step, int] = field(default_factory=dict)
    by_name: dict[str, Step] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)
    unhandled: set[Step] = field(default_factory=set)
    last: dict[Step, int] = field(default_factory=dict)
    """The number of the last step within each step."""
    beside: frozenset[str] = frozenset()
    """The steps that run at the same time."""

    def number(self, steps: Steps) -> None:
        for step in steps:
            self.order[step] = len(self.order)
            if step.name is not None:
                self.by_name[step.name] = step
            for part in step.parts:
                self.brought.update(part.brings)
                self.number(part.steps)
            self.last[step] = len(self.order) - 1

    def made(self, template: Template, outcome: bool, step: Step, after: bool = False) -> Known:
        condition = condition_of(template, outcome, step)
        return () if condition is None else self.stable((condition,), after)

    def stable(self, known: Known, after: bool = False) -> Known:
        """The conditions that stay as they are, since no step that they read runs again.

        ``after``: till after the step that asked; without it, within that step only.
        """
        return tuple(one for one in known if self.is_stable(one, after))

    def is_stable(self, one: Condition, after: bool) -> bool:
        if one.reads & self.beside:
            return False
        limit = self.last[one.step] if after else self.order[one.step] - 1
        read = (self.by_name.get(name) for name in one.reads)
        return all(
            step is None or (self.order[step] <= limit and step is not one.step) for step in read
        )

    def steps(self, steps: Steps, known: Known, way: Way) -> tuple[Known, bool]:
        """What is known after some steps, and whether they always fail."""
        some_fails = False
        for step in steps:
            self.ways[step] = way
            after, fails = self.step(step, known)
            known = (*known, *after)
            some_fails = some_fails or fails
        return known, some_fails

    def step(self, step: Step, known: Known) -> tuple[Known, bool]:
        """What a step adds for those after it, and whether it always fails."""
        self.asked[step, ("when",)] = known
        when = () if step.when is None else self.made(step.when, True, step)
        inside = self.fields[step] = (*known, *when)
        after, fails = self.parts(step, inside)
        # What is known of the elements of a list holds wherever the step has given one.
        given = self.of_value(step)
        if step.when is None:
            return (*after, *given), fails
        return (*(self.made(step.when, False, step) if fails else ()), *given), False

    def parts(self, step: Step, known: Known) -> tuple[Known, bool]:
        """What the parts of a step add for the steps after it, and whether they always fail."""
        if not step.parts:
            return (), step.always_fails
        if step.parts[0].after is not None:
            return (), self.graph(step, known)
        if step.parts[0].beside:
            return (), self.side_by_side(step, known)
        if step.parts[0].repeats:
            return self.rounds(step, step.parts[0], known)
        return self.one_of(step, known)

    def one_of(self, step: Step, known: Known) -> tuple[Known, bool]:
        """After parts of which one runs, it is known that those did not run which always fail."""
        ways: list[tuple[Known, bool]] = []
        others: list[Known] = []
        missed: Known = ()
        deciding, is_handler, fails_anyway = 0, False, False
        if not any(part.is_caught for part in step.parts):
            self.unhandled.add(step)
        for part in step.parts:
            if part.condition is not None:
                self.asked[step, part.condition.path] = (*known, *missed)
            own = self.decision(step, part, True)
            keyed = part.subject is not None
            deciding += keyed or part.condition is not None
            taken = own if keyed else (*missed, *own)
            # Some conditions cannot be told, and none tells whether something failed.
            told = len(taken) == (1 if keyed else deciding)
            way = Way(step, part, taken, told and not is_handler and not part.is_caught)
            _, fails = self.steps(part.steps, (*_outside(known, part), *taken), way)
            if is_handler and fails:
                self.unhandled.add(step)
            is_handler = part.is_caught  # the next part, if there is one
            if part.is_ending:
                fails_anyway = fails_anyway or fails
                continue
            ways.append((taken, fails))
            refused = self.decision(step, part, False)
            missed = (*missed, *refused)
            if fails and keyed:
                others.append(refused)
        after, fails = _known_after(ways, others)
        return (*after, *self.one_case_matched(step)), fails or fails_anyway

    def decision(self, step: Step, part: Part, outcome: bool) -> Known:
        """The condition that decides whether a part runs, with the outcome that it has."""
        if part.condition is not None:
            return self.made(part.condition.template, outcome, step)
        if part.subject is None:
            return ()
        found = _key_matches(part.subject.template, part.key, outcome, step)
        return () if found is None else self.stable((found,))

    def one_case_matched(self, step: Step) -> Known:
        """After a ``switch`` without a default one of its keys was equal to the subject."""
        if any(part.subject is None for part in step.parts):
            return ()
        cases = [one for part in step.parts for one in self.decision(step, part, True)]
        if len(cases) < len(step.parts) or not 1 < len(cases) <= MAX_KNOWN_CASES:
            return ()
        first = cases[0]
        operands = tuple(one.expr for one in cases)
        expr = Logical(first.expr.offset, first.expr.end, "||", operands)
        return (Condition(expr, True, step, first.reads, first.names),)

    def rounds(self, step: Step, part: Part, known: Known) -> tuple[Known, bool]:
        held = (*self.decision(step, part, True), *self.of_item(step, part, known))
        way = Way(step, part, is_decided=part.is_certain)
        inside, fails = self.steps(part.steps, (*_outside(known, part), *held), way)
        self.within[step] = inside
        done: Known = ()
        for asked in step.fields:
            if asked.goes_on is not None:
                done = self.made(asked.template, not asked.goes_on, step, after=True)
        return _outside(done, part), fails and part.is_certain

    def of_value(self, step: Step) -> Known:
        """What is known of the elements of the list that a step gives."""
        said = said_of_result(step)
        made = None if said is None else condition_on(said.right, True, step)
        if said is None or made is None or not self.stable((made,), after=True):
            return ()
        reads, names = made.reads | {step.name or ""}, made.names | {"steps"}
        return (Condition(said, True, step, reads, names, step.name),)

    def of_item(self, step: Step, part: Part, known: Known) -> Known:
        """What is known of ``item`` and ``index``: where in the list they are."""
        if not part.is_isolated:
            return ()
        said = said_of_items(step, part, [(one.expr, one.outcome) for one in known])
        made = (condition_on(expr, outcome, step) for expr, outcome in said)
        return self.stable(tuple(one for one in made if one is not None))

    def side_by_side(self, step: Step, known: Known) -> bool:
        """Branches that run at the same time; gives whether one of them always fails."""
        outer = self.beside
        names = [frozenset(_names(part.steps)) for part in step.parts]
        fails_anyway = False
        for number, part in enumerate(step.parts):
            self.beside = outer.union(*names[:number], *names[number + 1 :])
            kept = self.stable(known, after=True)
            _, fails = self.steps(part.steps, kept, Way(step, part))
            fails_anyway = fails_anyway or fails
        self.beside = outer
        return fails_anyway

    def graph(self, step: Step, known: Known) -> bool:
        """Nodes, each with what is known after those that it waits for, of the steps it can read.

        Gives whether one of them always fails.
        """
        names = [frozenset(_visible(part.steps)) for part in step.parts]
        ends: list[Known] = []
        some_fails = False
        for number, part in enumerate(step.parts):
            before = [one for one in part.after or () if one < number]
            seen = frozenset[str]().union(*(names[one] for one in before))
            after = (one for other in before for one in ends[other])
            start = (*known, *(one for one in dict.fromkeys(after) if one.reads <= seen))
            end, fails = self.steps(part.steps, start, Way(step, part))
            ends.append(end[len(known) :])
            some_fails = some_fails or fails
        return some_fails


def _key_matches(subject: Template, key: object, outcome: bool, step: Step) -> Condition | None:
    """``subject == key``, where that can be written so."""
    expr = expression_of(subject)
    reads = None if expr is None else steps_read_by(expr)
    if expr is None or reads is None or not isinstance(key, str | int | float | None):
        return None
    literal = Literal(expr.offset, expr.end, key)
    equal = Binary(expr.offset, expr.end, "==", expr, literal)
    return Condition(equal, outcome, step, reads, free_names(expr))


def _outside(known: Known, part: Part) -> Known:
    """The conditions that read no variable which is another in a part."""
    return tuple(one for one in known if one.names.isdisjoint(part.brings))


def _known_after(ways: list[tuple[Known, bool]], others: list[Known]) -> tuple[Known, bool]:
    """What is known when no way was taken that always fails, and whether all ways do.

    ``ways`` are the conditions of each, and whether it always fails; ``others`` hold if one of
    several ways was taken.
    """
    taken = [conditions for conditions, fails in ways if not fails]
    if not taken:
        return (), True
    if len(taken) == 1:
        return taken[0], False
    # Whichever way was taken, the conditions of the arms before the first of them were false.
    falses = tuple(one for one in taken[0] if not one.outcome)
    return (*falses, *(one for other in others for one in other)), False


def _visible(steps: Steps) -> Iterator[str]:
    return (step.name for step in visible_steps(steps) if step.name is not None)


def _names(steps: Steps) -> Iterator[str]:
    return (step.name for step in all_steps(steps) if step.name is not None)
