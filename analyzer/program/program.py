"""What the checks of all units of a manifest share."""

from __future__ import annotations

from typing import Any

from analyzer.program.contracts import Contracts
from analyzer.program.linking import Linked, Unit
from analyzer.program.variables import Variables
from analyzer.types import Dyn, Type
from kernel.cel import CelSyntaxError, Template, compile_template, faulty_template
from kernel.topology.callsite import CallSite


class Program:
    """What the checks of all units of a manifest share."""

    def __init__(self, linked: Linked) -> None:
        self.linked = linked
        self.contracts = Contracts(linked)
        self.variables = Variables(linked, self.contracts)

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
