"""The types of both databases by their values: what is read, and how each JSON value is bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from definitions.sql.connection import Connection
from definitions.sql.exec import Exec
from definitions.sql.query import Query
from kernel import Failure
from tests.definitions.support.databases import database
from tests.support.properties import examples

READ_FROM_POSTGRESQL = {
    "true": True,
    "(-32768)::int2": -32768,
    "9223372036854775807::int8": 9223372036854775807,
    "4294967295::oid": 4294967295,
    "0.1::float4": 0.1,
    "0.30000000000000004::float8": 0.30000000000000004,
    "'-0'::float8": -0.0,
    "'infinity'::float8": "Infinity",
    "'-infinity'::float4": "-Infinity",
    "'nan'::float8": "NaN",
    "1.10::numeric": "1.10",
    "0.0000000001::numeric": "0.0000000001",
    "'nan'::numeric": "NaN",
    "'-infinity'::numeric": "-Infinity",
    "(10::numeric ^ 400)::text::numeric = 10::numeric ^ 400": True,
    "1.5::money": "$1.50",
    "'a'::\"char\"": "a",
    "'a'::char(3)": "a  ",
    "'x'::name": "x",
    "'\\x00ff'::bytea": "AP8=",
    "''::bytea": "",
    "date '2026-01-31'": "2026-01-31",
    "date 'infinity'": "infinity",
    "date '-infinity'": "-infinity",
    "date '0044-03-15 BC'": "0044-03-15 BC",
    "date '10000-01-01'": "10000-01-01",
    "time '10:00'": "10:00:00",
    "time '24:00:00'": "24:00:00",
    "timetz '10:00:00.5+02'": "10:00:00.5+02:00",
    "timetz '10:00:00+00'": "10:00:00Z",
    "timetz '24:00:00-03:30'": "24:00:00-03:30",
    "timestamp '2026-01-31 10:00'": "2026-01-31T10:00:00",
    "timestamp '2026-01-31 10:00:00.000001'": "2026-01-31T10:00:00.000001",
    "timestamp 'infinity'": "infinity",
    "timestamp '0044-03-15 10:00 BC'": "0044-03-15 10:00:00 BC",
    "timestamp '294276-12-31 23:59'": "294276-12-31 23:59:00",
    "timestamptz 'infinity'": "infinity",
    "interval '1 hour 1.5 second'": "3601.5s",
    "interval '-1 second'": "-1s",
    "interval '1 day -1 hour'": "82800s",
    "interval '-3 days'": "-259200s",
    "interval '0'": "0s",
    "interval '100000000 hours'": "360000000000s",
    "interval '1 year 2 mons -3 days'": "1 year 2 mons -3 days",
    "'{\"x\": [1.5, null]}'::jsonb": {"x": [1.5, None]},
    "'null'::json": None,
    "'\"\\ud800\"'::json": '"\\ud800"',
    "'1e400'::json": "1e400",
    "'1e400'::jsonb": f"1{'0' * 400}",
    "'{\"a\": 1, \"a\": 2}'::json": '{"a": 1, "a": 2}',
    "'12345678-1234-5678-1234-567812345678'::uuid": "12345678-1234-5678-1234-567812345678",
    "'10.0.0.1'::inet": "10.0.0.1",
    "'10.0.0.0/8'::cidr": "10.0.0.0/8",
    "'08:00:2b:01:02:03'::macaddr": "08:00:2b:01:02:03",
    "B'101'": "101",
    "point '(1,2)'": "(1,2)",
    "'<a/>'::xml": "<a/>",
    "'a:1'::tsvector": "'a':1",
    "'1 2'::int2vector": "1 2",
    "'pg_class'::regclass": "pg_class",
    "int4range(1, 3)": "[1,3)",
    "'empty'::int4range": "empty",
    "daterange('2024-01-01', 'infinity')": "[2024-01-01,infinity)",
    "tsrange('2024-01-01', null)": '["2024-01-01 00:00:00",)',
    "'{[1,3),[5,7)}'::int4multirange": "{[1,3),[5,7)}",
    "row(1, 'a b', null)": '(1,"a b",)',
    "array[1, null]": [1, None],
    "array[[1, 2], [3, 4]]": [[1, 2], [3, 4]],
    "'{}'::int[]": [],
    "'[0:1]={1,2}'::int[]": [1, 2],
    "array[true, false]": [True, False],
    "array['a', 'NULL', null, 'a\"b', 'c\\d', '{x}', ',', '', E'\\n']": [
        "a", "NULL", None, 'a"b', "c\\d", "{x}", ",", "", "\n"
    ],
    "array[date 'infinity', '0044-03-15 BC']": ["infinity", "0044-03-15 BC"],
    "array['\\x00ff'::bytea]": ["AP8="],
    "array['{\"a\": [1]}'::jsonb, 'null']": [{"a": [1]}, None],
    "array[1.10, 'nan'::numeric]": ["1.10", "NaN"],
    "array['nan'::float8, 1.5]": ["NaN", 1.5],
    "array[box '((1,2),(3,4))', '((0,0),(1,1))']": ["(3,4),(1,2)", "(1,1),(0,0)"],
    "array[int4range(1, 3), null]": ["[1,3)", None],
    "array[row(1, 'a'), row(2, 'b')]": ["(1,a)", "(2,b)"],
    "'b'::mood": "b",
    "array['a', 'b,c']::mood[]": ["a", "b,c"],
    "row(1, 'a')::pair": "(1,a)",
    "array[row(1, 'a,b')::pair]": ['(1,"a,b")'],
    "7::small": 7,
    "array[7]::small[]": [7],
    "array[1, 2]::smalls": [1, 2],
    "'[a,c)'::words": "[a,c)",
}  # fmt: skip
READ_FROM_SQLITE = {
    "1": 1,
    "9223372036854775807": 9223372036854775807,
    "-9223372036854775808": -9223372036854775808,
    "1.5": 1.5,
    "9e999": "Infinity",
    "-9e999": "-Infinity",
    "9e999 - 9e999": None,
    "null": None,
    "x'00ff'": "AP8=",
    "x''": "",
    "'ä'": "ä",
    "char(0)": "\0",
    "cast(x'61ff62' as text)": "a\\xffb",
    "cast(x'eda080' as text)": "\\xed\\xa0\\x80",
    "true": 1,
    "date('2026-01-31')": "2026-01-31",
    "json('[1, 2]')": "[1,2]",
}
SETUP = [
    "CREATE TYPE mood AS ENUM ('a', 'b', 'b,c')",
    "CREATE TYPE pair AS (x int, y text)",
    "CREATE DOMAIN small AS int CHECK (VALUE < 10)",
    "CREATE DOMAIN smalls AS int[]",
    "CREATE TYPE words AS RANGE (subtype = text)",
]


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with database("postgresql", tmp_path_factory.mktemp("db")) as url:
        yield from opened(url, setup=SETUP)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Connection]:
    yield from opened(f"sqlite:///{tmp_path}/x.db")


def opened(url: str, **fields: Any) -> Iterator[Connection]:
    connection = Connection({"url": url, "connections": 2, **fields})
    connection.provide()
    yield connection
    connection.close()


def query(connection: Connection, sql: str, bindings: Any = ()) -> list[dict[str, Any]]:
    call = Query({"connection": connection}).invoke({"sql": sql, "bindings": bindings})
    return asyncio.run(call)["rows"]  # type: ignore[no-any-return]


def execute(connection: Connection, sql: str, bindings: Any = ()) -> list[dict[str, Any]]:
    call = Exec({"connection": connection}).invoke({"sql": sql, "bindings": bindings})
    return asyncio.run(call)["rows"]  # type: ignore[no-any-return]


def value(connection: Connection, sql: str, bindings: Any = ()) -> Any:
    (row,) = query(connection, f"SELECT {sql} AS v", bindings)
    return row["v"]


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: ``True`` is not 1."""
    return bool(left == right) and repr(left) == repr(right)


@pytest.mark.parametrize("sql", READ_FROM_POSTGRESQL)
def test_what_postgresql_holds_is_read(postgresql: Connection, sql: str) -> None:
    assert same(value(postgresql, sql), READ_FROM_POSTGRESQL[sql])
    (row,) = execute(postgresql, f"WITH x AS (SELECT {sql} AS v) SELECT v FROM x")
    assert same(row["v"], READ_FROM_POSTGRESQL[sql])


def test_every_type_of_the_server_is_read(postgresql: Connection) -> None:
    """A column of each type that can be one, of each of its values in the server's own tables."""
    rows = query(
        postgresql,
        "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pg_catalog' "
        "AND c.relkind IN ('r', 'v') AND c.relname NOT IN ('pg_largeobject', 'pg_statistic')",
    )
    assert len(rows) > 100
    for row in rows:
        query(postgresql, f"SELECT * FROM {row['name']} LIMIT 20")


@pytest.mark.parametrize("sql", READ_FROM_SQLITE)
def test_what_sqlite_holds_is_read(sqlite: Connection, sql: str) -> None:
    assert same(value(sqlite, sql), READ_FROM_SQLITE[sql])


@pytest.mark.parametrize(
    ("zone", "written", "read"),
    [
        ("Europe/Berlin", "2026-07-01 10:00+00", "2026-07-01T12:00:00+02:00"),
        ("UTC", "2026-07-01 10:00+00", "2026-07-01T10:00:00Z"),
        ("Asia/Kolkata", "2026-07-01 10:00+00", "2026-07-01T15:30:00+05:30"),
        ("Europe/Berlin", "1800-01-01 00:00+00", "1800-01-01T00:00:00Z"),
        ("Europe/Berlin", "0044-03-15 10:00+00 BC", "0044-03-15 10:53:28+00:53:28 BC"),
    ],
)
def test_instants_in_any_time_zone(tmp_path: Path, zone: str, written: str, read: str) -> None:
    with database("postgresql", tmp_path) as url:
        for connection in opened(f"{url}%20-ctimezone%3D{zone.replace('/', '%2F')}"):
            assert value(connection, f"timestamptz '{written}'") == read


def test_the_server_s_defaults_change_no_value(tmp_path: Path) -> None:
    options = (
        "-cdatestyle=German -cintervalstyle=iso_8601 -cbytea_output=escape -cextra_float_digits=-15"
    )
    with database("postgresql", tmp_path) as url:
        for connection in opened(url + "%20" + options.replace(" ", "%20").replace("=", "%3D")):
            assert value(connection, "date '2026-01-31'") == "2026-01-31"
            assert value(connection, "interval '90 minutes'") == "5400s"
            assert value(connection, "'\\x00ff'::bytea") == "AP8="
            assert value(connection, "0.30000000000000004::float8") == 0.30000000000000004


LISTS: list[list[Any]] = [
    [], [None], [1, 2], [2.5, 3.5], [2, 2.5], [2.5, None], [None, 2], [2**40, 1], [True, None],
    ["a", None], ["2"], [1, "a"], [True, 1], [{"a": 1}], [[1, 2], [3, 4]], [[1], "a"],
    ["a\"b\\c{,}'", "NULL", ""],
]  # fmt: skip


@pytest.mark.parametrize("content", LISTS, ids=repr)
def test_a_list_is_bound_by_its_place(postgresql: Connection, content: list[Any]) -> None:
    assert same(value(postgresql, "?", [content]), content)
    assert same(value(postgresql, "?::jsonb", [content]), content)
    assert same(value(postgresql, "?::json", [content]), content)
    assert same(value(postgresql, "jsonb_build_object('a', ?)", [content]), {"a": content})
    flat = [each for each in content if not isinstance(each, list | dict)]
    texts = [
        str(each).lower() if isinstance(each, bool) else None if each is None else str(each)
        for each in flat
    ]
    assert value(postgresql, "?::text[]", [flat]) == texts
    if flat == content:
        assert value(postgresql, "?::jsonb[]", [content]) == content
    execute(postgresql, "CREATE TABLE IF NOT EXISTS held (t text[], j jsonb, o json)")
    sql = "INSERT INTO held VALUES (:t, :j, :o) RETURNING *"
    assert execute(postgresql, sql, {"t": flat, "j": content, "o": content}) == [
        {"t": texts, "j": content, "o": content}
    ]


@pytest.mark.parametrize(
    ("sql", "bindings", "expected"),
    [
        ("2 = ANY(?)", [[2, 2.5]], True),
        ("2 = ANY(?)", [[2.5, None]], None),
        ("3 = ANY(?)", [[1, 2]], False),
        ("2.5 = ANY(?)", [[2, 2.5]], True),
        ("2.5::float8 = ANY(?)", [[2, 2.5]], True),
        ("?::numeric[]", [[2, 2.5, None]], ["2", "2.5", None]),
        ("?::int[][]", [[[1, 2], [3, 4]]], [[1, 2], [3, 4]]),
        ("?::date[]", [["2024-01-01", "infinity"]], ["2024-01-01", "infinity"]),
        ("date '2024-01-01' = ANY(?)", [["2024-01-01"]], True),
        ("'a'::mood = ANY(?)", [["a", "b,c"]], True),
        ("?::mood[]", [["b,c"]], ["b,c"]),
        ("?::smalls", [[1, 2]], [1, 2]),
        ("?::small[]", [[1, 2]], [1, 2]),
        ("?::box[]", [["(1,1),(0,0)"]], ["(1,1),(0,0)"]),
        ("array[1, 2] && ?", [[2]], True),
        ("array_length(?, 1)", [[2, 2.5]], 2),
        ("cardinality(?)", [["a", None]], 2),
        ("cardinality(?)", [[]], 0),
        ("(SELECT sum(x) FROM unnest(?) x)", [[1, 2]], 3),
        ("(SELECT sum(x) FROM unnest(?) x)", [[1, 2.5]], 3.5),
        ("(SELECT max(x) FROM unnest(?) x)", [["a", "b"]], "b"),
        ("(SELECT count(*) FROM jsonb_array_elements(?))", [[1, "a"]], 2),
        ("to_jsonb(?)", [[1, "a", None]], [1, "a", None]),
        ("to_jsonb(?)", [[1, 2]], [1, 2]),
        ("to_jsonb(?)", [[2**70, 1]], [2**70, 1]),
        ("to_jsonb(?)", [[2**40, 1]], [2**40, 1]),
        ("?::jsonb[]", [[[1], "a", {"b": 2}, None]], [[1], "a", {"b": 2}, None]),
        ("? * ?", [200, 200], 40000),
        ("date '2024-01-01' + ?", [1], "2024-01-02"),
        ("?", [2**40], 2**40),
        ("?", [-(2**31)], -(2**31)),
        ("?", [2**63], "9223372036854775808"),
        ("?", [{"a": [1, "b"]}], {"a": [1, "b"]}),
        ("? || ?", ["100%", "s"], "100%s"),
        ("'100%s' || ? || array_to_string(?::int[], '%')", ["x", [1, 2]], "100%sx1%2"),
    ],
)
def test_bindings_of_postgresql(
    postgresql: Connection, sql: str, bindings: list[Any], expected: Any
) -> None:
    assert same(value(postgresql, sql, bindings), expected)


@pytest.mark.parametrize("content", LISTS, ids=repr)
def test_a_list_is_json_text_in_sqlite(sqlite: Connection, content: list[Any]) -> None:
    assert value(sqlite, "(SELECT count(*) FROM json_each(?))", [content]) == len(content)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(
        -1e15, 1e15
    )  # of larger ones jsonb keeps the decimal digits, which read as an integer
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\0")), inner)
    ),
    max_leaves=8,
)


@examples(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(json_values))
def test_any_list_comes_back_from_jsonb(postgresql: Connection, content: list[Any]) -> None:
    assert value(postgresql, "?::jsonb", [content]) == content


@examples(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
)
def test_any_texts_come_back_from_an_array(postgresql: Connection, content: list[Any]) -> None:
    assert value(postgresql, "?::text[]", [content]) == content


def test_a_list_that_does_not_fit_its_place_fails_with_a_code(postgresql: Connection) -> None:
    for sql, content in (("?::int[]", ["a"]), ("?::int[][]", [[1], [1, 2]])):
        with pytest.raises(Failure) as caught:
            value(postgresql, sql, [content])
        assert caught.value.code == "DATA"
    assert value(postgresql, "1") == 1
