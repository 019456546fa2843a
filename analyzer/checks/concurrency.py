"""The field ``concurrency`` of a topology: the expression that names the group of a call."""

from __future__ import annotations

from functools import partial

from analyzer.checks.expected import expect
from analyzer.checks.missing_brackets import check_value
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation
from analyzer.flow.evaluation import evaluate_in_scope
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.program.variables import Names
from kernel.errors import Path
from kernel.topology.concurrency import VARIABLES, Concurrency, concurrency_at


def check_concurrency(check: UnitCheck) -> None:
    """The group of a call is text over the inputs and the variables of the module."""
    unit = check.unit
    found = concurrency_in(unit)
    if found is None or found.group is None:
        return
    path = (*found.path, "group")

    def judge(value: Evaluation) -> None:
        expect(check, value, "group", "a string", path)

    names = variables_of_group(check.program, unit)
    check_value(check, found.group, path, partial(evaluate_in_scope, names=names), judge)


def concurrency_in(unit: Unit) -> Concurrency | None:
    """What the topology of a unit says; None where there is none, or it is wrong."""
    return concurrency_at(unit.document, unit.roles)[0]


def is_in_concurrency(unit: Unit, path: Path) -> bool:
    """Whether a place of the document stands in that field."""
    if "concurrency" not in unit.roles:
        return False
    field = unit.roles["concurrency"][0]
    return path[: len(field)] == field


def variables_of_group(program: Program, unit: Unit) -> Names:
    """The variables that ``group`` reads."""
    names = program.variables.of_topology(unit)
    return {name: names[name] for name in VARIABLES if name in names}
