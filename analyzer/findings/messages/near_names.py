"""How messages name what was probably meant instead of an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analyzer.findings.diagnostic import Fix
from kernel.cel import Expr
from kernel.manifest.suggest import nearest

_MAX_NAMES_SHOWN: Final = 8


def candidates(name: str, known: Iterable[str], what: str) -> tuple[str, str | None]:
    """The end of a message about an unknown name, and the name that was probably meant."""
    names = sorted(set(known))
    meant = nearest(name, names)
    if meant:
        return f"; did you mean '{meant}'?", meant
    if names and len(names) <= _MAX_NAMES_SHOWN:
        return f"; {what} {', '.join(names)}", None
    return "", None


def renaming(node: Expr, name: str, meant: str | None) -> Fix | None:
    """The edit of a name that stands at the end of its node."""
    return Fix(f"write '{meant}'", node.end - len(name), node.end, meant) if meant else None
