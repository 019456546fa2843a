"""Plain scalars that readers of YAML 1.1 and of YAML 1.2 take for different values (K005).

The kernel reads YAML 1.2: ``no`` is a text and ``012`` is twelve. Many tools still read YAML 1.1,
where they are false and ten, and so do many people. Left alone are:

- what is a number in JSON (``1e3``): every reader of JSON takes it for the same;
- dates (``2026-01-01``): the text is what JSON has for them, and nobody means another day;
- ``y`` and ``n``: hardly a reader takes them for bools, and they are the names of coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Final

from analyzer.findings.finding import Edit, Finding
from analyzer.findings.messages import k0_text
from analyzer.program.program import Program
from kernel.errors import Path, Span
from kernel.manifest import Document
from kernel.manifest.nodes import Node
from kernel.manifest.scalars import Scalar

_BOOLS: Final = {
    spelled: value
    for word, value in (("yes", True), ("on", True), ("no", False), ("off", False))
    for spelled in (word, word.capitalize(), word.upper())
}
_MAY_BE_NUMBERS: Final = frozenset("+-0123456789")
_FIRST: Final = _MAY_BE_NUMBERS | {word[0] for word in _BOOLS}


def find_coercions(program: Program) -> Iterator[Finding]:
    """The scalars of a manifest that readers disagree about, except where loading found faults."""
    told = frozenset(finding.span for finding in program.of_reading if finding.span is not None)
    for document in program.linked.manifest.documents:
        yield from coercions(document, told)


def coercions(document: Document, told: Collection[Span] = ()) -> Iterator[Finding]:
    """The scalars of a document that readers disagree about, except at places in ``told``."""
    zero = _leading_zero().search(document.source.text, document.start, document.end)
    if zero is None and not _suspected(document.data):
        return
    for path, key, node in _scalars(document.root()):
        finding = _coercion(document, path, key, node)
        if finding is not None and finding.span not in told:
            yield finding


def _coercion(document: Document, path: Path, key: bool, node: Node) -> Finding | None:
    other = _older(node.text)
    if node.style or other is None or (type(other), other) == (type(node.value), node.value):
        return None
    start = node.end - len(node.text)
    if "!" in document.source.text[node.start : start]:
        return None  # its tag says what it is
    is_text = isinstance(node.value, str)
    quoted = f'"{node.text}"' if is_text else str(node.value)
    span = document.source.span(start, node.end)
    fix = Edit("put it in quotes" if is_text else f"write {quoted}", span, quoted)
    message = k0_text.other_in_yaml_1_1(node.text, node.value, other, key=key, quoted=quoted)
    return message.at(span, path, fix=fix)


def _suspected(data: Any) -> bool:
    """Whether there is a text in the data that another reader may take for something else."""
    waiting: list[Any] = [[data]]
    while waiting:
        box = waiting.pop()
        if type(box) is dict and not box.keys() <= _known_keys and _differing_keys(box):
            return True
        for value in box.values() if type(box) is dict else box:
            if type(value) is str:
                if value[:1] in _FIRST and differs(value):
                    return True
            elif type(value) is dict or type(value) is list:
                waiting.append(value)
    return False


_known_keys: set[str] = set()
"""Keys that are the same to all readers: most documents have the same ones."""

MAX_KNOWN_KEYS = 1_000


def _differing_keys(box: dict[Any, Any]) -> bool:
    for key in box:
        if type(key) is not str:
            continue
        if differs(key):
            return True
        if len(_known_keys) < MAX_KNOWN_KEYS:
            _known_keys.add(key)
    return False


def differs(text: str) -> bool:
    """Whether a reader of YAML 1.1 takes a plain text for something else."""
    if text[:1] in _MAY_BE_NUMBERS:
        return _older(text) not in (None, text)
    return text in _BOOLS


@cache
def _leading_zero() -> re.Pattern[str]:
    """The pattern of a number that begins with a zero."""
    # What comes before is looked at last: a search for a fixed character is quick.
    before = (r"\A..", r"[\s,\[{]..", r"[\s,\[{][-+]..", r"[\"']:..")
    return re.compile(f"0[0-9o](?:{'|'.join(f'(?<={one})' for one in before)})")


def _scalars(root: Node) -> Iterator[tuple[Path, bool, Node]]:
    """The scalars with their paths, each once, in the order of the text; and which are keys."""
    seen: set[int] = set()
    waiting: list[tuple[Path, bool, Node]] = [((), False, root)]
    while waiting:
        path, key, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == "scalar":
            yield path, key, node
        elif node.kind == "sequence":
            items = [((*path, index), False, item) for index, item in enumerate(node.items)]
            waiting += reversed(items)
        else:
            for name, item in reversed(list(zip(node.keys, node.items, strict=True))):
                inner = (*path, name.value if isinstance(name.value, int) else name.text)
                waiting += [(inner, False, item), (inner, True, name)]


def _older(text: str) -> Scalar:
    """What a reader of YAML 1.1 takes a plain scalar for; None where it does not differ.

    After the types of yaml.org (bool, int, float) as its readers implement them.
    """
    if text in _BOOLS:
        return _BOOLS[text]
    if text[:1] not in _MAY_BE_NUMBERS or not _patterns()["candidate"].fullmatch(text):
        return None
    digits = text.lstrip("+-").replace("_", "")
    sign = -1 if text.startswith("-") else 1
    patterns = _patterns()
    for name, base in (("binary", 2), ("octal", 8), ("integer", 10), ("hexadecimal", 16)):
        if patterns[name].fullmatch(text):
            return sign * int(digits, base)
    if patterns["float"].fullmatch(text):
        return sign * float(digits)
    if any(patterns[name].fullmatch(text) for name in ("sixties", "sixties with a point")):
        return sign * _sixties(digits)
    return text


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(pattern)
        for name, pattern in (
            # What is a number in one of the two, and not in JSON.
            ("candidate", r"[-+]?(?:0[0-9o][0-9]*|(?=.*[_:xb])[0-9][0-9a-fxA-F_:]*(?:\.[0-9_]*)?)"),
            ("binary", r"[-+]?0b[01_]*[01][01_]*"),
            ("octal", r"[-+]?0[0-7_]*"),
            ("integer", r"[-+]?[1-9][0-9_]*"),
            ("hexadecimal", r"[-+]?0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*"),
            ("float", r"[-+]?[0-9][0-9_]*\.[0-9_]*"),
            ("sixties", r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"),
            ("sixties with a point", r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"),
        )
    }


def _sixties(digits: str) -> float:
    """The value of ``12:30:45``, in the base of sixty."""
    whole, _, part = digits.partition(".")
    value = 0
    for place in whole.split(":"):
        value = value * 60 + int(place)
    return float(f"{value}.{part or 0}") if "." in digits else value
