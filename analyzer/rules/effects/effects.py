"""K701 to K708, K209: what is repeated, approved, handled, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.checks.collector import Collector
from analyzer.findings.finding import Finding
from analyzer.program.program import Program
from analyzer.rules.effects.approvals import check_approvals
from analyzer.rules.effects.definitions import check_definition
from analyzer.rules.effects.handling import check_handling
from analyzer.rules.effects.loops import check_loops
from analyzer.rules.effects.reach import Effects
from analyzer.rules.effects.retries import check_retry


def effect_findings(program: Program) -> Iterator[Finding]:
    """What is wrong with the effects of a manifest."""
    effects = Effects(program)
    for unit in program.linked.units.values():
        collector = Collector(unit.document)
        for site in unit.call_sites():
            check_retry(effects, unit, site, collector)
        check_approvals(effects, unit, collector)
        check_handling(effects, unit, collector)
        check_loops(effects, unit, collector)
        check_definition(program, unit, collector)
        yield from collector.findings
