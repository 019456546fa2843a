"""References between the schemas of definitions."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.schema import (
    Contract,
    InvalidSchema,
    SchemaError,
    Schemas,
    check_schema,
    compile_schema,
)

PARTS: dict[str, dict[str, Any]] = {
    "Payments.Charge": {
        "inputs": {
            "properties": {
                "customer": {"$ref": "#/$defs/name"},
                "again": {"$ref": "Charge#/inputs"},
            },
            "$defs": {"name": {"type": "string"}},
        },
        "outputs": {
            "$id": "https://example.com/never-fetched",
            "properties": {
                "id": {"type": "string", "x-kernel-secret": True},
                "sum": {"type": "number"},
            },
        },
    },
    "Odd.Name": {"inputs": {"$defs": {"a/b~c": {"type": "null"}}}},
}
SCHEMAS = Schemas(
    lambda name: next(
        (Contract(k, v, SCHEMAS) for k, v in PARTS.items() if name in (k, k.split(".")[1])), None
    )
)


@pytest.mark.parametrize(
    ("reference", "good", "bad"),
    [
        ("Payments.Charge#/outputs/properties/id", "x", 1),
        ("kernel:///Payments.Charge#/outputs/properties/id", "x", 1),
        ("Charge#/inputs", {"customer": "x", "again": {"again": {}}}, {"again": {"customer": 1}}),
        ("Odd.Name#/inputs/$defs/a~1b~0c", None, 1),
    ],
)
def test_a_reference_leads_to_another_definition(reference: str, good: Any, bad: Any) -> None:
    schema = compile_schema({"items": {"$ref": reference}}, SCHEMAS)
    assert schema.conform([good]) == [good]
    with pytest.raises(SchemaError):
        schema.conform([bad])


def test_numbers_and_secrets_are_found_behind_references() -> None:
    schema = compile_schema({"properties": {"r": {"$ref": "Charge#/outputs"}}}, SCHEMAS)
    assert repr(schema.conform({"r": {"sum": 1}})) == "{'r': {'sum': 1.0}}"
    assert schema.redact({"r": {"id": "x", "sum": 1}}) == {"r": {"id": "[redacted]", "sum": 1}}


def test_the_schema_itself_is_not_changed() -> None:
    before = repr(PARTS)
    compile_schema({"$ref": "Charge#/inputs"}, SCHEMAS).is_valid({})
    assert repr(PARTS) == before


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("#/$defs/nope", "leads nowhere"),
        ("#nope", "leads nowhere"),
        ("Nope#/inputs", "leads nowhere"),
        ("Charge#/errors", "has no 'errors'"),
        ("Charge", "has no 'part'"),
        ("https://example.com/schema", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
    ],
)
def test_a_reference_that_leads_nowhere_is_said(reference: str, words: str) -> None:
    with pytest.raises(InvalidSchema, match=words):
        compile_schema({"items": {"$ref": reference}}, SCHEMAS)
    (fault,) = check_schema({"items": {"$ref": reference}}, SCHEMAS)
    assert (fault.code, fault.problem.path) == ("K102", ("items", "$ref"))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}},
    ],
)
def test_references_in_a_circle_are_refused(schema: Any) -> None:
    with pytest.raises(InvalidSchema, match="circle"):
        compile_schema(schema)
    assert [fault.code for fault in check_schema(schema)] == ["K102"]


def test_a_reference_to_what_is_no_schema_is_reported_where_that_stands() -> None:
    broken = Schemas(lambda name: Contract(name, {"inputs": {"properties": 3}}, broken))
    assert check_schema({"$ref": "Broken#/inputs", "default": 1}, broken) == []
    odd = Schemas(lambda name: Contract(name, {"inputs": {"$ref": {}}}, odd))
    with pytest.raises(InvalidSchema):
        compile_schema({"$ref": "Odd#/inputs"}, odd)


def test_references_that_multiply_are_refused() -> None:
    definitions: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]}
        for n in range(40)
    }
    schema = {"$ref": "#/$defs/a0", "$defs": {**definitions, "a40": {"type": "string"}}}
    with pytest.raises(InvalidSchema, match="multiply"):
        compile_schema(schema)


def test_names_with_percent_signs_are_names_like_others() -> None:
    schema = {
        "properties": {
            "a%41": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "b": {"$ref": "#/properties/a%2541"},
        }
    }
    found = compile_schema(schema).conform({"a%41": 1, "b": 2})
    assert repr(found) == "{'a%41': 1.0, 'b': 2.0}"
