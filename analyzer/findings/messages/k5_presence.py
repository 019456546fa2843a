"""K501 to K507: what may not be there."""

from __future__ import annotations

from analyzer.findings.diagnostic import Diagnostic, Related
from kernel.cel import Expr


def optional_unguarded(node: Expr, path: str, guard: str, lenient: bool) -> Diagnostic:
    """K501: a field that may not be there; a warning where its schema never speaks of presence."""
    message = f"{path} may not be there; guard it with {guard}"
    return Diagnostic.of("K501", node, message, severity="warning" if lenient else None)


def only_in_some(node: Expr, owner: str, name: str, guard: str) -> Diagnostic:
    """K501: a field that only some alternatives of a value declare."""
    message = f"only some alternatives of {owner} have `{name}`; guard it with {guard}"
    return Diagnostic.of("K501", node, message)


def nullable_unguarded(node: Expr, what: str) -> Diagnostic:
    message = f"{what} may be null here; exclude it with a '!= null' before"
    return Diagnostic.of("K502", node, message)


def step_unavailable(
    node: Expr, name: str, why: str, guard: str, related: tuple[Related, ...] = ()
) -> Diagnostic:
    return Diagnostic.of("K503", node, f"step `{name}` {why}; {guard}", related=related)


def forward_reference(node: Expr, name: str) -> Diagnostic:
    return Diagnostic.of("K504", node, f"step `{name}` runs after this, so it has no result yet")


def no_error(node: Expr) -> Diagnostic:
    where = "it is in `retry.when`, `catch` and `finally`"
    return Diagnostic.of("K505", node, f"there is no 'error' here; {where}")


def redundant_guard(node: Expr, what: str) -> Diagnostic:
    return Diagnostic.of("K506", node, f"{what}, so this guard decides nothing")


def index_unproven(node: Expr, what: str, guard: str) -> Diagnostic:
    return Diagnostic.of("K507", node, f"{what} may be past the end; {guard}")


def fails(node: Expr, why: str) -> Diagnostic:
    """K507: what fails on every input; no guard can help."""
    return Diagnostic.of("K507", node, f"this always fails: {why}", severity="error")


def outside(node: Expr, position: str | None, size: str, *, is_negative: bool) -> Diagnostic:
    """K507: a position that is never one of the list or string."""
    which = "the position" if position is None else f"position {position}"
    why = "is before the begin" if is_negative else f"is past the end, {size}"
    return fails(node, f"{which} {why}")


def no_value(node: Expr, optional: str) -> Diagnostic:
    guard = "hasValue(), or give another with orValue()"
    return optional_unguarded(node, f"the value of {optional}", guard, False)


def never_a_value(node: Expr) -> Diagnostic:
    return Diagnostic.of("K501", node, "this always fails: the optional has no value")


def no_first_element(node: Expr, items: str) -> Diagnostic:
    return index_unproven(node, "the first element", f"guard it with size({items}) > 0")


def start_past_end(node: Expr, start: str | None, end: str | None) -> Diagnostic:
    guard = "compare it with the end before"
    if start is not None and end is not None:
        guard = f"guard it with {start} <= {end}"
    return index_unproven(node, "the start of this part", guard)


def part_past_end(node: Expr, size: str, *, is_start: bool) -> Diagnostic:
    what = "the start" if is_start else "the end"
    return index_unproven(node, f"{what} of this part", f"compare it with {size} before")


def position_past_end(node: Expr, position: str, size: str, natural: bool) -> Diagnostic:
    """K507: a position that may be past the end; ``natural``: it is not negative."""
    guard = f"{size} >= {position}" if natural else f"{position} >= 0 && {size} >= {position}"
    return index_unproven(node, f"position {position}", f"guard it with {guard}")


def element_past_end(node: Expr, items: str, position: str | None, natural: bool) -> Diagnostic:
    if position is None:
        guard = f"compare the index with size({items}) before"
        return index_unproven(node, f"an element of {items}", guard)
    guard = f"size({items}) > {position}"
    guard = guard if natural else f"{position} >= 0 && {guard}"
    return index_unproven(node, f"{items}[{position}]", f"guard it with {guard}")


def unnamed_element_past_end(node: Expr, position: str | None) -> Diagnostic:
    what = "this element" if position is None else f"position {position}"
    guard = "[?…]" if position is None else f"[?{position}]"
    return index_unproven(node, what, f"read it with {guard}, and orValue()")
