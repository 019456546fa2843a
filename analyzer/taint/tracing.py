"""From which variables the value of an expression, or of a template, is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from analyzer.taint.annotations import ANY
from analyzer.taint.origins import CLEAN, Origin, Taint, join, tree
from kernel.cel import Embedded, Expr, Template
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Ident,
    Index,
    ListLiteral,
    Literal,
    Logical,
    Macro,
    MapLiteral,
    Select,
    Unary,
    reference_path,
)
from kernel.errors import Path
from kernel.structs import field, struct

Env = Mapping[str, Taint]
"""The origins of variables, by name; what is not named has none that matter."""

Vetted = frozenset[Path]
"""References whose values a condition has looked at: one of a few, or of a pattern."""

_TELLING: Final = frozenset(
    (
        "size", "contains", "startsWith", "endsWith", "matches", "type", "indexOf", "lastIndexOf",
        "hasValue", "sets.contains", "sets.equivalent", "sets.intersects", "bool",
        "math.isNaN", "math.isInf", "math.isFinite", "math.sign", "lists.range", "optional.none",
        "getFullYear", "getMonth", "getDate", "getDayOfWeek", "getDayOfMonth", "getDayOfYear",
        "getHours", "getMinutes", "getSeconds", "getMilliseconds",
    )
)  # fmt: skip
"""What they tell of a value is not the value."""

_TAMING: Final = frozenset(
    ("int", "uint", "double", "timestamp", "duration", "bytes", "base64.encode")
)
"""What they give holds no text of another language."""

_KEEPING: Final = frozenset(
    (
        "dyn", "distinct", "slice", "sort", "optional.of", "optional.ofNonZeroValue", "value",
        "or", "orValue", "optional.unwrap", "unwrapOpt", "string",
    )
)  # fmt: skip
"""What they give has the parts of what they are given."""

_MIXING: Final = frozenset(("format", "join", "replace", "regex.replace", "strings.quote"))
_ONE_OF: Final = frozenset(("first", "last"))


@struct(frozen=False)
class Tracer:
    """One reading of an expression. ``read`` says at which node each origin was read."""

    env: Env
    vetted: Vetted = frozenset()
    read: dict[object, Expr] = field(default_factory=dict)

    def trace(self, expr: Expr) -> Taint:
        """The origins of the value of an expression."""
        match expr:
            case Ident() | Select() | Index():
                return self._reference(expr)
            case Conditional(condition=condition, then=then, otherwise=otherwise):
                first = self._knowing(condition, True).trace(then)
                return join(first, self._knowing(condition, False).trace(otherwise))
            case Call():
                return self._call(expr)
            case Binary():
                return self._binary(expr)
            case Unary(operator="-", operand=operand):
                return self.trace(operand).only(secret=True)
            case ListLiteral(elements=elements):
                items = [self.trace(one) for one in elements]
                return Taint(rest=join(*items)) if expr.optional else tree(enumerate(items))
            case MapLiteral():
                return self._map(expr)
            case Macro():
                return self._macro(expr)
            case _:
                return CLEAN

    def _knowing(self, condition: Expr, outcome: bool) -> Tracer:
        more = frozenset(vetted_by(condition, outcome))
        return self if not more else Tracer(self.env, self.vetted | more, self.read)

    def _with(self, more: Mapping[str, Taint]) -> Tracer:
        return Tracer({**self.env, **more}, self.vetted, self.read)

    def _reference(self, expr: Expr) -> Taint:
        match expr:
            case Ident(name=name):
                found = self.env.get(name, CLEAN)
            case Select(operand=operand, field=name):
                found = self.trace(operand).inside(name)
            case Index(operand=operand, index=index):
                found = self.trace(operand).inside(_step(index))
            case _:
                return CLEAN
        if found and self.vetted and reference_path(expr) in self.vetted:
            found = found.only(secret=True)
        for origin in found.whole:
            self.read[origin.key] = expr
        return found

    def _call(self, call: Call) -> Taint:
        operands = call.args if call.target is None else (call.target, *call.args)
        if call.function in _TELLING:
            return CLEAN
        given = [self.trace(one) for one in operands]
        if not any(given):
            return CLEAN
        both = join(*given)
        if call.function in _KEEPING:
            return both
        if call.function in _ONE_OF:
            return both.inside(ANY)
        if call.function in _TAMING or call.function.startswith("math."):
            return both.melted().only(secret=True)
        return both.mixed() if call.function in _MIXING else both.melted()

    def _binary(self, expr: Binary) -> Taint:
        if expr.operator not in ("+", "-", "*", "/", "%"):
            return CLEAN
        both = join(self.trace(expr.left), self.trace(expr.right))
        if expr.operator != "+" or _is_number(expr.left) or _is_number(expr.right):
            return both.melted().only(secret=True)
        if isinstance(expr.left, ListLiteral) or isinstance(expr.right, ListLiteral):
            return Taint(rest=both.inside(ANY) or None)
        return both.mixed()

    def _map(self, expr: MapLiteral) -> Taint:
        parts: list[tuple[str | int, Taint]] = []
        others = CLEAN
        for key, value in expr.entries:
            found = self.trace(value)
            if isinstance(key, Literal) and isinstance(key.value, str):
                parts.append((key.value, found))
            else:
                others = join(others, found, self.trace(key))
        return join(tree(parts), Taint(rest=others) if others else CLEAN)

    def _macro(self, macro: Macro) -> Taint:
        target = CLEAN if macro.target is None else self.trace(macro.target)
        match macro.name:
            case "has" | "all" | "exists" | "exists_one" | "existsOne":
                return CLEAN
            case "filter" | "sortBy":
                return target
            case "cel.bind":
                bound = {macro.variables[0]: self.trace(macro.args[0])}
                return self._with(bound).trace(macro.args[1])
            case "optMap" | "optFlatMap":
                return self._with(dict.fromkeys(macro.variables, target)).trace(macro.args[0])
            case _:
                item = target.inside(ANY)
                element = self._with(dict.fromkeys(macro.variables, item)).trace(macro.args[-1])
                if not element:
                    return CLEAN
                return element if macro.name == "transformMapEntry" else Taint(rest=element)


@struct
class Piece:
    """An expression of a template: the path of its scalar, and where its value comes from.

    ``read`` says at which node each origin was read.
    """

    path: Path
    embedded: Embedded
    taint: Taint
    read: Mapping[object, Expr]

    def node(self, origin: Origin) -> Expr:
        """The part of the expression that an origin is read by."""
        return self.read.get(origin.key, self.embedded.expr)


def pieces(template: Template, env: Env, vetted: Vetted = frozenset()) -> Iterator[Piece]:
    """The expressions of a template that have origins which matter."""
    if template.constant:
        return
    for path, scalar in template.tree.scalars.items():
        for segment in scalar.segments:
            if isinstance(segment, str):
                continue
            tracer = Tracer(env, vetted)
            taint = tracer.trace(segment.expr)
            if taint:
                if scalar.whole is None:
                    taint = taint.mixed()
                yield Piece(path, segment, taint, tracer.read)


def traced(template: Template, env: Env, vetted: Vetted = frozenset()) -> Taint:
    """The origins of the value of a template."""
    return whole(pieces(template, env, vetted))


def whole(found: Iterable[Piece]) -> Taint:
    """The origins of the value of a template that has these pieces."""
    taint = CLEAN
    for piece in found:
        part = piece.taint
        for step in reversed(piece.path):
            part = tree([(step, part)])
        taint = join(taint, part)
    return taint


def vetted_by(condition: Expr, outcome: bool) -> Iterator[Path]:
    """The references whose values a condition vouches for, where it gave ``outcome``."""
    match condition:
        case Logical(operator=operator, operands=operands):
            if (operator == "&&") is outcome:
                for one in operands:
                    yield from vetted_by(one, outcome)
        case Unary(operator="!", operand=operand):
            yield from vetted_by(operand, not outcome)
        case Binary(operator="in", left=left) if outcome:
            yield from _path(left)
        case Binary(operator="==" | "!=" as operator, left=left, right=right):
            if (operator == "==") is outcome:
                if isinstance(right, Literal):
                    yield from _path(left)
                if isinstance(left, Literal):
                    yield from _path(right)
        case Call(function="matches", target=target, args=args) if outcome:
            yield from _path(target if target is not None else args[0])


def _path(expr: Expr) -> Iterator[Path]:
    path = reference_path(expr)
    if path is not None:
        yield path


def _step(index: Expr) -> str | int:
    if isinstance(index, Literal) and type(index.value) in (str, int):
        step: str | int = index.value
        return step
    return ANY


def _is_number(expr: Expr) -> bool:
    return isinstance(expr, Literal) and isinstance(expr.value, int | float)
