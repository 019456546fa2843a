"""Assignability: what is proven conforms, what is refuted has a value that shows it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.expressions.templates import constant
from analyzer.lowering.lower import lower
from analyzer.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    Bytes,
    Double,
    Duration,
    Dyn,
    Field,
    Int,
    List,
    Map,
    Optional,
    Record,
    String,
    Timestamp,
    UInt,
    union,
)
from analyzer.types.acceptance import json_form
from analyzer.types.subtyping import MAX_STEPS, is_assignable
from analyzer.types.verdict import Verdict
from kernel import cel
from kernel.cel.values import MixedMap
from kernel.schema import SchemaError, compile_schema
from tests.analyzer.support.schemas import VALUES, conformed, related, schemas, values
from tests.support.properties import examples


def verdict(producer: Any, consumer: Any) -> Verdict:
    return is_assignable(lower(producer), lower(consumer))


def obj(required: list[str] | None = None, more: Any = None, **properties: Any) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "required": required or []}
    return made if more is None else {**made, "additionalProperties": more}


@given(st.data(), related())
@examples(60)
def test_what_is_proven_conforms(data: st.DataObject, pair: tuple[Any, Any]) -> None:
    producer, consumer = pair
    found = verdict(producer, consumer)
    if not found.proven:
        return
    for value in data.draw(st.lists(values(producer) | VALUES, max_size=6)):
        for delivered in conformed(producer, value):
            assert conformed(consumer, delivered), delivered


@given(related())
@examples(60)
def test_a_counterexample_is_delivered_and_refused(pair: tuple[Any, Any]) -> None:
    producer, consumer = pair
    found = verdict(producer, consumer).counterexample
    if found is not None:
        assert lower(producer).contains(found.whole)
        assert compile_schema(producer).is_valid(found.whole)
        assert not conformed(consumer, json_form(found.whole))
        here = found.whole
        for step in found.path[: -1 if found.missing else None]:
            here = here[step]
        assert found.path[-1] not in here if found.missing else here == found.value


@given(schemas())
@examples(100)
def test_a_schema_takes_what_it_delivers(schema: Any) -> None:
    assert not verdict(schema, schema).refuted


@given(schemas(more=False))
@examples(50)
def test_everything_goes_where_anything_does(schema: Any) -> None:
    assert verdict(schema, {}).proven


ROWS = {"type": "array", "items": obj(["id"], id={"type": ["string", "null"]})}
TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": obj(
            ["value"],
            value={"type": "integer"},
            children={"type": "array", "items": {"$ref": "#/$defs/tree"}},
        )
    },
}


@pytest.mark.parametrize(
    ("producer", "consumer", "shown"),
    [
        ({"type": "integer"}, {"type": "integer", "minimum": 1}, "0"),
        ({"type": "number"}, {"type": "integer"}, "0.5"),
        ({"type": "string"}, {"type": "integer"}, '""'),
        ({"type": ["string", "null"]}, {"type": "string"}, "null"),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, '"a"'),
        ({"type": "string"}, {"type": "string", "minLength": 2}, '""'),
        (
            {"type": "string", "minLength": 3},
            {"type": "string", "maxLength": 9},
            '"' + "a" * 10 + '"',
        ),
        (
            obj(["rows"], rows=ROWS),
            obj(["rows"], rows={"type": "array", "items": obj(["id"], id={"type": "string"})}),
            "rows[0].id: null",
        ),
        (obj(["a"], a={"type": "integer"}), obj(["a"], a={"type": "string"}), "a: 0"),
        (obj(a={"type": "integer"}), obj(["a"], a={"type": "integer"}), "a: missing"),
        (
            obj(["a", "b"], a={"type": "integer"}, b={"type": "null"}),
            obj(a={"type": "integer"}, more=False),
            "b: null",
        ),
        ({"type": "array"}, {"type": "array", "minItems": 1}, "[]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, obj(["a"]), "a: missing"),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
            "other: 0",
        ),
        ({"type": "integer", "maximum": 9}, {"type": "integer", "multipleOf": 5}, "1"),
        (
            TREE,
            obj(
                ["value"],
                value={"type": "integer"},
                children={"type": "array", "items": obj(["name"], name={"type": "string"})},
            ),
            "children[0].name: missing",
        ),
    ],
)
def test_refuted(producer: Any, consumer: Any, shown: str) -> None:
    assert str(verdict(producer, consumer).counterexample) == shown


@pytest.mark.parametrize(
    ("producer", "consumer"),
    [
        ({"type": "integer"}, {"type": "number"}),
        ({"const": 2}, {"type": "integer"}),
        ({"type": "boolean"}, {"anyOf": [{"const": True}, {"const": False}]}),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c", "a"]}),
        ({"enum": [1, 2]}, {"oneOf": [{"const": 1}, {"const": 2}]}),
        (obj(more=False), obj(["a"], a={"type": "integer", "default": 1})),
        (obj(["a", "b"], a={"type": "integer"}, b={}), obj(["a"], a={"type": "number"})),
        (TREE, TREE),
        (TREE, {"anyOf": [TREE["$defs"]["tree"], {"type": "null"}], "$defs": TREE["$defs"]}),
        ({"const": 4}, {"type": "integer", "multipleOf": 2}),
        ({"enum": ["ab", "b"]}, {"type": "string", "not": {"const": "x"}}),
        (
            obj(["kind", "n"], kind={"enum": ["a", "b"]}, n={"type": "integer"}),
            {
                "oneOf": [
                    obj(["kind", "n"], kind={"const": "a"}, n={"type": "number"}),
                    obj(["kind"], kind={"const": "b"}),
                ]
            },
        ),
    ],
)
def test_proven(producer: Any, consumer: Any) -> None:
    assert verdict(producer, consumer) == Verdict()


@pytest.mark.parametrize(
    ("producer", "consumer", "kind", "path"),
    [
        ({}, {"type": "string"}, "dyn", ()),
        (obj(["a"], a={}), obj(["a"], a={"type": "string"}), "dyn", ("a",)),
        (obj(), obj(a={"type": "integer"}), "open", ("a",)),
        (obj(), obj(more=False), "open", ()),
        ({"type": "string", "pattern": "^a+$"}, {"type": "string", "minLength": 1}, "unclear", ()),
        (
            {"type": "integer", "minimum": 10},
            {"type": "integer", "not": {"const": 777}},
            "refined",
            (),
        ),
    ],
)
def test_doubted(producer: Any, consumer: Any, kind: str, path: tuple[str, ...]) -> None:
    found = verdict(producer, consumer)
    assert not found.proven
    assert not found.refuted
    assert found.doubt is not None
    assert (found.doubt.kind, found.doubt.path) == (kind, path)


def test_types_that_json_lacks_are_given_in_their_json_form() -> None:
    text = lower({"type": "string"})
    for type_ in (Timestamp(), Duration(), Bytes()):
        assert is_assignable(type_, text).proven
        assert is_assignable(List(type_), lower({"type": "array"})).proven
        assert is_assignable(type_, lower({"type": "integer"})).refuted
    assert is_assignable(UInt(), DOUBLE).proven
    assert is_assignable(UInt(), lower({"type": "integer", "minimum": 0})).doubt is not None
    assert is_assignable(UInt(), lower({"type": "integer", "minimum": 1})).refuted


def test_what_has_no_json_form_goes_nowhere() -> None:
    assert is_assignable(Optional(INT), DYN).refuted
    assert is_assignable(Record((("a", Field(Optional(INT))),)), DYN).refuted
    assert is_assignable(Map(STRING, DOUBLE), DYN).refuted
    assert is_assignable(Map(STRING, DOUBLE), Map(STRING)).refuted


def test_keys_of_other_types_than_text_are_text_in_json() -> None:
    for key in (INT, UInt(), BOOL, union([INT, BOOL]), union([BOOL, String(frozenset("a"))])):
        assert is_assignable(Map(STRING, key), DYN).proven
        assert is_assignable(Map(STRING, key), Map(STRING)).proven
        assert is_assignable(Map(INT, key), Map(STRING)).refuted
    # Nothing is known of the keys, so nothing is said.
    assert is_assignable(Map(STRING, DYN), DYN).doubt is not None
    assert not is_assignable(Map(STRING, DYN), DYN).refuted


KEYS = st.sampled_from([0, 1, -1, cel.UInt(2), True, False, "0", "1", "2", "true", "01", "no"])


@given(st.lists(KEYS, max_size=4), st.sampled_from([DYN, Map(STRING)]))
def test_keys_that_meet_in_json_are_found(keys: list[Any], consumer: Any) -> None:
    kinds = [UInt() if type(key) is cel.UInt else constant(key) for key in keys]
    found = is_assignable(Map(STRING, union(kinds)), consumer)
    value = MixedMap.of((key, "") for key in keys)
    try:
        cel.to_json(value)
    except SchemaError:
        assert found.refuted
    if found.refuted:
        assert found.counterexample is not None
        assert "are one key in JSON" in str(found.counterexample)
    else:
        assert found.proven


@pytest.mark.parametrize(
    ("text", "other", "meets"),
    [
        (STRING, INT, True),
        (STRING, Int(100, 200), True),
        (String(least=2), INT, True),
        (String(least=2), Int(0, 9), False),
        (String(pattern="^[a-z]+$"), Int(0, 9), False),
        (String(pattern="^[a-z]+$"), BOOL, True),
        (String(frozenset(("18446744073709551615",))), UInt(), True),
        (String(frozenset(("-1", "1.0", "007"))), UInt(), False),
    ],
)
def test_texts_and_numbers_that_are_no_literals(text: Any, other: Any, meets: bool) -> None:
    found = is_assignable(Map(NULL, union([text, other])), DYN)
    assert (found.refuted, found.proven) == (meets, not meets)


def test_a_literal_goes_into_what_its_validator_takes() -> None:
    even = lower({"type": "integer", "multipleOf": 2})
    assert is_assignable(Int(4, 4), even).proven
    assert str(is_assignable(Int(5, 5), even).counterexample) == "5"
    assert is_assignable(even, even).proven
    assert is_assignable(Double(2.0, 2.0), lower({"type": "integer"})).proven
    assert is_assignable(String(frozenset(("a",))), lower({"pattern": "^b"})).refuted


def test_the_type_of_the_refused_place_is_told() -> None:
    found = verdict(obj(["a"], a={"type": "null"}), obj(["a"], a={"type": "integer", "minimum": 1}))
    assert found.counterexample is not None
    assert found.counterexample.place == Int(1)
    assert found.counterexample.whole == {"a": None}


def test_comparing_hostile_types_ends() -> None:
    wide = [obj(["k"], **{f"f{n}": {"type": ["string", "null", "integer"]} for n in range(12)})]
    wide += [obj([f"f{n}"], **{f"f{n}": {"type": "string"}}) for n in range(12)]
    consumer = {"anyOf": wide}
    assert not verdict(obj(**wide[0]["properties"]), consumer).proven
    deep: Any = {"type": "integer"}
    for _ in range(90):
        deep = obj(["a"], a=deep)
    assert verdict(deep, deep).proven
    other: Any = {"type": "string"}
    for _ in range(90):
        other = obj(["a"], a=other)
    assert not verdict(deep, other).proven
    assert MAX_STEPS <= 10_000


def test_a_chain_of_references_ends() -> None:
    names = [f"n{number}" for number in range(400)]
    links = {
        name: obj(["next"], next={"$ref": f"#/$defs/{after}"})
        for name, after in zip(names, [*names[1:], names[0]], strict=True)
    }
    one = {"$ref": "#/$defs/n0", "$defs": links}
    two = {"$ref": "#/$defs/n0", "$defs": {**links, "n399": obj()}}
    assert not verdict(one, two).refuted
    assert not verdict(two, one).proven


def test_mutual_recursion_is_compared_to_its_end() -> None:
    def alternating(last: Any) -> Any:
        one = {"type": "array", "items": {"$ref": "#/$defs/two"}}
        two = obj(["x", "one"], x=last, one={"$ref": "#/$defs/one"})
        return {"$ref": "#/$defs/one", "$defs": {"one": one, "two": two}}

    assert verdict(alternating({"type": "integer"}), alternating({"type": "number"})).proven
    found = verdict(alternating({"type": "number"}), alternating({"type": "integer"}))
    assert str(found.counterexample) == "[0].x: 0.5"


@given(st.sampled_from([INT, STRING, NULL, DOUBLE, Dyn("x"), List(INT), Map(STRING)]))
def test_a_union_takes_each_of_its_members(type_: Any) -> None:
    assert is_assignable(type_, union([NULL, type_])).proven
