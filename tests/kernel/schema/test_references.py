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


TREE = {
    "$id": "https://example.com/tree",
    "$dynamicAnchor": "node",
    "type": "object",
    "properties": {
        "data": True,
        "children": {"type": "array", "items": {"$dynamicRef": "#node"}},
    },
}
STRICT = {
    "$id": "https://example.com/strict",
    "$dynamicAnchor": "node",
    "$ref": "tree",
    "unevaluatedProperties": False,
    "$defs": {"tree": TREE},
}
INTEGER, STRING = {"type": "integer"}, {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"$ref": "#n", "$defs": {"a": {"$anchor": "n", **STRING}}}, "x", 1),
        ({"$ref": "item", "$defs": {"a": {"$id": "item", **STRING}}}, "x", 1),
        ({"$ref": "kernel:///item", "$defs": {"a": {"$id": "item", **STRING}}}, "x", 1),
        ({"$ref": "urn:x:y", "$defs": {"a": {"$id": "urn:x:y", **STRING}}}, "x", 1),
        ({"$ref": "urn:x:y#n", "$defs": {"a": {"$id": "urn:x:y", "$defs": {"b": {
            "$anchor": "n", **STRING}}}}}, "x", 1),
        ({"$id": "app://h/b/c", "$ref": "../d", "$defs": {"a": {"$id": "app://h/d", **STRING}}},
         "x", 1),
        ({"$id": "https://example.com/a/", "$ref": "b/c",
          "$defs": {"x": {"$id": "b/", "$defs": {"y": {"$id": "c", **STRING}}}}}, "x", 1),
        # an $id stands over what its own schema refers to
        ({"$defs": {"n": INTEGER, "a": {"$id": "item", "$ref": "#/$defs/n", "$defs": {"n": STRING}}
         }, "$ref": "item"}, "x", 1),
        # two resources have an anchor of the same name each
        ({"$id": "https://example.com/r", "$defs": {"a": {"$id": "a", "$defs": {"x": {
            "$anchor": "n", **STRING}}}, "b": {"$id": "b", "$defs": {"x": {"$anchor": "n",
            **INTEGER}}}}, "prefixItems": [{"$ref": "a#n"}, {"$ref": "b#n"}]}, ["x", 1], [1, "x"]),
        # a reference and a dynamic one at the same place hold both
        ({"$ref": "#/$defs/a", "$dynamicRef": "#n", "$defs": {"a": {"minLength": 2}, "b": {
            "$dynamicAnchor": "n", **STRING}}}, "xy", "x"),
        (TREE, {"children": [{"children": [], "more": 1}]}, {"children": [1]}),
        (STRICT, {"children": [{"data": 1}]}, {"children": [{"daat": 1}]}),
        ({"properties": {"strict": {"$ref": "https://example.com/strict"}, "loose": {
            "$ref": "https://example.com/tree"}}, "$defs": {"s": STRICT}},
         {"loose": {"children": [{"daat": 1}]}}, {"strict": {"children": [{"daat": 1}]}}),
        # names that a URI writes otherwise, and a keyword that is none
        ({"$ref": "#/$defs/a%22b%20%C3%A9", "$defs": {'a"b é': STRING}}, "x", 1),
        ({"$ref": "#/mine/x", "mine": {"x": {"$ref": "#/mine/y"}, "y": STRING}}, "x", 1),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": "string"},
         {"properties": {"a": {"type": "strnig"}}}),
    ],
)  # fmt: skip
def test_identifiers_and_anchors_are_as_json_schema_says(schema: Any, good: Any, bad: Any) -> None:
    assert check_schema(schema) == []
    compiled = compile_schema(schema)
    assert compiled.problems(good) == ()
    assert compiled.problems(bad) != ()


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"$defs": {"a": {"$id": "x"}, "b": {"$id": "x", "type": "null"}}}, ("$defs", "b", "$id")),
        ({"$anchor": "x", "items": {"$anchor": "x"}}, ("items", "$anchor")),
        ({"$dynamicAnchor": "x", "items": {"$anchor": "x"}}, ("items", "$anchor")),
    ],
)
def test_a_name_of_two_schemas_is_reported_at_the_second(schema: Any, path: Any) -> None:
    (fault,) = check_schema(schema)
    assert (fault.code, fault.problem.path) == ("K101", path)


def test_dynamic_references_that_multiply_are_refused() -> None:
    """Each resource is entered with every set of the anchors of the others."""
    schema = {
        "$ref": "r0",
        "$defs": {
            f"r{n}": {
                "$id": f"r{n}",
                "$dynamicAnchor": f"a{n}",
                "properties": {str(m): {"$ref": f"r{m}"} for m in range(24)},
            }
            for n in range(24)
        },
    }
    with pytest.raises(InvalidSchema, match="copies of more than"):
        compile_schema(schema)


def test_what_a_schema_of_another_definition_refers_to_in_vain_is_said_of_that_one() -> None:
    lost = Schemas(lambda name: Contract(name, {"inputs": {"items": {"$ref": "#/none"}}}, lost))
    (fault,) = check_schema({"properties": {"a": {"$ref": "Lost#/inputs"}}}, lost)
    assert fault.problem.path == ("properties", "a", "$ref")
    assert "Lost/inputs" in fault.problem.message
