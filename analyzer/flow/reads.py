"""The paths of fields that an expression reads, also through the variables of macros."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from kernel.cel import Expr
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Ident,
    Index,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    Select,
    children,
)
from kernel.structs import struct

ReadPath = tuple[str | int, ...]
"""Names of fields; an int stands for any element of a list."""

Bound = Mapping[str, ReadPath | None]
"""Where the variables of macros come from; None where that is not one path."""

_ASKING: Final = frozenset({"type", "dyn", "string"})
_TAKING: Final = frozenset({"==", "!="})


@struct
class Read:
    """A path that is read.

    ``used``: the expression works with the value, and does not only pass it on. ``asked``: the
    expression asks for the type of the value, so its author may check what is in it.
    """

    path: ReadPath
    used: bool
    asked: bool = False


@lru_cache(maxsize=16_384)
def reads_in(expr: Expr, used: bool, item: ReadPath | None) -> tuple[Read, ...]:
    """The paths that an expression reads, each once; ``item`` is the path of the item."""
    return tuple(dict.fromkeys(reads_of(expr, used, {} if item is None else {"item": item})))


def reads_of(expr: Expr, used: bool, bound: Bound | None = None) -> Iterator[Read]:
    """The paths that an expression reads; ``used``: its own value is worked with."""
    bound = bound or {}
    path = path_read(expr, bound)
    if isinstance(expr, Macro):
        yield from _of_macro(expr, used, bound)
        return
    if path is not None:
        yield Read(path, used)
    match expr:
        case Select() | Index():
            yield from _of_chain(expr, bound, path is None)
        case Call(function=function):
            for part in children(expr):
                inner = path_read(part, bound)
                if function in _ASKING and inner is not None:
                    yield Read(inner, False, asked=function != "string")
                else:
                    yield from reads_of(part, True, bound)
        case Conditional():
            yield from reads_of(expr.condition, True, bound)
            yield from reads_of(expr.then, used, bound)
            yield from reads_of(expr.otherwise, used, bound)
        case Binary(operator=operator):
            yield from _of_all(children(expr), operator not in _TAKING, bound)
        case ListLiteral() | MapLiteral():
            yield from _of_all(children(expr), False, bound)
        case Literal() | Ident():
            pass
        case _:
            yield from _of_all(children(expr), True, bound)


def path_read(expr: Expr, bound: Bound) -> ReadPath | None:
    """The path of a chain of selections and indexes on a name."""
    steps: list[str | int] = []
    while not isinstance(expr, Ident):
        if isinstance(expr, Select):
            steps.append(expr.field)
        elif isinstance(expr, Index):
            constant = isinstance(expr.index, Literal) and isinstance(expr.index.value, str)
            steps.append(str(expr.index.value) if constant else 0)  # type: ignore[union-attr]
        else:
            return None
        expr = expr.operand
    base = bound.get(expr.name, (expr.name,))
    return None if base is None else (*base, *reversed(steps))


def _of_all(parts: Iterable[Expr], used: bool, bound: Bound) -> Iterator[Read]:
    for part in parts:
        yield from reads_of(part, used, bound)


def _of_chain(expr: Expr, bound: Bound, with_root: bool) -> Iterator[Read]:
    """What the indexes of a chain read; and its root, where that is no name."""
    while isinstance(expr, Select | Index):
        if isinstance(expr, Index):
            yield from reads_of(expr.index, True, bound)
        expr = expr.operand
    if with_root and not isinstance(expr, Ident):
        yield from reads_of(expr, True, bound)


def _of_macro(macro: Macro, used: bool, bound: Bound) -> Iterator[Read]:
    if not macro.variables:
        return  # `has` asks whether it is there
    source = macro.args[0] if macro.target is None else macro.target
    rest = macro.args[1:] if macro.target is None else macro.args
    yield from reads_of(source, macro.target is not None, bound)
    path = path_read(source, bound)
    inner: dict[str, ReadPath | None] = dict.fromkeys(macro.variables)
    if path is not None:
        inner[macro.variables[-1]] = path if macro.target is None else (*path, 0)
    yield from _of_all(rest, used, {**bound, **inner})
