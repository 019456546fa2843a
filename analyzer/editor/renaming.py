"""A new name for a step, a resource, a variable or a secret, wherever it is named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from analyzer.editor.origins import steps_of
from analyzer.editor.symbols import Symbol, occurrences_of, symbol_at
from analyzer.editor.workspace import Workspace
from analyzer.findings.finding import Edit
from analyzer.findings.trials import edited
from analyzer.rules.yaml_text import differs
from kernel.cel import CelSyntaxError, parse
from kernel.errors import KernelError, Span
from kernel.manifest.build import IDENTIFIER
from kernel.manifest.scalars import Scalar, resolve
from kernel.structs import struct

_WORDS: Final[Mapping[Scalar, str]] = {None: "null", True: "true", False: "false"}


class RenameRefused(KernelError):
    """The name cannot be changed; the message says why."""


@struct
class Replacement:
    """A text in the place of a span."""

    span: Span
    text: str


def renamable(workspace: Workspace, path: str, offset: int) -> Span:
    """The name at an offset that can be changed. Raises RenameRefused."""
    return _named(workspace, path, offset)[1]


def rename(workspace: Workspace, path: str, offset: int, name: str) -> tuple[Replacement, ...]:
    """The changes that give the symbol at an offset a new name. Raises RenameRefused.

    They cover every manifest with an open file that the symbol is part of.
    """
    symbol, _ = _named(workspace, path, offset)
    if (why := _unfit(name)) is not None:
        raise RenameRefused(why)
    if name != symbol.name and name in _taken(symbol):
        raise RenameRefused(f"there is a {symbol.kind} `{name}` already")
    found: dict[Span, None] = {}
    for analysis in workspace.analyses_with(symbol.declaration.file):
        found.update((one.span, None) for one in occurrences_of(analysis, symbol))
    changes = tuple(Replacement(span, name) for span in found)
    if name != symbol.name:
        _try(workspace, path, changes)
    return changes


def _unfit(name: str) -> str | None:
    """Why a text is no name: YAML has to read it as that text, and CEL as a field."""
    if not IDENTIFIER.fullmatch(name):
        return f"'{name}' is no name: letters, digits and _, not beginning with one"
    value = resolve(name)
    if value != name:
        return f"'{name}' is no name: YAML reads it as {_WORDS[value]}, and not as text"
    if differs(name):
        return f"'{name}' is no name: readers of YAML 1.1 take it for a bool"
    try:
        parse(name)
        parse(f"steps.{name}.result")
    except CelSyntaxError:
        return f"'{name}' is no name: it is a word of CEL"
    return None


def _try(workspace: Workspace, path: str, changes: Iterable[Replacement]) -> None:
    """Raise RenameRefused where something would be found that was not found before."""
    edits: dict[str, list[Edit]] = {}
    for one in changes:
        edits.setdefault(one.span.file, []).append(Edit("", one.span, one.text))
    texts = {file: edited(workspace.source(file), listed)[0] for file, listed in edits.items()}
    before = Counter(one.code for one in workspace.report_with(path, {}).findings)
    for finding in workspace.report_with(path, texts).findings:
        before[finding.code] -= 1
        if before[finding.code] < 0:
            raise RenameRefused(f"the manifest would be wrong after it: {finding.message}")


def _named(workspace: Workspace, path: str, offset: int) -> tuple[Symbol, Span]:
    analysis = workspace.analysis(path)
    if not analysis.is_sound(path):
        raise RenameRefused("the file has mistakes that must be mended first")
    document = analysis.document_at(path, offset)
    occurrence = None if document is None else symbol_at(analysis, document, offset)
    if occurrence is None:
        raise RenameRefused("nothing here has a name that can be changed")
    symbol = occurrence.symbol
    if symbol.kind in ("kind", "import"):
        article = "an" if symbol.kind == "import" else "a"
        raise RenameRefused(f"the name of {article} {symbol.kind} cannot be changed here")
    file = symbol.declaration.file
    if file not in workspace.texts and not os.access(file, os.W_OK):
        raise RenameRefused(f"`{symbol.name}` is declared in a file that cannot be written")
    return symbol, occurrence.span


def _taken(symbol: Symbol) -> set[str]:
    """The names that a symbol cannot have."""
    if symbol.unit is not None:
        return {step.name for step in steps_of(symbol.unit) if step.name is not None}
    if symbol.kind == "resource":
        return {*symbol.module.resources}
    return {*symbol.module.vars, *symbol.module.secrets}
