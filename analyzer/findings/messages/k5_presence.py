"""K501 to K507: what may not be there."""

from __future__ import annotations

from analyzer.findings.diagnostic import Diagnostic, Related
from kernel.cel import Expr


def optional_unguarded(node: Expr, path: str, guard: str, lenient: bool) -> Diagnostic:
    """K501: a field that may not be there; a warning where its schema never speaks of presence."""
    message = f"{path} may not be there; guard it with {guard}"
    return Diagnostic.of("K501", node, message, severity="warning" if lenient else None)


def nullable_unguarded(node: Expr, what: str) -> Diagnostic:
    """K502: null where it is of no use."""
    return Diagnostic.of(
        "K502", node, f"{what} may be null here; exclude it with a '!= null' before"
    )


def step_unavailable(
    node: Expr, name: str, why: str, guard: str, related: tuple[Related, ...] = ()
) -> Diagnostic:
    """K503: the result of a step that may not have run."""
    return Diagnostic.of("K503", node, f"step `{name}` {why}; {guard}", related=related)


def forward_reference(node: Expr, name: str) -> Diagnostic:
    """K504: the result of a step that comes later."""
    message = f"step `{name}` runs after this, so it has no result yet"
    return Diagnostic.of("K504", node, message)


def no_error(node: Expr) -> Diagnostic:
    """K505: the error, where there is none."""
    where = "it is in `retry.when`, `catch` and `finally`"
    return Diagnostic.of("K505", node, f"there is no 'error' here; {where}")


def redundant_guard(node: Expr, what: str) -> Diagnostic:
    """K506: a guard on what is always there."""
    return Diagnostic.of("K506", node, f"{what}, so this guard decides nothing")


def index_unproven(node: Expr, what: str, guard: str) -> Diagnostic:
    """K507: a position that may be past the end."""
    return Diagnostic.of("K507", node, f"{what} may be past the end; {guard}")
