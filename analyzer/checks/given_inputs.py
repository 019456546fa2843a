"""Calls of what says little of its inputs, or nothing: looked at with what each call gives.

Where nothing is declared, nothing is checked before what is called reads its inputs. So it is
checked once more for such a call, as if it had declared what the call gives, at every depth. What
is wrong then, and was not before, is wrong with the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Finding, Note
from analyzer.findings.messages import k2_contracts
from analyzer.program.linking import Callee, Unit
from analyzer.program.program import Program
from analyzer.types import Record, Type, members_of
from analyzer.types.seen_through import is_there, seen_through
from kernel.cel import parse_template, reference_path, references, walk
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.topology.callsite import CallSite

CheckUnit = Callable[[Program, Unit], list[Finding]]

MAX_COMPLETE: Final = 8
"""The calls of one unit that are checked, of those that give all inputs that the unit reads."""

MAX_CALLS: Final = 64
"""The calls of one unit that are checked, of all that there are."""

_HARMLESS: Final = codes("incomparable", "impossible-literal")
"""Errors that are right for a single call: a comparison may always be false in it."""

_FAILING: Final = codes("undeclared-property", "optional-unguarded", "non-exhaustive-switch")
"""Warnings of what fails at run time, with inputs that are known to be these."""


def check_given_inputs(check: UnitCheck, check_unit: CheckUnit) -> None:
    """Check the calls of a unit against what the called units read of undeclared inputs."""
    linked, open_units = check.program.linked, check.program.once(_OpenUnits)
    for site, value in check.calls:
        callee = linked.callee(check.unit.module, site.target)
        for called in () if callee is None else open_units.of(callee):
            _check_call(check, site, value, called, check_unit)


class _OpenUnits:
    """For each callee, the units that read its inputs and do not declare all of them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[Callee, tuple[Unit, ...]] = {}

    def of(self, callee: Callee) -> tuple[Unit, ...]:
        known = self._known.get(callee)
        if known is None:
            contracts, units = self._program.contracts, self._program.linked.units_of(callee)
            known = tuple(one for one in units if contracts.leaves_open(contracts.arguments(one)))
            self._known[callee] = known
        return known


def _check_call(
    check: UnitCheck, site: CallSite, value: Evaluation, called: Unit, check_unit: CheckUnit
) -> None:
    program = check.program
    declared = program.contracts.arguments(called)
    reads, given = _reads(program, called), seen_through(declared, value.type)
    if not reads or called in program.within or given == declared:
        return
    is_complete = all(is_there(given, path[1:]) for path in reads)
    wrong = _wrong_with(program, called, given, is_complete, check_unit)
    where: Path = (*site.path, "invoke") if site.inputs is None else (*site.path, "inputs")
    missing: dict[str, list[Note]] = {}
    told: set[tuple[str, str]] = set()
    for found in wrong:
        name = _missing(called, found, given)
        notes = () if found.span is None else (Note("it is read here", found.span),)
        if name is not None:
            missing.setdefault(name, []).extend(notes)
        elif (found.code, found.message) not in told:
            told.add((found.code, found.message))
            message = k2_contracts.fails_with_given(called.label, found)
            check.add(message, where, key=True, related=(*notes, *found.related))
    for name, reading in missing.items():
        near = nearest(name, _names(given) - {str(path[1]) for path in reads if len(path) > 1})
        message = k2_contracts.not_given(called.label, name, near)
        check.add(message, where, key=True, related=tuple(reading))


def _wrong_with(
    program: Program, called: Unit, given: Type, is_complete: bool, check_unit: CheckUnit
) -> tuple[Finding, ...]:
    """The findings in a unit that only come with the inputs that a call gives."""
    known = program.given_findings.setdefault(called, {})
    if None not in known:
        known[None] = tuple(check_unit(program.inside(called, None), called))
    if given not in known:
        if len(known) > (MAX_COMPLETE if is_complete else MAX_CALLS):
            return ()
        told = {one.span for one in known[None] if one.weight != "info"}
        found = check_unit(program.inside(called, given), called)
        known[given] = tuple(one for one in found if _fails(one) and one.span not in told)
    return known[given]


def _fails(found: Finding) -> bool:
    return found.code in _FAILING or (found.weight == "error" and found.code not in _HARMLESS)


def _missing(called: Unit, found: Finding, given: Type) -> str | None:
    """The name of the input that a finding is about, if the call never gives that input."""
    text = _at(called.document.data, found.path)
    if found.name != "optional-unguarded" or not isinstance(text, str):
        return None
    for _, embedded in parse_template(text).expressions():
        for node in walk(embedded.expr):
            path = reference_path(node)
            if path is None or path[0] != "inputs" or len(path) != 2 or path[1] in _names(given):
                continue
            if called.document.scalar_span(found.path, node.offset, node.end) == found.span:
                return str(path[1])
    return None


def _names(given: Type) -> set[str]:
    """The names of what a call gives, or may give."""
    records = (one for one in members_of(given) if isinstance(one, Record))
    return {name for one in records for name, _ in one.fields}


def _reads(program: Program, called: Unit) -> frozenset[tuple[str | int, ...]]:
    """What the expressions of a unit read of its inputs."""
    if called not in program.input_reads:
        program.input_reads[called] = frozenset(_references(called))
    return program.input_reads[called]


def _references(called: Unit) -> Iterator[tuple[str | int, ...]]:
    tree = parse_template(_at(called.document.data, called.path))
    for _, embedded in () if tree.errors else tree.expressions():
        yield from (path for path in references(embedded.expr) if path[0] == "inputs")


def _at(data: Any, path: Path) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
