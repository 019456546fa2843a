"""All checks of one unit."""

from __future__ import annotations

from analyzer.checks.concurrency import check_concurrency
from analyzer.checks.doubtful import without_doubtful
from analyzer.checks.fields import check_fields, check_safety
from analyzer.checks.given_inputs import check_given_inputs
from analyzer.checks.misnamed import with_renamed_steps
from analyzer.checks.steps import check_topology
from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.finding import Finding
from analyzer.program.linking import Unit
from analyzer.program.program import Program


def check_unit(program: Program, unit: Unit) -> list[Finding]:
    """The findings in a unit; the units after it know the type of its result."""
    check = UnitCheck(program, unit)
    if unit.topology is not None:
        program.contracts.results[unit.owner] = check_topology(check)
        kept = without_doubtful(check.findings, unit.topology.steps)
        check.findings = with_renamed_steps(kept, unit.topology, unit.document)
    check_concurrency(check)
    check_safety(check)
    check_fields(check)
    check_given_inputs(check, check_unit)
    return check.findings
