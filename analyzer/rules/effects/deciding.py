"""Whether a condition over ``error`` can hold for an error with a given code."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from kernel.cel import CelError, Expr, Template, compile, free_names, references, walk
from kernel.cel.tree import Binary, Ident, Index, ListLiteral, Literal, Logical, Select, Unary

FAILS: Final = "fails"
"""In place of true and false: the evaluation of an expression fails."""

_ARITHMETIC: Final = frozenset("+-*/%")
_PLAIN: Final = (Ident, Index, ListLiteral, Logical, Select, Unary)


def admits(condition: Template | None, code: str | int) -> bool:
    """Whether a condition may be true of an error with a code; False only where that is certain.

    An error inside the condition counts as false (pipeline.md, retry).
    """
    if condition is None:
        return True
    if condition.tree.errors:
        return True
    structure = condition.tree.structure
    scalar = condition.tree.scalars.get(())
    if scalar is None:
        return structure is not False
    if scalar.whole is None:
        return True
    return _decided(scalar.whole.expr, code) in (True, None)


@lru_cache(maxsize=8192)
def _decided(expr: Expr, code: str | int) -> Any:
    """True, false or `FAILS`; None where that depends on more than the code."""
    match expr:
        case Logical(operator=operator, operands=operands):
            found = [_decided(one, code) for one in operands]
            ending = operator == "||"
            for outcome in (ending, None, FAILS):
                if any(one is outcome for one in found):
                    return outcome
            return not ending
        case Unary(operator="!", operand=operand):
            inner = _decided(operand, code)
            return not inner if isinstance(inner, bool) else inner
    if free_names(expr) - {"error"} or any(path != ("error", "code") for path in references(expr)):
        return None
    try:
        found = compile(expr).evaluate_by_reference({"error": {"code": code}})
    except CelError:
        return FAILS
    return found if isinstance(found, bool) else FAILS


def numbers_around(condition: Template) -> frozenset[int] | None:
    """Numbers that stand for all: a condition that compares is the same between its literals.

    None where it does more than compare.
    """
    found: set[int] = set()
    for _, embedded in condition.tree.expressions():
        for node in walk(embedded.expr):
            if isinstance(node, Literal) and type(node.value) is int:
                found |= {node.value - 1, node.value, node.value + 1}
            elif isinstance(node, Binary):
                if node.operator in _ARITHMETIC:
                    return None
            elif not isinstance(node, _PLAIN):
                return None
    return frozenset(found)
