"""Lowering: the type holds what ``conform`` delivers, and what it holds fits."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.acceptance import accepts
from analyzer.lowering import lower
from kernel.schema import compile_schema

from .schemas import VALUES, conformed, schemas, values


@given(st.data(), schemas())
@settings(max_examples=400, deadline=None)
def test_what_conform_delivers_is_of_the_type(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        for delivered in conformed(schema, value):
            assert type_.contains(delivered), (str(type_), delivered)


@given(st.data(), schemas())
@settings(max_examples=400, deadline=None)
def test_what_a_type_accepts_conforms(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        assert accepts(type_, value) == bool(conformed(schema, value)), str(type_)


@given(st.data(), schemas())
@settings(max_examples=300, deadline=None)
def test_what_a_type_holds_is_valid(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        if type_.contains(value):
            assert compile_schema(schema).is_valid(value), (str(type_), value)
