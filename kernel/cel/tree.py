"""The syntax tree of an expression, and questions about it.

A node keeps its place (``offset``, ``end``: code points in the text, the end exclusive) and what
the author wrote: a macro stays a macro. Nodes compare by identity, so that a tool can keep facts
about them in a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

from kernel.structs import struct

_Node = TypeVar("_Node")

if TYPE_CHECKING:

    @dataclass_transform(frozen_default=True, eq_default=False)
    def _node(cls: type[_Node]) -> type[_Node]: ...

else:
    # Nodes are frozen for the type checker only: a frozen struct takes twice as long to
    # make, and making nodes is most of the cost of parsing.
    _node: Callable[[type[_Node]], type[_Node]] = struct(frozen=False, eq=False)


@_node
class _Placed:
    offset: int
    end: int


@_node
class Literal(_Placed):
    """A constant: null, bool, int, uint, double, string or bytes."""

    value: Any


@_node
class Ident(_Placed):
    """A name; ``absolute`` when it was written with a leading dot."""

    name: str
    absolute: bool


@_node
class Select(_Placed):
    """``operand.field``, or ``operand.?field`` when ``optional``."""

    operand: Expr
    field: str
    optional: bool


@_node
class Index(_Placed):
    """``operand[index]``, or ``operand[?index]`` when ``optional``."""

    operand: Expr
    index: Expr
    optional: bool


@_node
class Call(_Placed):
    """A call; ``target`` is the receiver, ``function`` may be dotted (``math.abs``)."""

    function: str
    target: Expr | None
    args: tuple[Expr, ...]


@_node
class Unary(_Placed):
    """``-operand`` or ``!operand``."""

    operator: str
    operand: Expr


@_node
class Binary(_Placed):
    """``left operator right``: arithmetic, a comparison or ``in``."""

    operator: str
    left: Expr
    right: Expr


@_node
class Logical(_Placed):
    """Two or more operands joined by ``&&`` or by ``||``."""

    operator: str
    operands: tuple[Expr, ...]


@_node
class Conditional(_Placed):
    """``condition ? then : otherwise``."""

    condition: Expr
    then: Expr
    otherwise: Expr


@_node
class ListLiteral(_Placed):
    """``[a, ?b]``; ``optional`` holds the positions of the elements written with ``?``."""

    elements: tuple[Expr, ...]
    optional: frozenset[int]


@_node
class MapLiteral(_Placed):
    """``{k: v, ?k: v}``; ``optional`` holds the positions of the entries written with ``?``."""

    entries: tuple[tuple[Expr, Expr], ...]
    optional: frozenset[int]


@_node
class Macro(_Placed):
    """A macro as it was written.

    ``name`` is a key of ``functions.MACROS``; ``target`` is the receiver (the range of a
    comprehension), None for ``has`` and ``cel.bind``; ``variables`` are the names that it declares
    for its ``args`` (for ``cel.bind`` the first argument, the bound value, does not see them).
    """

    name: str
    target: Expr | None
    variables: tuple[str, ...]
    args: tuple[Expr, ...]


Expr = (
    Literal | Ident | Select | Index | Call | Unary | Binary | Logical | Conditional | ListLiteral
    | MapLiteral | Macro
)  # fmt: skip


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, in reading order."""
    return _CHILDREN[type(expr)](expr)


def _with_target(expr: Any) -> tuple[Expr, ...]:
    return expr.args if expr.target is None else (expr.target, *expr.args)


_CHILDREN: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Literal: lambda e: (),
    Ident: lambda e: (),
    Select: lambda e: (e.operand,),
    Index: lambda e: (e.operand, e.index),
    Call: _with_target,
    Unary: lambda e: (e.operand,),
    Binary: lambda e: (e.left, e.right),
    Logical: lambda e: e.operands,
    Conditional: lambda e: (e.condition, e.then, e.otherwise),
    ListLiteral: lambda e: e.elements,
    MapLiteral: lambda e: tuple(part for entry in e.entries for part in entry),
    Macro: _with_target,
}


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all that is in it, outer before inner, in reading order."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


def _scopes(macro: Macro) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """The parts of a macro that do not see its variables, and those that do."""
    if macro.target is None:
        return macro.args[:1], macro.args[1:]
    return (macro.target,), macro.args


@lru_cache(maxsize=16_384)
def free_names(expr: Expr) -> frozenset[str]:
    """The names that the expression needs from its bindings (or that name a type)."""
    return frozenset([str(path[0]) for path in references(expr)])


def reference_path(expr: Expr) -> tuple[str | int, ...] | None:
    """``steps.Fetch.result.x`` and ``steps["Fetch"].result.x`` as names and constant indices.

    None for an expression that is not a chain of selections and constant indexes on a name.
    """
    path: list[str | int] = []
    while type(expr) is not Ident:
        if type(expr) is Select:
            path.append(expr.field)
        elif type(expr) is Index and isinstance(expr.index, Literal):
            if type(expr.index.value) not in (str, int):
                return None
            path.append(expr.index.value)
        else:
            return None
        expr = expr.operand
    path.append(expr.name)
    return tuple(reversed(path))


@lru_cache(maxsize=16_384)
def references(expr: Expr) -> tuple[tuple[str | int, ...], ...]:
    """The longest reference path at each use of a free name, in reading order, each once."""
    found: dict[tuple[str | int, ...], None] = {}
    pending: list[tuple[Expr, frozenset[str]]] = [(expr, frozenset())]
    while pending:
        node, bound = pending.pop()
        kind = type(node)
        if kind is Literal:
            continue
        path = reference_path(node) if kind in _OF_PATHS else None
        if path is not None:
            if path[0] not in bound or _root(node).absolute:
                found[path] = None
        elif isinstance(node, Macro):
            outside, inside = _scopes(node)
            inner = bound | frozenset(node.variables)
            pending += [(part, inner) for part in reversed(inside)]
            pending += [(part, bound) for part in reversed(outside)]
        else:
            for part in reversed(_CHILDREN[kind](node)):
                if type(part) is not Literal:
                    pending.append((part, bound))
    return tuple(found)


_OF_PATHS = frozenset({Ident, Select, Index})


def _root(expr: Expr) -> Ident:
    while isinstance(expr, (Select, Index)):
        expr = expr.operand
    assert isinstance(expr, Ident)
    return expr
