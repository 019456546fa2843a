"""Fields that `patternProperties` declares: of the type of the patterns that their names match."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import infer

TEXT, INT = {"type": "string"}, {"type": "integer"}
NAMES: dict[str, Any] = {
    "typed": {
        "type": "object",
        "properties": {"id": TEXT},
        "required": ["id"],
        "patternProperties": {"^x-": TEXT},
        "additionalProperties": INT,
    },
    "closed": {
        "type": "object",
        "patternProperties": {"^x-": TEXT, "^n-": INT},
        "additionalProperties": False,
    },
    "both": {
        "type": "object",
        "patternProperties": {"^a": {**INT, "minimum": 0}, "b$": {**INT, "maximum": 1}},
    },
    "k": TEXT,
}


@pytest.mark.parametrize(
    "expression",
    [
        "'x-a' in typed ? typed['x-a'].size() : 0",
        "'b' in typed ? typed.b + 1 : 0",
        "has(typed.b) && has(typed.c) ? typed.b + typed.c : 0",
        "'x-a' in typed && has(typed.c) ? typed['x-a'].size() + typed.c : 0",
        "typed[?'x-b'].orValue('').size() + typed.?c.orValue(1)",
        "'n-a' in closed && 'x-a' in closed ? closed['n-a'] + closed['x-a'].size() : 0",
        "has(both.ab) ? ['', ''][both.ab] : ''",
        "closed.exists(c, c.startsWith('x-'))",
    ],
)
def test_a_field_is_of_the_type_of_its_pattern(expression: str) -> None:
    assert infer(expression, NAMES).diagnostics == ()


@pytest.mark.parametrize(
    "expression",
    [
        "typed['x-a'].size()",
        "'x-a' in typed ? typed['x-a'] + 1 : 0",
        "'b' in typed ? typed.b.size() : 0",
        "k in typed ? typed[k] + 1 : 0",
        "has(closed.other) ? 1 : 0",
        "'n-a' in closed ? closed['n-a'].size() : 0",
        "has(both.ac) ? ['', ''][both.ac] : ''",
        "typed.map(t, typed[t] + 1)",
    ],
)
def test_a_field_is_of_no_other_type(expression: str) -> None:
    assert infer(expression, NAMES).diagnostics
