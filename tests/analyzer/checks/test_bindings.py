"""K210: the placeholders of literal statements, against what calls bind to them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check_text
from analyzer.findings.trials import edited
from analyzer.report import Finding
from definitions.sql.statement import prepared
from kernel import Failure
from tests.support.properties import examples

CONNECTION = """\
kind: Sql.Connection
metadata: { name: Db }
---
"""
MAIN = """\
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  required: [list, three, closed, open, either, way]
  properties:
    list: {{ type: array }}
    three: {{ type: array, minItems: 3 }}
    closed:
      type: object
      additionalProperties: false
      properties: {{ a: {{}}, b: {{}} }}
      required: [a]
    open: {{ type: object, properties: {{ a: {{}} }}, required: [a] }}
    either: {{ oneOf: [{{ type: array, maxItems: 1 }}, {{ type: "null" }}] }}
    way: {{ enum: ["SELECT :a", "SELECT :a + 1"] }}
steps:
  - invoke: {invoke}
    inputs: {inputs}
"""


def found(inputs: Any, statement: str | None = None) -> list[Finding]:
    fields = {"connection": {"kind": "Sql.Connection", "name": "Db"}}
    if statement is not None:
        fields["sql"] = statement  # type: ignore[assignment]
    invoke = json.dumps({"kind": "Sql.Exec", **fields})
    text = CONNECTION + MAIN.format(invoke=invoke, inputs=json.dumps(inputs))
    return [one for one in check_text(text, "main.yaml").findings if one.name != "unused"]


def said(inputs: Any, statement: str | None = None) -> list[str]:
    """The messages of the mismatches; there are no other findings."""
    told = found(inputs, statement)
    assert {one.name for one in told} <= {"binding-mismatch"}
    return [one.message for one in told]


WRONG = {
    "no value": ("SELECT ?", [], "1 placeholder `?`, and the number of values is 0"),
    "too few": ("SELECT ?, ?", [1], "2 placeholders `?`, and the number of values is 1"),
    "too many": ("SELECT ?", [1, 2], "the number of values is 2"),
    "no placeholder": ("SELECT 1", [1], "no placeholders `?`"),
    "in text only": ("SELECT '?', \"?\" -- ?\n/* ? */", [1], "no placeholders `?`"),
    "in dollars": ("SELECT $a$ ? $a$, '?'", [1, 2], "the number of values is 2"),
    "a name": ("SELECT :a, :b", {"a": 1}, "nothing is bound to the placeholder `:b`"),
    "another name": ("SELECT :a", {"a": 1, "b": 2}, "no placeholder `:b`; it has `:a`"),
    "one for the other": ("SELECT :a", {"b": 2}, "no placeholder `:b`, and nothing is bound to"),
    "a misspelt name": ("SELECT :city", {"ctiy": 2}, "`:ctiy`; did you mean `:city`?"),
    "a cast": ("SELECT x::text, :a::int", {"a": 1, "text": 2}, "no placeholder `:text`"),
    "a list for names": ("SELECT :a, :b", [1, 2], "what is bound is a list"),
    "an object for marks": ("SELECT ?, ?", {"a": 1}, "what is bound is an object"),
    "a name beside marks": ("SELECT ?, :a", [1], "`:a`, and what is bound is a list"),
    "no names at all": ("SELECT 1", {"a": 1}, "no placeholder `:a`"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("at_call", [True, False])
def test_a_mismatch_is_one_finding(case: str, at_call: bool) -> None:
    sql, bindings, wanted = WRONG[case]
    inputs = {"bindings": bindings, **({"sql": sql} if at_call else {})}
    (message,) = said(inputs, None if at_call else sql)
    assert wanted in message


RIGHT = {
    "marks": ("SELECT ?, '?'", [1]),
    "names, twice": ("SELECT :a, ':c', :b, :a", {"a": 1, "b": 2}),
    "none": ("SELECT 1 -- ?", []),
    "an expression inside": ("SELECT ?", ["${{ inputs.list }}"]),
    "a slice": ("SELECT a[1:n], ?", [1]),
    "colons of JSON": ("SELECT json_object('k':v)", []),
    "an operator": ("SELECT a ? 'k', :b", {"b": 1}),
    "an operator alone": ("SELECT a ? 'k'", {}),
    "quoted in one database": ("SELECT [?]", [1]),
    "quoted in one database, no value": ("SELECT [?]", []),
    "a time": ("SELECT '12:30:00', 10 :: int", []),
    "not closed": ("SELECT 'x", [1]),
    "of two lengths": ("SELECT ?, ?", "${{ inputs.list }}"),
    "long enough": ("SELECT ?, ?, ?, ?", "${{ inputs.three }}"),
    "an open object": ("SELECT :a, :b", "${{ inputs.open }}"),
    "an optional field": ("SELECT :a, :b", "${{ inputs.closed }}"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_may_be_right_is_none(case: str) -> None:
    sql, bindings = RIGHT[case]
    assert said({"bindings": bindings, "sql": sql}) == []
    assert said({"bindings": bindings}, sql) == []


CERTAIN = {
    "too short": ("SELECT ?, ?", "${{ inputs.three }}", "the number of values is at least 3"),
    "no such field": ("SELECT :a, :c", "${{ inputs.closed }}", "placeholder `:c`"),
    "a field too many": ("SELECT :b", "${{ inputs.open }}", "no placeholder `:a`"),
    "a computed list": ("SELECT ?", "${{ [1, 2] }}", "the number of values is 2"),
    "a computed object": ("SELECT :a", "${{ {'b': 1} }}", "no placeholder `:b`"),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_what_an_expression_certainly_lacks(case: str) -> None:
    sql, bindings, wanted = CERTAIN[case]
    (message,) = said({"bindings": bindings}, sql)
    assert wanted in message


def test_without_bindings_there_are_none() -> None:
    assert said({}, "SELECT 1") == []
    assert "the number of values is 0" in said({}, "SELECT ?")[0]
    assert "`:a`, and nothing is bound" in said({}, "SELECT :a")[0]


def test_one_of_a_few_statements() -> None:
    assert said({"sql": "${{ inputs.way }}", "bindings": {"a": 1}}) == []
    assert len(said({"sql": "${{ inputs.way }}", "bindings": {"b": 1}})) == 1


def test_a_statement_that_is_not_literal_is_not_judged() -> None:
    told = found({"sql": "SELECT ${{ inputs.list[0] }}", "bindings": [1]})
    assert "binding-mismatch" not in {one.name for one in told}


def test_what_a_kind_of_ones_own_declares() -> None:
    text = """\
kind: Kernel.Definition
metadata: { name: Ask, module: Shop }
capability: Invocable
safety: idempotent
inputs:
  type: object
  properties:
    query: { type: string, x-kernel-bindings: values }
    values: { type: [array, object] }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { invoke: { kind: Shop.Ask }, inputs: { query: "SELECT :name", values: { nam: 1 } } }
  - { invoke: { kind: Shop.Ask }, inputs: { query: "SELECT :name" } }
"""
    (one,) = check_text(text).findings
    assert (one.name, one.span and one.span.line) == ("binding-mismatch", 14)
    assert one.fix is not None
    assert check_text(edited(text, [one.fix])[0]).findings == ()


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [("INSERT INTO t VALUES (?)", 1), ("SELECT :a", 1), ("SELECT '?', x::text", 0)],
)
def test_a_statement_to_which_nothing_can_be_bound(statement: str, wanted: int) -> None:
    text = f"kind: Sql.Connection\nmetadata: {{ name: Db }}\nsetup: [{json.dumps(statement)}]\n"
    names = [one.name for one in check_text(text).findings if one.name != "unused"]
    assert names == ["binding-mismatch"] * wanted


PARTS = st.sampled_from(
    ["?", ":a", ":b", "'?'", '":a"', "x::a", "-- :a\n", "/* ? */", "[1:a]", "$$ ? $$", "(", ")"]
)
BOUND = st.one_of(
    st.lists(st.just(1), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.just(1), max_size=3),
)


@examples(200)
@given(st.lists(PARTS, max_size=5), BOUND)
def test_an_error_is_refused_by_every_database(parts: list[str], bound: Any) -> None:
    """The run time's own judgement; the other notation, which it leaves alone, the database's."""
    sql = "SELECT " + " ".join([*parts, "1"])
    told = said({"bindings": bound}, sql)
    refused = [_refusal(sql, bound, dialect) for dialect in ("sqlite", "postgresql")]
    if told and not any("is bound is a list" in one or "nothing is bound" in one for one in told):
        assert all(refused)
    if refused == ["BINDINGS", "BINDINGS"]:
        assert told


def _refusal(sql: str, bound: Any, dialect: Any) -> str | None:
    try:
        prepared(sql, bound, dialect)
    except Failure as failure:
        return str(failure.code)
    return None


@pytest.mark.parametrize(("sql", "bound"), [("SELECT :a", []), ("SELECT ?, :a", [1])])
def test_names_beside_a_list_are_refused_by_the_database(sql: str, bound: list[Any]) -> None:
    statement = prepared(sql, bound, "sqlite")
    with closing(sqlite3.connect(":memory:")) as database, pytest.raises(sqlite3.Error):
        database.execute(statement.text, statement.values)
    assert said({"bindings": bound}, sql)
