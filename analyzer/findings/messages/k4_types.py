"""K401 to K407: types in expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.message import Message
from analyzer.findings.messages.near_names import unknown_name
from analyzer.types import Never, Type
from kernel.cel import Expr
from kernel.manifest.suggest import nearest


def unknown_property(node: Expr, name: str, owner: str, known: Iterable[str]) -> Diagnostic:
    return unknown_name("K401", node, f"{owner} has no field '{name}'", name, known, "it has")


def no_key(node: Expr, owner: str, key: Type, keys: Type) -> Diagnostic:
    """K401: a key that a map never has."""
    why = "it is empty" if isinstance(keys, Never) else f"its keys are {keys}"
    return Diagnostic.of("K401", node, f"{owner} has no key {key}: {why}")


def size_as_field(node: Expr, name: str, owner: str, path: str) -> Diagnostic:
    """K401: the size of a list or of a text, read as a field."""
    meant = f"size({path})"
    fix = Fix(f"write '{meant}'", node.offset, node.end, meant)
    message = f"{owner} has no field '{name}'; did you mean '{meant}'?"
    return Diagnostic.of("K401", node, message, fix=fix)


def unknown_step(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    return unknown_name("K401", node, f"there is no step '{name}'", name, known, "there are")


def slot_type(node: Expr, field: str, wanted: str, type_: Type) -> Diagnostic:
    return Diagnostic.of("K402", node, f"`{field}` is {wanted}, and this is {type_}")


def incomparable(node: Expr, left: Type, right: Type) -> Diagnostic:
    return Diagnostic.of("K403", node, f"{left} and {right} are never equal")


def unnarrowed_union(node: Expr, what: str, lacking: Type) -> Diagnostic:
    return Diagnostic.of("K404", node, f"{what} is not possible where the value is {lacking}")


def untyped(node: Expr, what: str, owner: str) -> Diagnostic:
    reason = f"the schema of {owner} has no `type`, so it may be null, a list, …"
    return Diagnostic.of("K404", node, f"{what} is not certain: {reason}", severity="warning")


def impossible_literal(node: Expr, literal: str, type_: Type) -> Diagnostic:
    known = type_.literals if hasattr(type_, "literals") else ()
    meant = nearest(literal, known or ())
    more = f"; did you mean '{meant}'?" if meant else ""
    fix = None
    if meant and meant.isprintable() and not set(meant) & {"'", "\\"}:
        fix = Fix(f"write '{meant}'", node.offset, node.end, f"'{meant}'")
    return Diagnostic.of("K406", node, f"'{literal}' is none of {type_}{more}", fix=fix)


def undeclared_property(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    message = f"the field '{name}' is not declared"
    return unknown_name("K407", node, message, name, known, "declared are")


def open_alternative(node: Expr, name: str, owner: str) -> Diagnostic:
    """K407: a field that some alternatives declare, where another may have anything."""
    why = "another one is open, and may have anything under that name"
    return Diagnostic.of("K407", node, f"only some alternatives of {owner} declare '{name}': {why}")


def undeclared_values(node: Expr, owner: str) -> Diagnostic:
    """K407: the values of an open object with declared fields, as of a map."""
    why = "it is open, and may have fields that are not declared"
    return Diagnostic.of("K407", node, f"a value of {owner} may be anything: {why}")


def field_of_type(field: str, wanted: str, type_: Type) -> Message:
    return Message("K402", f"`{field}` is {wanted}, and this is {type_}")


def data_not_json(example: object) -> Message:
    """K402: the ``data`` of an error that JSON does not have."""
    return Message("K402", f"`data` is JSON, and this may be {example}")


def milliseconds_out_of_range(field: str, most: float, shown: str, may_fit: bool) -> Message:
    """K402: a number of milliseconds that is too small or too great, or may be."""
    text = f"`{field}` is 0 to {most:,.0f} ms, and this {shown}"
    return Message("K402", text, severity="warning" if may_fit else None)


def empty_pattern(field: str) -> Message:
    text = f"`{field}` begins with the type of an event, and this may be empty"
    return Message("K402", text, severity="warning")


def no_case(missing: Sequence[str]) -> Message:
    """K405: a ``switch`` that leaves values out."""
    return Message("K405", f"no case for {', '.join(missing)}, and there is no `default`")


def never_a_case(missing: Sequence[str]) -> Message:
    """K405: a ``switch`` over a constant that no case is for."""
    text = f"this always fails: no case for {', '.join(missing)}, and there is no `default`"
    return Message("K405", text, severity="error")


def impossible_case(key: str, subject: Type, meant: str | None) -> Message:
    more = f"; did you mean '{meant}'?" if meant else ""
    return Message("K406", f"'{key}' is none of {subject}{more}")


def incomparable_case(key: Type, subject: Type) -> Message:
    return Message("K403", f"{key} is never equal to {subject}")
