"""The Python code of expressions, node by node.

Each node becomes one Python expression: native operations behind checks of the class, with the
functions of ``helpers`` for all else. What has no code raises ``Unsupported``.
"""

from __future__ import annotations

from typing import Any, Final

from kernel.cel import tree
from kernel.cel.codegen.helpers import SMALL
from kernel.cel.codegen.macros import function
from kernel.cel.codegen.writer import Code, Nodes, Unsupported, Variables, Writer
from kernel.cel.functions import TABLE
from kernel.cel.tree import Expr
from kernel.cel.values import INT_MAX, INT_MIN, TYPES

_EXACT: Final = 2**53


def _literal(writer: Writer, expr: tree.Literal, scope: Variables) -> Code:
    value = expr.value
    if value is None or value is True or value is False:
        return Code(repr(value), "bool" if value is not None else "")
    if type(value) is int or type(value) is str or type(value) is bytes:
        return Code(f"({value!r})" if type(value) is int else repr(value), type(value).__name__)
    return writer.constant(value)


def _ident(writer: Writer, expr: tree.Ident, scope: Variables) -> Code:
    if expr.name in scope and not expr.absolute:
        return Code(scope[expr.name])
    writer.names[expr.name] = None
    if expr.name in TYPES:
        return Code(f"type_or_variable(v, {expr.name!r})")
    return Code(f"v[{expr.name!r}]")


def _select(writer: Writer, expr: tree.Select, scope: Variables) -> Code:
    operand = writer.code(expr.operand, scope)
    if expr.optional:
        return Code(f"optional_select({operand}, {expr.field!r})")
    name, field = writer.fresh(), repr(expr.field)
    test = f"({name} := {operand}).__class__ is dict"
    return Code(f"({name}[{field}] if {test} else select({name}, {field}))")


def _index(writer: Writer, expr: tree.Index, scope: Variables) -> Code:
    operand = writer.code(expr.operand, scope)
    key = writer.code(expr.index, scope)
    if expr.optional:
        return Code(writer.operation("optional_find", operand, key))
    name = writer.fresh()
    otherwise = writer.operation("find", name, key)
    literal = expr.index.value if isinstance(expr.index, tree.Literal) else None
    if type(literal) is str or (type(literal) is int and literal >= 0):
        test = f"({name} := {operand}).__class__ is {'dict' if type(literal) is str else 'list'}"
        return Code(f"({name}[{key}] if {test} else {otherwise})")
    return Code(writer.operation("find", operand, key))


def _unary(writer: Writer, expr: tree.Unary, scope: Variables) -> Code:
    if expr.operator == "!":
        return Code(f"(not {writer.condition(expr.operand, scope)})", "bool")
    return _table_call(writer, "-_", False, [writer.code(expr.operand, scope)])


def _table_call(writer: Writer, name: str, receiver: bool, args: list[Code]) -> Code:
    if name not in TABLE:
        raise Unsupported
    function = writer.constant(TABLE[name])
    return Code(writer.operation("call", function, str(receiver), *args))


_COMPARISONS: Final = {"<": ("less", False), ">": ("less", True)} | {
    "<=": ("not_greater", False),
    ">=": ("not_greater", True),
}
_HELPERS: Final = {"-": "subtract", "*": "multiply", "/": "divide", "%": "remainder"}
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}


def _binary(writer: Writer, expr: tree.Binary, scope: Variables) -> Code:
    operator, left, right = expr.operator, expr.left, expr.right
    if operator == "!=":
        return Code(f"(not {_comparison(writer, '==', left, right, scope)})", "bool")
    if operator == "==" or operator in _COMPARISONS:
        return _comparison(writer, operator, left, right, scope)
    if operator == "in":
        return _membership(writer, left, right, scope)
    a, b = writer.code(left, scope), writer.code(right, scope)
    if operator == "+" and "str" in (a.kind, b.kind) and not writer.in_macro:
        return _joined(writer, a, b)
    if operator in "+-*":
        return _whole_numbers(writer, operator, a, b)
    return Code(f"{_HELPERS[operator]}({a}, {b})")


def _whole_numbers(writer: Writer, operator: str, a: Code, b: Code) -> Code:
    """A sum, difference or product: of two ints at once, of others by the helper."""
    x, y, result = writer.fresh(), writer.fresh(), writer.fresh()
    # A chain of `is` evaluates both operands before it can fail, so that the helper has both.
    test = f"({x} := {a}).__class__ is ({y} := {b}).__class__ is int"
    within = f"{INT_MIN} <= ({result} := {x} {operator} {y}) <= {INT_MAX}"
    if operator == "+":
        otherwise = writer.operation("add", x, y)
    else:
        otherwise = f"{_HELPERS[operator]}({x}, {y})"
    return Code(f"({result} if {test} and {within} else {otherwise})")


def _joined(writer: Writer, a: Code, b: Code) -> Code:
    """The sum of a string that is known to be one, and of another."""
    writer.heavy += 1
    x, y = writer.fresh(), writer.fresh()
    test = " and ".join(
        [f"({name} := {part}).__class__ is str" for name, part in ((x, a), (y, b))]
        + [f"len({x}) + len({y}) <= {SMALL}"]
    )
    return Code(f"({x} + {y} if {test} else leave())", "str")


def _comparison(writer: Writer, operator: str, left: Expr, right: Expr, scope: Variables) -> Code:
    if isinstance(left, tree.Literal) and not isinstance(right, tree.Literal):
        left, right, operator = right, left, _MIRRORED[operator]
    a = writer.code(left, scope)
    if isinstance(right, tree.Literal) and not isinstance(left, tree.Literal):
        code = _with_literal(writer, operator, a, right.value)
        if code is not None:
            return code
    b = writer.code(right, scope)
    return Code(_compared(writer, operator, a, b), "bool")


def _compared(writer: Writer, operator: str, a: str, b: str) -> str:
    if operator == "==":
        return writer.operation("equal", a, b)
    helper, swapped = _COMPARISONS[operator]
    return writer.operation(helper, *((b, a) if swapped else (a, b)))


def _with_literal(writer: Writer, operator: str, a: Code, value: Any) -> Code | None:
    """A comparison with a constant, whose class tells which values compare natively."""
    # Only the singleton itself is equal to it, whatever a class may define for ==.
    if operator == "==" and (value is None or value is True or value is False):
        return Code(f"({a} is {value!r})", "bool")
    name = writer.fresh()
    if type(value) is str and len(value) <= SMALL:
        test = f"({name} := {a}).__class__ is str"
    # Up to 2**53 Python's exact comparison of an int with a double is that of two doubles.
    elif type(value) in (int, float) and abs(value) < _EXACT:
        test = f"({name} := {a}).__class__ is int or {name}.__class__ is float"
    else:
        return None
    constant = f"({value!r})"
    otherwise = _compared(writer, operator, name, constant)
    return Code(f"({name} {operator} {constant} if {test} else {otherwise})", "bool")


def _membership(writer: Writer, left: Expr, right: Expr, scope: Variables) -> Code:
    needle = writer.code(left, scope)
    items = writer.code(right, scope)
    values = _constants(right)
    for kind in (str, int):
        if values and all(type(value) is kind for value in values):
            name = writer.fresh()
            known = writer.constant(frozenset(values))
            otherwise = writer.operation("contains", name, items)
            test = f"({name} := {needle}).__class__ is {kind.__name__}"
            return Code(f"({name} in {known} if {test} else {otherwise})", "bool")
    return Code(writer.operation("contains", needle, items), "bool")


def _constants(expr: Expr) -> list[Any]:
    """The values of a list of literals; none if it is not one."""
    if not isinstance(expr, tree.ListLiteral) or expr.optional:
        return []
    values = [element.value for element in expr.elements if isinstance(element, tree.Literal)]
    return values if len(values) == len(expr.elements) else []


def _logical(writer: Writer, expr: tree.Logical, scope: Variables) -> Code:
    word = " and " if expr.operator == "&&" else " or "
    parts = [writer.condition(operand, scope) for operand in expr.operands]
    return Code(f"({word.join(parts)})", "bool")


def _conditional(writer: Writer, expr: tree.Conditional, scope: Variables) -> Code:
    condition = writer.condition(expr.condition, scope)
    then, otherwise = writer.code(expr.then, scope), writer.code(expr.otherwise, scope)
    kind = then.kind if then.kind == otherwise.kind else ""
    return Code(f"({then} if {condition} else {otherwise})", kind)


def _list(writer: Writer, expr: tree.ListLiteral, scope: Variables) -> Code:
    if expr.optional:
        raise Unsupported
    return Code(f"[{', '.join([writer.code(element, scope) for element in expr.elements])}]")


def _map(writer: Writer, expr: tree.MapLiteral, scope: Variables) -> Code:
    if expr.optional:
        raise Unsupported
    parts = [(writer.code(key, scope), writer.code(value, scope)) for key, value in expr.entries]
    keys = {key.value for key, _ in expr.entries if isinstance(key, tree.Literal)}
    if len(keys) == len(parts) and all(key.kind == "str" for key, _ in parts):
        return Code("{" + ", ".join([f"{key}: {value}" for key, value in parts]) + "}")
    return Code(f"make_map({', '.join([part for pair in parts for part in pair])})")


def _call(writer: Writer, expr: tree.Call, scope: Variables) -> Code:
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    args = [writer.code(part, scope) for part in parts]
    receiver = expr.target is not None
    if expr.function == "size" and len(args) == 1:
        return _size(writer, args[0])
    if receiver and len(args) == 2:
        # In a macro only what takes constant time goes without the budget.
        bounded = args[1].kind == "str" and expr.function != "contains"
        if expr.function in _TEXT_TESTS and (bounded or not writer.in_macro):
            return _text_test(writer, _TEXT_TESTS[expr.function], args[0], args[1])
        if expr.function == "orValue":
            name = writer.fresh()
            test = f"present({name} := {args[0]})"
            return Code(f"({name}.value if {test} else {args[1]})")
    return _table_call(writer, expr.function, receiver, args)


def _size(writer: Writer, operand: Code) -> Code:
    name = writer.fresh()
    test = f"({name} := {operand}).__class__ is list or {name}.__class__ is str"
    return Code(f"(len({name}) if {test} or {name}.__class__ is dict else size({name}))")


_TEXT_TESTS: Final = {
    "startsWith": "{0}.startswith({1})",
    "endsWith": "{0}.endswith({1})",
    "contains": "{1} in {0}",
}


def _text_test(writer: Writer, form: str, text: Code, part: Code) -> Code:
    x, y = writer.fresh(), writer.fresh()
    tests = [f"({x} := {text}).__class__ is str"]
    if "in" in form.split():
        writer.heavy += 1
        tests.append(f"len({x}) <= {SMALL}")
    if part.kind == "str":
        y = part
    else:
        tests.append(f"({y} := {part}).__class__ is str")
    return Code(f"({form.format(x, y)} if {' and '.join(tests)} else leave())", "bool")


def _has(writer: Writer, expr: tree.Macro, scope: Variables) -> Code:
    selection = expr.args[0]
    assert isinstance(selection, tree.Select)
    operand = writer.code(selection.operand, scope)
    name = writer.fresh()
    field = repr(selection.field)
    test = f"({name} := {operand}).__class__ is dict"
    return Code(f"({field} in {name} if {test} else has({name}, {field}))", "bool")


def _macro(writer: Writer, expr: tree.Macro, scope: Variables) -> Code:
    return _has(writer, expr, scope) if expr.name == "has" else function(writer, expr, scope)


NODES: Final[Nodes] = {
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
