"""Whether some conditions imply others, by what they say of the same expressions.

Conditions are pure, so the same expression over the same values gives the same. Those that are
joined by ``&&``, ``||`` and ``!`` are taken apart into atoms; all combinations of at most
`MAX_CONDITIONS` atoms are tried (analyzer.md, Facts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, Final

from analyzer.expressions.equal_expressions import expression_key
from analyzer.flow.step_conditions import MAX_DEPTH, Equivalent, Equivalents
from kernel.cel import Expr
from kernel.cel.tree import Binary, Ident, Literal, Logical, Select, Unary
from kernel.structs import struct

MAX_CONDITIONS: Final = 8
"""Of more independent conditions nothing is known."""

Outcomes = Iterable[tuple[Expr, bool]]
"""Expressions, each with what it gives."""


@struct
class _Atom:
    """An expression, or the equality of one with a literal; ``key`` is all but its place."""

    key: Any
    literal: Any = None
    compared: bool = False


_Formula = Callable[[dict[_Atom, bool]], bool]
_Make = Callable[[Expr, bool, dict[_Atom, None]], _Formula]


def implies(given: Outcomes, wanted: Outcomes, equivalents: Equivalents = lambda _: None) -> bool:
    """Whether all of ``wanted`` hold wherever all of ``given`` do.

    ``equivalents`` tells what expressions over steps are true for.
    """
    atoms: dict[_Atom, None] = {}
    make = _Maker(equivalents).formula
    goals = [make(expr, outcome, atoms) for expr, outcome in wanted]
    if not goals:
        return True
    if len(atoms) > MAX_CONDITIONS:
        return False
    kept = _relevant(given, set(atoms), make)
    premises = [make(expr, outcome, atoms) for expr, outcome in kept]
    if len(atoms) > MAX_CONDITIONS:
        return False
    names = list(atoms)
    for values in product((True, False), repeat=len(names)):
        valuation = dict(zip(names, values, strict=True))
        reached = _is_possible(valuation) and all(premise(valuation) for premise in premises)
        if reached and not all(goal(valuation) for goal in goals):
            return False
    return True


def _relevant(given: Outcomes, atoms: set[_Atom], make: _Make) -> list[tuple[Expr, bool]]:
    """Those that speak of the expressions in question, as far as they can be taken into account."""
    subjects = {atom.key for atom in atoms}
    kept: list[tuple[Expr, bool]] = []
    for expr, outcome in given:
        mine: dict[_Atom, None] = {}
        make(expr, outcome, mine)
        if len(atoms | mine.keys()) > MAX_CONDITIONS:
            continue
        if any(atom.key in subjects for atom in mine):
            kept.append((expr, outcome))
            atoms = atoms | mine.keys()
    return kept


@struct(frozen=False)
class _Maker:
    """Makes formulas; what a step means is written out."""

    equivalents: Equivalents
    depth: int = 0

    def formula(self, expr: Expr, outcome: bool, atoms: dict[_Atom, None]) -> _Formula:
        if isinstance(expr, Unary) and expr.operator == "!":
            return self.formula(expr.operand, not outcome, atoms)
        if isinstance(expr, Logical):
            parts = [self.formula(operand, outcome, atoms) for operand in expr.operands]
            every = (expr.operator == "&&") is outcome
            joined = all if every else any
            return lambda valuation: joined(part(valuation) for part in parts)
        if isinstance(expr, Literal) and isinstance(expr.value, bool):
            is_true = expr.value is outcome
            return lambda valuation: is_true
        atom, positive = _atom(expr)
        bare = _bare(expr)
        equivalent = self.equivalents(bare) if self.depth < MAX_DEPTH else None
        if equivalent is not None and (bare is expr or _is_bool(bare)):
            return self.of_equivalent(equivalent, outcome is positive, atoms)
        atoms.setdefault(atom)
        wanted = outcome is positive
        return lambda valuation: valuation[atom] is wanted

    def of_equivalent(
        self, equivalent: Equivalent, outcome: bool, atoms: dict[_Atom, None]
    ) -> _Formula:
        self.depth += 1
        parts = [self.formula(one.expr, one.outcome, atoms) for one in equivalent.conditions]
        self.depth -= 1
        wanted = outcome is equivalent.positive
        return lambda valuation: all(part(valuation) for part in parts) is wanted


def _bare(expr: Expr) -> Expr:
    """The ``x`` of ``x == true`` and ``x == false``; anything else as it is."""
    if not isinstance(expr, Binary) or expr.operator not in ("==", "!="):
        return expr
    compared = isinstance(expr.right, Literal) and isinstance(expr.right.value, bool)
    return expr.left if compared else expr


def _atom(expr: Expr) -> tuple[_Atom, bool]:
    if isinstance(expr, Binary) and expr.operator in ("==", "!="):
        positive = expr.operator == "=="
        for one, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(other, Literal) and not isinstance(one, Literal):
                literal = (type(other.value).__name__, other.value)
                if other.value is True:
                    return _Atom(expression_key(one)), positive
                if other.value is False and _is_bool(one):
                    return _Atom(expression_key(one)), not positive
                return _Atom(expression_key(one), literal, True), positive
        return _Atom(
            ("==", frozenset((expression_key(expr.left), expression_key(expr.right))))
        ), positive
    if isinstance(expr, Binary) and expr.operator in _ORDERS and _is_ordered(expr):
        operator, positive = _ORDERS[expr.operator]
        return _Atom((operator, expression_key(expr.left), expression_key(expr.right))), positive
    return _Atom(expression_key(expr)), True


_ORDERS: Final = {"<=": ("<=", True), ">": ("<=", False), "<": ("<", True), ">=": ("<", False)}
"""Each order by the one that it is, or that it is the opposite of."""


def _is_ordered(expr: Binary) -> bool:
    """Whether one of the two orders holds: a whole number, and what is no computed NaN."""
    if not isinstance(expr.right, Literal) or type(expr.right.value) is not int:
        return False
    left = expr.left
    while isinstance(left, Select):
        left = left.operand
    return isinstance(left, Ident) and left.name != "steps"


def _is_bool(expr: Expr) -> bool:
    """Whether it is ``steps.<name>.skipped``, which is never anything but a bool."""
    if not isinstance(expr, Select) or expr.field != "skipped":
        return False
    step = expr.operand
    return (
        isinstance(step, Select)
        and isinstance(step.operand, Ident)
        and step.operand.name == "steps"
    )


def _is_possible(valuation: dict[_Atom, bool]) -> bool:
    """One value is not equal to two different texts."""
    texts = [
        atom.key
        for atom, is_true in valuation.items()
        if is_true and atom.compared and atom.literal[0] == "str"
    ]
    return len(texts) == len(set(texts))
