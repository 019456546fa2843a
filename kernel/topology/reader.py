"""What the readers of call sites and steps share: faults with their place, CEL in its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kernel.cel import (
    CelSyntaxError,
    Template,
    TemplateTree,
    compile_template,
    faulty_template,
    parse_template,
)
from kernel.errors import Fault, Path
from kernel.manifest import Document
from kernel.manifest.fields import NOT_EVALUATED, has_cel
from kernel.manifest.suggest import did_you_mean
from kernel.topology.guards import guarded

MAX_MILLISECONDS = 366 * 24 * 3600 * 1000.0
"""The longest time that a manifest may ask for: a year."""

CEL_FIELD = "write it in brackets: `${{ … }}`"
"""The help where a text stands in a field that takes an expression."""


MAX_KNOWN = 65_536
MAX_KNOWN_TEXT = 2000
"""So many trees, of no more characters, are kept for the next reading of the same text."""

_trees: dict[str, TemplateTree] = {}


def _tree(value: Any) -> TemplateTree:
    """The expressions in a value, as they were parsed before of what is written the same.

    Structures that an evaluation would share with the template are not kept: what somebody changes
    of them must not be in the next manifest.
    """
    if not may_be_kept(value):
        return guarded(parse_template(value))
    text = repr(value)
    known = _trees.get(text)
    if known is None:
        known = guarded(parse_template(value))
        if len(text) <= MAX_KNOWN_TEXT and (known.scalars or isinstance(value, str)):
            if len(_trees) >= MAX_KNOWN:
                _trees.clear()
            _trees[text] = known
    return known


def may_be_kept(value: Any) -> bool:
    """Whether the tree of a value may be that of another reading: there are no structures in it."""
    if isinstance(value, dict):
        return not any(map(_is_structure, value.values()))
    return isinstance(value, str)


def _is_structure(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


class Reader:
    """Reads values out of a document and collects all that is wrong with them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = []

    def wrong(
        self, code: str, message: str, path: Path, *, help: str | None = None, key: bool = False
    ) -> None:
        """Note a fault at ``path``; ``key`` points at the key rather than at its value."""
        self.faults.append(Fault(code, message, self.document.span(path, key), help, path))

    def known_fields(
        self,
        data: Mapping[Any, Any],
        known: Collection[str],
        path: Path,
        what: str,
        others: Collection[str] = (),
    ) -> None:
        """Every key of ``data`` must be one of ``known``; ``others`` may have been meant."""
        for key in data:
            if key not in known:
                meant = [one for one in others if one != key]
                hint = did_you_mean(str(key), known) or did_you_mean(str(key), meant)
                message = f"{what} has no field `{key}`"
                self.wrong("K003", message, (*path, key), help=hint, key=True)

    def template(self, value: Any) -> Template:
        """The template of a structure.

        What does not parse was reported when the manifest was loaded, and stands for null here.
        """
        try:
            return compile_template(_tree(value))
        except CelSyntaxError as error:
            return faulty_template(error)

    def condition(self, data: Mapping[str, Any], field: str, path: Path) -> Template | None:
        """A field that is always an expression of type bool; a literal bool is one too."""
        if field not in data:
            return None
        value = data[field]
        if isinstance(value, bool) or (isinstance(value, str) and is_expression(value)):
            return self.template(value)
        self.wrong("K402", f"`{field}` is a condition", (*path, field), help=CEL_FIELD)
        return None

    def milliseconds(self, data: Mapping[str, Any], field: str, path: Path) -> float | None:
        """A literal number of milliseconds, from 0 to a year."""
        value = data.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            self.wrong("K007", f"`{field}` is a number of milliseconds", (*path, field))
            return None
        if not 0 <= value <= MAX_MILLISECONDS:
            message = f"`{field}` lies between 0 and {MAX_MILLISECONDS:,.15g}"
            self.wrong("K007", message, (*path, field))
            return None
        return float(value)

    def duration(self, data: Mapping[str, Any], field: str, path: Path) -> Template | None:
        """A number of milliseconds, or an expression that gives one."""
        value = data[field]
        if isinstance(value, str) and is_expression(value):
            return self.template(value)
        if value is None:
            self.wrong("K007", f"`{field}` is a number of milliseconds", (*path, field))
            return None
        if isinstance(value, str):
            message = f"`{field}` is a number of milliseconds, or an expression that gives one"
            self.wrong("K007", message, (*path, field), help=CEL_FIELD)
            return None
        number = self.milliseconds(data, field, path)
        return None if number is None else self.template(value)

    def integer(
        self, data: Mapping[str, Any], field: str, path: Path, *, minimum: int, maximum: int
    ) -> int | None:
        """A literal integer within bounds."""
        value = data.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong("K007", f"`{field}` is an integer", (*path, field))
            return None
        if not minimum <= value <= maximum:
            self.wrong("K007", f"`{field}` lies between {minimum} and {maximum}", (*path, field))
            return None
        return value

    def choice(
        self, data: Mapping[str, Any], field: str, path: Path, choices: tuple[str, ...]
    ) -> str | None:
        """One of a few words."""
        value = data.get(field)
        if value is None or value in choices:
            return value
        self.wrong("K007", f"`{field}` is one of {', '.join(choices)}", (*path, field))
        return None

    def literal_texts(
        self, data: Mapping[str, Any], field: str, path: Path, what: str
    ) -> tuple[str, ...] | None:
        """A list of texts, of one at least, in which nothing is evaluated."""
        value = data.get(field)
        if value is None:
            return None
        is_list = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        if not (is_list and value):
            self.wrong("K007", f"`{field}` is a list of {what}", (*path, field))
            return None
        message, hint = NOT_EVALUATED
        for number, text in enumerate(value):
            if has_cel(text):
                self.wrong("K008", message, (*path, field, number), help=hint)
        return tuple(value)


def is_expression(text: str) -> bool:
    """Whether the whole scalar is one ``${{ … }}``."""
    return text.startswith("${{") and text.rstrip("\n").endswith("}}")
