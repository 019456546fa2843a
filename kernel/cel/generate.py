"""Python code for expressions and templates: the fast way to evaluate.

The code is one function of the bindings, with a function for each macro. It computes the common
case with native operations behind checks of the class; on any exception the reference evaluator
evaluates everything again, which gives the value of an absorbed error, or the exact error.
Expressions are pure, so that this is allowed. Text of the author reaches the code as constants
only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.cel.budget import ELEMENT_SIZE, ENTRY_SIZE, Limits
from kernel.cel.errors import Path
from kernel.cel.fast import NAMESPACE, SMALL
from kernel.cel.functions import TABLE
from kernel.cel.macros import round_steps, shares
from kernel.cel.templates import Scalar, TemplateTree
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Expr,
    Ident,
    Index,
    ListLiteral,
    Literal,
    Logical,
    Macro,
    MapLiteral,
    Select,
    Unary,
    walk,
)
from kernel.cel.values import INT_MAX, INT_MIN, TYPES

_EXACT: Final = 2**53
_MOST_WITHOUT_BUDGET: Final = 200


class Unsupported(Exception):
    """The expression is left to the reference evaluator."""


class Code(str):
    """A Python expression, in parentheses where it needs them; ``kind``: what it surely gives."""

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, text: str, kind: str = "") -> Code:
        code = super().__new__(cls, text)
        code.kind = kind
        return code


Scope = Mapping[str, str]
"""The variables of macros, with the Python names that hold them."""


class Writer:
    """Writes the code of one function; collects its constants and the functions of its macros."""

    def __init__(self) -> None:
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

    def code(self, expr: Expr, scope: Scope) -> Code:
        """The code of an expression; ``Unsupported`` if it has none."""
        return _WRITERS[type(expr)](self, expr, scope)

    def condition(self, expr: Expr, scope: Scope) -> Code:
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


def _literal(writer: Writer, expr: Literal, scope: Scope) -> Code:
    value = expr.value
    if value is None or value is True or value is False:
        return Code(repr(value), "bool" if value is not None else "")
    if type(value) is int or type(value) is str or type(value) is bytes:
        return Code(f"({value!r})" if type(value) is int else repr(value), type(value).__name__)
    return writer.constant(value)


def _ident(writer: Writer, expr: Ident, scope: Scope) -> Code:
    if expr.name in scope and not expr.absolute:
        return Code(scope[expr.name])
    writer.names[expr.name] = None
    if expr.name in TYPES:
        return Code(f"type_or_variable(v, {expr.name!r})")
    return Code(f"v[{expr.name!r}]")


def _select(writer: Writer, expr: Select, scope: Scope) -> Code:
    operand = writer.code(expr.operand, scope)
    if expr.optional:
        return Code(f"optional_select({operand}, {expr.field!r})")
    return _guarded(writer, operand, "dict", f"[{expr.field!r}]", f"select({{}}, {expr.field!r})")


def _guarded(writer: Writer, operand: Code, kind: str, suffix: str, otherwise: str) -> Code:
    """``operand`` with ``suffix`` if it is of that class, else ``otherwise``, where {} is it."""
    name = writer.fresh()
    other = otherwise.replace("{}", name, 1)
    return Code(f"({name}{suffix} if ({name} := {operand}).__class__ is {kind} else {other})")


def _index(writer: Writer, expr: Index, scope: Scope) -> Code:
    operand = writer.code(expr.operand, scope)
    key = writer.code(expr.index, scope)
    if expr.optional:
        return Code(writer.operation("optional_find", operand, key))
    name = writer.fresh()
    otherwise = writer.operation("find", name, key)
    if isinstance(expr.index, Literal) and type(expr.index.value) is str:
        return Code(f"({name}[{key}] if ({name} := {operand}).__class__ is dict else {otherwise})")
    if isinstance(expr.index, Literal) and type(expr.index.value) is int and expr.index.value >= 0:
        return Code(f"({name}[{key}] if ({name} := {operand}).__class__ is list else {otherwise})")
    return Code(writer.operation("find", operand, key))


def _unary(writer: Writer, expr: Unary, scope: Scope) -> Code:
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
_ARITHMETIC: Final = {"-": "subtract", "*": "multiply", "/": "divide", "%": "remainder"}
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}


def _binary(writer: Writer, expr: Binary, scope: Scope) -> Code:
    operator, left, right = expr.operator, expr.left, expr.right
    if operator == "!=":
        return Code(f"(not {_comparison(writer, '==', left, right, scope)})", "bool")
    if operator == "==" or operator in _COMPARISONS:
        return _comparison(writer, operator, left, right, scope)
    if operator == "in":
        return _membership(writer, left, right, scope)
    a, b = writer.code(left, scope), writer.code(right, scope)
    if operator == "+":
        return _sum(writer, a, b)
    if operator == "-" and _small_int(right):
        return _shifted(writer, a, "-", right, "subtract({}, ...)")
    return Code(f"{_ARITHMETIC[operator]}({a}, {b})")


def _small_int(expr: Expr) -> bool:
    return isinstance(expr, Literal) and type(expr.value) is int and abs(expr.value) < _EXACT


def _shifted(writer: Writer, a: Code, operator: str, right: Expr, otherwise: str) -> Code:
    """``a`` plus or minus a small constant."""
    assert isinstance(right, Literal)
    step = right.value if operator == "+" else -right.value
    low, high = INT_MIN - min(step, 0), INT_MAX - max(step, 0)
    name = writer.fresh()
    other = otherwise.replace("{}", name).replace("...", f"({right.value!r})")
    return Code(
        f"({name} {operator} ({right.value!r}) if ({name} := {a}).__class__ is int"
        f" and {low} <= {name} <= {high} else {other})"
    )


def _sum(writer: Writer, a: Code, b: Code) -> Code:
    if "str" in (a.kind, b.kind) and not writer.in_macro:
        return _joined(writer, a, b)
    return Code(writer.operation("add", a, b))


def _joined(writer: Writer, a: Code, b: Code) -> Code:
    """The sum of a string that is known to be one, and of another."""
    writer.heavy += 1
    x, y = writer.fresh(), writer.fresh()
    test = " and ".join(
        [f"({name} := {part}).__class__ is str" for name, part in ((x, a), (y, b))]
        + [f"len({x}) + len({y}) <= {SMALL}"]
    )
    return Code(f"({x} + {y} if {test} else leave())", "str")


def _comparison(writer: Writer, operator: str, left: Expr, right: Expr, scope: Scope) -> Code:
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right, operator = right, left, _MIRRORED[operator]
    a = writer.code(left, scope)
    if isinstance(right, Literal) and not isinstance(left, Literal):
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
    if operator == "==" and (value is None or value is True or value is False):
        return Code(f"({a} is {value!r})", "bool")
    name = writer.fresh()
    if type(value) is str and len(value) <= SMALL:
        test = f"({name} := {a}).__class__ is str"
    elif type(value) in (int, float) and abs(value) < _EXACT:
        test = f"({name} := {a}).__class__ is int or {name}.__class__ is float"
    else:
        return None
    constant = f"({value!r})"
    otherwise = _compared(writer, operator, name, constant)
    return Code(f"({name} {operator} {constant} if {test} else {otherwise})", "bool")


def _membership(writer: Writer, left: Expr, right: Expr, scope: Scope) -> Code:
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
    if not isinstance(expr, ListLiteral) or expr.optional:
        return []
    values = [element.value for element in expr.elements if isinstance(element, Literal)]
    return values if len(values) == len(expr.elements) else []


def _logical(writer: Writer, expr: Logical, scope: Scope) -> Code:
    word = " and " if expr.operator == "&&" else " or "
    parts = [writer.condition(operand, scope) for operand in expr.operands]
    return Code(f"({word.join(parts)})", "bool")


def _conditional(writer: Writer, expr: Conditional, scope: Scope) -> Code:
    condition = writer.condition(expr.condition, scope)
    then, otherwise = writer.code(expr.then, scope), writer.code(expr.otherwise, scope)
    kind = then.kind if then.kind == otherwise.kind else ""
    return Code(f"({then} if {condition} else {otherwise})", kind)


def _list(writer: Writer, expr: ListLiteral, scope: Scope) -> Code:
    if expr.optional:
        raise Unsupported
    return Code(f"[{', '.join([writer.code(element, scope) for element in expr.elements])}]")


def _map(writer: Writer, expr: MapLiteral, scope: Scope) -> Code:
    if expr.optional:
        raise Unsupported
    parts = [(writer.code(key, scope), writer.code(value, scope)) for key, value in expr.entries]
    keys = {key.value for key, _ in expr.entries if isinstance(key, Literal)}
    if len(keys) == len(parts) and all(key.kind == "str" for key, _ in parts):
        return Code("{" + ", ".join([f"{key}: {value}" for key, value in parts]) + "}")
    return Code(f"make_map({', '.join([part for pair in parts for part in pair])})")


def _call(writer: Writer, expr: Call, scope: Scope) -> Code:
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    args = [writer.code(part, scope) for part in parts]
    receiver = expr.target is not None
    if expr.function == "size" and len(args) == 1:
        return _size(writer, args[0])
    if receiver and len(args) == 2:
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


def _macro(writer: Writer, expr: Macro, scope: Scope) -> Code:
    if expr.name == "has":
        return _has(writer, expr, scope)
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


def _has(writer: Writer, expr: Macro, scope: Scope) -> Code:
    selection = expr.args[0]
    assert isinstance(selection, Select)
    operand = writer.code(selection.operand, scope)
    name = writer.fresh()
    field = repr(selection.field)
    test = f"({name} := {operand}).__class__ is dict"
    return Code(f"({field} in {name} if {test} else has({name}, {field}))", "bool")


_QUANTIFIERS: Final = frozenset({"all", "exists", "exists_one", "existsOne"})
_GOES_OVER: Final = {
    **dict.fromkeys(_QUANTIFIERS, 0),
    "map": ELEMENT_SIZE,
    "filter": ELEMENT_SIZE,
    "transformList": ELEMENT_SIZE,
    "sortBy": 2 * ELEMENT_SIZE,
}

Args = tuple[Expr, ...]


def _loop(variables: list[str]) -> str:
    return f"for {', '.join(variables)} in source:"


def _quantified(decisive: bool) -> Callable[[Writer, list[str], Args, Scope], list[str]]:
    def body(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
        test = writer.condition(args[0], scope)
        return [
            _loop(variables),
            f"    if {test if decisive else f'not {test}'}: return {decisive}",
            f"return {not decisive}",
        ]

    return body


def _exists_one(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    test = writer.condition(args[0], scope)
    return ["found = 0", _loop(variables), f"    if {test}: found += 1", "return found == 1"]


def _collected(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    test = f"if {writer.condition(args[0], scope)}: " if len(args) == 2 else ""
    value = writer.code(args[-1], scope)
    return ["out = []", _loop(variables), f"    {test}out.append({value})", "return out"]


def _filtered(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    test = writer.condition(args[0], scope)
    append = f"    if {test}: out.append({variables[0]})"
    return ["out = []", _loop(variables), append, "return out"]


def _sorted(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    key = writer.code(args[0], scope)
    item = variables[0]
    return [
        "items = []",
        "keys = []",
        _loop(variables),
        f"    items.append({item})",
        f"    keys.append({key})",
        "return sorted_by(b, items, keys)",
    ]


def _bound(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    return [f"{variables[0]} = source", f"return {writer.code(args[0], scope)}"]


def _mapped(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    value = writer.code(args[0], scope)
    return [
        "if not present(source): return NONE",
        f"{variables[0]} = source.value",
        f"return Optional({value})",
    ]


def _flat_mapped(writer: Writer, variables: list[str], args: Args, scope: Scope) -> list[str]:
    value = writer.code(args[0], scope)
    return [
        "if not present(source): return NONE",
        f"{variables[0]} = source.value",
        f"return optional({value})",
    ]


_BODIES: Final[dict[str, Callable[[Writer, list[str], Args, Scope], list[str]]]] = {
    "all": _quantified(False),
    "exists": _quantified(True),
    "exists_one": _exists_one,
    "existsOne": _exists_one,
    "map": _collected,
    "filter": _filtered,
    "transformList": _collected,
    "sortBy": _sorted,
    "cel.bind": _bound,
    "optMap": _mapped,
    "optFlatMap": _flat_mapped,
}

_WRITERS: Final[dict[type, Callable[[Writer, Any, Scope], Code]]] = {
    Literal: _literal,
    Ident: _ident,
    Select: _select,
    Index: _index,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    Logical: _logical,
    Conditional: _conditional,
    ListLiteral: _list,
    MapLiteral: _map,
    Macro: _macro,
}

Evaluate = Callable[[Mapping[str, Any]], Any]


def expression(expr: Expr, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates an expression; ``reference`` itself if no code can be made."""
    writer = Writer()
    try:
        return finish(writer, writer.whole(expr), limits, reference)
    except (Unsupported, RecursionError):
        return reference


def template(tree: TemplateTree, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates a whole template; ``reference`` if no code can be made."""
    writer = Writer()
    try:
        code = _structure(writer, tree, tree.structure, ())
        return finish(writer, code or "None", limits, reference)
    except (Unsupported, RecursionError):
        return reference


def _structure(writer: Writer, tree: TemplateTree, value: Any, path: Path) -> str | None:
    """The code of a structure; None for one without CEL, which stays the object that it is."""
    scalar = tree.scalars.get(path)
    if scalar is not None:
        return _scalar(writer, scalar)
    if isinstance(value, Mapping):
        parts = {key: _structure(writer, tree, item, (*path, key)) for key, item in value.items()}
        if not any(parts.values()):
            return None
        entries = [
            f"{_key(writer, key)}: {part or writer.constant(value[key])}"
            for key, part in parts.items()
        ]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        items = [_structure(writer, tree, item, (*path, i)) for i, item in enumerate(value)]
        if not any(items):
            return None
        codes = [part or writer.constant(value[i]) for i, part in enumerate(items)]
        return f"[{', '.join(codes)}]"
    return None


def _key(writer: Writer, key: Any) -> str:
    return repr(key) if type(key) is str else writer.constant(key)


def _scalar(writer: Writer, scalar: Scalar) -> str:
    whole = scalar.whole
    if whole is not None:
        return writer.whole(whole.expr)
    parts: list[str] = []
    for segment in scalar.segments:
        if isinstance(segment, str):
            parts.append(repr(segment))
            continue
        code, name = writer.whole(segment.expr), writer.fresh()
        otherwise = writer.operation("text", name)
        parts.append(f"({name} if ({name} := {code}).__class__ is str else {otherwise})")
    return writer.operation("concatenate", f"({', '.join(parts)},)")


def finish(writer: Writer, code: str, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates the code of a writer, and falls back on ``reference``."""
    names = tuple(writer.names)
    budgeted = writer.has_macro or writer.heavy > _MOST_WITHOUT_BUDGET
    source = "".join(
        [
            *writer.functions,
            "def evaluate(bindings):\n",
            "    try:\n",
            "        v = bindings if bindings.__class__ is dict else plain(bindings, names)\n",
            "        b = Budget(limits)\n"
            if budgeted
            else "        b = None\n" * bool(writer.heavy),
            f"        return {code}\n",
            "    except Exception:\n",
            "        pass\n",
            "    return reference(bindings)\n",
        ]
    )
    namespace = {
        **NAMESPACE,
        **writer.constants,
        "names": names,
        "limits": limits,
        "reference": reference,
    }
    try:
        exec(compile(source, "<cel>", "exec", dont_inherit=True), namespace)
    except (SyntaxError, RecursionError, MemoryError, OverflowError):
        # The nesting is deeper than Python allows in source text.
        return reference
    made: Evaluate = namespace["evaluate"]
    return made
