"""Where one of several conditions holds, and the others are excluded later, that one is known."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import infer

NAMES: dict[str, Any] = {
    "s": {"type": "string"},
    "nul": {"type": ["string", "null"]},
    "flag": {"type": "boolean"},
    "n": {"type": "integer"},
    "stock": {"type": "object", "additionalProperties": {"type": "integer"}},
    "names": {"type": "array", "items": {"type": "string"}},
    "l": {"type": "array", "items": {"type": "integer"}},
    "x": {
        "type": "object",
        "properties": {"f": {"type": "integer"}, "g": {"type": "integer"}},
        "required": [],
        "additionalProperties": False,
    },
}

TAKEN = [
    "s in stock || s == 'x' ? (s == 'x' ? 0 : stock[s]) : 0",
    "s in stock || s == 'x' ? (s != 'x' ? stock[s] : 0) : 0",
    "(s in stock || s == 'x') && s != 'x' ? stock[s] : 0",
    "!(s in stock) && s != 'x' ? 0 : (s == 'x' ? 0 : stock[s])",
    "s in stock || flag ? (flag ? 0 : stock[s]) : 0",
    "s in stock || !flag ? (flag ? stock[s] : 0) : 0",
    "s in stock || flag || n > 3 ? (flag || n > 3 ? 0 : stock[s]) : 0",
    "s in stock || flag || n > 3 ? (flag ? 0 : n > 3 ? 1 : stock[s]) : 0",
    "s in stock || n > 3 ? (n > 3 ? 0 : stock[s]) : 0",
    "s in stock || n == 3 ? (n == 3 ? 0 : stock[s]) : 0",
    "names.filter(w, w in stock || w == 'x').map(w, w == 'x' ? 0 : stock[w])",
    "names.all(w, w in stock || w == 'x') ? names.map(w, w == 'x' ? 0 : stock[w]) : []",
    "has(x.f) || has(x.g) ? (has(x.f) ? x.f : x.g) : 0",
    "n < size(l) && n >= 0 || flag ? (flag ? 0 : l[n]) : 0",
]
REFUSED = [
    "s in stock || s == 'x' ? (s == 'y' ? 0 : stock[s]) : 0",
    "s in stock || s == 'x' ? stock[s] : 0",
    "s in stock || s == 'x' ? (s == 'x' ? stock[s] : 0) : 0",
    "s in stock || flag || n > 3 ? (flag ? 0 : stock[s]) : 0",
    "s in stock && flag ? 0 : (flag ? stock[s] : 0)",
    "s in stock || s == 'x' ? names.map(s, s == 'x' ? 0 : stock[s]) : [0]",
    "names.filter(w, w in stock || w == 'x').map(w, flag ? 0 : stock[w])",
    "names.exists(w, w in stock || w == 'x') ? names.map(w, w == 'x' ? 0 : stock[w]) : []",
    "(s == 'x' ? flag : s in stock) ? 0 : (s == 'x' ? 0 : stock[s])",
]


@pytest.mark.parametrize("expression", TAKEN)
def test_the_condition_that_is_left_holds(expression: str) -> None:
    assert [one.message for one in infer(expression, NAMES).diagnostics] == []


@pytest.mark.parametrize("expression", REFUSED)
def test_no_condition_holds_while_another_may(expression: str) -> None:
    found = [one.code for one in infer(expression, NAMES).diagnostics]
    assert [code for code in found if code != "K307"] == ["K501"]
