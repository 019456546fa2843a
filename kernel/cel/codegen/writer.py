"""Writes the Python code of expressions, by a table of what writes each class of node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel.macros import shares
from kernel.cel.tree import Expr


class Unsupported(Exception):
    """The expression has no generated code; the closures evaluate it."""


class Code(str):
    """A Python expression, in parentheses where it needs them; ``kind``: what it surely gives."""

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, text: str, kind: str = "") -> Code:
        code = super().__new__(cls, text)
        code.kind = kind
        return code


Variables = Mapping[str, str]
"""The variables of macros, with the Python names that hold them."""


class Writer:
    """Writes the code of one function; collects its constants and the functions of its macros.

    ``nodes`` holds what writes the code of a node, by the class of the node.
    """

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.constants: dict[str, Any] = {}
        self.functions: list[str] = []
        self.names: dict[str, None] = {}
        self.count = 0
        self.heavy = 0
        self.in_macro = False
        self.has_macro = False

    def fresh(self) -> str:
        """A new name for a temporary variable."""
        self.count += 1
        return f"t{self.count}"

    def constant(self, value: Any) -> Code:
        """A value that the code refers to by name."""
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return Code(name)

    def whole(self, expr: Expr) -> Code:
        """The code of a whole expression."""
        code = self.code(expr, {})
        return Code(f"measured(b, {code})") if shares(expr) else code

    def code(self, expr: Expr, scope: Variables) -> Code:
        """The code of an expression; ``Unsupported`` if it has none."""
        return self.nodes[type(expr)](self, expr, scope)

    def condition(self, expr: Expr, scope: Variables) -> Code:
        """The code of an expression that must be a bool."""
        code = self.code(expr, scope)
        if code.kind == "bool":
            return code
        name = self.fresh()
        return Code(f"(({name} := {code}) is True or {name} is not False and leave())", "bool")

    def operation(self, name: str, *parts: str) -> str:
        """The call of a helper that takes the budget."""
        self.heavy += 1
        return f"{name}(b, {', '.join(parts)})"


Nodes = Mapping[type, Callable[[Writer, Any, Variables], Code]]
