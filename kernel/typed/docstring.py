"""What a docstring says of a function, and of each parameter (Google's and Sphinx's style)."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping

from kernel.structs import struct

_SECTION = re.compile(
    r"(?:Args|Arguments|Parameters|Returns|Yields|Raises|Attributes|Examples?|Notes?|References|"
    r"See Also|Todo|Warnings?):?\s*"
)
_GOOGLE = re.compile(r"(?:Args|Arguments|Parameters):\s*")
_ARGUMENT = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?:\s*(?P<text>.*)")
_SPHINX = re.compile(r":(?:param|parameter|arg)\s+(?:[^:\s]+\s+)?(?P<name>\w+):\s*(?P<text>.*)")
_FIELD = re.compile(r":\w[^:]*:")


@struct
class Docstring:
    """The description, with a blank line between paragraphs, and those of parameters by name."""

    description: str
    parameters: Mapping[str, str]


def read_docstring(text: str | None) -> Docstring:
    """What a docstring says."""
    lines = inspect.cleandoc(text or "").split("\n")
    end = next((n for n, line in enumerate(lines) if _ends_description(lines, n, line)), len(lines))
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines[:end]).strip())
    description = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    return Docstring(description, dict(_parameters(lines[end:])))


def _ends_description(lines: list[str], number: int, line: str) -> bool:
    if _FIELD.match(line):
        return True
    below = lines[number + 1] if number + 1 < len(lines) else ""
    is_underlined = len(below) > 2 and not below.strip("-=")
    return _SECTION.fullmatch(line) is not None and (line.rstrip().endswith(":") or is_underlined)


def _parameters(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each parameter that is described, with what is said of it, on one line."""
    for number, line in enumerate(lines):
        if found := _SPHINX.match(line):
            yield found["name"], _joined(found["text"], _indented(lines[number + 1 :]))
        elif _GOOGLE.fullmatch(line):
            yield from _google(textwrap.dedent("\n".join(_indented(lines[number + 1 :]))))


def _google(section: str) -> Iterator[tuple[str, str]]:
    lines = section.split("\n")
    for number, line in enumerate(lines):
        if found := _ARGUMENT.match(line):
            yield found["name"], _joined(found["text"], _indented(lines[number + 1 :]))


def _indented(lines: list[str]) -> list[str]:
    """The lines up to the first that is not indented."""
    end = next((n for n, line in enumerate(lines) if line and not line[0].isspace()), len(lines))
    return lines[:end]


def _joined(first: str, more: list[str]) -> str:
    return " ".join(" ".join([first, *more]).split())
