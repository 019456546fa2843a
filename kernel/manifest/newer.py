"""Documents that are YAML 1.2 and that libyaml, which reads YAML 1.1, refuses.

In flow collections 1.2 takes ``[http://x]``, ``{a?: 1}`` and ``[:a]``, and in double quotes the
escapes of surrogates, and names of anchors of more than letters and digits. libyaml gets other
characters there, one for one, so that no place changes; the values that it reads get them back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

_SPARE: Final = range(0x10FFFD, 0x100000, -1)  # characters for private use
_STRUCTURE: Final = re.compile(
    r"""(?<![^\s,\[\]{}]) (?: (?P<name> [&*] [^\s,\[\]{}]+ ) | ! [^\s,\[\]{}]* ) | (?: ^% .* )
      | (?P<colon> (?<! ["'\]}] ) : (?= [^\s,\[\]{}] ) )
      | (?P<mark> (?<= [^\s,\[\]{}] ) \? | \? (?= [^\s,\[\]{}] ) )""",
    re.VERBOSE | re.MULTILINE,
)
_ESCAPE: Final = re.compile(r"\\(?:(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_NAME: Final = re.compile(r"[\w-]*", re.ASCII)


def events(parser: Callable[[str], Any], text: str) -> Callable[[], Any]:
    """What gives the events of a document, by a parser of YAML 1.1."""
    colon, mark, backslash = islice(_spare(text), 3)

    names: dict[str, str] = {}

    def structure(found: re.Match[str]) -> str:
        if found.lastgroup == "name":
            name = found.group()[1:]
            if not _NAME.fullmatch(name) and name not in names:
                names[name] = _other_name(name, text, names)
            return found.group()[0] + names.get(name, name)
        if found.lastgroup == "mark":
            return mark
        if found.lastgroup == "colon" and not _after_json(text, found.start()):
            return colon
        return found.group()

    def escape(found: re.Match[str]) -> str:
        return backslash + found.group()[1:] if found["half"] else found.group()

    get = parser(_ESCAPE.sub(escape, _STRUCTURE.sub(structure, text))).get_event
    half = re.compile(backslash + "u(.{4})")
    named = {new: old for old, new in names.items() if new != old}
    words = re.compile(f"(?<=[&*])({'|'.join(named)})") if named else None
    back = str.maketrans({colon: ":", mark: "?", backslash: "\\"})

    def next_event() -> Any:
        event = get()
        if type(event).__name__ == "ScalarEvent":
            value = event.value
            if event.style == '"':
                value = half.sub(lambda found: chr(int(found[1], 16)), value)
            if words is not None:
                value = words.sub(lambda found: named[found[1]], value)
            event.value = value.translate(back)
        return event

    return next_event


def _other_name(name: str, text: str, taken: Mapping[str, str]) -> str:
    """A name of letters and digits, as long as the given one, that the text does not have."""
    known = {*taken.values()}
    candidates = (
        f"{number:x}".rjust(len(name), "0") for number in range(min(16 ** len(name), 4096))
    )
    return next((one for one in candidates if one not in known and one not in text), name)


def _after_json(text: str, place: int) -> bool:
    """Whether quotes or brackets end before the white space before a place: a key of JSON."""
    before = text[max(0, place - 200) : place]
    return before[-1:].isspace() and before.rstrip()[-1:] in tuple("\"']}")


def _spare(text: str) -> Iterator[str]:
    """Characters that the text has neither as such nor as an escape."""
    upper = text.upper()
    return (chr(n) for n in _SPARE if chr(n) not in text and f"{n:X}" not in upper)
