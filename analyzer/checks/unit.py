"""All checks of one unit."""

from __future__ import annotations

from analyzer.checks.collector import Collector
from analyzer.checks.fields import check_fields, check_safety
from analyzer.checks.steps import check_topology
from analyzer.findings.finding import Finding
from analyzer.program.linking import Unit
from analyzer.program.program import Program


def check_unit(program: Program, unit: Unit) -> list[Finding]:
    """What is wrong with a unit; the units after it know what its topology gives."""
    collector = Collector(unit.document)
    if unit.sequence is not None:
        program.contracts.results[unit.owner] = check_topology(program, unit, collector)
    check_safety(program, unit, collector)
    check_fields(program, unit, collector)
    return collector.findings
