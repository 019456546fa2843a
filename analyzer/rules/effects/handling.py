"""K705: handlers of errors that cannot come, and errors that a ``switch`` leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from analyzer.checks.steps import type_of_field
from analyzer.checks.switches import keyed_parts, uncovered
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import constant
from analyzer.findings.message import Message
from analyzer.findings.messages import k4_types, k7_effects
from analyzer.flow.items import expression_of
from analyzer.program.caught import error_of_code, is_code
from analyzer.program.program import written
from analyzer.program.raising import CATEGORIES, FINAL, KERNEL, Code, Raised
from analyzer.rules.effects.reach import Effects, name_of
from analyzer.types.operators import union_of_many
from kernel.cel import Expr, Template, free_names, reference_path, walk
from kernel.cel.tree import Binary, ListLiteral, Literal
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.structs import struct
from kernel.topology.fields import variables
from kernel.topology.forms import Field, Part, Step, Steps

_CLASS: Final = re.compile(r"[A-Z]\w*[a-z]\w*")
"""How exceptions are named: a controller may fail with any, and its name is the code then."""


@struct
class PossibleErrors:
    """What ``error.code`` may be: what is ``raised``, and ``kernel``, the kernel's own.

    ``subject`` is what fails, in words; ``retried``: seen by a ``retry.when``.
    """

    raised: Raised
    kernel: frozenset[str]
    subject: str
    retried: bool = False

    def has(self, code: Code) -> bool | None:
        """Whether an error may have that code; None where it is not for the contract to say."""
        if code in self.raised.codes or code in self.kernel:
            return True
        if self.raised.open:
            return None
        if isinstance(code, int):
            return None if any(isinstance(one, int) for one in self.raised.codes) else False
        if self.meant(code) is None and _CLASS.fullmatch(code) and code not in FINAL:
            return None
        return False

    def meant(self, code: Code) -> str | None:
        """The code that can come and is spelt most like ``code``; None if none is near."""
        if not isinstance(code, str) or code in FINAL:
            return None
        if code in CATEGORIES and CATEGORIES[code] in self.kernel:
            return CATEGORIES[code]
        known = {one for one in self.raised.codes if isinstance(one, str)} | self.kernel
        return nearest(code, known)

    def refusal(self, code: Code) -> Message:
        """Why it cannot be that code."""
        codes = sorted(map(str, self.raised.codes))
        final = self.retried and code in FINAL
        return k7_effects.no_such_error(self.subject, code, codes, self.meant(code), final=final)


def check_condition(
    check: UnitCheck, possible: PossibleErrors, template: Template, path: Path
) -> bool:
    """The codes that a template compares with; whether the contract says all of them."""
    sure = True
    for where, embedded in template.tree.expressions():
        if "error" not in free_names(embedded.expr):
            continue
        for field, literal in _compared(embedded.expr):
            if field == "kind":
                _check_category(check, literal, path + where)
                continue
            known = possible.has(literal.value)
            if known is None:
                sure = False
            elif not known:
                message, meant = possible.refusal(literal.value), possible.meant(literal.value)
                found = k7_effects.compared(literal, message, meant)
                check.add_diagnostic(found, path + where)
    return sure


def _check_category(check: UnitCheck, literal: Literal, path: Path) -> None:
    """``error.kind`` is one of a few; later versions know more, so only a near miss is told."""
    value = literal.value
    meant = nearest(value, CATEGORIES) if isinstance(value, str) else None
    if meant is not None and value not in CATEGORIES:
        message = k7_effects.no_such_category(value, meant)
        check.add_diagnostic(k7_effects.compared(literal, message, meant), path)


@lru_cache(maxsize=4096)
def _compared(expr: Expr) -> tuple[tuple[str, Literal], ...]:
    """The literals that ``error.code`` and ``error.kind`` are compared with, and with which."""
    return tuple(_comparisons(expr))


def _comparisons(expr: Expr) -> Iterator[tuple[str, Literal]]:
    for node in walk(expr):
        if not isinstance(node, Binary) or node.operator not in ("==", "!=", "in"):
            continue
        for one, other in ((node.left, node.right), (node.right, node.left)):
            path = reference_path(one)
            if path not in (("error", "code"), ("error", "kind")):
                continue
            given = other.elements if isinstance(other, ListLiteral) else (other,)
            for literal in given:
                if isinstance(literal, Literal) and type(literal.value) in (str, int):
                    yield str(path[1]), literal


def check_handling(check: UnitCheck) -> None:
    """The handlers of a unit."""
    unit, effects = check.unit, check.program.once(Effects)
    if unit.topology is not None:
        _Handlers(check, effects).steps(unit.topology.steps, None)
    for site in unit.sites:
        callee = effects.callee(unit, site.site)
        definition = unit.definition
        if callee is None or definition is None or definition.errors is None:
            continue
        raised = effects.raising.of_site(unit, site.site)
        own = Raised.of(*definition.errors)
        possible = PossibleErrors(raised | own, KERNEL, f"`{name_of(callee)}`")
        for place in site.own_fields:
            if "error" in variables(place.context):
                check_condition(check, possible, written(place.value), place.path)


@struct(frozen=False)
class _Handlers:
    check: UnitCheck
    effects: Effects

    def steps(self, steps: Steps, possible: PossibleErrors | None) -> None:
        """``possible`` is what ``error`` may be; None where there is none."""
        for step in steps:
            self.step(step, possible)

    def step(self, step: Step, possible: PossibleErrors | None) -> None:
        if possible is not None:
            fields = tuple(_fields_of_outer_error(step))
            for field in fields:
                path = (*step.path, *field.path)
                check_condition(self.check, possible, field.template, path)
            for field in fields:
                if field.expects == "key":
                    self.choice(step, field, possible)
        for number, part in enumerate(step.parts):
            if "error" in part.brings:
                self.handler(part, step.parts[number - 1])
            else:
                self.steps(part.steps, possible)

    def handler(self, part: Part, failed: Part) -> None:
        """A part that sees the error with which the part before ``failed``."""
        raised = self.effects.raising.of_steps(self.check.unit, failed.steps)
        subject = "what is tried here" if failed.role == "try" else "the `catch`"
        self.steps(part.steps, PossibleErrors(raised, KERNEL, subject))

    def choice(self, step: Step, field: Field, possible: PossibleErrors) -> None:
        """``switch: ${{ error.code }}``: its keys, and what they leave out."""
        expr = expression_of(field.template)
        if expr is None or not is_code(expr):
            return
        keyed = keyed_parts(step)
        for part in keyed:
            if type(part.key) in (str, int) and possible.has(part.key) is False:
                path = (*step.path, *part.path)
                self.check.add(possible.refusal(part.key), path, key=True)
        if len(keyed) == len(step.parts):
            for message in self.left_out(step, field, possible.raised, [one.key for one in keyed]):
                self.check.add(message, (*step.path, *field.path), key=True)

    def left_out(
        self, step: Step, field: Field, raised: Raised, keys: list[Code]
    ) -> Iterator[Message]:
        """The codes that no case is for: those that are known, or others that may come.

        The kernel's own are left to come out of the handler, as an error of the `switch`.
        """
        program, unit = self.check.program, self.check.unit
        known = error_of_code(union_of_many(map(constant, raised.codes)))
        left = type_of_field(program, unit, step, field, {"error": known})
        codes = sorted(str(one) for one in raised.codes if left.contains(one) and one not in keys)
        if codes:
            yield k7_effects.unhandled_errors(codes)
        elif raised.open:
            missing = uncovered(type_of_field(program, unit, step, field), keys)
            if missing:
                yield k4_types.no_case(missing)


def _fields_of_outer_error(step: Step) -> Iterator[Field]:
    """The fields of a step in which ``error`` is that of the part around it, not one of its own."""
    for field in step.fields:
        if "error" not in field.brings and not field.template.constant:
            yield field
