"""With which error codes a call may fail, by the contracts of all that it leads to.

A definition that declares ``errors`` fails with those. One that declares none may fail with any
code, and so may one whose resources have contracts of their own: it cannot know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from analyzer.program.linking import Callee, Linked, Unit
from kernel import errors
from kernel.cel import Template, tree, walk
from kernel.manifest import Definition
from kernel.schema.keywords import traits
from kernel.structs import struct
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Field, Step, Steps

Code = str | int


_ERRORS: Final = tuple(
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, errors.InvocationError)
)

CATEGORIES: Final = {one.category: one.default_code for one in _ERRORS}
"""What ``error.kind`` is, with the code of an error of that kind that has no other."""

KERNEL: Final = frozenset(CATEGORIES.values()) | {
    "NO_CASE", "NO_MATCH", "LOOP_LIMIT", "TOO_DEEP", "SERVICE_FAILED", "INTERRUPTED", "IN_FLIGHT",
    "LEFT", "NOT_RESUMED", "RESULT_NOT_KEPT",
}  # fmt: skip
"""The codes of the kernel's own errors: they may always come."""

FINAL: Final = frozenset(
    one.default_code
    for one in _ERRORS
    if issubclass(one, errors.Rejected | errors.Cancelled | errors.OutputError)
)
"""The classes of errors after which the kernel never makes another attempt."""


@struct
class Raised:
    """The codes that are declared or thrown. ``open``: others may come as well.

    ``retried``: those of them that are not always declared ``retryable: false``.
    ``throws``: a topology raises an error of its own. ``kernel``: the kernel's own may come.
    """

    codes: frozenset[Code] = frozenset()
    retried: frozenset[Code] = frozenset()
    open: bool = False
    throws: bool = False
    kernel: bool = False

    @classmethod
    def of(cls, *codes: Code, throws: bool = False) -> Raised:
        """Errors that a ``retry`` may repeat."""
        return cls(frozenset(codes), frozenset(codes), throws=throws)

    def __or__(self, other: Raised) -> Raised:
        return Raised(
            self.codes | other.codes,
            self.retried | other.retried,
            self.open or other.open,
            self.throws or other.throws,
            self.kernel or other.kernel,
        )

    def __bool__(self) -> bool:
        return bool(self.codes) or self.open or self.throws


NO_ERRORS: Final = Raised()
ANY_ERROR: Final = Raised(open=True)
KERNEL_ERROR: Final = Raised(kernel=True)


class Raising:
    """What the units of a manifest raise; each is looked at once."""

    def __init__(self, linked: Linked) -> None:
        self._linked = linked
        self._units: dict[Unit, Raised] = {}
        self._steps: dict[Step, Raised] = {}
        self._callees: dict[tuple[Callee, Raised | None], Raised] = {}

    def of_callee(self, callee: Callee) -> Raised:
        """What a call of it may fail with."""
        unit = self._linked.unit_of(callee)
        key = callee, None if unit is None else self.of_unit(unit)
        if key not in self._callees:
            self._callees[key] = _of_callee(callee.definition, key[1])
        return self._callees[key]

    def of_site(self, unit: Unit, site: CallSite) -> Raised:
        """What a call site of a unit may fail with."""
        callee = self._linked.callee(unit.module, site.target)
        raised = KERNEL_ERROR | (ANY_ERROR if callee is None else self.of_callee(callee))
        return raised if site.timeout is None else raised | Raised.of(errors.Timeout.default_code)

    def of_unit(self, unit: Unit) -> Raised:
        """What its topology, or the call sites that its controller uses, may fail with."""
        if unit not in self._units:
            self._units[unit] = ANY_ERROR  # for calls in a circle
            if unit.topology is not None:
                self._units[unit] = self.of_steps(unit, unit.topology.steps)
            else:
                self._units[unit] = self._of_controller(unit)
        return self._units[unit]

    def of_steps(self, unit: Unit, steps: Steps) -> Raised:
        """What comes out of some steps."""
        raised = NO_ERRORS
        for step in steps:
            raised |= self.of_step(unit, step)
        return raised

    def of_step(self, unit: Unit, step: Step) -> Raised:
        """What comes out of a step."""
        if step not in self._steps:
            raised = self.of_itself(unit, step)
            for part in step.parts:
                if not part.is_caught:
                    raised |= self.of_steps(unit, part.steps)
            self._steps[step] = raised
        return self._steps[step]

    def of_itself(self, unit: Unit, step: Step) -> Raised:
        """What a step fails with by itself, without the steps that it holds."""
        raised = NO_ERRORS if step.site is None else self.of_site(unit, step.site)
        if step.timeout is not None:
            raised |= Raised.of(errors.Timeout.default_code)
        for field in step.fields:
            if not _is_harmless(field):
                raised |= KERNEL_ERROR
            if field.expects == "error":
                raised |= _thrown(field.template)
            elif field.fails_with is not None:
                raised |= Raised.of(field.fails_with)
        return raised

    def _of_controller(self, unit: Unit) -> Raised:
        raised = NO_ERRORS
        for site in unit.call_sites():
            raised |= self.of_site(unit, site)
        for target in unit.references:
            referred = self._linked.callee(unit.module, target)
            if referred is not None:
                raised |= self._of_reference(referred)
        return raised

    def _of_reference(self, callee: Callee) -> Raised:
        """A controller may call what it refers to, where that can be called."""
        if callee.definition.capability in ("Provider", "Service"):
            return _declared(callee.definition, NO_ERRORS)
        return self.of_callee(callee)


def _of_callee(definition: Definition, inside: Raised | None) -> Raised:
    """What a call fails with; ``inside`` is what comes from its unit, None without one."""
    raised = Raised(open=definition.errors is None or _is_general(definition))
    if definition.body is not None or definition.topology is not None:
        raised = ANY_ERROR if inside is None else NO_ERRORS
    return _declared(definition, raised if inside is None else raised | inside)


def _declared(definition: Definition, raised: Raised) -> Raised:
    """What calls of a definition raise: what it declares, and what comes from within."""
    declared = definition.errors or {}
    final = {code for code, said in declared.items() if said and said.get("retryable") is False}
    codes = raised.codes.union(declared)
    retried = raised.retried.union(declared) - final
    return replace(raised, codes=codes, retried=retried)


def _is_general(definition: Definition) -> bool:
    """Whether each resource declares its own contract, so that the kind cannot know its errors."""
    properties = (definition.schema or {}).get("properties")
    nodes = properties.values() if isinstance(properties, Mapping) else ()
    return any(traits(node).role in ("inputs", "outputs") for node in nodes)


_READS: Final = (
    tree.Literal, tree.Ident, tree.Select, tree.Logical, tree.Conditional, tree.Unary, tree.Macro
)  # fmt: skip
"""What an expression may consist of that only reads, compares and decides."""


def _is_harmless(field: Field) -> bool:
    """Whether a field cannot fail once its types are right: nothing is computed or looked up."""
    if field.expects not in ("value", "condition", "error", "list"):
        return False
    return all(
        _only_reads(node)
        for _, embedded in field.template.tree.expressions()
        for node in walk(embedded.expr)
    )


def _only_reads(node: tree.Expr) -> bool:
    match node:
        case tree.Binary(operator=operator):
            return operator in ("==", "!=")
        case tree.Unary(operator=operator):
            return operator == "!"
        case tree.Macro(name=name):
            return name == "has"
    return isinstance(node, _READS)


def _thrown(error: Template) -> Raised:
    structure = error.tree.structure
    code = structure.get("code") if isinstance(structure, dict) else None
    if ("code",) in error.tree.scalars or isinstance(code, bool):
        return Raised(open=True, throws=True)
    if isinstance(code, str | int):
        return Raised.of(code, throws=True)
    return Raised.of(errors.Thrown.default_code, throws=True)
