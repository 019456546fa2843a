"""What the checks of all units of a manifest share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property
from typing import Any, TypeVar

from analyzer.findings.finding import Finding
from analyzer.program.call_order import CallOrder, call_order
from analyzer.program.contracts import Contracts
from analyzer.program.linking import Linked, Unit
from analyzer.program.raising import Raising
from analyzer.program.variables import Variables
from analyzer.types import Dyn, Type
from kernel.cel import CelSyntaxError, Template, compile_template, faulty_template
from kernel.topology.callsite import CallSite

Made = TypeVar("Made")


class Program:
    """What the checks and the rules of a manifest share.

    ``of_reading`` are the findings of its reading, before the manifest was linked. ``within`` are
    the units that are looked at for one call (`inside`); ``given_findings`` what was found in them,
    by the inputs that were given; ``input_reads`` what units read of their inputs.
    """

    def __init__(self, linked: Linked, of_reading: Iterable[Finding] = ()) -> None:
        self.linked = linked
        self.of_reading = tuple(of_reading)
        self.contracts = Contracts(linked)
        self.variables = Variables(linked, self.contracts)
        self.raising = Raising(linked)
        self.within: frozenset[Unit] = frozenset()
        self.given_findings: dict[Unit, dict[Type | None, tuple[Finding, ...]]] = {}
        self.input_reads: dict[Unit, frozenset[tuple[str | int, ...]]] = {}
        self._made: dict[object, Any] = {}

    @cached_property
    def call_order(self) -> CallOrder:
        """The order in which the units are checked."""
        return call_order(self.linked)

    def inside(self, unit: Unit, given: Type | None) -> Program:
        """The same program during a call that gives these inputs to a unit; None: any inputs."""
        inside = copy(self)
        inside.within = self.within | {unit}
        inside.contracts = self.contracts.inside(unit, given)
        inside.variables = self.variables.by(inside.contracts)
        return inside

    def once(self, make: Callable[[Program], Made]) -> Made:
        """The value of ``make`` for the program, computed once for all rules that need it."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made

    def result_of(self, unit: Unit, site: CallSite) -> Type:
        """What a call gives."""
        callee = self.linked.callee(unit.module, site.target)
        if callee is None:
            return Dyn("what it calls is not known")
        return self.contracts.outputs(callee)


def written(value: Any) -> Template:
    """The template of what is written; what does not parse, which is reported, stands for null."""
    try:
        return compile_template(value)
    except CelSyntaxError as error:
        return faulty_template(error)
