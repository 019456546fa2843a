"""Calls of functions: their form, their overload, and what their constant arguments say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from analyzer import types
from analyzer.expressions.bounds import Orders
from analyzer.expressions.checker import UNNAMED, Checker, position_shown, shown
from analyzer.expressions.facts import Facts
from analyzer.expressions.optionals import has_value
from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.messages import k3_names, k4_types, k5_presence, k6_values
from analyzer.lowering.by_kind import JSON_MOST
from analyzer.types import Type, members_of, resolved, union, without
from analyzer.types.operators import flattened, possible_size, with_size_of
from analyzer.types.overloads import Failure, call_forms, has_call_form, kinds, resolve_overload
from kernel.cel import MACROS, TABLE, Expr
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import Problem
from kernel.cel.functions import invoke
from kernel.cel.functions.formatting import clauses
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
    if isinstance(type_, types.Error) or not _constants_fit(checker, expr, parts):
        return types.ERROR
    if expr.function in _PLACED:
        return _PLACED[expr.function](checker, expr, args, type_, facts)
    return _RESULTS.get(expr.function, _as_it_is)(checker, expr, args, type_)


def _unknown(expr: Call, facts: Facts) -> Diagnostic | None:
    """What is wrong with the name or the form of a call."""
    name, receiver = expr.function, expr.target is not None
    if isinstance(expr.target, Ident) and expr.target.name not in facts.scope:
        dotted = f"{expr.target.name}.{name}"
        known = [one for one in (*TABLE, *MACROS) if one.startswith(f"{expr.target.name}.")]
        if known:
            return k3_names.unknown_function(expr, dotted, known)
    if name in MACROS:
        return k3_names.wrong_form(expr, name, MACROS[name].form)
    if name not in TABLE:
        names = [one for one in (*TABLE, *MACROS) if "_" not in one]
        return k3_names.unknown_function(expr, name, names)
    if not has_call_form(name, receiver):
        return k3_names.wrong_form(expr, name, call_forms(name)[0])
    return None


def applied(
    checker: Checker, expr: Expr, name: str, receiver: bool, args: tuple[Argument, ...]
) -> Type:
    """The type of a function of these arguments; reports when no overload takes them."""
    argument_types = tuple(type_ for _, type_ in args)
    found = resolve_overload(name, receiver, argument_types)
    if isinstance(found, Failure) and found.nullable:
        node, _ = args[found.position]
        path = shown(node)
        subject = ("null", path) if path != UNNAMED else None
        checker.report(k5_presence.nullable_unguarded(node, path), subject)
        found = resolve_overload(
            name, receiver, tuple(without(one, _is_null) for one in argument_types)
        )
    if isinstance(found, Failure):
        return _refused(checker, expr, name, receiver, args, found)
    checker.may_fail = checker.may_fail or found.may_fail
    return found.type


def _is_null(type_: Type) -> bool:
    return isinstance(type_, types.Null)


def _refused(
    checker: Checker,
    expr: Expr,
    name: str,
    receiver: bool,
    args: tuple[Argument, ...],
    failure: Failure,
) -> Type:
    if failure.partial:
        node, _ = args[failure.position] if failure.position < len(args) else (expr, types.ERROR)
        what = f"'{_spoken(name)}'"
        return checker.report(k4_types.unnarrowed_union(node, what, failure.lacking))
    written = _written(name, receiver, [str(type_) for _, type_ in args])
    fix = _conversion(name, args)
    return checker.report(k3_names.no_overload(expr, written, failure.nearest, fix))


def _spoken(name: str) -> str:
    return name.strip("_") if "_" in name else f"{name}()"


def _written(name: str, receiver: bool, argument_types: list[str]) -> str:
    if name.startswith("_"):
        return f" {name.strip('_')} ".join(argument_types)
    if name.endswith("_"):
        return f"{name[:-1]}{argument_types[0]}"
    before = f"{argument_types.pop(0)}." if receiver else ""
    return f"{before}{name}({', '.join(argument_types)})"


def _conversion(name: str, args: tuple[Argument, ...]) -> Fix | None:
    """Numbers do not mix in arithmetic: the literal, or else the int, becomes a double."""
    if name not in ("_+_", "_-_", "_*_", "_/_") or len(args) != 2:
        return None
    if {kind for _, type_ in args for kind in kinds(type_) or ()} != {"int", "double"}:
        return None
    node = next(one for one, type_ in args if kinds(type_) == frozenset({"int"}))
    if isinstance(node, Literal):
        return Fix("make it a double", node.end, node.end, ".0")
    path = shown(node)
    if path == UNNAMED:
        return None
    return Fix("make it a double", node.offset, node.end, f"double({path})")


# What constants say ------------------------------------------------------------------------------

_PATTERNS: Final = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
_LIMITS: Final = Limits(steps=10_000, size=100_000)


def _constants_fit(checker: Checker, expr: Call, parts: tuple[Expr, ...]) -> bool:
    """Report a constant that its function refuses."""
    name = expr.function
    if name in _PATTERNS and len(parts) > 1:
        pattern = parts[1]
        if (
            isinstance(pattern, Literal)
            and isinstance(pattern.value, str)
            and not _works(checker, pattern, lambda: _pattern(name, pattern.value))
        ):
            return False
    literal = [part for part in parts if isinstance(part, Literal)]
    values = [part.value for part in literal]
    if parts and len(literal) == len(parts):
        return _works(checker, expr, lambda: _called(expr, values))
    if name in _STAND_INS and parts[1:] and literal == [*parts[1:]]:
        return _works(checker, expr, lambda: _called(expr, [_STAND_INS[name](), *values]))
    if name == "format" and literal:
        return _works(checker, literal[0], lambda: clauses(values[0]))
    return True


def _called(expr: Call, values: list[Any]) -> Any:
    return invoke(Budget(_LIMITS), expr.function, expr.target is not None, values)


def _any_time() -> Any:
    return invoke(Budget(_LIMITS), "timestamp", False, ["2000-01-01T00:00:00Z"])


_STAND_INS: Final[Mapping[str, Callable[[], Any]]] = {
    "regex.replace": str,
    **{name: _any_time for name in TABLE if name.startswith("get")},
}
"""A first argument that the functions take which fail for what the others are."""


def _pattern(function: str, pattern: str) -> None:
    if compiled(pattern).groups > 1 and function.startswith("regex.extract"):
        raise Problem("bad-argument", "the pattern has more than one capture group")


def _works(checker: Checker, node: Expr, attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except Problem as problem:
        if problem.reason == "overflow":
            checker.report(k6_values.int_overflow(node))
        elif problem.reason == "bad-argument":
            checker.report(k6_values.bad_literal(node, problem.message))
        else:
            return True
        return False
    return True


# What is known of results ------------------------------------------------------------------------

_Result = Callable[[Checker, Call, tuple[Argument, ...], Type], Type]


def _as_it_is(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return type_


def _size(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return union(possible_size(one) for one in members_of(args[0][1]))


def _same_size(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return with_size_of(args[0][1], type_, keep_least=True)


def _not_larger(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return with_size_of(args[0][1], type_, keep_least=False)


def _flatten(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    depth = _whole(args[1][1]) if len(args) > 1 else 1
    if depth is None or depth > 10:
        return types.List(types.Dyn("the depth is not known"))
    return types.List(
        union(
            flattened(one.element, depth)
            for one in members_of(args[0][1])
            if isinstance(one, types.List)
        )
    )


def _whole(type_: Type) -> int | None:
    return type_.least if isinstance(type_, types.Int) and type_.least == type_.most else None


def _argument(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A number is given back as it is, one of JSON with more than 64 bits too."""
    if all(isinstance(one, types.Int) for _, one in args):
        return union(one for _, one in args)
    return type_


def _extreme(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """An empty list has no greatest element, and no least."""
    node, whole = args[0]
    if any(isinstance(one, types.List) and not one.least for one in members_of(whole)):
        guard = f"guard it with size({shown(node)}) > 0"
        checker.report(k5_presence.index_unproven(expr, "the first element", guard))
    ranges = [one for _, one in args if isinstance(one, types.Int)]
    if len(ranges) < len(args):
        return _argument(checker, expr, args, type_)
    extreme = max if expr.function == "math.greatest" else min
    return types.Int(extreme(one.least for one in ranges), extreme(one.most for one in ranges))


def _absolute(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    number = resolved(args[0][1])
    if not isinstance(number, types.Int):
        return type_
    least = 0 if number.least <= 0 <= number.most else min(abs(number.least), abs(number.most))
    return types.Int(least, max(abs(number.least), abs(number.most)))


def _part_of_time(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A part of a moment is within the calendar; that of a span of time is a number of any size."""
    moments = all(isinstance(one, types.Timestamp) for one in members_of(args[0][1]))
    return types.Int(*_PARTS[expr.function]) if moments and members_of(args[0][1]) else type_


_PARTS: Final = {
    "getMonth": (0, 11),
    "getDate": (1, 31),
    "getDayOfMonth": (0, 30),
    "getDayOfWeek": (0, 6),
    "getDayOfYear": (0, 365),
    "getHours": (0, 23),
    "getMinutes": (0, 59),
    "getSeconds": (0, 59),
    "getMilliseconds": (0, 999),
}


def _string(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A moment is written with its date, its time and its zone."""
    moments = all(isinstance(one, types.Timestamp) for one in members_of(args[0][1]))
    return types.String(least=20) if moments and members_of(args[0][1]) else type_


def _or_value(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """What stands in for the value is evaluated where it is needed only: it may always fail."""
    (_, first), (_, other) = args
    if not isinstance(other, types.Never):
        return type_
    return union(one.value for one in members_of(first) if isinstance(one, types.Optional))


def _or(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    return args[0][1] if isinstance(args[1][1], types.Never) else type_


def _value(
    checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type, facts: Facts
) -> Type:
    """Report an optional that may have no value."""
    node, whole = args[0]
    if any(isinstance(one, types.Optional) for one in members_of(whole)) and not has_value(
        node, facts, checker.node_types
    ):
        found = k5_presence.optional_unguarded(
            expr, f"the value of {shown(node)}", "hasValue(), or give another with orValue()", False
        )
        checker.report(found)
    return type_


def _bits(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """Bits are not cut off from a number of JSON that has more than 64 of them."""
    wide = any(isinstance(one, types.Int) and not _is_64_bits(one) for _, one in args)
    return types.Int(-2 * JSON_MOST, 2 * JSON_MOST) if wide else type_


def _is_64_bits(type_: types.Int) -> bool:
    return type_.least >= types.INT_MIN and type_.most <= types.INT_MAX


def _of_non_zero(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """Null is no value that it holds."""
    return types.Optional(without(args[0][1], _is_null))


def _range(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    count = args[0][1]
    if not isinstance(count, types.Int):
        return types.List(types.Int(0))
    least, most = max(0, count.least), max(0, count.most)
    return types.List(types.Int(0, max(0, most - 1)), least, most)


def _split(checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type) -> Type:
    """A separator that is not empty gives one part at least."""
    separator = args[1][1]
    filled = isinstance(separator, types.String) and possible_size(separator).least > 0
    return types.List(types.STRING, 1 if filled and len(args) == 2 else 0)


def _char_at(
    checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type, facts: Facts
) -> Type:
    return _at(checker, expr, args, (1,), type_, facts)


def _substring(
    checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type, facts: Facts
) -> Type:
    if len(args) == 3 and _is_part(checker, args, facts):
        return type_
    if len(args) == 3 and not _is_ordered(checker, args, facts):
        start, end = position_shown(args[1][0]), position_shown(args[2][0])
        guard = "compare it with the end before"
        if start is not None and end is not None:
            guard = f"guard it with {start} <= {end}"
        checker.report(k5_presence.index_unproven(expr, "the start of this part", guard))
    return _at(checker, expr, args, tuple(range(1, len(args))), type_, facts)


def _is_part(checker: Checker, args: tuple[Argument, ...], facts: Facts) -> bool:
    """Whether ``0 <= start <= end <= size``."""
    (node, whole), (first, _), (last, _) = args
    orders = _orders(checker, facts)
    return (
        _is_ordered(checker, args, facts)
        and orders.is_natural(first)
        and orders.at_most_size(last, node, _shortest(whole))
    )


def _index_of(
    checker: Checker, expr: Call, args: tuple[Argument, ...], type_: Type, facts: Facts
) -> Type:
    return (
        types.Int(-1)
        if len(args) < 3
        else union([_at(checker, expr, args, (2,), types.Int(-1), facts)])
    )


def _orders(checker: Checker, facts: Facts) -> Orders:
    return Orders(facts.known, checker.known_type)


def _is_ordered(checker: Checker, args: tuple[Argument, ...], facts: Facts) -> bool:
    """Whether a part ends where it starts, or after; of what is not known, nothing is said."""
    (_, whole), (first, start), (last, end) = args
    if any(isinstance(one, types.Dyn | types.Error) for one in members_of(whole)):
        return True
    if not isinstance(resolved(start), types.Int) or not isinstance(resolved(end), types.Int):
        return False
    return _orders(checker, facts).at_most(first, last)


def _shortest(whole: Type) -> int:
    return min((possible_size(one).least for one in members_of(whole)), default=0)


def _at(
    checker: Checker,
    expr: Call,
    args: tuple[Argument, ...],
    positions: tuple[int, ...],
    type_: Type,
    facts: Facts,
) -> Type:
    """Report positions that may be past the end of the string or list."""
    node, whole = args[0]
    if any(isinstance(one, types.Dyn | types.Error) for one in members_of(whole)):
        return type_
    least = _shortest(whole)
    orders = _orders(checker, facts)
    for number in positions:
        place, position = args[number]
        if not isinstance(resolved(position), types.Int) or not orders.is_position(
            place, node, least
        ):
            natural = orders.is_natural(place)
            checker.report(_unproven(expr, node, number, natural))
            break
    return type_


def _unproven(expr: Call, node: Expr, number: int, natural: bool) -> Diagnostic:
    """Which guard a position lacks."""
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    whole, position = shown(node), position_shown(parts[number])
    size = "its size" if whole.startswith(UNNAMED) else f"size({whole})"
    if position is None:
        what = "the start" if number == 1 else "the end"
        guard = f"compare it with {size} before"
        return k5_presence.index_unproven(expr, f"{what} of this part", guard)
    guard = f"{size} >= {position}" if natural else f"{position} >= 0 && {size} >= {position}"
    return k5_presence.index_unproven(expr, f"position {position}", f"guard it with {guard}")


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
        checker.may_fail = True
        return type_
    found = clauses(text.value)
    if len(found) > len(items.elements):
        message = f"the format has {len(found)} clauses, the list {len(items.elements)} elements"
        return checker.report(k6_values.bad_literal(expr, message))
    return _formatted(checker, found, items, type_)


def _formatted(checker: Checker, letters: list[str], items: ListLiteral, type_: Type) -> Type:
    for clause, node in zip(letters, items.elements, strict=False):
        wanted = _FORMATTED.get(clause)
        one = checker.node_types.get(id(node), types.Dyn())
        found = kinds(one)
        if found is None:
            checker.may_fail = checker.may_fail or (
                wanted is not None and not isinstance(one, types.Error)
            )
        elif wanted is not None and not found <= wanted:
            return checker.report(k3_names.no_overload(node, f"'%{clause}' of {one}", None))
    return type_


_RESULTS: Final[dict[str, _Result]] = {
    "size": _size,
    "sort": _same_size,
    "reverse": _same_size,
    "distinct": _not_larger,
    "flatten": _flatten,
    "optional.ofNonZeroValue": _of_non_zero,
    "int": _argument,
    "string": _string,
    **dict.fromkeys(_PARTS, _part_of_time),
    "math.abs": _absolute,
    "math.greatest": _extreme,
    "math.least": _extreme,
    "or": _or,
    "orValue": _or_value,
    **dict.fromkeys(("math.bitAnd", "math.bitOr", "math.bitXor", "math.bitNot"), _bits),
    "lists.range": _range,
    "split": _split,
    "format": _format,
}
_Placed = Callable[[Checker, Call, tuple[Argument, ...], Type, Facts], Type]
_PLACED: Final[dict[str, _Placed]] = {
    "value": _value,
    "charAt": _char_at,
    "substring": _substring,
    "slice": _substring,
    "indexOf": _index_of,
    "lastIndexOf": _index_of,
}
"""What also depends on what is known at the place."""
