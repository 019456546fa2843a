"""K601 to K607: values that are known beforehand."""

from __future__ import annotations

from typing import Final

from analyzer.findings.diagnostic import Diagnostic, Fix, Related
from analyzer.findings.message import Message
from kernel.cel import Expr


def constant_condition(node: Expr, value: bool) -> Diagnostic:
    return Diagnostic.of("K601", node, f"this is always {str(value).lower()}")


def unreachable(node: Expr, what: str) -> Diagnostic:
    return Diagnostic.of("K602", node, f"{what}, since a condition around it says the opposite")


def division_by_zero(node: Expr) -> Diagnostic:
    return Diagnostic.of("K603", node, "this divides by zero")


def int_overflow(node: Expr) -> Diagnostic:
    return Diagnostic.of("K604", node, "the result does not fit in an int, which has 64 bits")


def bad_literal(node: Expr, message: str) -> Diagnostic:
    return Diagnostic.of("K605", node, message)


def duplicate_key(node: Expr, key: str, first: Expr) -> Diagnostic:
    related = (Related("the first one", first.offset, first.end),)
    return Diagnostic.of("K606", node, f"the map has the key {key} twice", related=related)


_QUOTIENT: Final = "the quotient of two ints is an int: its fraction is lost before it is"


def compared_quotient(node: Expr, fix: Fix | None) -> Diagnostic:
    """K607: a quotient of ints beside a double."""
    return Diagnostic.of("K607", node, f"{_QUOTIENT} compared with a double", fix=fix)


def given_quotient(thing: str) -> Message:
    """K607: a quotient of ints for a place of doubles; ``thing`` is what is given."""
    return Message(
        "K607",
        f"{_QUOTIENT} given to {thing}, a number",
        help="divide doubles: `double(a) / double(b)`",
    )


def constant_field(value: bool) -> Message:
    return Message("K601", f"this is always {str(value).lower()}")


CONSTANT_SWITCH: Final = Message(
    "K601", "this value is always the same, so the same case is always taken"
)


STEP_NEVER_RUNS: Final = Message(
    "K602", "this step never runs, since what comes before it always fails"
)
