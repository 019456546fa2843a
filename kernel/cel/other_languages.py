"""Words of other languages in expressions, and what is written in CEL for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPERATORS: Final[Mapping[str, str]] = {"and": "&&", "or": "||", "not": "!", "is": "==", "xor": "!="}
"""Words that are operators elsewhere."""

CONSTANTS: Final[Mapping[str, str]] = {
    "None": "null", "nil": "null", "NULL": "null", "Null": "null", "undefined": "null",
    "True": "true", "TRUE": "true", "False": "false", "FALSE": "false",
}  # fmt: skip
"""Names that are constants elsewhere."""

FUNCTIONS: Final[Mapping[str, str]] = {
    "len": "size", "length": "size", "count": "size", "strlen": "size",
    "str": "string", "toString": "string", "to_string": "string", "String": "string",
    "float": "double", "number": "double", "Number": "double", "parseFloat": "double",
    "parseInt": "int", "integer": "int", "toInt": "int", "to_int": "int",
    "lower": "lowerAscii", "toLowerCase": "lowerAscii", "toLower": "lowerAscii",
    "upper": "upperAscii", "toUpperCase": "upperAscii", "toUpper": "upperAscii",
    "strip": "trim", "typeof": "type", "defined": "has",
    "some": "exists", "any": "exists", "every": "all", "forEach": "map", "collect": "map",
    "where": "filter", "select": "filter", "max": "math.greatest", "min": "math.least",
    "abs": "math.abs", "round": "math.round", "floor": "math.floor", "ceil": "math.ceil",
    "sqrt": "math.sqrt",
}  # fmt: skip
"""Functions that are here under another name; some take their arguments in another way."""

IDIOMS: Final[Mapping[str, str]] = {
    "includes": "x in list", "has_key": "key in map", "hasKey": "key in map",
    "containsKey": "key in map", "isEmpty": "size(x) == 0", "is_empty": "size(x) == 0",
    "empty": "size(x) == 0", "concat": "a + b", "append": "list + [x]", "push": "list + [x]",
    "isNull": "x == null", "is_null": "x == null", "isset": "has(x.field)",
    "coalesce": "x.?field.orValue(y)", "default": "x.?field.orValue(y)",
    "get": "map[?key].orValue(y)", "find": "list.filter(x, x > 0)[0]",
    "keys": "map.map(key, key)", "values": "map.map(key, map[key])",
    "if": "condition ? a : b", "iif": "condition ? a : b", "now": "invocation.time",
    "pow": "x * x", "mod": "a % b",
}  # fmt: skip
"""Functions that CEL has an expression for."""


def hint(before: str, word: str, after: str) -> tuple[str, str] | None:
    """What is wrong with a word between two others, and what was meant in the place of the word.

    That is empty where it is not said by another word. None: it is no word of another language.
    """
    if word == "not" and after == "in":
        return "there is no operator 'not in'; it is written '!(a in b)'", ""
    if word == "is" and after == "not":
        return "there is no operator 'is not'; inequality is '!='", ""
    if word in OPERATORS:
        return f"there is no operator '{word}'", OPERATORS[word]
    if word in ("if", "else", "then"):
        return "a choice is written 'condition ? a : b'", ""
    return _PAIRS.get(before + word)


_DEFAULT: Final = "a default is written 'has(a.b) ? a.b : c' or 'a.?b.orValue(c)'"
_PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "<>": ("inequality is '!='", ""),
    "??": (_DEFAULT, ""),
    "?:": (_DEFAULT, ""),
    "**": ("there is no operator for powers", ""),
}
"""Two operators in a row that are one elsewhere."""
