"""JSON as YAML that people read: short mappings and lists on one line, long ones as blocks.

What the kernel reads of the text is equal to what was written.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WIDTH: Final = 100
_PLAIN = re.compile(r"[A-Za-z_$/](?:[A-Za-z0-9_$/ .,;'()-]*[A-Za-z0-9_$/.;')(-])?")
_IN_FLOW = re.compile(r"[A-Za-z_$/](?:[A-Za-z0-9_$/ .;'()-]*[A-Za-z0-9_$/.;')(-])?")
_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def yaml_text(value: Mapping[str, Any]) -> str:
    """A mapping of JSON as the text of a YAML document."""
    return "".join(f"{line}\n" for line in _block(value, 0))


def _block(value: Any, indent: int) -> Iterator[str]:
    before = " " * indent
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{before}{_key(key)}:", inner, indent)
    else:
        for inner in value:
            yield from _entry(f"{before}-", inner, indent)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    line = f"{head} {_flow(value) if _has_parts(value) else _scalar(value, _PLAIN)}"
    if len(line) > _WIDTH and isinstance(value, str) and _can_be_folded(value):
        yield f"{head} >-"
        before, width = " " * (indent + 2), _WIDTH - indent - 2
        for part in textwrap.wrap(value, width, break_long_words=False, break_on_hyphens=False):
            yield before + part
    elif not _has_parts(value) or (len(line) <= _WIDTH and _depth(value) <= 2):
        yield line
    else:
        yield head
        yield from _block(value, indent + 2)


def _can_be_folded(text: str) -> bool:
    """Whether a text is of ASCII words with single spaces between, so that it can be wrapped."""
    return text.isascii() and text.isprintable() and text == " ".join(text.split())


def _has_parts(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _depth(value: Any) -> int:
    parts = value.values() if isinstance(value, Mapping) else value
    return 1 + max((_depth(one) for one in parts if _has_parts(one)), default=0)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return "{ " + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list) and value:
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value, _IN_FLOW)


def _key(key: str | int) -> str:
    return _scalar(key, _KEY)


def _scalar(value: Any, plain: re.Pattern[str]) -> str:
    if not isinstance(value, str):
        return json.dumps(value, allow_nan=False)
    is_plain = plain.fullmatch(value) is not None and value.lower() not in _WORDS
    return value if is_plain else _quoted(value)


def _quoted(text: str) -> str:
    """A text in double quotes, with escapes of YAML for what does not print (YAML 1.2.2, 5.7)."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in quoted)
