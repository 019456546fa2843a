"""Secrets do not leave through values."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.schema import compile_schema

SECRET = {"x-kernel-secret": True}
HIDDEN = "[redacted]"


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (SECRET, {"a": 1}, HIDDEN),
        ({"properties": {"a": SECRET}}, {"a": 1, "b": 2}, {"a": HIDDEN, "b": 2}),
        ({"items": {"properties": {"a": SECRET}}}, [{"a": 1}, {}], [{"a": HIDDEN}, {}]),
        ({"prefixItems": [{}, SECRET]}, [1, 2, 3], [1, HIDDEN, 3]),
        (
            {"additionalProperties": SECRET, "properties": {"a": {}}},
            {"a": 1, "b": 2},
            {"a": 1, "b": HIDDEN},
        ),
        ({"patternProperties": {"^s_": SECRET}}, {"s_a": 1, "b": 2}, {"s_a": HIDDEN, "b": 2}),
        ({"oneOf": [{"type": "null"}, {"properties": {"a": SECRET}}]}, {"a": 1}, {"a": HIDDEN}),
        ({"if": {}, "then": {"properties": {"a": SECRET}}}, {"a": 1}, {"a": HIDDEN}),
        (
            {"properties": {"next": {"$ref": "#"}, "a": SECRET}},
            {"next": {"next": {"a": 1}}},
            {"next": {"next": {"a": HIDDEN}}},
        ),
    ],
)
def test_secret_places_are_covered(schema: Any, value: Any, wanted: Any) -> None:
    before = repr(value)
    assert compile_schema(schema).redact(value) == wanted
    assert repr(value) == before


def test_without_secrets_there_is_nothing_to_do() -> None:
    schema = compile_schema({"properties": {"a": {}}})
    value = {"a": 1}
    assert schema.redaction is None
    assert schema.redact(value) is value
