"""K601 to K606: values that are known beforehand."""

from __future__ import annotations

from analyzer.findings.diagnostic import Diagnostic, Related
from analyzer.findings.message import Message
from kernel.cel import Expr


def constant_condition(node: Expr, value: bool) -> Diagnostic:
    """K601: a condition that is always the same."""
    return Diagnostic.of("K601", node, f"this is always {str(value).lower()}")


def unreachable(node: Expr, what: str) -> Diagnostic:
    """K602: a condition that contradicts those around it."""
    return Diagnostic.of("K602", node, f"{what}, since a condition around it says the opposite")


def division_by_zero(node: Expr) -> Diagnostic:
    """K603: a division by what is zero."""
    return Diagnostic.of("K603", node, "this divides by zero")


def int_overflow(node: Expr) -> Diagnostic:
    """K604: a constant that no int can hold."""
    return Diagnostic.of("K604", node, "the result does not fit in an int, which has 64 bits")


def bad_literal(node: Expr, message: str) -> Diagnostic:
    """K605: a text that its function refuses."""
    return Diagnostic.of("K605", node, message)


def duplicate_key(node: Expr, key: str, first: Expr) -> Diagnostic:
    """K606: a key twice in one map."""
    related = (Related("the first one", first.offset, first.end),)
    return Diagnostic.of("K606", node, f"the map has the key {key} twice", related=related)


def constant_field(value: bool) -> Message:
    """K601: a condition that is written as a constant."""
    return Message("K601", f"this is always {str(value).lower()}")


def step_never_runs() -> Message:
    """K602: a step after what always fails."""
    return Message("K602", "this step never runs, since what comes before it always fails")
