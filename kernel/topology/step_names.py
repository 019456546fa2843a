"""Which steps expressions and templates name."""

from __future__ import annotations

from functools import lru_cache

from kernel.cel import Expr, Template, references
from kernel.cel.tree import Ident, Index, Literal, Select


@lru_cache(maxsize=65_536)
def steps_read(template: Template) -> frozenset[str] | None:
    """The steps that a template names; None where it reads ``steps`` as a whole."""
    found: frozenset[str] = frozenset()
    for _, embedded in template.tree.expressions():
        read = steps_read_by(embedded.expr)
        if read is None:
            return None
        found |= read
    return found


@lru_cache(maxsize=65_536)
def steps_read_by(expr: Expr) -> frozenset[str] | None:
    """The steps that an expression names; None where it reads ``steps`` as a whole."""
    found = set()
    for reference in references(expr):
        if reference[0] == "steps":
            if len(reference) == 1 or not isinstance(reference[1], str):
                return None
            found.add(reference[1])
    return frozenset(found)


def step_name(node: Expr) -> str | None:
    """The name of the step that ``steps.<name>`` selects; None for anything else."""
    if isinstance(node, Select) and _is_steps(node.operand):
        return node.field
    if isinstance(node, Index) and _is_steps(node.operand) and isinstance(node.index, Literal):
        return node.index.value if isinstance(node.index.value, str) else None
    return None


def _is_steps(node: Expr) -> bool:
    return isinstance(node, Ident) and node.name == "steps"
