"""Placeholders and tokens of SQL statements."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.sql.statement import only_reading, prepared
from kernel import Failure

LITE, POST = "sqlite", "postgresql"


@pytest.mark.parametrize(
    ("sql", "bindings", "lite", "post", "values"),
    [
        ("SELECT ?, ?", [1, "a"], "SELECT ?, ?", "SELECT %s, %s", (1, "a")),
        ("SELECT :b, :a, :b", {"a": 1, "b": 2}, "SELECT ?, ?, ?", "SELECT %s, %s, %s", (2, 1, 2)),
        ("SELECT '?', :a", {"a": 1}, "SELECT '?', ?", "SELECT '?', %s", (1,)),
        ("SELECT ':a', \":a\", ?", [1], "SELECT ':a', \":a\", ?", "SELECT ':a', \":a\", %s", (1,)),
        ("SELECT 'it''s ?' -- ?\n/* :a ? */", [], None, None, ()),
        (
            "SELECT x::text, a[1:n] ?",
            [1],
            "SELECT x::text, a[1:n] ?",
            "SELECT x::text, a[1:n] %s",
            (1,),
        ),
        ("SELECT a ? 'k' AND b = :b", {"b": 1}, None, "SELECT a ? 'k' AND b = %s", (1,)),
        ("SELECT 5 % 2, '%s'", [], "SELECT 5 % 2, '%s'", "SELECT 5 %% 2, '%%s'", ()),
        ("select 1;", [], "select 1;", "select 1;", ()),
    ],
)
def test_placeholders(
    sql: str, bindings: Any, lite: str | None, post: str | None, values: tuple[Any, ...]
) -> None:
    for dialect, text in ((LITE, lite), (POST, post)):
        if text is None and dialect == LITE and "a ?" in sql:
            continue
        statement = prepared(sql, bindings, dialect)  # type: ignore[arg-type]
        assert (statement.text, statement.values) == (text or sql, values)


@pytest.mark.parametrize(
    "sql",
    ["SELECT $$ ? $$", "SELECT $x$ ' ; ? $x$", r"SELECT E'\' ?'", "SELECT /* /* ? */ ? */ 1"],
)
def test_quotes_of_postgresql(sql: str) -> None:
    assert prepared(sql, [], POST).values == ()


@pytest.mark.parametrize(
    "sql", ["SELECT `?`", "SELECT [?]", "CREATE TRIGGER t BEGIN SELECT 1; END"]
)
def test_quotes_of_sqlite(sql: str) -> None:
    assert prepared(sql, [], LITE).text == sql


@pytest.mark.parametrize(
    ("sql", "bindings", "code"),
    [
        ("SELECT ?", [], "BINDINGS"),
        ("SELECT 1", [1], "BINDINGS"),
        ("SELECT :a, :b", {"a": 1}, "BINDINGS"),
        ("SELECT :a", {"a": 1, "b": 1}, "BINDINGS"),
        ("SELECT 'x", [], "SYNTAX"),
        ('SELECT "x', [], "SYNTAX"),
        ("SELECT $a$ x $b$", [], "SYNTAX"),
        ("SELECT /* x", [], "SYNTAX"),
        ("  -- nothing\n", [], "SYNTAX"),
        ("", [], "SYNTAX"),
        ("SELECT 1; DROP TABLE x", [], "SEVERAL_STATEMENTS"),
        ("commit", [], "TRANSACTION_CONTROL"),
        ("/* x */ ROLLBACK", [], "TRANSACTION_CONTROL"),
    ],
)
def test_what_is_refused(sql: str, bindings: Any, code: str) -> None:
    with pytest.raises(Failure) as caught:
        prepared(sql, bindings, POST)
    assert (caught.value.code, caught.value.outcome) == (code, "failed")


@pytest.mark.parametrize("sql", ["DELETE FROM x", "PRAGMA query_only = 0", "SET x = 1", "CALL f()"])
def test_a_query_reads(sql: str) -> None:
    with pytest.raises(Failure) as caught:
        only_reading(prepared(sql, [], POST))
    assert caught.value.code == "READ_ONLY"
    assert only_reading(prepared("(SELECT 1)", [], POST)).verb == "SELECT"


@given(st.text(alphabet="'\"`[]$aE:?;-/*%\n\\ ", max_size=40))
def test_any_text_is_a_statement_or_a_clear_failure(sql: str) -> None:
    for dialect in (LITE, POST):
        code, statement = None, None
        try:
            statement = prepared("SELECT " + sql, {}, dialect)  # type: ignore[arg-type]
        except Failure as failure:
            code = failure.code
        if statement is None:
            assert code in ("SYNTAX", "SEVERAL_STATEMENTS", "BINDINGS")
        else:
            marks = {"sqlite": "%", "postgresql": "%%"}[dialect]
            assert statement.text == "SELECT " + sql.replace("%", marks)


@given(st.lists(st.sampled_from(["'a''?b'", '"q""?"', "[?]", "`?`", "/*?*/", "--?\n", "?", "1"])))
def test_sqlite_counts_the_same_placeholders(parts: list[str]) -> None:
    """The reference: SQLite's own parser says how many values it wants."""
    sql = "SELECT " + " || ".join([*parts, "1"])
    marks = parts.count("?")
    assert prepared(sql, [0] * marks, LITE).values == (0,) * marks
    connection = sqlite3.connect(":memory:")
    refused = ""
    try:
        connection.execute(sql, [0] * marks)
    except sqlite3.Error as error:
        refused = str(error)
    finally:
        connection.close()
    assert "binding" not in refused


@pytest.mark.parametrize("unit", ["'", "''", "$a", "$a$ ", "/*", "?", "((", "E'\\", "a" * 10, '"'])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    began = time.perf_counter()
    for dialect in (LITE, POST):
        with suppress(Failure):
            prepared("SELECT " + unit * 50_000, {}, dialect)  # type: ignore[arg-type]
    assert time.perf_counter() - began < 3
