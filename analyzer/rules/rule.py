"""What a rule is to the pipeline: a function that finds mistakes in a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.finding import Finding
from analyzer.program.program import Program
from kernel.structs import struct

Find = Callable[[Program], Iterable[Finding]]
Check = Callable[[UnitCheck], None]


@struct
class Rule:
    """A function that finds mistakes, and the codes of the catalogue that its findings have.

    The function gets a whole program, since units may share a mistake: a schema of their module, a
    circle of calls, a secret that goes from one unit to the next.
    """

    codes: frozenset[str]
    find: Find


def in_each_unit(*checks: Check) -> Find:
    """A rule that looks at one unit after the other."""

    def find(program: Program) -> Iterator[Finding]:
        for unit in program.linked.units.values():
            of_unit = UnitCheck(program, unit)
            for check in checks:
                check(of_unit)
            yield from of_unit.findings

    return find
