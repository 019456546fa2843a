"""Whether some conditions imply others, by what they say of the same expressions.

Conditions are pure, so the same expression over the same values gives the same. Those that are
joined by ``&&``, ``||`` and ``!`` are taken apart into atoms; all combinations of at most
`MAX_CONDITIONS` atoms are tried that some values give (analyzer.md, Facts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, Final

from analyzer.expressions.equal_expressions import expression_key
from analyzer.flow.atoms import MIRRORED, Atom, TypeOf, literal, possible
from analyzer.flow.step_conditions import MAX_DEPTH, Equivalent, Equivalents
from kernel.cel import Expr
from kernel.cel.tree import Binary, Ident, ListLiteral, Literal, Logical, Select, Unary
from kernel.structs import struct

MAX_CONDITIONS: Final = 8
"""Of more independent conditions nothing is known."""

Outcomes = Iterable[tuple[Expr, bool]]
"""Expressions, each with what it gives."""


_Formula = Callable[[dict[Atom, bool]], bool]
_Make = Callable[[Expr, bool, dict[Atom, None]], _Formula]


def implies(
    given: Outcomes,
    wanted: Outcomes,
    equivalents: Equivalents = lambda _: None,
    type_of: TypeOf = lambda _: None,
) -> bool:
    """Whether all of ``wanted`` hold wherever all of ``given`` do.

    ``equivalents`` tells what expressions over steps are true for, ``type_of`` what values there
    are.
    """
    atoms: dict[Atom, None] = {}
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
    is_possible = possible(names, _evaluated(kept), type_of)
    for values in product((True, False), repeat=len(names)):
        valuation = dict(zip(names, values, strict=True))
        reached = all(premise(valuation) for premise in premises) and is_possible(valuation)
        if reached and not all(goal(valuation) for goal in goals):
            return False
    return True


def _relevant(given: Outcomes, atoms: set[Atom], make: _Make) -> list[tuple[Expr, bool]]:
    """Those that speak of the expressions in question, as far as they can be taken into account."""
    subjects = {atom.key for atom in atoms}
    kept: list[tuple[Expr, bool]] = []
    for expr, outcome in given:
        mine: dict[Atom, None] = {}
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

    def formula(self, expr: Expr, outcome: bool, atoms: dict[Atom, None]) -> _Formula:
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
        self, equivalent: Equivalent, outcome: bool, atoms: dict[Atom, None]
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


def _evaluated(given: Outcomes) -> frozenset[Atom]:
    """The atoms that certainly were evaluated, and did not fail."""
    found: set[Atom] = set()
    waiting = list(given)
    while waiting:
        expr, outcome = waiting.pop()
        if isinstance(expr, Unary) and expr.operator == "!":
            waiting.append((expr.operand, not outcome))
        elif isinstance(expr, Logical) and (expr.operator == "&&") is outcome:
            waiting += [(operand, outcome) for operand in expr.operands]
        elif not isinstance(expr, Logical):
            found.add(_atom(expr)[0])
    # Of other values than bools `x == true` is false, and `x` no condition: both are one atom.
    return frozenset(atom for atom in found if atom.test != "true")


def _atom(expr: Expr) -> tuple[Atom, bool]:
    """The atom that a condition is, or the opposite of."""
    if not isinstance(expr, Binary):
        return Atom(expression_key(expr), "true", subject=expr), True
    operator, positive = ("==", False) if expr.operator == "!=" else (expr.operator, True)
    if operator == "in" and (among := _literals(expr.right)) is not None:
        return Atom(expression_key(expr.left), "in", among, expr.left), True
    if operator not in MIRRORED:
        return Atom(expression_key(expr), "true", subject=expr), True
    for one, other, symbol in (
        (expr.left, expr.right, operator),
        (expr.right, expr.left, MIRRORED[operator]),
    ):
        value = literal(other)
        if value is None or isinstance(one, Literal):
            continue
        if symbol == "==" and value[1] is True:
            return Atom(expression_key(one), "true", subject=one), positive
        if symbol == "==" and value[1] is False and _is_bool(one):
            return Atom(expression_key(one), "true", subject=one), not positive
        return Atom(expression_key(one), symbol, (value,), one), positive
    left, right = expression_key(expr.left), expression_key(expr.right)
    if repr(left) > repr(right):
        left, right, operator = right, left, MIRRORED[operator]
    return Atom((left, right), f"pair {operator}"), positive


def _literals(expr: Expr) -> tuple[Any, ...] | None:
    """The values of a list of literals."""
    if not isinstance(expr, ListLiteral) or expr.optional:
        return None
    found = tuple(map(literal, expr.elements))
    return None if None in found else found


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
