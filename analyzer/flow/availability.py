"""Which steps have certainly run, may have run, or cannot have, at every place of a topology.

A step's result is available where the step certainly ran (analyzer.md, Facts). The state of a place
says for each named step what ``steps.<name>`` may be there; a step that the state does not name has
certainly not run (language.md: a step that has not run is not there).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from rpds import HashTrieMap

from kernel.cel import Expr
from kernel.cel.tree import Ident, Literal, Logical, Macro, Select, Unary
from kernel.structs import field, struct
from kernel.topology.forms import Field, Part, Step, Steps, visible_steps
from kernel.topology.topology import Topology


class Ran(enum.Enum):
    """What is known of a step that is not simply absent.

    ``CERTAINLY``: it has a ``result``. ``OR_SKIPPED``: it is there, and has a result unless it
    was skipped. ``PERHAPS``: it may not be there at all.
    """

    CERTAINLY = "certainly"
    OR_SKIPPED = "or skipped"
    PERHAPS = "perhaps"


State: TypeAlias = "HashTrieMap[str, Ran]"
"""Persistent: the states of a long topology share almost everything."""

NOTHING_RAN: State = HashTrieMap()


@struct
class Availability:
    """The state at every place where an expression of a topology stands."""

    before: Mapping[Step, State]
    """At a step's own fields: ``when``, ``inputs``, ``value``, ``if``, ``while``, ``forEach``, …"""
    within: Mapping[Step, State]
    """At the fields that see the step's body: ``until``, and the ``result`` of a ``forEach``."""
    end: State
    """At the result of the topology."""
    unreachable: tuple[Step, ...] = ()
    """The first steps of those that stand after a step that always fails."""
    entered: frozenset[Step] = frozenset()
    """The loops that certainly have a first round."""


def availability_of(topology: Topology) -> Availability:
    """The states of a topology. Each step is looked at once, however deep it stands."""
    walk = _AvailabilityWalk()
    end = walk.steps(topology.steps, NOTHING_RAN)
    unreachable, entered = tuple(walk.unreachable), frozenset(walk.entered)
    return Availability(walk.before, walk.within, end or NOTHING_RAN, unreachable, entered)


@struct(frozen=False)
class _AvailabilityWalk:
    before: dict[Step, State] = field(default_factory=dict)
    within: dict[Step, State] = field(default_factory=dict)
    unreachable: list[Step] = field(default_factory=list)
    entered: set[Step] = field(default_factory=set)

    def steps(self, steps: Steps, state: State) -> State | None:
        """The state after a list of steps; None if their end is never reached."""
        ended = False
        for step in steps:
            after = self.step(step, state)
            if after is not None:
                state = after
            elif not ended and step is not steps[-1]:
                self.unreachable.append(steps[steps.index(step) + 1])
            ended = ended or after is None
        return None if ended else state

    def step(self, step: Step, state: State) -> State | None:
        """The state after a step; one with ``when`` may have been skipped, with all inside."""
        self.before[step] = state
        after = self.inside(step, state)
        ran = Ran.CERTAINLY
        if step.when is not None:
            after = _joined(state, _names(step.parts), [state, after])
            ran = Ran.OR_SKIPPED
        if after is None or step.name is None:
            return after
        return after.insert(step.name, ran)

    def inside(self, step: Step, state: State) -> State | None:
        """The state after the parts of a step; None if their end is never reached."""
        if step.always_fails:
            return None
        if not step.parts:
            return state
        if step.parts[0].beside:
            return self.side_by_side(step.parts, state)
        ways = tuple(part for part in step.parts if not part.is_ending)
        after = self.one_of(step, ways, state)
        for part in step.parts[len(ways) :]:
            # A `finally` sees what ran before the others ended or failed.
            end = self.steps(part.steps, _with(state, _names(ways), Ran.PERHAPS))
            after = None if after is None or end is None else _taken_over(after, end, part)
        return after

    def one_of(self, step: Step, ways: tuple[Part, ...], state: State) -> State | None:
        """The state after parts of which one runs to its end.

        A part whose failure is caught may have run in part when the next begins.
        """
        ends: list[State | None] = []
        start = state
        for part in ways:
            ends.append(self.part(step, part, start))
            start = _with(start, _names([part]), Ran.PERHAPS) if part.is_caught else state
        return _joined(state, _names(ways), ends)

    def part(self, step: Step, part: Part, state: State) -> State | None:
        """The state after a part.

        A round of a loop sees the steps of the round before, if there was one.
        """
        if not part.repeats:
            return self.steps(part.steps, state)
        names = _names([part])
        start = _with(state, names, Ran.PERHAPS)
        if part.condition is not None:
            self.before[step] = start
        end = self.steps(part.steps, start)
        self.within[step] = start if end is None else end
        if part.is_isolated:
            return state
        if part.is_certain or _holds_at_first(part.condition, state):
            self.entered.add(step)
            return end
        return _joined(state, names, [state, end])

    def side_by_side(self, parts: tuple[Part, ...], state: State) -> State | None:
        """Branches run at the same time: each may or may not see the steps of the others."""
        if parts[0].after is not None:
            return self.graph(parts, state)
        beside = _with(state, _names(parts), Ran.PERHAPS)
        after: State | None = state
        for part in parts:
            start = beside
            for name in _names([part]):
                known = state.get(name)  # from the round before, in a loop
                start = start.discard(name) if known is None else start.insert(name, known)
            end = self.steps(part.steps, start)
            after = None if after is None or end is None else _taken_over(after, end, part)
        return after

    def graph(self, parts: tuple[Part, ...], state: State) -> State | None:
        """Each part sees the steps of the parts that it waits for, and no others.

        A part never runs if it waits for one that always fails.
        """
        ends: list[State | None] = []
        missed: set[int] = set()
        after: State | None = state
        for number, part in enumerate(parts):
            start = state
            for before in part.after or ():
                # A part that stands behind this one waits for it in turn, which is reported.
                end = ends[before] if before < number else None
                known = _with(state, _names([parts[before]]), Ran.CERTAINLY) if end is None else end
                start = _taken_over(start, known, parts[before])
            end = self.steps(part.steps, start)
            failed = [one for one in part.after or () if one < number and ends[one] is None]
            if failed:
                if missed.isdisjoint(failed):
                    self.unreachable.extend(part.steps)
                missed.add(number)
                end = None
            ends.append(end)
            after = None if after is None or end is None else _taken_over(after, end, part)
        return after


def _holds_at_first(asked: Field | None, state: State) -> bool:
    """Whether the condition of a loop is true before its first round, whatever the values are."""
    if asked is None:
        return False
    condition = asked.template
    if condition.constant:
        return condition.evaluate({}) is True
    whole = condition.tree.scalars[()].whole if () in condition.tree.scalars else None
    return whole is not None and _known(whole.expr, state) is True


def _known(expr: Expr, state: State) -> bool | None:
    """What a condition gives whatever the values are; None where that depends on them."""
    match expr:
        case Literal(value=bool() as value):
            return value
        case Unary(operator="!", operand=operand):
            inner = _known(operand, state)
            return None if inner is None else not inner
        case Logical(operator=operator, operands=operands):
            decides = operator == "||"
            parts = [_known(one, state) for one in operands]
            if decides in parts:
                return decides
            return None if None in parts else not decides
        case Macro(name="has", args=(Select() as asked,)):
            named = asked.operand if isinstance(asked.operand, Select) else asked
            if isinstance(named.operand, Ident) and named.operand.name == "steps":
                return None if named.field in state else False
    return None


def _names(parts: Iterable[Part]) -> list[str]:
    """The names of the steps in some parts that the steps outside can see."""
    visible = (part.steps for part in parts if not part.is_isolated)
    return [one.name for steps in visible for one in visible_steps(steps) if one.name is not None]


def _taken_over(state: State, end: State, part: Part) -> State:
    """``state`` with what ``end`` says of the steps of a part."""
    for name in _names([part]):
        if (ran := end.get(name)) is not None:
            state = state.insert(name, ran)
    return state


def _with(state: State, names: Iterable[str], ran: Ran) -> State:
    for name in names:
        state = state.insert(name, ran)
    return state


def _joined(state: State, names: Iterable[str], ways: list[State | None]) -> State | None:
    """What holds whichever of some ways was taken, which differ from ``state`` in ``names`` only.

    A way is None if its end is never reached; so is the result if all ways are.
    """
    ended = [way for way in ways if way is not None]
    if not ended:
        return None
    for name in names:
        known = [way.get(name) for way in ended]
        if any(ran is not None for ran in known):
            state = state.insert(name, _least(known))
    return state


def _least(known: list[Ran | None]) -> Ran:
    """What is certain of a step of which several ways say different things."""
    if None in known or Ran.PERHAPS in known:
        return Ran.PERHAPS
    return Ran.OR_SKIPPED if Ran.OR_SKIPPED in known else Ran.CERTAINLY
