"""Which steps have certainly run, may have run, or cannot have, at every place of a sequence.

A step's result is available where the step certainly ran (analyzer.md, Facts). The state of a place
says for each named step what ``steps.<name>`` may be there; a step that the state does not name has
certainly not run (language.md: a step that has not run is not there).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rpds import HashTrieMap

from kernel.cel import Expr, Template
from kernel.cel.tree import Ident, Literal, Logical, Macro, Select, Unary
from kernel.topology import forms
from kernel.topology.forms import Step, Steps, inner_steps
from kernel.topology.sequence import Sequence


class Ran(enum.Enum):
    """What is known of a step that is not simply absent.

    ``CERTAINLY``: it has a ``result``. ``OR_SKIPPED``: it is there, and has a result unless it
    was skipped. ``PERHAPS``: it may not be there at all.
    """

    CERTAINLY = "certainly"
    OR_SKIPPED = "or skipped"
    PERHAPS = "perhaps"


State: TypeAlias = "HashTrieMap[str, Ran]"
"""Persistent: the states of a long sequence share almost everything."""

NOTHING_RAN: State = HashTrieMap()


@dataclass(frozen=True, slots=True)
class Flow:
    """The state at every place where an expression of a sequence stands.

    ``before`` is that of a step's own fields (``when``, ``inputs``, ``value``, ``if``, ``while``,
    ``forEach``, …); ``within`` that of fields which see the step's body: ``until``, and the
    ``result`` of a ``forEach``; ``end`` that of the sequence's result. ``unreachable`` are the
    first steps of those that stand after what always fails; ``entered`` the loops that have a
    first round for certain.
    """

    before: Mapping[Step, State]
    within: Mapping[Step, State]
    end: State
    unreachable: tuple[Step, ...] = ()
    entered: frozenset[Step] = frozenset()


def flow_of(sequence: Sequence) -> Flow:
    """The states of a sequence. Each step is looked at once, however deep it stands."""
    walk = _Availability()
    end = walk.steps(sequence.steps, NOTHING_RAN)
    unreachable, entered = tuple(walk.unreachable), frozenset(walk.entered)
    return Flow(walk.before, walk.within, end or NOTHING_RAN, unreachable, entered)


@dataclass(slots=True)
class _Availability:
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
        after = self.form(step, state)
        ran = Ran.CERTAINLY
        if step.when is not None:
            after = _joined(state, _names(inner_steps(step.form)), [state, after])
            ran = Ran.OR_SKIPPED
        if after is None or step.name is None:
            return after
        return after.insert(step.name, ran)

    def form(self, step: Step, state: State) -> State | None:
        """The state after what a step holds inside."""
        names = _names(inner_steps(step.form))
        match step.form:
            case forms.If(arms, otherwise):
                ends = [self.steps(steps, state) for _, steps in arms]
                return _joined(state, names, [*ends, self.steps(otherwise, state)])
            case forms.Switch(_, cases, default):
                ways = [*(steps for _, steps in cases), *([] if default is None else [default])]
                return _joined(state, names, [self.steps(steps, state) for steps in ways])
            case forms.Loop(body, condition, before):
                # A round sees the steps of the round before, if there was one.
                start = _with(state, names, Ran.PERHAPS)
                self.before[step] = start if before else state
                end = self.steps(body, start)
                self.within[step] = start if end is None else end
                if not before or _holds_at_first(condition, state):
                    self.entered.add(step)
                    return end
                return _joined(state, names, [state, end])
            case forms.ForEach(body=body):
                # Each item begins anew, and nothing that runs inside is visible outside.
                end = self.steps(body, state)
                self.within[step] = state if end is None else end
                return state
            case forms.Parallel(branches):
                return self.parallel([steps for _, steps in branches], names, state)
            case forms.Try():
                return self.try_(step.form, state)
            case forms.Throw():
                return None
            case _:
                return state

    def parallel(self, branches: list[Steps], names: list[str], state: State) -> State | None:
        """Branches run at the same time: each may or may not see the steps of the others."""
        beside = _with(state, names, Ran.PERHAPS)
        after, ended = state, False
        for steps in branches:
            mine = _names([steps])
            start = beside
            for name in mine:
                known = state.get(name)  # from the round before, in a loop
                start = start.discard(name) if known is None else start.insert(name, known)
            end = self.steps(steps, start)
            ended = ended or end is None
            for name in mine:
                if (ran := None if end is None else end.get(name)) is not None:
                    after = after.insert(name, ran)
        return None if ended else after

    def try_(self, try_: forms.Try, state: State) -> State | None:
        """``catch`` sees what ran before a failure, ``finally`` what ran before any end."""
        tried, caught = _names([try_.body]), _names([try_.handler or ()])
        after = self.steps(try_.body, state)
        broken = _with(state, tried, Ran.PERHAPS)
        if try_.handler is not None:
            handled = self.steps(try_.handler, broken)
            after = _joined(state, [*tried, *caught], [after, handled])
        if try_.ending is None:
            return after
        end = self.steps(try_.ending, _with(broken, caught, Ran.PERHAPS))
        if after is None or end is None:
            return None
        for name in _names([try_.ending]):
            if (ran := end.get(name)) is not None:
                after = after.insert(name, ran)
        return after


def _holds_at_first(condition: Template, state: State) -> bool:
    """Whether the condition of a loop is true before its first round, whatever the values are."""
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


def _names(lists: Iterable[Steps]) -> list[str]:
    """The names inside of steps, but for those in a ``forEach``, which nobody outside sees."""
    names: list[str] = []
    waiting = [step for steps in lists for step in steps]
    while waiting:
        step = waiting.pop()
        if step.name is not None:
            names.append(step.name)
        if not isinstance(step.form, forms.ForEach):
            waiting.extend(inner for steps in inner_steps(step.form) for inner in steps)
    return names


def _with(state: State, names: Iterable[str], ran: Ran) -> State:
    for name in names:
        state = state.insert(name, ran)
    return state


def _joined(state: State, names: Iterable[str], ways: list[State | None]) -> State | None:
    """What holds whichever way was taken; the ways differ from ``state`` in ``names`` only.

    None is a way that does not come to its end; so is the whole if all are.
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
    if None in known or Ran.PERHAPS in known:
        return Ran.PERHAPS
    return Ran.OR_SKIPPED if Ran.OR_SKIPPED in known else Ran.CERTAINLY
