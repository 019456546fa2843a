"""Calls of functions: whether there is such a function, its form, and which overload fits."""

from __future__ import annotations

from analyzer import types
from analyzer.expressions.call_results import RESULTS
from analyzer.expressions.checker import UNNAMED, Checker, shown
from analyzer.expressions.constant_arguments import (
    constants_fit,
    format_fits,
    ranges_fit,
    whole_works,
)
from analyzer.expressions.facts import Facts
from analyzer.expressions.positions import CALLS, Argument, PlacedCall
from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.messages import k3_names, k4_types, k5_presence
from analyzer.types import Type
from analyzer.types.overloads import Failure, call_forms, has_call_form, kinds, resolve_overload
from kernel.cel import MACROS, TABLE, Expr
from kernel.cel.other_languages import FUNCTIONS, IDIOMS
from kernel.cel.tree import Call, Ident, Literal
from kernel.manifest.suggest import nearest


def call(checker: Checker, expr: Call, facts: Facts) -> Type:
    """The type of a call of a function."""
    wrong = _unknown(expr, facts)
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    if wrong is not None:
        return checker.report(wrong)
    if expr.function == "type":
        checker.asked |= set(map(id, parts))
    args = tuple((part, checker.check(part, facts)) for part in parts)
    type_ = applied(checker, expr, expr.function, expr.target is not None, args)
    if isinstance(type_, types.Error) or not constants_fit(checker, expr, parts):
        return types.ERROR
    if not ranges_fit(checker, expr, tuple(one for _, one in args)):
        return types.ERROR
    if expr.function in CALLS:
        return CALLS[expr.function](PlacedCall(checker, expr, args, type_, facts))
    if not whole_works(checker, expr, parts):
        return types.ERROR
    if expr.function == "format":
        return type_ if format_fits(checker, expr) else types.ERROR
    result = RESULTS.get(expr.function)
    return type_ if result is None else result(tuple(one for _, one in args), type_)


def _unknown(expr: Call, facts: Facts) -> Diagnostic | None:
    """What is wrong with the name or the form of a call."""
    name, receiver = expr.function, expr.target is not None
    if isinstance(expr.target, Ident) and expr.target.name not in facts.scope:
        dotted = f"{expr.target.name}.{name}"
        known = [one for one in (*TABLE, *MACROS) if one.startswith(f"{expr.target.name}.")]
        if known:
            return k3_names.unknown_function(expr, dotted, nearest(dotted, known), expr.offset)
    if name in MACROS:
        return k3_names.wrong_form(expr, name, MACROS[name].form)
    if name not in TABLE:
        return _unknown_name(expr, name)
    if not has_call_form(name, receiver):
        return k3_names.wrong_form(expr, name, call_forms(name)[0])
    return None


def _unknown_name(expr: Call, name: str) -> Diagnostic:
    """What is wrong with a name of no function: it is misspelt, or one of another language."""
    receiver = expr.target is not None
    start = expr.offset if expr.target is None else expr.target.end + 1
    meant = FUNCTIONS.get(name)
    if meant is None and name in IDIOMS:
        return k3_names.function_elsewhere(expr, name, IDIOMS[name])
    if meant is None:
        names = [one for one in (*TABLE, *MACROS) if "_" not in one]
        return k3_names.unknown_function(expr, name, nearest(name, names), start)
    if has_call_form(meant, receiver) if meant in TABLE else receiver is (meant != "has"):
        return k3_names.unknown_function(expr, name, meant, start)
    forms = call_forms(meant)[0] if meant in TABLE else MACROS[meant].form
    return k3_names.function_elsewhere(expr, name, forms)


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
        found = resolve_overload(name, receiver, tuple(map(types.without_null, argument_types)))
    if isinstance(found, Failure):
        return _refused(checker, expr, name, receiver, args, found)
    checker.may_fail = checker.may_fail or found.may_fail
    return found.type


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
        spoken = name.strip("_") if "_" in name else f"{name}()"
        return checker.report(k4_types.unnarrowed_union(node, f"'{spoken}'", failure.lacking))
    written = _written(name, receiver, [str(type_) for _, type_ in args])
    fix = _conversion(name, args)
    return checker.report(k3_names.no_overload(expr, written, failure.nearest, fix))


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
