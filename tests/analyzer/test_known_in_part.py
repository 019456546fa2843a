"""What types do not say is not known, and no error follows from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer import check_text, infer
from analyzer.lowering.conjunction import MAX_ALTERNATIVES


def shapes(count: int) -> dict[str, Any]:
    return {
        "oneOf": [
            {
                "type": "object",
                "required": ["k", f"v{n}"],
                "properties": {"k": {"const": f"k{n}"}, f"v{n}": {"type": "integer"}},
            }
            for n in range(count)
        ]
    }


def codes(expression: str, schema: Any) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in infer(expression, {"a": schema}).diagnostics]


READ = "a.k == 'k1' ? a.v1 + 1 : 0"


@pytest.mark.parametrize("count", [2, MAX_ALTERNATIVES, MAX_ALTERNATIVES + 1, 60])
@pytest.mark.parametrize("around", [{}, {"type": "object"}, {"required": ["k"]}])
def test_no_error_follows_from_too_many_alternatives(count: int, around: dict[str, Any]) -> None:
    assert codes(READ, {**around, **shapes(count)}) == []


def test_too_many_alternatives_are_told_once() -> None:
    several = {"allOf": [shapes(6), shapes(6)]}
    for schema, keyword in ((shapes(60), "oneOf"), (several, "allOf"), (shapes(20), None)):
        inputs = {"type": "object", "required": ["u"], "properties": {"u": schema}}
        text = f"kind: Run.Sequence\nmetadata: {{ name: A }}\ninputs: {json.dumps(inputs)}\n"
        findings = check_text(text + "steps: [{ value: 1 }]\n").findings
        found = [one.path[-1] for one in findings if one.code == "K106"]
        assert found == ([] if keyword is None else [keyword])


def test_many_values_with_a_word_on_each_are_an_enum() -> None:
    schema = {"oneOf": [{"const": f"c{n}", "title": f"Country {n}"} for n in range(240)]}
    assert codes("a + ''", schema) == []
    assert codes("a == 'c7'", schema) == []
    assert [code for code, _ in codes("a == 'x7'", schema)] == ["K406"]
    assert [code for code, _ in codes("a + 1", schema)] == ["K305"]


def test_a_schema_without_a_type_is_said_to_have_none() -> None:
    fields = {"required": ["k"], "properties": {"k": {"type": "string"}}}
    (found,) = infer("a.k", {"a": fields}).diagnostics
    assert found.code == "K404"
    assert "the schema of a has no `type`" in found.message
    some = {**fields, "type": ["null", "boolean", "number", "string", "object"]}
    (found,) = infer("a.k", {"a": some}).diagnostics
    assert found.code == "K404"
    assert "no `type`" not in found.message


BASE = {
    "type": "object",
    "required": ["k"],
    "properties": {"k": {"type": "string"}, "v": {"type": "string"}, "w": {"type": "string"}},
}
IF_X = {"properties": {"k": {"const": "x"}}}


@pytest.mark.parametrize(
    "demand",
    [
        {"if": IF_X, "then": {"required": ["v"]}},
        {"if": IF_X, "else": {"allOf": [{"required": ["v"]}]}},
        {"allOf": [{"if": IF_X, "then": {"required": ["v"]}}]},
        {"dependentRequired": {"k": ["v"]}},
        {"dependentSchemas": {"k": {"required": ["v"]}}},
        {"if": IF_X, "then": {"$ref": "#/$defs/more"}, "$defs": {"more": {"required": ["v"]}}},
    ],
)
def test_presence_that_depends_on_another_schema_is_at_most_a_warning(
    demand: dict[str, Any],
) -> None:
    schema = {**BASE, **demand}
    assert codes("a.k == 'x' ? a.v : ''", schema) == [("K501", "warning")]
    assert codes("a.k == 'x' ? a.w : ''", schema) == [("K501", "error")]
    assert codes("has(a.v) ? a.v : ''", schema) == []
