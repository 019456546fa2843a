"""Which conditions hold at each place of a sequence, and which of them decide that a step ran.

The condition of an ``if``, ``when``, ``switch`` or ``while`` dominates what is inside; that of a
branch which always fails is false after it. Expressions are pure, so a condition stays as it was
found as long as no step that it reads runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from analyzer.flow.scopes import steps_read
from kernel.cel import Expr, Template, free_names
from kernel.cel.tree import Binary, Literal, Logical
from kernel.topology import forms
from kernel.topology.forms import Form, Step, Steps, inner_steps
from kernel.topology.sequence import Sequence

BOUND = {"item": ("do",), "index": ("do",), "error": ("catch", "finally")}
"""The variables that the forms of steps bring, and to which of their lists."""


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """An expression that was evaluated at a step, and what it gave.

    ``reads`` are the steps that it reads, ``names`` its variables.
    """

    expr: Expr
    outcome: bool
    step: Step
    reads: frozenset[str]
    names: frozenset[str]

    @property
    def negated(self) -> Condition:
        """The same with the other outcome."""
        return Condition(self.expr, not self.outcome, self.step, self.reads, self.names)


MAX_CASES = 8
"""Of a choice with more cases it is not known afterwards that one of them was right."""

Known = tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How a step is reached from the step that it stands in.

    ``parent`` is None at the top. ``name`` tells the lists of one parent apart; ``conditions`` are
    those of the way itself; ``always``: whoever comes after the parent knows that this list was
    run to its end, if the conditions held (and they are all that decides).
    """

    parent: Step | None
    name: str
    conditions: Known = ()
    always: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What is known at each place.

    ``before`` holds at a step's ``when``, ``form`` at its other fields; ``arms`` at the condition
    of each arm of a branch; ``within`` where a step's body is seen; ``end`` at the result.
    """

    before: Mapping[Step, Known]
    form: Mapping[Step, Known]
    arms: Mapping[Step, tuple[Known, ...]]
    within: Mapping[Step, Known]
    end: Known
    ways: Mapping[Step, Way]
    order: Mapping[Step, int]
    by_name: Mapping[str, Step]

    def guards(self, step: Step, place: Step | None, within: bool = False) -> Known | None:
        """The conditions under which ``step`` has certainly run at ``place``, a later step.

        None for the end of the sequence; ``within``: at a field of ``place`` that sees its body.
        The result is None if conditions are not all that decides.
        """
        above = set(self.line(place)) if place is not None else set()
        if place is not None and not within:
            above.discard(place)
        found: list[Condition] = []
        deciding = [step]
        while True:
            way = self.ways[step]
            if way.parent is None or way.parent in above:
                break
            if not way.always:
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
        if beside is not None:
            same = self.ways[beside].name == way.name
            if not same or self.order[step] >= self.order[beside]:
                return None
        return tuple(found)

    def line(self, step: Step) -> Iterator[Step]:
        """The step and those that it stands in, from the inside out."""
        while True:
            yield step
            parent = self.ways[step].parent
            if parent is None:
                return
            step = parent

    def binder(
        self, name: str, place: Step | None, within: bool = False
    ) -> tuple[Step, str] | None:
        """What brings the variable of that name (`BOUND`) to a place: a list of some step."""
        lists = BOUND[name]
        if place is not None and within and isinstance(place.form, forms.ForEach) and "do" in lists:
            return place, "do"
        for step in () if place is None else self.line(place):
            way = self.ways[step]
            each = way.parent is not None and isinstance(way.parent.form, forms.ForEach)
            if way.parent is not None and way.name in lists and each == (way.name == "do"):
                return way.parent, way.name
        return None

    def is_past(self, name: str, step: Step) -> bool:
        """Whether a step of that name, if it runs at all, has come to its end before ``step``."""
        read = self.by_name.get(name)
        if read is None or self.order[read] >= self.order[step]:
            return False
        ways = {self.ways[one].parent: self.ways[one].name for one in self.line(read)}
        for one in self.line(step):
            if one is read:
                return False
            way = self.ways[one]
            if way.parent in ways:
                same = ways[way.parent] == way.name
                return same or not isinstance(getattr(way.parent, "form", None), forms.Parallel)
        return True

    def _beside(self, place: Step | None, parent: Step | None, within: bool) -> Step | None:
        """The step on the way to ``place`` that stands in the same parent; None at the end."""
        if place is None or (within and place is parent):
            return None
        for step in self.line(place):
            if self.ways[step].parent is parent:
                return step
        return None


def conditions_of(sequence: Sequence) -> Conditions:
    """The conditions of a sequence; each step is looked at once."""
    walk = _Guards()
    walk.number(sequence.steps)
    end, _ = walk.steps(sequence.steps, (), Way(None, ""))
    return Conditions(
        walk.before, walk.form, walk.arms, walk.within, end, walk.ways, walk.order, walk.by_name
    )


def when_of(step: Step) -> Known:
    """The condition of a step itself; nothing where it has none that can be told."""
    made = None if step.when is None else condition_of(step.when, True, step)
    return () if made is None else (made,)


def condition_of(template: Template, outcome: bool, step: Step) -> Condition | None:
    """The condition that a template of a step is; None where it is no single expression."""
    expr = expression_of(template)
    reads = steps_read(template)
    if expr is None or reads is None:
        return None
    names = free_names(expr)
    # Each call has an invocation of its own.
    return None if "invocation" in names else Condition(expr, outcome, step, reads, names)


def expression_of(template: Template) -> Expr | None:
    """The expression that a template is, if it is one; a plain bool is one, too."""
    if template.constant:
        value = template.evaluate({})
        return Literal(0, 0, value) if isinstance(value, bool) else None
    scalar = template.tree.scalars.get(())
    whole = None if scalar is None else scalar.whole
    return None if whole is None else whole.expr


@dataclass(slots=True)
class _Guards:
    before: dict[Step, Known] = field(default_factory=dict)
    form: dict[Step, Known] = field(default_factory=dict)
    arms: dict[Step, tuple[Known, ...]] = field(default_factory=dict)
    within: dict[Step, Known] = field(default_factory=dict)
    ways: dict[Step, Way] = field(default_factory=dict)
    order: dict[Step, int] = field(default_factory=dict)
    last: dict[Step, int] = field(default_factory=dict)
    by_name: dict[str, Step] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()

    def number(self, steps: Steps) -> None:
        for step in steps:
            self.order[step] = len(self.order)
            if step.name is not None:
                self.by_name[step.name] = step
            for inner in inner_steps(step.form):
                self.number(inner)
            self.last[step] = len(self.order) - 1

    def made(self, template: Template, outcome: bool, step: Step, after: bool = False) -> Known:
        condition = condition_of(template, outcome, step)
        return () if condition is None else self.stable((condition,), after)

    def stable(self, known: Known, after: bool = False) -> Known:
        """Those that stay true: no step that they read runs again before the place.

        ``after``: the place is after the step, not in it.
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
        """What is known after some steps, and whether their end is never reached."""
        ended = False
        for step in steps:
            self.ways[step] = way
            after, ends = self.step(step, known)
            known = (*known, *after)
            ended = ended or ends
        return known, ended

    def step(self, step: Step, known: Known) -> tuple[Known, bool]:
        """What a step adds for those after it, and whether it never comes to its end."""
        self.before[step] = known
        when = () if step.when is None else self.made(step.when, True, step)
        inside = self.form[step] = (*known, *when)
        after, ends = self.inner(step, step.form, inside)
        if step.when is None:
            return after, ends
        return (self.made(step.when, False, step) if ends else ()), False

    def inner(self, step: Step, form: Form, known: Known) -> tuple[Known, bool]:
        match form:
            case forms.If(arms, otherwise):
                return self.if_(step, arms, otherwise, known)
            case forms.Switch():
                return self.switch(step, form, known)
            case forms.Loop():
                return self.loop(step, form, known)
            case forms.ForEach(body=body):
                kept = _outside(known, "item", "index")
                inside, _ = self.steps(body, kept, Way(step, "do", always=False))
                self.within[step] = inside
                return (), False
            case forms.Parallel(branches):
                return (), self.parallel(step, branches, known)
            case forms.Try(body, handler, ending):
                _, ends = self.steps(body, known, Way(step, "try", always=handler is None))
                if handler is not None:
                    kept = _outside(known, "error")
                    _, caught = self.steps(handler, kept, Way(step, "catch", always=False))
                    ends = ends and caught
                if ending is not None:
                    kept = _outside(known, "error")
                    _, ended = self.steps(ending, kept, Way(step, "finally"))
                    ends = ends or ended
                return (), ends
            case forms.Throw():
                return (), True
        return (), False

    def if_(
        self,
        step: Step,
        arms: tuple[tuple[Template, Steps], ...],
        otherwise: Steps,
        known: Known,
    ) -> tuple[Known, bool]:
        """After a branch it is known which ways were not taken, since they do not end."""
        ways: list[tuple[Known, Known, bool]] = []
        seen: list[Known] = []
        refused: Known = ()
        for number, (condition, steps) in enumerate((*arms, (None, otherwise))):
            seen.append((*known, *refused))
            taken = (*refused, *(() if condition is None else self.made(condition, True, step)))
            exact = len(taken) == min(number + 1, len(arms))
            way = Way(step, f"then {number}", taken, always=exact)
            _, ends = self.steps(steps, (*known, *taken), way)
            ways.append((taken, taken, ends))
            if condition is not None:
                refused = (*refused, *self.made(condition, False, step))
        self.arms[step] = tuple(seen)
        return _left(ways, [])

    def switch(self, step: Step, switch: forms.Switch, known: Known) -> tuple[Known, bool]:
        ways: list[tuple[Known, Known, bool]] = []
        others: list[Known] = []
        for number, (key, steps) in enumerate(switch.cases):
            taken = self.case(step, switch, key, True)
            way = Way(step, f"case {number}", taken, always=bool(taken))
            _, ends = self.steps(steps, (*known, *taken), way)
            ways.append((taken, taken, ends))
            if ends:
                others.append(self.case(step, switch, key, False))
        if switch.default is not None:
            missed = tuple(
                one for key, _ in switch.cases for one in self.case(step, switch, key, False)
            )
            way = Way(step, "default", missed, always=len(missed) == len(switch.cases))
            _, ends = self.steps(switch.default, (*known, *missed), way)
            ways.append((missed, missed, ends))
            return _left(ways, others)
        after, ends = _left(ways, others)
        return (*after, *self.one_of(step, switch)), ends

    def one_of(self, step: Step, switch: forms.Switch) -> Known:
        """After a choice without a default one of its cases was the right one."""
        cases = [one for key, _ in switch.cases for one in self.case(step, switch, key, True)]
        if len(cases) < len(switch.cases) or not 1 < len(cases) <= MAX_CASES:
            return ()
        first = cases[0]
        operands = tuple(one.expr for one in cases)
        expr = Logical(first.expr.offset, first.expr.end, "||", operands)
        return (Condition(expr, True, step, first.reads, first.names),)

    def case(self, step: Step, switch: forms.Switch, key: object, outcome: bool) -> Known:
        """``subject == key``, where a key can be written so."""
        subject = expression_of(switch.subject)
        reads = steps_read(switch.subject)
        if subject is None or reads is None or not isinstance(key, str | int | bool | None):
            return ()
        literal = Literal(subject.offset, subject.end, key)
        expr = Binary(subject.offset, subject.end, "==", subject, literal)
        return self.stable((Condition(expr, outcome, step, reads, free_names(subject)),))

    def loop(self, step: Step, loop: forms.Loop, known: Known) -> tuple[Known, bool]:
        held = self.made(loop.condition, True, step) if loop.before else ()
        way = Way(step, "do", always=not loop.before)
        inside, ends = self.steps(loop.body, (*known, *held), way)
        self.within[step] = inside
        if loop.max_iterations is not None:
            return (), ends and not loop.before
        done = self.made(loop.condition, not loop.before, step, after=True)
        return done, ends and not loop.before

    def parallel(self, step: Step, branches: Iterable[tuple[str, Steps]], known: Known) -> bool:
        outer = self.beside
        names = {name: frozenset(_names(steps)) for name, steps in branches}
        ended = False
        for name, steps in branches:
            others = (found for other, found in names.items() if other != name)
            self.beside = outer.union(*others)
            kept = self.stable(known, after=True)
            _, ends = self.steps(steps, kept, Way(step, f"parallel {name}"))
            ended = ended or ends
        self.beside = outer
        return ended


def _outside(known: Known, *names: str) -> Known:
    """Those that say nothing of variables which are others inside."""
    return tuple(one for one in known if not one.names & {*names})


def _left(ways: list[tuple[Known, Known, bool]], others: list[Known]) -> tuple[Known, bool]:
    """What is known when the ways that do not end were not taken."""
    left = [after for after, _, ends in ways if not ends]
    if not left:
        return (), True
    if len(left) == 1:
        return left[0], False
    # Whichever way was taken, the conditions of the arms before the first of them were false.
    falses = tuple(one for one in left[0] if not one.outcome)
    return (*falses, *(one for other in others for one in other)), False


def _names(steps: Steps) -> Iterator[str]:
    for step in steps:
        if step.name is not None:
            yield step.name
        for inner in inner_steps(step.form):
            yield from _names(inner)
