"""How messages name what was probably meant instead of an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analyzer.findings.diagnostic import Diagnostic, Fix
from kernel.cel import Expr
from kernel.manifest.suggest import nearest

_MAX_NAMES_SHOWN: Final = 8


def unknown_name(
    code: str, node: Expr, message: str, name: str, known: Iterable[str], what: str
) -> Diagnostic:
    """The finding about an unknown name at the end of its node; names what was probably meant."""
    names = sorted(set(known))
    meant = nearest(name, names)
    if meant:
        fix = Fix(f"write '{meant}'", node.end - len(name), node.end, meant)
        return Diagnostic.of(code, node, f"{message}; did you mean '{meant}'?", fix=fix)
    if names and len(names) <= _MAX_NAMES_SHOWN:
        message += f"; {what} {', '.join(names)}"
    return Diagnostic.of(code, node, message)
