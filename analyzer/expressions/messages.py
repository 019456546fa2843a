"""A finding of the analyzer, and its wording: each message is written once, next to its code.

The rules and their severities are those of analyzer.md. What is found in an expression has its
place in the text of the expression (code points, the end exclusive).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from analyzer.findings.catalogue import RULES, Severity
from analyzer.types import Type
from kernel.cel import Expr
from kernel.manifest.suggest import nearest

_MAX_NAMES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit of the text that mends the finding; ``title`` says what it does."""

    title: str
    offset: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that has to do with a finding."""

    message: str
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: one sentence in plain words, and the place it is about."""

    code: str
    name: str
    severity: Severity
    message: str
    offset: int
    end: int
    related: tuple[Related, ...] = ()
    fix: Fix | None = None


def _found(
    code: str,
    node: Expr,
    message: str,
    *,
    fix: Fix | None = None,
    related: tuple[Related, ...] = (),
    severity: Severity | None = None,
) -> Diagnostic:
    rule = RULES[code]
    return Diagnostic(
        code, rule.name, severity or rule.severity, message, node.offset, node.end, related, fix
    )


def _candidates(name: str, known: Iterable[str], what: str) -> tuple[str, str | None]:
    """The end of a message about an unknown name, and the name that was probably meant."""
    names = sorted(set(known))
    meant = nearest(name, names)
    if meant:
        return f"; did you mean '{meant}'?", meant
    if names and len(names) <= _MAX_NAMES_SHOWN:
        return f"; {what} {', '.join(names)}", None
    return "", None


def _renaming(node: Expr, name: str, meant: str | None) -> Fix | None:
    """The edit of a name that stands at the end of its node."""
    return Fix(f"write '{meant}'", node.end - len(name), node.end, meant) if meant else None


def syntax(message: str, offset: int, end: int) -> Diagnostic:
    """K301: the text is not an expression."""
    rule = RULES["K301"]
    return Diagnostic(rule.code, rule.name, rule.severity, message, offset, end)


def unknown_variable(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K302: a name that nothing declares."""
    more, meant = _candidates(name, known, "in scope are")
    fix = _renaming(node, name, meant)
    return _found("K302", node, f"there is no variable '{name}'{more}", fix=fix)


def unknown_function(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K303: a function that the language does not have."""
    meant = nearest(name, known)
    more = f"; did you mean '{meant}'?" if meant else ""
    return _found("K303", node, f"there is no function '{name}'{more}")


def wrong_form(node: Expr, name: str, form: str) -> Diagnostic:
    """K304: a function called on a receiver that has none, or the other way round."""
    return _found("K304", node, f"'{name}' is not called like this; write {form}")


def no_overload(
    node: Expr, call: str, nearest_form: str | None, fix: Fix | None = None
) -> Diagnostic:
    """K305: no form of the function takes these types."""
    more = f"; the nearest form is {nearest_form}" if nearest_form else ""
    return _found("K305", node, f"{call} is not possible{more}", fix=fix)


def not_bool(node: Expr, place: str, type_: Type) -> Diagnostic:
    """K305: something else where only true or false can stand."""
    return _found("K305", node, f"{place} is a bool, and this is {type_}")


def not_iterable(node: Expr, macro: str, type_: Type) -> Diagnostic:
    """K305: a macro on what it cannot go over."""
    return _found("K305", node, f"{macro}() is not possible on {type_}")


def not_optional(node: Expr, place: str, type_: Type) -> Diagnostic:
    """K305: a plain value where an optional is needed."""
    return _found("K305", node, f"{place} needs an optional, and this is {type_}")


def bad_key(node: Expr, type_: Type) -> Diagnostic:
    """K305: a value that cannot be the key of a map."""
    return _found("K305", node, f"a key is a string, int, uint or bool, and this is {type_}")


def shadowed(node: Expr, name: str) -> Diagnostic:
    """K307: a variable of a macro hides another name."""
    return _found("K307", node, f"the variable '{name}' hides another '{name}' that is in scope")


def costly(node: Expr) -> Diagnostic:
    """K308: a loop in a loop, neither with a bound."""
    message = "this goes over a list without a bound once for each element of another such list"
    return _found("K308", node, message)


def unknown_property(node: Expr, name: str, owner: str, known: Iterable[str]) -> Diagnostic:
    """K401: a field that the value cannot have."""
    more, meant = _candidates(name, known, "it has")
    fix = _renaming(node, name, meant)
    return _found("K401", node, f"{owner} has no field '{name}'{more}", fix=fix)


def undeclared_property(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K407: a field that the schema does not declare, although it may be there."""
    more, meant = _candidates(name, known, "declared are")
    fix = _renaming(node, name, meant)
    return _found("K407", node, f"the field '{name}' is not declared{more}", fix=fix)


def incomparable(node: Expr, left: Type, right: Type) -> Diagnostic:
    """K403: two values that are never equal."""
    return _found("K403", node, f"{left} and {right} are never equal")


def impossible_literal(node: Expr, literal: str, type_: Type) -> Diagnostic:
    """K406: a comparison with what the value cannot be."""
    known = type_.literals if hasattr(type_, "literals") else ()
    meant = nearest(literal, known or ())
    more = f"; did you mean '{meant}'?" if meant else ""
    fix = Fix(f"write '{meant}'", node.offset, node.end, f"'{meant}'") if meant else None
    if meant and not _plain(meant):
        fix = None
    return _found("K406", node, f"'{literal}' is none of {type_}{more}", fix=fix)


def _plain(text: str) -> bool:
    return text.isprintable() and not set(text) & {"'", "\\"}


def unnarrowed_union(node: Expr, what: str, lacking: Type) -> Diagnostic:
    """K404: what only some of the possible values have."""
    return _found("K404", node, f"{what} is not possible where the value is {lacking}")


def untyped(node: Expr, what: str, owner: str) -> Diagnostic:
    """K404: what only some values have, where a schema says of none what it is."""
    message = (
        f"{what} is not certain: the schema of {owner} has no `type`, so it may be null, a list, …"
    )
    return _found("K404", node, message)


def optional_unguarded(node: Expr, path: str, guard: str, lenient: bool) -> Diagnostic:
    """K501: a field that may not be there; a warning where its schema never speaks of presence."""
    message = f"{path} may not be there; guard it with {guard}"
    return _found("K501", node, message, severity="warning" if lenient else None)


def nullable_unguarded(node: Expr, what: str) -> Diagnostic:
    """K502: null where it is of no use."""
    return _found("K502", node, f"{what} may be null here; exclude it with a '!= null' before")


def redundant_guard(node: Expr, what: str) -> Diagnostic:
    """K506: a guard on what is always there."""
    return _found("K506", node, f"{what}, so this guard decides nothing")


def index_unproven(node: Expr, what: str, guard: str) -> Diagnostic:
    """K507: a position that may be past the end."""
    return _found("K507", node, f"{what} may be past the end; {guard}")


def constant_condition(node: Expr, value: bool) -> Diagnostic:
    """K601: a condition that is always the same."""
    return _found("K601", node, f"this is always {str(value).lower()}")


def division_by_zero(node: Expr) -> Diagnostic:
    """K603: a division by what is zero."""
    return _found("K603", node, "this divides by zero")


def int_overflow(node: Expr) -> Diagnostic:
    """K604: a constant that no int can hold."""
    return _found("K604", node, "the result does not fit in an int, which has 64 bits")


def bad_literal(node: Expr, message: str) -> Diagnostic:
    """K605: a text that its function refuses."""
    return _found("K605", node, message)


def duplicate_key(node: Expr, key: str, first: Expr) -> Diagnostic:
    """K606: a key twice in one map."""
    related = (Related("the first one", first.offset, first.end),)
    return _found("K606", node, f"the map has the key {key} twice", related=related)


def not_text(node: Expr, what: str, type_: Type) -> Diagnostic:
    """K006: a list or a map within text."""
    return _found("K006", node, f"{what} is {type_}, which cannot stand within text")


def slot_type(node: Expr, field: str, wanted: str, type_: Type) -> Diagnostic:
    """K402: a field of a step or a call site that needs another type."""
    return _found("K402", node, f"`{field}` is {wanted}, and this is {type_}")


def unreachable(node: Expr, what: str) -> Diagnostic:
    """K602: a condition that contradicts those around it."""
    return _found("K602", node, f"{what}, since a condition around it says the opposite")


def not_in_scope(node: Expr, name: str, where: str) -> Diagnostic:
    """K306: a variable that is in scope elsewhere."""
    return _found("K306", node, f"'{name}' is not in scope here; it is {where}")


def no_error(node: Expr) -> Diagnostic:
    """K505: the error, where there is none."""
    where = "it is in `retry.when`, `catch` and `finally`"
    return _found("K505", node, f"there is no 'error' here; {where}")


def step_unavailable(
    node: Expr, name: str, why: str, guard: str, related: tuple[Related, ...] = ()
) -> Diagnostic:
    """K503: the result of a step that may not have run."""
    return _found("K503", node, f"step `{name}` {why}; {guard}", related=related)


def forward_reference(node: Expr, name: str) -> Diagnostic:
    """K504: the result of a step that comes later."""
    message = f"step `{name}` runs after this, so it has no result yet"
    return _found("K504", node, message)


def inner_step(node: Expr, name: str) -> Diagnostic:
    """K306: a step of a ``forEach``, from outside."""
    message = f"step `{name}` is inside a `forEach`, so it is not seen from here"
    return _found("K306", node, message)


def unknown_step(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K401: a step that is nowhere."""
    more, meant = _candidates(name, known, "there are")
    return _found(
        "K401", node, f"there is no step '{name}'{more}", fix=_renaming(node, name, meant)
    )
