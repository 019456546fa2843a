"""The reference evaluator: a tree of closures with the whole semantics and exact errors.

The generated code of ``codegen`` must compute what the closures compute; what it cannot do, and
each error, is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.cel import macros, tree
from kernel.cel import operations as op
from kernel.cel.budget import ELEMENT_SIZE, ENTRY_SIZE
from kernel.cel.errors import CelEvaluationError, Problem
from kernel.cel.frame import Closure, Frame, located
from kernel.cel.functions import TABLE, invoke
from kernel.cel.tree import Expr
from kernel.cel.values import TYPES, Optional, described

Slots = Mapping[str, int]
"""The variables of the macros around an expression, with their slots in the frame."""


def build(expr: Expr, text: str, container: str = "") -> tuple[Closure, int]:
    """The closure of an expression, and how many slots its frames need."""
    builder = Builder(text, container)
    closure = builder.closure(expr, {})
    return _measured(builder, expr, closure) if macros.shares(expr) else closure, builder.slots


def _measured(builder: Builder, expr: Expr, closure: Closure) -> Closure:
    def measure(frame: Frame) -> Any:
        try:
            return macros.measured(frame.budget, closure(frame))
        except Problem as problem:
            raise builder.error(expr, problem) from None

    return measure


class Builder:
    """Makes closures; counts the slots that macros take."""

    def __init__(self, text: str, container: str) -> None:
        self.text = text
        self.slots = 0
        parts = container.split(".") if container else []
        self.prefixes = (*(".".join(parts[:n]) + "." for n in range(len(parts), 0, -1)), "")

    def closure(self, expr: Expr, scope: Slots) -> Closure:
        """The closure of an expression; ``scope`` are the variables of the macros around it."""
        return _BUILDERS[type(expr)](self, expr, scope)

    def closures(self, exprs: tuple[Expr, ...], scope: Slots) -> tuple[Closure, ...]:
        """The closures of several expressions."""
        return tuple(self.closure(expr, scope) for expr in exprs)

    def declare(self, names: tuple[str, ...], scope: Slots) -> tuple[Slots, tuple[int, ...]]:
        """The scope with new variables, and their slots."""
        slots = tuple(range(self.slots, self.slots + len(names)))
        self.slots += len(names)
        return {**scope, **dict(zip(names, slots, strict=True))}, slots

    def error(self, node: Expr, problem: Problem) -> CelEvaluationError:
        """The error of a sub-expression."""
        return located(problem, node, self.text)


def _literal(builder: Builder, expr: tree.Literal, scope: Slots) -> Closure:
    value = expr.value
    return lambda frame: value


def _ident(builder: Builder, expr: tree.Ident, scope: Slots) -> Closure:
    if expr.name in scope and not expr.absolute:
        slot = scope[expr.name]
        return lambda frame: frame.locals[slot]
    return _resolution(builder, expr, ())


def _resolution(builder: Builder, root: tree.Ident, path: tuple[tree.Select, ...]) -> Closure:
    """A name with selections on it: the longest prefix that is bound, then the other fields."""
    prefixes = ("",) if root.absolute else builder.prefixes
    names = [root.name, *(node.field for node in path)]
    # Longest first, and innermost container first: the specification's order.
    candidates = [
        (prefix + ".".join(names[:count]), path[count - 1 :])
        for count in range(len(names), 0, -1)
        for prefix in prefixes
    ]
    unknown = builder.error(root, Problem("no-such-name", f"no such name: '{root.name}'"))

    def resolve(frame: Frame) -> Any:
        bindings = frame.bindings
        for name, rest in candidates:
            if name in bindings:
                value = bindings[name]
            elif name in TYPES:
                value = TYPES[name]
            else:
                continue
            for node in rest:
                value = _selected(builder, node, value)
            return value
        raise unknown.copy()

    return resolve


def _selected(builder: Builder, node: tree.Select, value: Any) -> Any:
    try:
        if node.optional or isinstance(value, Optional):
            return op.optional_select(value, node.field)
        return op.select(value, node.field)
    except Problem as problem:
        raise builder.error(node, problem) from None


def _select(builder: Builder, expr: tree.Select, scope: Slots) -> Closure:
    path: list[tree.Select] = []
    root: Expr = expr
    while isinstance(root, tree.Select) and not root.optional:
        path.append(root)
        root = root.operand
    if isinstance(root, tree.Ident) and path and (root.absolute or root.name not in scope):
        return _resolution(builder, root, tuple(reversed(path)))
    operand = builder.closure(expr.operand, scope)
    return lambda frame: _selected(builder, expr, operand(frame))


def _index(builder: Builder, expr: tree.Index, scope: Slots) -> Closure:
    operand, index = builder.closures((expr.operand, expr.index), scope)

    def find(frame: Frame) -> Any:
        value, key = operand(frame), index(frame)
        try:
            if expr.optional or isinstance(value, Optional):
                return op.optional_find(frame.budget, value, key)
            return op.find(frame.budget, value, key)
        except Problem as problem:
            raise builder.error(expr, problem) from None

    return find


def _call(builder: Builder, expr: tree.Call, scope: Slots) -> Closure:
    receiver = expr.target is not None
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    if expr.function in ("or", "orValue") and receiver and len(parts) == 2:
        return _alternative(builder, expr, builder.closures(parts, scope))
    return _application(builder, expr, expr.function, receiver, builder.closures(parts, scope))


def _unary(builder: Builder, expr: tree.Unary, scope: Slots) -> Closure:
    parts = builder.closures((expr.operand,), scope)
    return _application(builder, expr, f"{expr.operator}_", False, parts)


def _binary(builder: Builder, expr: tree.Binary, scope: Slots) -> Closure:
    parts = builder.closures((expr.left, expr.right), scope)
    return _application(builder, expr, f"_{expr.operator}_", False, parts)


def _application(
    builder: Builder, expr: Expr, name: str, receiver: bool, parts: tuple[Closure, ...]
) -> Closure:
    if name not in TABLE:
        unknown = builder.error(expr, Problem("no-such-name", f"no such function: '{name}'"))

        def fail(frame: Frame) -> Any:
            raise unknown.copy()

        return fail

    def apply(frame: Frame) -> Any:
        args = [part(frame) for part in parts]
        try:
            return invoke(frame.budget, name, receiver, args)
        except Problem as problem:
            raise builder.error(expr, problem) from None

    return apply


def _alternative(builder: Builder, expr: tree.Call, parts: tuple[Closure, ...]) -> Closure:
    """``or`` and ``orValue``: the argument is evaluated only when it is needed."""
    optional, other = parts

    def choose(frame: Frame) -> Any:
        value = optional(frame)
        if isinstance(value, Optional) and value.present:
            return value if expr.function == "or" else value.value
        try:
            return invoke(frame.budget, expr.function, True, [value, other(frame)])
        except Problem as problem:
            raise builder.error(expr, problem) from None

    return choose


def _logical(builder: Builder, expr: tree.Logical, scope: Slots) -> Closure:
    operands = tuple(zip(builder.closures(expr.operands, scope), expr.operands, strict=True))
    decisive = expr.operator == "||"

    def decide(frame: Frame) -> bool:
        failure: CelEvaluationError | None = None
        for operand, node in operands:
            try:
                value = operand(frame)
            except CelEvaluationError as error:
                failure = macros.error_to_report(failure, error)
                continue
            # By identity: 1 and 0 are not bools here.
            if value is decisive:
                return bool(decisive)
            if value is not (not decisive):
                message = f"'{expr.operator}' needs bool, not {described(value)}"
                failure = failure or builder.error(node, Problem("no-overload", message))
        if failure:
            raise failure
        return not decisive

    return decide


def _conditional(builder: Builder, expr: tree.Conditional, scope: Slots) -> Closure:
    condition, then, otherwise = builder.closures(
        (expr.condition, expr.then, expr.otherwise), scope
    )

    def choose(frame: Frame) -> Any:
        value = condition(frame)
        if value is True:
            return then(frame)
        if value is False:
            return otherwise(frame)
        message = f"the condition of '? :' is bool, not {described(value)}"
        raise builder.error(expr.condition, Problem("no-overload", message))

    return choose


def _present(builder: Builder, node: Expr, value: Any) -> Optional:
    """The optional of an element or entry that was written with ``?``."""
    if isinstance(value, Optional):
        return value
    message = f"after '?' comes an optional, not {described(value)}"
    raise builder.error(node, Problem("no-overload", message))


def _list(builder: Builder, expr: tree.ListLiteral, scope: Slots) -> Closure:
    parts = builder.closures(expr.elements, scope)
    size = len(parts) * ELEMENT_SIZE

    def make(frame: Frame) -> list[Any]:
        _charge(builder, frame, expr, size)
        if not expr.optional:
            return [part(frame) for part in parts]
        items: list[Any] = []
        for position, part in enumerate(parts):
            value = part(frame)
            if position not in expr.optional:
                items.append(value)
            elif _present(builder, expr.elements[position], value).present:
                items.append(value.value)
        return items

    return make


def _map(builder: Builder, expr: tree.MapLiteral, scope: Slots) -> Closure:
    entries = tuple(
        (builder.closure(key, scope), builder.closure(value, scope), position in expr.optional)
        for position, (key, value) in enumerate(expr.entries)
    )

    def make(frame: Frame) -> Any:
        _charge(builder, frame, expr, len(entries) * ENTRY_SIZE)
        mapping: Any = {}
        for (key, value, optional), (key_node, value_node) in zip(
            entries, expr.entries, strict=True
        ):
            name, item = key(frame), value(frame)
            if optional:
                present = _present(builder, value_node, item)
                if not present.present:
                    continue
                item = present.value
            try:
                mapping = op.inserted(mapping, name, item)
            except Problem as problem:
                raise builder.error(key_node, problem) from None
        return mapping

    return make


def _charge(builder: Builder, frame: Frame, node: Expr, size: int) -> None:
    try:
        frame.budget.build(size)
    except Problem as problem:
        raise builder.error(node, problem) from None


def _macro(builder: Builder, expr: tree.Macro, scope: Slots) -> Closure:
    if expr.name == "has":
        return _has(builder, expr, scope)
    outer = expr.target if expr.target is not None else expr.args[0]
    args = expr.args if expr.target is not None else expr.args[1:]
    inner, slots = builder.declare(expr.variables, scope)
    _, (position,) = builder.declare(("",), scope)
    found, asked = builder.closure(outer, scope), builder.closures(args, inner)
    return macros.closure_of(macros.Parts(expr, builder.text, found, slots, asked, position))


def _has(builder: Builder, expr: tree.Macro, scope: Slots) -> Closure:
    selection = expr.args[0]
    assert isinstance(selection, tree.Select)
    operand = builder.closure(selection.operand, scope)

    def has(frame: Frame) -> bool:
        value = operand(frame)
        try:
            return op.has(value, selection.field)
        except Problem as problem:
            raise builder.error(expr, problem) from None

    return has


_BUILDERS: Final[dict[type, Callable[[Builder, Any, Slots], Closure]]] = {
    tree.Literal: _literal,
    tree.Ident: _ident,
    tree.Select: _select,
    tree.Index: _index,
    tree.Call: _call,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Logical: _logical,
    tree.Conditional: _conditional,
    tree.ListLiteral: _list,
    tree.MapLiteral: _map,
    tree.Macro: _macro,
}
