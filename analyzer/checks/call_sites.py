"""Call sites: their arguments against the contract of what they call, and their other fields."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from analyzer.checks.bindings import check_bindings
from analyzer.checks.expected import check_constant, expect
from analyzer.checks.missing_brackets import check_value
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.assignment import mismatches
from analyzer.expressions.templates import Evaluation, evaluate
from analyzer.findings.messages import k7_effects
from analyzer.findings.messages.k2_contracts import INPUT
from analyzer.program.variables import ERROR, INVOCATION, Names
from analyzer.types import DYN, NEVER, Bool, Record, Type
from kernel.cel import Template, compile_template
from kernel.errors import Path
from kernel.manifest import Module
from kernel.topology.callsite import CallSite

Field = Callable[[Template, Names], Evaluation]
"""Evaluates a field of a call site; the names are what only this field has."""

_NO_INPUTS = evaluate(compile_template({}).tree, lambda _: (NEVER, ()))

_ANY_MAP = Record((), DYN)
"""What is given to a callee that declares no inputs."""

_INSIDE: Names = {"invocation": INVOCATION}
_RETRIED: Names = {"invocation": INVOCATION, "error": ERROR}


def check_site(check: UnitCheck, site: CallSite, field: Field) -> None:
    """All fields of a call site but ``when``."""
    if site.inputs is None:
        _arguments(check, site, None)
    else:
        path = (*site.path, "inputs")
        judge = partial(_arguments, check, site)
        place = _place(check, site)
        check_value(check, site.inputs, path, lambda one: field(one, _INSIDE), judge, place)

    def condition(template: Template, where: Path, names: Names, wanted: str = "a bool") -> None:
        path = (*site.path, *where)
        judge = partial(_condition, check, path, where, wanted)
        check_value(check, template, path, lambda one: field(one, names), judge)

    def text(template: Template, where: Path, wanted: str) -> None:
        path = (*site.path, *where)
        judge = partial(_text, check, path, wanted)
        check_value(check, template, path, lambda one: field(one, _INSIDE), judge)

    if site.retry is not None and site.retry.when is not None:
        condition(site.retry.when, ("retry", "when"), _RETRIED)
    for number, template in enumerate(site.expect):
        condition(template, ("expect", number), _INSIDE)
    if site.approval is not None and not site.approval.when.constant:
        condition(site.approval.when, site.approval.path, _INSIDE, "`required` or a bool")
    if site.approval is not None and site.approval.message is not None:
        text(site.approval.message, ("approval", "message"), "a string")
    if site.idempotency_key is not None:
        text(site.idempotency_key, ("idempotencyKey",), "a string that is not empty")


def _text(check: UnitCheck, path: Path, wanted: str, value: Evaluation) -> None:
    expect(check, value, str(path[-1]), wanted, path)


def _condition(check: UnitCheck, path: Path, where: Path, wanted: str, value: Evaluation) -> None:
    name = ".".join(str(step) for step in where if isinstance(step, str))
    if not expect(check, value, name, wanted, path):
        return
    if name == "retry.when" and value.type == Bool(False) and not value.found:
        check.add(k7_effects.NEVER_RETRIED, path)
    else:
        check_constant(check, value, path, None)


def _place(check: UnitCheck, site: CallSite) -> Type:
    """What the arguments of a call must fit."""
    callee = check.program.linked.callee(check.unit.module, site.target)
    return (None if callee is None else check.program.contracts.inputs(callee)) or _ANY_MAP


def _arguments(check: UnitCheck, site: CallSite, value: Evaluation | None) -> None:
    program, unit = check.program, check.unit
    callee = program.linked.callee(unit.module, site.target)
    if callee is None:
        return
    place = _place(check, site)
    name = f"`{callee.resource.name or callee.definition.kind}`"
    # What the only target of a module lacks may be given when it is started.
    complete = not isinstance(unit.owner, Module) or len(unit.sites) > 1
    if complete:
        check.calls.append((site, value or _NO_INPUTS))
    for found in mismatches(value or _NO_INPUTS, place, INPUT, name):
        if found.message.code == INPUT.missing and not complete:
            continue
        if value is None:
            check.add(found.message, (*site.path, "invoke"), key=True)
        else:
            check.add_mismatch(found, value, (*site.path, "inputs"))
    check_bindings(check, site, callee, value, complete=complete)
