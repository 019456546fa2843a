"""Regular expressions with RE2: linear in the text, whatever the pattern."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from kernel.cel.budget import ELEMENT_SIZE, Budget
from kernel.cel.errors import Problem
from kernel.cel.functions.table import charged, library
from kernel.cel.values import NONE, Optional

_regex = library("regex")

_MAX_PATTERN_LENGTH: Final = 10_000


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The RE2 program of a pattern; ``Problem`` for a pattern that is not RE2."""
    import re2  # type: ignore[import-untyped]  # for start-up time

    options = re2.Options()
    options.log_errors = False
    try:
        if len(pattern) <= _MAX_PATTERN_LENGTH:
            return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        pass
    raise Problem("bad-argument", "the pattern is not a regular expression of RE2")


def _charge(budget: Budget, text: str, pattern: str) -> None:
    # RE2 takes time in the product of the two sizes at worst.
    budget.read(len(text) * (1 + len(pattern) // 16))


def encoded(text: str) -> bytes:
    """The text in UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Problem("bad-argument", "the string holds half of a surrogate pair") from None


def matches(budget: Budget, text: str, pattern: str) -> bool:
    """Whether the pattern matches somewhere in the text."""
    _charge(budget, text, pattern)
    return compiled(pattern).search(encoded(text)) is not None


def _one_group(pattern: str) -> Any:
    program = compiled(pattern)
    if program.groups > 1:
        raise Problem("bad-argument", "the pattern has more than one capture group")
    return program


def _matches_in(program: Any, text: str) -> Iterator[Any]:
    """All matches; an empty one right behind another counts as part of that, as in RE2 and Go."""
    encoded(text)
    end = -1
    for match in program.finditer(text):
        if match.end() > match.start() or match.start() != end:
            yield match
        end = match.end()


def _extract(budget: Budget, text: str, pattern: str) -> Optional:
    _charge(budget, text, pattern)
    budget.build(len(text))
    program = _one_group(pattern)
    match = next(_matches_in(program, text), None)
    found = match[program.groups] if match else None
    # An empty capture group counts as none, as in the reference implementation.
    if found is None or (program.groups and not found):
        return NONE
    return Optional(found)


def _extract_all(budget: Budget, text: str, pattern: str) -> list[str]:
    _charge(budget, text, pattern)
    program = _one_group(pattern)
    found: list[str] = []
    for match in _matches_in(program, text):
        part = match[program.groups]
        if part or not program.groups:
            budget.build(ELEMENT_SIZE + len(part))
            budget.spend(1)
            found.append(part)
    return found


def _replace(budget: Budget, text: str, pattern: str, replacement: str, count: int = -1) -> str:
    _charge(budget, text, pattern)
    program = compiled(pattern)
    if count == 0:
        return text
    template = _template(replacement, program.groups)
    parts: list[str] = []
    position = 0
    for done, match in enumerate(_matches_in(program, text)):
        if 0 < count <= done:
            break
        new = [part if isinstance(part, str) else match[part] or "" for part in template]
        budget.build(match.start() - position + sum(map(len, new)))
        budget.spend(1)
        parts += [text[position : match.start()], *new]
        position = match.end()
    budget.build(len(text) - position)
    return "".join([*parts, text[position:]])


def _template(replacement: str, groups: int) -> list[str | int]:
    """The replacement as text and numbers of groups."""
    pieces = iter(replacement.split("\\"))
    parts: list[str | int] = [next(pieces)]
    for piece in pieces:
        if not piece:
            following = next(pieces, None)
            if following is None:
                raise Problem("bad-argument", "the replacement ends in a single backslash")
            parts.append("\\" + following)
            continue
        if piece[0] not in "0123456789":
            raise Problem("bad-argument", "in the replacement a digit or '\\' follows a backslash")
        if int(piece[0]) > groups:
            raise Problem("bad-argument", "the replacement names a group that the pattern lacks")
        parts += [int(piece[0]), piece[1:]]
    return parts


FUNCTIONS: Final = (
    _regex(
        "regex.extract",
        "The first match of an RE2 pattern, or of its one capture group, as an optional.",
        "regex.extract('item-A', 'item-(.)') == optional.of('A')",
        charged("(string, string) -> optional(string)", _extract),
        cost="product",
    ),
    _regex(
        "regex.extractAll",
        "All matches of an RE2 pattern, or of its one capture group.",
        "regex.extractAll('a1 b2', '[0-9]') == ['1', '2']",
        charged("(string, string) -> list(string)", _extract_all),
        cost="product",
    ),
    _regex(
        "regex.replace",
        "The string with the (first `count`) matches replaced; `\\1` stands for a capture group.",
        r"regex.replace('foo bar', '(fo)o (ba)r', r'\2 \1') == 'ba fo'",
        charged("(string, string, string) -> string", _replace),
        charged("(string, string, string, int) -> string", _replace),
        cost="product",
    ),
)
