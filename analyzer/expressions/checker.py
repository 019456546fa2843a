"""The walk over an expression: it collects findings, and knows which function checks a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from analyzer.expressions.conditions import assume
from analyzer.expressions.equal_expressions import sized_expr
from analyzer.expressions.facts import Facts
from analyzer.findings.catalogue import codes
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k5_presence, k6_values
from analyzer.types import (
    BOOL,
    ERROR,
    NULL,
    Bool,
    Dyn,
    Error,
    Never,
    Optional,
    Type,
    members_of,
    resolved,
    union,
    without,
)
from analyzer.types.intersection import meet
from kernel.cel import Expr
from kernel.cel.tree import Binary, Ident, Index, Literal, Logical, Select
from kernel.structs import field, struct

GUARDABLE: Final = codes(
    "optional-unguarded", "nullable-unguarded", "unnarrowed-union", "index-unproven",
    "undeclared-property",
)  # fmt: skip
"""The rules whose findings a condition before may be meant to exclude."""

_UNKNOWN: Final = codes("unknown-variable", "unknown-property", "impossible-literal")
"""Findings in a condition that leave open which value it tests, or which values it excludes."""

MAX_RETRIES: Final = 8
"""How many operands of one expression are looked at again with what later operands say."""

Check = Callable[["Checker", Any, Facts], Type]


@struct
class Loop:
    """A comprehension around a place: its variables, and whether its list may be long."""

    variables: frozenset[str]
    unbounded: bool


@struct(frozen=False)
class Checker:
    """One walk over an expression; collects the findings, each subject once for a rule.

    ``node_types`` holds the type of each checked node, by ``id``; ``chains`` what was known before
    each ``&&`` and ``||``, and before the last of its operands. ``may_fail``: something of which
    too little is known was used, so the expression may still fail. ``asked`` are the nodes, by
    ``id``, that are compared, or whose type is asked, so that they may be anything. ``doubts``
    counts the mistaken conditions around: what they were to exclude is not told.
    """

    roots: Mapping[str, Type]
    checks: Mapping[type, Check]
    found: dict[object, Diagnostic] = field(default_factory=dict)
    may_fail: bool = False
    retries: int = MAX_RETRIES
    loops: list[Loop] = field(default_factory=list)
    node_types: dict[int, Type] = field(default_factory=dict)
    chains: dict[int, tuple[Facts, Facts]] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    doubts: int = 0

    def run(self, expr: Expr, facts: Facts) -> Type:
        """The type of a whole expression."""
        try:
            return self.check(expr, facts)
        except RecursionError:
            self.may_fail = True
            return Dyn("the expression is nested too deeply for the stack that is left")

    def check(self, expr: Expr, facts: Facts) -> Type:
        """The type of a part of the expression, where ``facts`` is known."""
        type_ = self.checks[type(expr)](self, expr, facts)
        if facts.computed and not isinstance(expr, Literal | Ident | Select):
            compared = facts.value(expr)
            if compared is not None and not isinstance(type_, Dyn | Error):
                type_ = meet(type_, compared)
        self.node_types[id(expr)] = type_
        return type_

    def assume(self, expr: Expr, outcome: bool, facts: Facts) -> Facts:
        """What is known once the expression gave an outcome; a chain is not gone through again."""
        before, last = self.chains.get(id(expr), (None, facts))
        if before is facts and isinstance(expr, Logical) and outcome is (expr.operator == "&&"):
            return assume(expr.operands[-1], outcome, last)
        return assume(expr, outcome, facts)

    def known_type(self, expr: Expr) -> Type | None:
        """The type of a node that was looked at."""
        return self.node_types.get(id(expr))

    def report(self, diagnostic: Diagnostic, subject: object = None) -> Type:
        """Note a finding; gives the type Error for the node."""
        if self.doubts and diagnostic.code in GUARDABLE:
            return ERROR
        place: object = subject or (diagnostic.offset, diagnostic.end)
        self.found.setdefault((diagnostic.name, place), diagnostic)
        return ERROR

    def mistaken(self, count: int) -> bool:
        """Whether there is an unknown name or literal after the first ``count`` findings."""
        return any(one.code in _UNKNOWN for one in islice(self.found.values(), count, None))

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings in the order of the text."""
        if not self.found:
            return ()
        return tuple(sorted(self.found.values(), key=lambda one: (one.offset, one.end, one.code)))

    def forget(self, count: int) -> None:
        """Drop all findings after the first ``count``."""
        while len(self.found) > count:
            self.found.popitem()

    def condition(self, expr: Expr, facts: Facts, place: str) -> Type:
        """The type of what must be a bool."""
        type_ = self.check(expr, facts)
        if type(type_) is Bool:
            return type_
        if isinstance(resolved(type_), Dyn):
            self.may_fail = True
            return BOOL
        wrong = without(type_, lambda one: isinstance(one, Bool | Error))
        if isinstance(wrong, Never):
            return type_
        if wrong == NULL and type_ != NULL:
            self.report(k5_presence.nullable_unguarded(expr, shown(expr)))
            return BOOL
        return self.report(k3_names.not_bool(expr, place, type_))

    def optional_value(self, expr: Expr, place: str, type_: Type) -> Type | None:
        """The type of the value in an optional; None for other types, which are reported."""
        values: list[Type] = []
        for one in members_of(type_):
            if isinstance(one, Optional):
                values.append(one.value)
            elif isinstance(one, Dyn | Error):
                self.may_fail = self.may_fail or isinstance(one, Dyn)
                values.append(one)
            else:
                self.report(k3_names.not_optional(expr, place, type_))
                return None
        return union(values)

    def varying_condition(self, expr: Expr, facts: Facts, place: str) -> Type:
        """The type of a condition that should not always be the same."""
        count = len(self.found)
        type_ = self.condition(expr, facts, place)
        if isinstance(type_, Bool) and type_.literal is not None and len(self.found) == count:
            # What a condition before has made certain is a habit of careful people, no mistake.
            if not (type_.literal and facts.known):
                self.report(k6_values.constant_condition(expr, type_.literal))
            return BOOL if isinstance(expr, Literal) else type_
        return type_


UNNAMED: Final = "this value"
"""What a value is called that has no path."""


def position_shown(expr: Expr) -> str | None:
    """A position as it is written in a guard; None where it is too long."""
    if isinstance(expr, Literal) and type(expr.value) is int:
        return str(expr.value)
    if (
        isinstance(expr, Binary)
        and expr.operator in ("+", "-")
        and (not isinstance(expr.right, Binary))
    ):
        left, right = position_shown(expr.left), position_shown(expr.right)
        return None if left is None or right is None else f"{left} {expr.operator} {right}"
    sized = sized_expr(expr)
    text = shown(expr if sized is None else sized)
    if text.startswith(UNNAMED):
        return None
    return text if sized is None else f"size({text})"


def shown(expr: Expr) -> str:
    """How people write the value of an expression: as its path, or as ``this value``."""
    match expr:
        case Ident():
            return expr.name
        case Select():
            return f"{shown(expr.operand)}.{expr.field}"
        case Index(index=Literal(value=value)) if isinstance(value, str | int):
            return f"{shown(expr.operand)}[{value!r}]"
        case Index(index=Ident() | Select() as index):
            return f"{shown(expr.operand)}[{shown(index)}]"
    return UNNAMED
