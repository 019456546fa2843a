"""What is said about ``steps``: which rule a reading breaks depends on where the step stands.

The checker of expressions knows ``steps`` as a record whose fields may not be there. Here its
findings become those of analyzer.md: a step that may not have run (K503), that comes later (K504),
that is inside of a ``forEach`` (K306), or that is nowhere (K401).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from analyzer.expressions.facts import Facts, plain_path, type_at
from analyzer.findings.catalogue import codes
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k4_types, k5_presence
from analyzer.flow.availability import Ran
from analyzer.flow.implication import implies
from analyzer.flow.place import Place, may_be_asked_again
from analyzer.flow.step_conditions import equivalents_at
from analyzer.types import NEVER, Type
from kernel.cel import Expr, walk
from kernel.cel.tree import Conditional, Logical, Macro, Select, children
from kernel.structs import struct
from kernel.topology.forms import Step
from kernel.topology.step_names import step_name

_OF_PRESENCE = codes(
    "unknown-property", "unnarrowed-union", "optional-unguarded", "undeclared-property",
    "nullable-unguarded",
)  # fmt: skip
"""The rules that the checker of expressions breaks where a step may not be there."""


@struct
class _Use:
    """``steps.<name>`` in an expression; ``node`` is that selection."""

    name: str
    node: Expr


def _uses_of(expr: Expr) -> Iterator[_Use]:
    """Every place in an expression where a step is named."""
    for node in walk(expr):
        name = step_name(node)
        if name is not None:
            yield _Use(name, node)


def certain_steps(
    expr: Expr, place: Place, facts: Facts, found: Iterable[Diagnostic]
) -> frozenset[str]:
    """The steps that have certainly run wherever the expression reads them, by its conditions.

    A step with a ``when`` has run where the same condition is known to hold. ``found`` is what was
    found without that: an operand with a reading that may fail says nothing for those after it.
    """
    readings = _readings_of(expr)
    places = ((one.offset, one.end) for one in found if one.code in _OF_PRESENCE)
    doubtful = {readings[one][0].name for one in places if one in readings}
    certain: dict[str, bool] = {}
    for use in _uses_of(expr):
        if certain.get(use.name, True):
            certain[use.name] = _is_certain(use, expr, place, facts, doubtful)
            if certain[use.name]:
                doubtful.discard(use.name)
    return frozenset(name for name, held in certain.items() if held)


def _is_certain(
    use: _Use, expr: Expr, place: Place, facts: Facts, doubtful: Collection[str]
) -> bool:
    step = place.conditions.by_name.get(use.name)
    if step is None or use.name not in place.state:
        return False
    guards = place.conditions.guards(step, place.step, place.within)
    if guards is None or not all(may_be_asked_again(one, place) for one in guards):
        return False
    given = [(one.expr, one.outcome) for one in place.known if one.gives is None]
    given += _around(expr, use.node, place, doubtful)

    def type_of(subject: Expr) -> Type | None:
        path = plain_path(subject, facts)
        type_ = NEVER if path is None else type_at(path, facts)
        # Of steps only those are in scope that the expression reads.
        return None if type_ == NEVER else type_

    wanted = [(one.expr, one.outcome) for one in guards]
    return implies(given, wanted, equivalents_at(place), type_of)


def _around(
    expr: Expr, node: Expr, place: Place, doubtful: Collection[str]
) -> list[tuple[Expr, bool]]:
    """What the expression itself says before it comes to a part of it.

    An operand that fails does not matter where another one decides, whichever comes first. Where
    both fail none decides, so only what cannot fail counts: of what comes before, the operands that
    read no doubtful step, and of what comes after, those that fail by no step.
    """
    said: list[tuple[Expr, bool]] = []
    here = expr
    while here is not node:
        if isinstance(here, Macro):
            return said  # what a macro declares may hide names
        inner = next((one for one in children(here) if _holds(one, node)), None)
        if inner is None:
            return said
        if isinstance(here, Conditional) and inner is not here.condition:
            said.append((here.condition, inner is here.then))
        elif isinstance(here, Logical):
            number = next(at for at, one in enumerate(here.operands) if one is inner)
            later = (one for one in here.operands[number + 1 :] if not _may_fail(one, place))
            before = (one for one in here.operands[:number] if not _reads(one, doubtful))
            said += [(one, here.operator == "&&") for one in (*before, *later)]
        here = inner
    return said


def _reads(expr: Expr, steps: Collection[str]) -> bool:
    return any(use.name in steps for use in _uses_of(expr))


def _may_fail(expr: Expr, place: Place) -> bool:
    """Whether an expression may fail since a step has not run that it reads."""
    asked = [one for one in walk(expr) if isinstance(one, Select) and one.field == "skipped"]

    def is_safe(use: _Use) -> bool:
        state = place.state.get(use.name)
        if state is Ran.OR_SKIPPED and any(one.operand is use.node for one in asked):
            return True
        return state is Ran.CERTAINLY or _is_guard(use, expr)

    return not all(map(is_safe, _uses_of(expr)))


def _readings_of(expr: Expr) -> dict[tuple[int, int], tuple[_Use, bool]]:
    """The places where steps are named, and whether it is their ``result`` or ``skipped``."""
    readings: dict[tuple[int, int], tuple[_Use, bool]] = {}
    for use in _uses_of(expr):
        readings[use.node.offset, use.node.end] = use, False
    for node in walk(expr):
        if isinstance(node, Select) and step_name(node.operand) is not None:
            name = step_name(node.operand) or ""
            if node.field in ("result", "skipped"):
                readings[node.offset, node.end] = _Use(name, node.operand), True
    return readings


def _holds(expr: Expr, node: Expr) -> bool:
    return any(one is node for one in walk(expr))


def explained(found: Iterable[Diagnostic], expr: Expr, place: Place) -> Iterator[Diagnostic]:
    """The findings with those about ``steps`` in their own words, one for each step."""
    readings = _readings_of(expr)
    told: set[str] = set()
    for diagnostic in found:
        reading = readings.get((diagnostic.offset, diagnostic.end))
        if reading is None or diagnostic.code not in _OF_PRESENCE:
            yield diagnostic
            continue
        use, inside = reading
        if (
            diagnostic.name == "unknown-property"
            and inside
            and use.name in place.state
            and _is_guard(use, expr)
        ):
            continue  # that it is asked is no mistake, although the answer is known
        if use.name not in told:
            told.add(use.name)
            yield from _explained(use, diagnostic, inside, place)


def _is_guard(use: _Use, expr: Expr) -> bool:
    """Whether a ``has`` asks for the step; what an index in it reads is read in any case."""
    return any(
        isinstance(node, Macro) and node.name == "has" and _asks(node.args[0], use.node)
        for node in walk(expr)
    )


def _asks(selection: Expr, node: Expr) -> bool:
    while isinstance(selection, Select):
        if selection is node:
            return True
        selection = selection.operand
    return selection is node


def _explained(
    use: _Use, diagnostic: Diagnostic, inside: bool, place: Place
) -> Iterator[Diagnostic]:
    conditions = place.conditions
    step = conditions.by_name.get(use.name)
    node, name = use.node, use.name
    if step is None:
        yield k4_types.unknown_step(node, name, conditions.by_name)
    elif name in place.state:
        if inside and diagnostic.name == "nullable-unguarded":
            yield diagnostic
            return
        guard = f"guard it with has(steps.{name}.result)"
        if diagnostic.name == "unknown-property" and inside:
            guard = "the conditions around say so"
            yield k5_presence.step_unavailable(node, name, "was skipped here", guard)
            return
        skipped = place.state[name] is Ran.OR_SKIPPED
        why = "may have been skipped" if skipped else "may not have run here"
        yield k5_presence.step_unavailable(node, name, why, guard)
    elif _is_hidden(step, place):
        yield k3_names.inner_step(node, name)
    elif place.step is None or _is_before(step, place):
        why = "does not run where this is read"
        yield k5_presence.step_unavailable(node, name, why, "it is on another branch")
    elif step is place.step:
        why = "has not run yet where this is read"
        yield k5_presence.step_unavailable(node, name, why, "a step cannot read itself")
    else:
        yield k5_presence.forward_reference(node, name)


def _is_before(step: Step, place: Place) -> bool:
    order = place.conditions.order
    return place.step is not None and order[step] < order[place.step]


def _is_hidden(step: Step, place: Place) -> bool:
    """Whether the step is in a ``forEach`` that the place is not in."""
    mine = set(place.conditions.lineage(place.step)) if place.step is not None else set()
    if place.step is not None and not place.within:
        mine.discard(place.step)
    ways = (place.conditions.ways[one] for one in place.conditions.lineage(step))
    return any(way.part and way.part.is_isolated and way.parent not in mine for way in ways)
