"""Which conditions hold at each place of a sequence, and which of them decide that a step ran.

The condition of an ``if``, ``when``, ``switch`` or ``while`` dominates what is inside; that of a
branch which always fails is false after it. Expressions are pure, so a condition stays as it was
found as long as no step that it reads runs again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from analyzer.flow.items import expression_of, said_of_items, said_of_result
from analyzer.flow.step_names import steps_read_by
from kernel.cel import Expr, Template, free_names
from kernel.cel.tree import Binary, Ident, Literal, Logical
from kernel.errors import Path
from kernel.structs import field, struct
from kernel.topology.forms import Field, Part, Step, Steps, all_steps
from kernel.topology.sequence import Sequence


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


MAX_KNOWN_CASES = 8
"""After a ``switch`` with more cases it is not known that one of their keys was equal."""

Known = tuple[Condition, ...]
"""Conditions that hold at a place."""


@struct(eq=False)
class Way:
    """How a step is reached from the step that it stands in."""

    parent: Step | None = None
    """None at the top of the sequence."""
    part: Part | None = None
    """The part of the parent that the step stands in."""
    conditions: Known = ()
    """What holds where the part runs."""
    is_decided: bool = True
    """After the parent it is certain that the part ran to its end if the conditions held."""


@struct(eq=False)
class Conditions:
    """The conditions that hold at each place of a sequence."""

    fields: Mapping[Step, Known]
    """At the fields of a step, but for those in ``asked`` and those that see the step's body."""
    asked: Mapping[tuple[Step, Path], Known]
    """At the fields, by their paths, that decide whether a step or one of its parts runs."""
    within: Mapping[Step, Known]
    """At the fields that see a step's body."""
    end: Known
    """At the result of the sequence."""
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
                return parts[way.parent] is way.part or way.part is None or not way.part.beside
        return True

    def _beside(self, place: Step | None, parent: Step | None, within: bool) -> Step | None:
        """The step on the way to ``place`` that stands in the same parent; None at the end."""
        if place is None or (within and place is parent):
            return None
        for step in self.lineage(place):
            if self.ways[step].parent is parent:
                return step
        return None


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


def conditions_of(sequence: Sequence) -> Conditions:
    """The conditions at each place of a sequence; each step is looked at once."""
    walk = _GuardsWalk()
    walk.number(sequence.steps)
    end, _ = walk.steps(sequence.steps, (), Way())
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


def _names(steps: Steps) -> Iterator[str]:
    return (step.name for step in all_steps(steps) if step.name is not None)
