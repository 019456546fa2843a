"""The Python code of macros: a function for each, with the loop and the variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.cel.budget import ELEMENT_SIZE, ENTRY_SIZE
from kernel.cel.codegen.writer import Code, Unsupported, Variables, Writer
from kernel.cel.macros import round_steps
from kernel.cel.tree import Expr, ListLiteral, Macro, MapLiteral, walk


def function(writer: Writer, expr: Macro, scope: Variables) -> Code:
    """The call of a new function that evaluates the macro."""
    if expr.name not in _BODIES:
        raise Unsupported
    writer.has_macro = True
    outer = writer.code(expr.args[0] if expr.target is None else expr.target, scope)
    inner = dict(scope)
    for name in expr.variables:
        writer.count += 1
        inner[name] = f"x{writer.count}"
    variables = [inner[name] for name in expr.variables]
    before, writer.in_macro = writer.in_macro, True
    args = expr.args[1:] if expr.target is None else expr.args
    body = _BODIES[expr.name](writer, variables, args, inner)
    writer.in_macro = before
    name = f"f{len(writer.functions)}"
    passed = ", ".join(["v", "b", *dict.fromkeys(scope.values())])
    lines = "\n    ".join(body)
    writer.functions.append(f"def {name}({passed}, source):\n    {lines}\n")
    if expr.name in _GOES_OVER:
        over = "pairs" if len(variables) == 2 else "elements"
        room = _GOES_OVER[expr.name] + sum(map(_room, args))
        outer = Code(f"{over}(b, {outer}, {round_steps(expr)}, {room})")
    return Code(f"{name}({passed}, {outer})", "bool" if expr.name in _QUANTIFIERS else "")


def _room(expr: Expr) -> int:
    """What the literals in the body of a macro take in each round."""
    return sum(
        len(node.elements) * ELEMENT_SIZE
        if isinstance(node, ListLiteral)
        else len(node.entries) * ENTRY_SIZE
        for node in walk(expr)
        if isinstance(node, ListLiteral | MapLiteral)
    )


_QUANTIFIERS: Final = frozenset({"all", "exists", "exists_one", "existsOne"})
_GOES_OVER: Final = {
    **dict.fromkeys(_QUANTIFIERS, 0),
    "map": ELEMENT_SIZE,
    "filter": ELEMENT_SIZE,
    "transformList": ELEMENT_SIZE,
    "sortBy": 2 * ELEMENT_SIZE,
}

Args = tuple[Expr, ...]
_Body = Callable[[Writer, list[str], Args, Variables], list[str]]
"""Writes the lines of a macro; takes its variables, its arguments and the names in scope."""


def _loop(variables: list[str]) -> str:
    return f"for {', '.join(variables)} in source:"


def _quantified(decisive: bool) -> _Body:
    def body(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
        test = writer.condition(args[0], scope)
        return [
            _loop(variables),
            f"    if {test if decisive else f'not {test}'}: return {decisive}",
            f"return {not decisive}",
        ]

    return body


def _exists_one(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
    test = writer.condition(args[0], scope)
    return ["found = 0", _loop(variables), f"    if {test}: found += 1", "return found == 1"]


def _collected(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
    test = f"if {writer.condition(args[0], scope)}: " if len(args) == 2 else ""
    value = writer.code(args[-1], scope)
    return ["out = []", _loop(variables), f"    {test}out.append({value})", "return out"]


def _filtered(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
    test = writer.condition(args[0], scope)
    append = f"    if {test}: out.append({variables[0]})"
    return ["out = []", _loop(variables), append, "return out"]


def _sorted(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
    key = writer.code(args[0], scope)
    item = variables[0]
    return [
        "if source.__class__ is not list: leave()",
        "items = []",
        "keys = []",
        _loop(variables),
        f"    items.append({item})",
        f"    keys.append({key})",
        "return sorted_by(b, items, keys)",
    ]


def _bound(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
    return [f"{variables[0]} = source", f"return {writer.code(args[0], scope)}"]


def _optional(make: str) -> _Body:
    def body(writer: Writer, variables: list[str], args: Args, scope: Variables) -> list[str]:
        value = writer.code(args[0], scope)
        return [
            "if not present(source): return NONE",
            f"{variables[0]} = source.value",
            f"return {make}({value})",
        ]

    return body


_BODIES: Final[dict[str, _Body]] = {
    "all": _quantified(False),
    "exists": _quantified(True),
    "exists_one": _exists_one,
    "existsOne": _exists_one,
    "map": _collected,
    "filter": _filtered,
    "transformList": _collected,
    "sortBy": _sorted,
    "cel.bind": _bound,
    "optMap": _optional("Optional"),
    "optFlatMap": _optional("optional"),
}
