"""The strings extension: positions are code points from 0."""

from __future__ import annotations

from typing import Any, Final

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions.formatting import format_string
from kernel.cel.functions.table import charged, library, on
from kernel.cel.values import described

_string = library("strings")

# Unicode White_Space; str.strip() would also take the information separators U+001C to U+001F.
_WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {lower: upper for upper, lower in _LOWER.items()}
_QUOTED: Final = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
        **{chr(code): "\ufffd" for code in range(0xD800, 0xE000)},
    }
)


def _in_range(text: str, position: int) -> int:
    if not 0 <= position <= len(text):
        raise Problem("index", f"the position is out of range: the string has {len(text)}")
    return position


def _char_at(text: str, position: int) -> str:
    return text[_in_range(text, position) : position + 1]


def _index_of(budget: Budget, text: str, part: str, start: int = 0) -> int:
    budget.read(len(text))
    return text.find(part, _in_range(text, start))


def _last_index_of(budget: Budget, text: str, part: str, start: int | None = None) -> int:
    budget.read(len(text))
    if start is None:
        return text.rfind(part)
    return text.rfind(part, 0, _in_range(text, start) + len(part))


def _copy(budget: Budget, text: str) -> str:
    budget.copy(len(text))
    return text


def _join(budget: Budget, items: list[Any], separator: str = "") -> str:
    budget.spend(len(items))
    for item in items:
        if not isinstance(item, str):
            raise Problem("no-overload", f"join() of a list that holds {described(item)}")
    budget.build(sum(map(len, items)) + len(separator) * max(0, len(items) - 1))
    return separator.join(items)


def _replace(budget: Budget, text: str, old: str, new: str, limit: int = -1) -> str:
    budget.read(len(text))
    found = text.count(old) if limit < 0 else min(text.count(old), limit)
    budget.build(len(text) + max(0, found * (len(new) - len(old))))
    return text.replace(old, new, found)


def _split(budget: Budget, text: str, separator: str, limit: int = -1) -> list[str]:
    budget.read(len(text))
    if limit == 0:
        return []
    if limit == 1:
        return [text]
    count = (text.count(separator) if separator else len(text)) + 1
    count = count if limit < 0 else min(count, limit)
    budget.build_elements(count)
    budget.build(len(text))
    if separator:
        return text.split(separator, count - 1)
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def _substring(budget: Budget, text: str, start: int, end: int | None = None) -> str:
    stop = _in_range(text, len(text) if end is None else end)
    if _in_range(text, start) > stop:
        raise Problem("index", "the start of the substring is after its end")
    budget.build(stop - start)
    return text[start:stop]


FUNCTIONS: Final = (
    _string(
        "charAt",
        "The character at a position; the empty string at the end.",
        "'hello'.charAt(4) == 'o' && 'hello'.charAt(5) == ''",
        on("string.(int) -> string", _char_at),
    ),
    _string(
        "format",
        "The text with `%s %d %f %e %x %X %o %b` replaced by the elements of the list.",
        "'%s has %d'.format(['a', 2]) == 'a has 2' && '%.1f'.format([2.55]) == '2.5'",
        charged("string.(list(dyn)) -> string", format_string),
    ),
    _string(
        "indexOf",
        "The position of the first occurrence (from a position on), or -1.",
        "'hello'.indexOf('l') == 2 && 'hello'.indexOf('l', 3) == 3",
        charged("string.(string) -> int", _index_of),
        charged("string.(string, int) -> int", _index_of),
    ),
    _string(
        "join",
        "The strings of a list, one after the other, with a separator between them.",
        "['a', 'b'].join('-') == 'a-b'",
        charged("list(string).() -> string", _join),
        charged("list(string).(string) -> string", _join),
    ),
    _string(
        "lastIndexOf",
        "The position of the last occurrence (that begins at a position or before), or -1.",
        "'hello'.lastIndexOf('l') == 3 && 'hello'.lastIndexOf('l', 2) == 2",
        charged("string.(string) -> int", _last_index_of),
        charged("string.(string, int) -> int", _last_index_of),
    ),
    _string(
        "lowerAscii",
        "The string with ASCII letters in lower case.",
        "'TacoCÆt'.lowerAscii() == 'tacocÆt'",
        charged("string.() -> string", lambda budget, text: _copy(budget, text).translate(_LOWER)),
    ),
    _string(
        "upperAscii",
        "The string with ASCII letters in upper case.",
        "'TacoCæt'.upperAscii() == 'TACOCæT'",
        charged("string.() -> string", lambda budget, text: _copy(budget, text).translate(_UPPER)),
    ),
    _string(
        "strings.quote",
        "The string in double quotes, with escape sequences.",
        r"""strings.quote('a"b') == '"a\\"b"'""",
        charged(
            "(string) -> string", lambda budget, text: f'"{_copy(budget, text).translate(_QUOTED)}"'
        ),
    ),
    _string(
        "replace",
        "The string with all, or the first `limit`, occurrences replaced.",
        "'hello'.replace('l', 'L') == 'heLLo' && 'hello'.replace('l', 'L', 1) == 'heLlo'",
        charged("string.(string, string) -> string", _replace),
        charged("string.(string, string, int) -> string", _replace),
    ),
    _string(
        "reverse",
        "The string backwards.",
        "'abc'.reverse() == 'cba'",
        charged("string.() -> string", lambda budget, text: _copy(budget, text)[::-1]),
    ),
    _string(
        "split",
        "The parts between the separators, at most `limit` of them.",
        "'a b c'.split(' ') == ['a', 'b', 'c'] && 'a b c'.split(' ', 2) == ['a', 'b c']",
        charged("string.(string) -> list(string)", _split),
        charged("string.(string, int) -> list(string)", _split),
    ),
    _string(
        "substring",
        "The part from a position to the end, or to before another position.",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco'",
        charged("string.(int) -> string", _substring),
        charged("string.(int, int) -> string", _substring),
    ),
    _string(
        "trim",
        "The string without Unicode white space around it.",
        "'  a '.trim() == 'a'",
        charged(
            "string.() -> string", lambda budget, text: _copy(budget, text).strip(_WHITE_SPACE)
        ),
    ),
)
