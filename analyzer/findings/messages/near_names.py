"""How messages name what was probably meant instead of an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analyzer.findings.diagnostic import Diagnostic, Fix
from kernel.cel import Expr
from kernel.cel.tree import Index
from kernel.manifest.suggest import nearest

_MAX_NAMES_SHOWN: Final = 8


def unknown_name(
    code: str,
    node: Expr,
    message: str,
    name: str,
    known: Iterable[str],
    what: str,
    meant: str | None = None,
) -> Diagnostic:
    """The finding about an unknown name at the end of its node; names what was probably meant."""
    names = sorted(set(known))
    meant = meant or nearest(name, names)
    if meant:
        fix = _written(node, name, meant)
        return Diagnostic.of(code, node, f"{message}; did you mean '{meant}'?", fix=fix)
    if names and len(names) <= _MAX_NAMES_SHOWN:
        message += f"; {what} {', '.join(names)}"
    return Diagnostic.of(code, node, message)


def _written(node: Expr, name: str, meant: str) -> Fix | None:
    """The name that was meant in the place of the other: as ``x.name``, or as ``x['name']``."""
    title = f"write '{meant}'"
    if not isinstance(node, Index):
        return Fix(title, node.end - len(name), node.end, meant)
    if not meant.isprintable() or set(meant) & {"'", "\\"}:
        return None
    return Fix(title, node.index.offset, node.index.end, f"'{meant}'")
