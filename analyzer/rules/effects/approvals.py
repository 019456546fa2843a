"""K703: approvals inside of what repeats. Each attempt and each round would ask a person again."""

from __future__ import annotations

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.finding import Note
from analyzer.findings.messages import k7_effects
from analyzer.flow.items import expression_of
from analyzer.program.linking import Callee, Unit
from analyzer.program.raising import NO_ERRORS
from analyzer.rules.effects.reach import Effects, ReachedKind, SiteContext, name_of
from kernel.cel.tree import Literal
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Step, Steps

_BOUND = "approval-bound"


def check_approvals(check: UnitCheck) -> None:
    """The calls of a unit that need an approval each time."""
    unit = check.unit
    loops: dict[CallSite, Step] = {}
    if unit.topology is not None:
        _find_loops(unit.topology.steps, None, loops)
    for site in unit.call_sites():
        repeats = site.retry is not None and site.retry.attempts > 1
        if repeats or site in loops:
            _check_site(check, site, None if repeats else loops[site])


def _check_site(check: UnitCheck, site: CallSite, loop: Step | None) -> None:
    unit, effects = check.unit, check.program.once(Effects)
    callee = effects.callee(unit, site)
    if callee is None:
        return
    found = _found(effects, unit, site, callee)
    if found is None and not _may_ask(site):
        return
    name = name_of(callee)
    notes: tuple[Note, ...] = ()
    inner = None
    if found is not None and found.definition is not callee.definition:
        inner = found.name
        notes = () if found.span is None else (Note("it is called here", found.span),)
    if found is not None and effects.is_own(found.definition):
        notes = (*notes, Note("declared here", found.definition.document.span(("safety",))))
    if loop is None:
        message = k7_effects.approval_in_retry(name, inner)
        check.add(message, (*site.path, "retry"), key=True, related=notes)
        return
    notes = (Note("the loop", check.document.span((*loop.path, _word(loop)), key=True)), *notes)
    message = k7_effects.approval_in_loop(name, inner)
    check.add(message, (*site.path, "invoke"), key=True, related=notes)


def _found(effects: Effects, unit: Unit, site: CallSite, callee: Callee) -> ReachedKind | None:
    """What needs an approval in a call; what stands in a loop within is told of there."""
    inside = effects.inside(callee)
    if inside is not None:
        reached = effects.of_unit(inside).values()
        return next((one for one in reached if one.safety == _BOUND and not one.looped), None)
    if effects.class_of(callee, site) != _BOUND:
        return None
    context = SiteContext(site, NO_ERRORS, caught=False, looped=False)
    return next(iter(effects.of_callee(unit, context, callee).values()))


def _may_ask(site: CallSite) -> bool:
    """Whether a call site itself asks for an approval; what is plainly false asks for none."""
    expr = None if site.approval is None else expression_of(site.approval.when)
    is_false = isinstance(expr, Literal) and expr.value is False
    return site.approval is not None and not is_false


def _find_loops(steps: Steps, loop: Step | None, found: dict[CallSite, Step]) -> None:
    """The innermost loop around each call site that stands in one."""
    for step in steps:
        if step.site is not None and loop is not None:
            found[step.site] = loop
        for part in step.parts:
            _find_loops(part.steps, step if part.repeats else loop, found)


def _word(step: Step) -> str:
    """The field that makes a step a loop."""
    return next(
        str(one.path[0]) for one in step.fields if one.goes_on is not None or one.expects == "list"
    )
