"""Where secrets flow that no search finds: those of few characters, numbers, truth values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel import references
from kernel.errors import Path
from kernel.events.forms import MIN_LENGTH
from kernel.events.redaction import REDACTED
from kernel.topology.callsite import CallSite

Hide = Callable[[Any], Any]
"""A value with ``[redacted]`` at its secret places."""


def is_short(secret: Any) -> bool:
    """Whether a secret has a part of so few characters that it is not looked for in texts."""
    if isinstance(secret, Mapping):
        return any(map(is_short, secret.values()))
    if isinstance(secret, list):
        return any(map(is_short, secret))
    return secret is not None and not isinstance(secret, bool) and len(str(secret)) < MIN_LENGTH


def hidden_inputs(
    site: CallSite, secrets: Mapping[str, Any], by_schema: Hide | None
) -> Hide | None:
    """Hides the inputs that the contract calls secret, and those into which such secrets flow.

    ``secrets`` are those of the module of the call site.
    """
    by_flow = _paths(site, {name for name, value in secrets.items() if not _is_found(value)})
    if not by_flow:
        return by_schema

    def hide(inputs: Any) -> Any:
        shown = inputs if by_schema is None else by_schema(inputs)
        for path in by_flow:
            shown = _hidden_at(shown, path)
        return shown

    return hide


def _is_found(secret: Any) -> bool:
    return isinstance(secret, str) and len(secret) >= MIN_LENGTH


def _paths(site: CallSite, names: set[str]) -> tuple[Path, ...]:
    """The paths of the inputs whose expressions read a secret of those names."""
    if site.inputs is None or not names:
        return ()
    found = {
        path: None
        for path, embedded in site.inputs.tree.expressions()
        for root, *steps in references(embedded.expr)
        if root == "secrets" and (not steps or steps[0] in names)
    }
    return tuple(found)


def _hidden_at(value: Any, path: Path) -> Any:
    if not path:
        return REDACTED
    first, *rest = path
    if isinstance(value, dict) and first in value:
        return {**value, first: _hidden_at(value[first], tuple(rest))}
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        return [*value[:first], _hidden_at(value[first], tuple(rest)), *value[first + 1 :]]
    return value
