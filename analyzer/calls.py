"""Calls of functions: their form, their overload, and what their constant arguments say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from analyzer import diagnostics
from analyzer.checker import UNNAMED, Checker, shown
from analyzer.comparison import flattened, resized, sizes
from analyzer.facts import Facts
from analyzer.kinds import JSON_MOST
from analyzer.signatures import Failure, forms, has_form, kinds, resolve
from analyzer.types import (
    ERROR,
    INT_MAX,
    INT_MIN,
    STRING,
    Dyn,
    Error,
    Int,
    List,
    Null,
    Optional,
    String,
    Type,
    members_of,
    union,
    without,
)
from kernel.cel import MACROS, TABLE, Expr
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import Problem
from kernel.cel.functions import invoke
from kernel.cel.functions.regex import compiled
from kernel.cel.tree import Call, Ident, ListLiteral, Literal

Argument = tuple[Expr, Type]


def call(checker: Checker, expr: Call, facts: Facts) -> Type:
    """The type of a call of a function."""
    wrong = _unknown(expr, facts)
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    if wrong is not None:
        return checker.report(wrong)
    args = tuple((part, checker.check(part, facts)) for part in parts)
    receiver = expr.target is not None
    type_ = applied(checker, expr, expr.function, receiver, args)
    if isinstance(type_, Error) or not _constants_fit(checker, expr, parts):
        return ERROR
    return _RESULTS.get(expr.function, _as_it_is)(checker, expr, args, type_)


def _unknown(expr: Call, facts: Facts) -> diagnostics.Diagnostic | None:
    """What is wrong with the name or the form of a call."""
    name, receiver = expr.function, expr.target is not None
    if isinstance(expr.target, Ident) and expr.target.name not in facts.scope:
        dotted = f"{expr.target.name}.{name}"
        known = [one for one in (*TABLE, *MACROS) if one.startswith(f"{expr.target.name}.")]
        if known:
            return diagnostics.unknown_function(expr, dotted, known)
    if name in MACROS:
        return diagnostics.wrong_form(expr, name, MACROS[name].form)
    if name not in TABLE:
        names = [one for one in (*TABLE, *MACROS) if "_" not in one]
        return diagnostics.unknown_function(expr, name, names)
    if not has_form(name, receiver):
        return diagnostics.wrong_form(expr, name, forms(name)[0])
    return None


def applied(
    checker: Checker, expr: Expr, name: str, receiver: bool, args: tuple[Argument, ...]
) -> Type:
    """The type of a function of these arguments; reports when no overload takes them."""
    types = tuple(type_ for _, type_ in args)
    found = resolve(name, receiver, types)
    if isinstance(found, Failure) and found.nullable:
        node, _ = args[found.position]
        path = shown(node)
        subject = ("null", path) if path != UNNAMED else None
        checker.report(diagnostics.nullable_unguarded(node, path), subject)
        found = resolve(name, receiver, tuple(without(one, _is_null) for one in types))
    if isinstance(found, Failure):
        return _refused(checker, expr, name, receiver, args, found)
    checker.leans = checker.leans or found.leans
    return found.type


def _is_null(type_: Type) -> bool:
    return isinstance(type_, Null)


def _refused(
    checker: Checker,
    expr: Expr,
    name: str,
    receiver: bool,
    args: tuple[Argument, ...],
    failure: Failure,
) -> Type:
    if failure.partial:
        node, _ = args[failure.position] if failure.position < len(args) else (expr, ERROR)
        what = f"'{_spoken(name)}'"
        return checker.report(diagnostics.unnarrowed_union(node, what, failure.lacking))
    written = _written(name, receiver, [str(type_) for _, type_ in args])
    fix = _conversion(name, args)
    return checker.report(diagnostics.no_overload(expr, written, failure.nearest, fix))


def _spoken(name: str) -> str:
    return name.strip("_") if "_" in name else f"{name}()"


def _written(name: str, receiver: bool, types: list[str]) -> str:
    if name.startswith("_"):
        return f" {name.strip('_')} ".join(types)
    if name.endswith("_"):
        return f"{name[:-1]}{types[0]}"
    before = f"{types.pop(0)}." if receiver else ""
    return f"{before}{name}({', '.join(types)})"


def _conversion(name: str, args: tuple[Argument, ...]) -> diagnostics.Fix | None:
    """Numbers do not mix in arithmetic: the literal, or else the int, becomes a double."""
    if name not in ("_+_", "_-_", "_*_", "_/_") or len(args) != 2:
        return None
    if {kind for _, type_ in args for kind in kinds(type_) or ()} != {"int", "double"}:
        return None
    node = next(one for one, type_ in args if kinds(type_) == frozenset({"int"}))
    if isinstance(node, Literal):
        return diagnostics.Fix("make it a double", node.end, node.end, ".0")
    path = shown(node)
    if path == UNNAMED:
        return None
    return diagnostics.Fix("make it a double", node.offset, node.end, f"double({path})")


# What constants say ------------------------------------------------------------------------------

_CONVERTING: Final = frozenset(
    {"duration", "timestamp", "int", "uint", "double", "bool", "base64.decode"}
)
_PATTERNS: Final = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
_LIMITS: Final = Limits(steps=10_000, size=100_000)


def _constants_fit(checker: Checker, expr: Call, parts: tuple[Expr, ...]) -> bool:
    """Report a constant that its function refuses."""
    if expr.function in _CONVERTING and all(isinstance(part, Literal) for part in parts):
        values = [part.value for part in parts if isinstance(part, Literal)]
        return _works(checker, expr, lambda: invoke(Budget(_LIMITS), expr.function, False, values))
    if expr.function in _PATTERNS and len(parts) > 1:
        pattern = parts[1]
        if isinstance(pattern, Literal) and isinstance(pattern.value, str):
            return _works(checker, pattern, lambda: _pattern(expr.function, pattern.value))
    return True


def _pattern(function: str, pattern: str) -> None:
    if compiled(pattern).groups > 1 and function.startswith("regex.extract"):
        raise Problem("bad-argument", "the pattern has more than one capture group")


def _works(checker: Checker, node: Expr, attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except Problem as problem:
        if problem.reason == "overflow":
            checker.report(diagnostics.int_overflow(node))
        elif problem.reason == "bad-argument":
            checker.report(diagnostics.bad_literal(node, problem.message))
        else:
            return True
        return False
    return True


# What is known of results ------------------------------------------------------------------------

_Result = Callable[[Checker, Call, tuple[Argument, ...], Type], Type]


def _as_it_is(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return type_


def _size(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return union(sizes(one) for one in members_of(args[0][1]))


def _same_size(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return resized(args[0][1], type_, keep_least=True)


def _not_larger(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return resized(args[0][1], type_, keep_least=False)


def _flatten(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    depth = _whole(args[1][1]) if len(args) > 1 else 1
    if depth is None or depth > 10:
        return List(Dyn("the depth is not known"))
    return List(
        union(
            flattened(one.element, depth) for one in members_of(args[0][1]) if isinstance(one, List)
        )
    )


def _whole(type_: Type) -> int | None:
    return type_.least if isinstance(type_, Int) and type_.least == type_.most else None


def _argument(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A number is given back as it is, one of JSON with more than 64 bits too."""
    if all(isinstance(one, Int) for _, one in args):
        return union(one for _, one in args)
    return type_


def _bits(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """Bits are not cut off from a number of JSON that has more than 64 of them."""
    wide = any(isinstance(one, Int) and not _is_64_bits(one) for _, one in args)
    return Int(-2 * JSON_MOST, 2 * JSON_MOST) if wide else type_


def _is_64_bits(type_: Int) -> bool:
    return type_.least >= INT_MIN and type_.most <= INT_MAX


def _of_non_zero(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """Null is no value that it holds."""
    return Optional(without(args[0][1], _is_null))


def _range(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    count = args[0][1]
    if not isinstance(count, Int):
        return List(Int(0))
    least, most = max(0, count.least), max(0, count.most)
    return List(Int(0, max(0, most - 1)), least, most)


def _split(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A separator that is not empty gives one part at least."""
    separator = args[1][1]
    filled = isinstance(separator, String) and sizes(separator).least > 0
    return List(STRING, 1 if filled and len(args) == 2 else 0)


def _char_at(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return _at(checker, expr, args, (1,), type_)


def _substring(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    if len(args) == 3 and not _is_ordered(args[1][1], args[2][1]):
        guard = "its start may be after its end"
        checker.report(diagnostics.index_unproven(expr, shown(args[0][0]), guard))
    return _at(checker, expr, args, tuple(range(1, len(args))), type_)


def _index_of(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return Int(-1) if len(args) < 3 else union([_at(checker, expr, args, (2,), Int(-1))])


def _slice(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return _substring(checker, expr, args, type_)


def _is_ordered(start: Type, end: Type) -> bool:
    return isinstance(start, Int) and isinstance(end, Int) and start.most <= end.least


def _at(
    checker: Checker,
    expr: Call,
    args: tuple[Argument, ...],
    positions: tuple[int, ...],
    type_: Type,
) -> Type:
    """Report positions that may be past the end of the string or list."""
    node, whole = args[0]
    least = min((sizes(one).least for one in members_of(whole)), default=0)
    for number in positions:
        position = args[number][1]
        if not isinstance(position, Int) or position.least < 0 or position.most > least:
            guard = f"guard it with size({shown(node)}) >= …"
            checker.report(diagnostics.index_unproven(expr, shown(args[number][0]), guard))
            break
    return type_


_CLAUSE: Final = re.compile(r"%(?:%|(?:\.[0-9]{1,4})?([a-zA-Z]))")
_NUMBERS: Final = frozenset({"int", "uint", "double"})
_FORMATTED: Final[Mapping[str, frozenset[str]]] = {
    "d": _NUMBERS,
    "f": _NUMBERS,
    "e": _NUMBERS,
    "x": frozenset({"int", "uint", "string", "bytes"}),
    "X": frozenset({"int", "uint", "string", "bytes"}),
    "o": frozenset({"int", "uint"}),
    "b": frozenset({"int", "uint", "bool"}),
}


def _format(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """Each clause of a constant format takes what stands at its place in the list."""
    (text, _), (items, _) = args
    if not isinstance(text, Literal) or not isinstance(items, ListLiteral) or items.optional:
        checker.leans = True
        return type_
    clauses = [match[1] for match in _CLAUSE.finditer(text.value) if match[1]]
    if len(clauses) > len(items.elements):
        message = f"the format has {len(clauses)} clauses, the list {len(items.elements)} elements"
        return checker.report(diagnostics.bad_literal(expr, message))
    return _formatted(checker, clauses, items, type_)


def _formatted(checker: Checker, clauses: list[str], items: ListLiteral, type_: Type) -> Type:
    for clause, node in zip(clauses, items.elements, strict=False):
        wanted = _FORMATTED.get(clause)
        one = checker.types.get(id(node), Dyn())
        found = kinds(one)
        if found is None:
            checker.leans = checker.leans or (wanted is not None and not isinstance(one, Error))
        elif wanted is not None and not found <= wanted:
            return checker.report(diagnostics.no_overload(node, f"'%{clause}' of {one}", None))
    return type_


_RESULTS: Final[dict[str, _Result]] = {
    "size": _size,
    "sort": _same_size,
    "reverse": _same_size,
    "distinct": _not_larger,
    "flatten": _flatten,
    "optional.ofNonZeroValue": _of_non_zero,
    "int": _argument,
    "math.greatest": _argument,
    "math.least": _argument,
    **dict.fromkeys(("math.bitAnd", "math.bitOr", "math.bitXor", "math.bitNot"), _bits),
    "lists.range": _range,
    "split": _split,
    "charAt": _char_at,
    "substring": _substring,
    "slice": _slice,
    "indexOf": _index_of,
    "lastIndexOf": _index_of,
    "format": _format,
}
