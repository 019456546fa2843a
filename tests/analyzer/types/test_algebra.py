"""The algebra: unions and intersections are those of the values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.lowering.lower import lower
from analyzer.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NEVER,
    NULL,
    STRING,
    Bool,
    Double,
    Field,
    Int,
    List,
    Map,
    Null,
    Record,
    Ref,
    String,
    Type,
    Union,
    members_of,
    resolved,
    union,
    without,
)
from analyzer.types.intersection import meet
from analyzer.types.samples import NO_VALUE, Samples, all_values
from tests.analyzer.support.schemas import VALUES, schemas
from tests.support.properties import examples

LITERALS = st.frozensets(st.sampled_from(["a", "bb", "x"]), min_size=1, max_size=2)
LEAVES: st.SearchStrategy[Type] = st.one_of(
    st.sampled_from([NULL, BOOL, INT, DOUBLE, STRING, DYN, NEVER, Bool(True), String(least=1)]),
    st.builds(lambda a, b: Int(min(a, b), max(a, b)), st.integers(-3, 3), st.integers(-3, 3)),
    st.builds(lambda a: Double(a, a + 1), st.sampled_from([-2.0, 0.5, 1.0])),
    st.builds(String, LITERALS),
    st.builds(lambda most: String(most=most), st.integers(0, 2)),
)


def _grow(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.dictionaries(
        st.sampled_from(["a", "b"]), st.builds(Field, inner, st.booleans()), max_size=2
    )
    return st.one_of(
        st.builds(lambda one, least: List(one, least, least + 2), inner, st.integers(0, 1)),
        st.builds(Map, inner),
        st.builds(
            lambda known, rest: Record(tuple(sorted(known.items())), rest),
            fields,
            st.sampled_from([NEVER, DYN, INT]),
        ),
        st.builds(union, st.lists(inner, max_size=3)),
    )


TYPES = st.recursive(LEAVES, _grow, max_leaves=6)


@given(TYPES, TYPES, st.lists(VALUES, max_size=8))
@examples(400)
def test_a_union_holds_what_either_holds(a: Type, b: Type, values: list[Any]) -> None:
    both = union([a, b])
    for value in values:
        assert both.contains(value) == (a.contains(value) or b.contains(value))


@given(TYPES, TYPES, st.lists(VALUES, max_size=8))
@examples(400)
def test_a_meeting_holds_what_both_hold(a: Type, b: Type, values: list[Any]) -> None:
    both = meet(a, b)
    for value in [*values, Samples().smallest(a), Samples().smallest(b)]:
        assert both.contains(value) == (a.contains(value) and b.contains(value)), str(both)


@given(schemas(), schemas(), st.lists(VALUES, max_size=8))
@examples(150)
def test_nothing_that_both_schemas_deliver_is_lost(a: Any, b: Any, values: list[Any]) -> None:
    one, two = lower(a), lower(b)
    both = meet(one, two)
    for value in values:
        if one.contains(value) and two.contains(value):
            assert both.contains(value)


@given(TYPES)
def test_the_ends_of_the_algebra(a: Type) -> None:
    assert meet(a, DYN) == a
    assert meet(DYN, a) == a
    assert meet(a, NEVER) == meet(NEVER, a) == NEVER
    assert meet(a, a) == union([a, NEVER]) == union([a]) == a
    assert union([a, DYN]) == DYN


@given(TYPES, st.lists(VALUES, max_size=8))
def test_without_takes_members_and_no_more(a: Type, values: list[Any]) -> None:
    left = without(a, lambda member: isinstance(member, Null))
    assert not any(isinstance(member, Null) for member in members_of(left))
    for value in values:
        if value is not None:
            assert left.contains(value) == a.contains(value)


@given(TYPES)
def test_samples_are_of_the_type(a: Type) -> None:
    samples = Samples()
    value = samples.smallest(a)
    assert value is NO_VALUE or a.contains(value)
    for value in all_values(a) or []:
        assert a.contains(value)


@given(TYPES, VALUES)
def test_few_are_all(a: Type, value: Any) -> None:
    values = all_values(a)
    if values is not None and a.contains(value):
        assert value in values


@given(TYPES)
def test_a_union_has_no_unions_and_nothing_twice(a: Type) -> None:
    if isinstance(a, Union):
        assert not any(isinstance(member, Union) for member in a.members)
        assert len(set(a.members)) == len(a.members) > 1


@pytest.mark.parametrize(
    ("types", "shown"),
    [
        ([INT, NULL], "int or null"),
        ([Int(0, 3), Int(4, 9)], "int from 0 to 9"),
        ([Int(0, 3), Int(5, 9)], "int from 0 to 3 or int from 5 to 9"),
        ([Bool(True), Bool(False)], "bool"),
        ([String(frozenset("a")), String(frozenset("b"))], "'a'|'b'"),
        ([String(frozenset("a")), STRING], "string"),
        ([], "never"),
        ([NULL, DYN], "any"),
    ],
)
def test_what_people_read(types: list[Type], shown: str) -> None:
    assert str(union(types)) == shown


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (Int(0), Int(most=9), Int(0, 9)),
        (Int(0, 1), Int(2, 3), NEVER),
        (INT, DOUBLE, NEVER),
        (Record((("a", Field(INT)),)), Record((("b", Field(INT)),)), NEVER),
        (
            Record((("kind", Field(String(frozenset("a")))),), DYN),
            Record((("kind", Field(String(frozenset("b")))),), DYN),
            NEVER,
        ),
        (List(INT), List(NULL), List(NEVER, 0, 0)),
        (Map(INT), Record((("a", Field(DYN)),), DYN), Record((("a", Field(INT)),), INT)),
    ],
)
def test_meetings(a: Type, b: Type, both: Type) -> None:
    assert meet(a, b) == meet(b, a) == both


def test_references_meet_when_they_are_resolved() -> None:
    def tree(leaf: Type) -> Ref:
        made: list[Type] = []
        one = Ref(str(leaf), lambda: made[0])
        made.append(Record((("leaf", Field(leaf)), ("next", Field(union([one, NULL]))))))
        return one

    both = resolved(meet(tree(INT), tree(union([NULL, Int(0, 9)]))))
    assert both.contains({"leaf": 1, "next": {"leaf": 2, "next": None}})
    assert not both.contains({"leaf": 1, "next": {"leaf": 10, "next": None}})
