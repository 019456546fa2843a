"""What conditions say about the places that they dominate."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import infer
from analyzer.expressions.conditions import assume, either
from analyzer.expressions.facts import Facts, is_impossible
from analyzer.types import INT, INT_MIN, NULL, STRING, Int, union
from kernel.cel import parse

RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "s": {"type": "string"},
        "n": {"type": ["integer", "null"]},
        "l": {"type": "array", "items": {"type": ["string", "null"]}},
        "k": {"enum": ["a", "b", "c"]},
        "i": {"type": "integer"},
        "mixed": {"type": ["string", "integer", "boolean"]},
        "deep": {
            "type": "object",
            "properties": {"s": {"type": "string"}},
            "additionalProperties": False,
            "required": [],
        },
    },
    "required": ["n", "l", "k", "i", "mixed"],
    "additionalProperties": False,
}
VARIANT: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"ok": {"const": True}, "value": {"type": "integer"}},
            "required": ["ok", "value"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"ok": {"const": False}, "why": {"type": "string"}},
            "required": ["ok", "why"],
            "additionalProperties": False,
        },
    ]
}
NAMES: dict[str, Any] = {
    "x": RECORD,
    "v": VARIANT,
    "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    "key": {"type": "string"},
    "flag": {"type": "boolean"},
    "items": {"type": "array", "items": RECORD},
}


def codes(expression: str) -> list[str]:
    return [one.code for one in infer(expression, NAMES).diagnostics]


@pytest.mark.parametrize(
    "expression",
    [
        "has(x.s) && x.s == 'a'",
        "x.s == 'a' && has(x.s)",
        "!has(x.s) || x.s == 'a'",
        "x.s == 'a' || !has(x.s)",
        "has(x.s) ? x.s : ''",
        "!has(x.s) ? '' : x.s",
        "!(!has(x.s)) ? x.s : ''",
        "(has(x.s) && flag) ? x.s : ''",
        "(!has(x.s) || flag) ? '' : x.s",
        "'s' in x ? x.s : ''",
        "'s' in x ? x['s'] : ''",
        "has(x.deep) && has(x.deep.s) ? x.deep.s : ''",
        "has(x.deep) && x.deep.?s.orValue('') == 'a'",
        "has(x.?deep.s) ? x.deep.s : ''",
        "x.?s.hasValue() ? x.s : ''",
        "x.?deep.s.hasValue() ? x.deep.s : ''",
        "optional.ofNonZeroValue(x.n).optMap(n, n + 1).orValue(0)",
        "flag ? (has(x.s) ? x.s : '') : ''",
        "(has(x.s) ? flag : false) && x.s == 'a'",
        "(flag ? has(x.s) : has(x.s) && x.i > 0) ? x.s : ''",
        "(has(x.s) && flag || has(x.s) && x.i > 0) ? x.s : ''",
        "x.n != null && x.n > 1",
        "x.n == null || x.n > 1",
        "null != x.n ? x.n + 1 : 0",
        "x.n == null ? 0 : x.n + 1",
        "type(x.n) == int ? x.n + 1 : 0",
        "type(x.n) != type(null) ? x.n + 1 : 0",
        "type(x.mixed) == string ? x.mixed.size() : 0",
        "type(x.mixed) == string || type(x.mixed) == bool ? 0 : x.mixed + 1",
        "x.n == 3 && x.n + 1 > 3",
        "x.n in [1, 2] ? x.n + 1 : 0",
        "x.n == x.i ? x.n + 1 : 0",
        "x.mixed == 'a' ? x.mixed.size() : 0",
        "size(x.l) > 1 && x.l[1] == 'a'",
        "x.l.size() >= 1 && x.l[0] == 'a'",
        "1 < size(x.l) && x.l[1] == 'a'",
        "size(x.l) == 0 ? 'a' : x.l[0]",
        "size(x.l) != 0 ? x.l[0] : 'a'",
        "x.l != [] ? x.l[0] : 'a'",
        "x.l == [] || x.l[0] == 'a'",
        "size(x.l) > 0 && x.l[0] != null && x.l[0].size() > 1",
        "x.l.exists(s, s == 'a') && x.l[0] == 'a'",
        "x.l.all(s, s != null) && x.l.map(s, s.size()) == [1]",
        "x.l.filter(s, s != null).map(s, s.size())",
        "items.filter(o, has(o.s) && o.s != '').map(o, o.s)",
        "items.map(o, has(o.s), o.s)",
        "v.ok ? v.value : size(v.why)",
        "v.ok == true ? v.value : size(v.why)",
        "has(v.why) ? v.why : string(v.value)",
        "key in m ? m[key] : 0",
        "!(key in m) ? 0 : m[key]",
        "'a' in m && m.a > 1 && m['a'] < 5",
        "m.all(k, m[k] > 0)",
        "m.exists(k, key in m && m[key] > m[k])",
        "m.transformMap(k, n, n + m[k])",
        "x.l.transformList(i, s, x.l[i])",
        "lists.range(size(x.l)).map(i, x.l[i])",
        "lists.range(x.l.size()).exists(i, x.l[i] == 'a')",
        "size(x.l) > 0 ? x.l[size(x.l) - 1] : 'a'",
        "x.l.size() > 1 && x.l[x.l.size() - 2] == 'a'",
        "x.k == 'a' ? 1 : x.k == 'b' ? 2 : x.k == 'c' ? 3 : 0",
        "x.i > 5 && x.i < 10",
        "x.i < 5 || x.i > 10",
        "has(x.s) && size(x.s) > 3 ? x.s.substring(0, 3) : ''",
    ],
)
def test_what_is_guarded_is_accepted(expression: str) -> None:
    assert codes(expression) == []


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("has(x.s) || x.s == 'a'", "K501"),
        ("has(x.s) ? '' : x.s", "K501"),
        ("(has(x.s) || flag) ? x.s : ''", "K501"),
        ("!(has(x.s) && flag) ? '' : x.deep.s", "K501"),
        ("has(x.deep.s)", "K501"),
        ("x.s == 'a' && x.s != 'b'", "K501"),
        ("x.n == null && x.n > 1", "K305"),
        ("x.n != null || x.n > 1", "K305"),
        ("(x.n != null || flag) ? x.n + 1 : 0", "K502"),
        ("size(x.l) > 0 && x.l[1] == 'a'", "K507"),
        ("size(x.l) >= 0 ? x.l[0] : 'a'", "K507"),
        ("size(x.l) > 0 && x.l[0].size() > 1", "K502"),
        ("x.l.exists(s, s != null) ? x.l[0].size() : 0", "K502"),
        ("x.l[size(x.l) - 1]", "K507"),
        ("size(x.l) > 0 ? x.l[size(x.l) - 2] : 'a'", "K507"),
        ("lists.range(size(m)).map(i, x.l[i])", "K507"),
        ("!x.?s.hasValue() ? x.s : ''", "K501"),
        ("v.ok ? v.why : ''", "K401"),
        ("v.value > 0", "K404"),
        ("key in m ? m['key'] : 0", "K501"),
        ("items.filter(o, has(o.s)).map(o, o.deep)", "K501"),
        ("key in m && m.all(key, key != '') && m.exists(k, m[key] > 1)", "K307"),
        ("items.exists(x, x.s == 'a')", "K307"),
        ("type(x.mixed) == string ? 0 : x.mixed + 1", "K404"),
        ("x.k == 'a' && x.k == 'b'", "K601"),
        ("x.i > 5 && x.i < 3", "K601"),
    ],
)
def test_what_is_not_guarded_is_found(expression: str, code: str) -> None:
    assert code in codes(expression)


def test_a_fact_of_a_hidden_name_is_forgotten() -> None:
    names = {"x": RECORD, "items": NAMES["items"]}
    found = infer("has(x.s) && items.exists(x, x.s == 'a')", names).diagnostics

    assert [one.code for one in found] == ["K307", "K501"]


def test_facts_only_narrow() -> None:
    before = Facts({"n": union([INT, NULL]), "s": STRING})
    after = assume(parse("n != null && n > 3 && n <= 7"), True, before)

    assert after.type_of("n") == Int(4, 7)
    assert after.type_of("s") == STRING
    low = Int(INT_MIN, 3)
    assert assume(parse("n != null && n > 3"), False, before).type_of("n") == union([NULL, low])


def test_what_several_branches_know_together() -> None:
    before = Facts({"n": INT})
    one, two = (assume(parse(text), True, before) for text in ("n == 1", "n == 2"))
    never = assume(parse("n == 1 && n == 2"), True, before)

    assert either(before, [one, two]).type_of("n") == Int(1, 2)
    assert is_impossible(never)
    assert either(before, [one, never]).type_of("n") == Int(1, 1)


def test_with_many_alternatives_nothing_is_known() -> None:
    few = " || ".join(f"x.n == {n}" for n in range(8))
    many = " || ".join(f"x.n == {n}" for n in range(9))

    assert codes(f"({few}) && x.n + 1 > 0") == []
    assert codes(f"({many}) && x.n + 1 > 0") == ["K502"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("type(u) == map && has(u.q) ? u.q : ''", []),
        ("type(u) == map ? (has(u.q) ? u.q : '') : ''", []),
        ("type(u) == map && has(u.q) ? u.p : ''", ["K501"]),
    ],
)
def test_a_field_of_what_is_known_to_be_a_map_only(expression: str, expected: list[str]) -> None:
    assert [one.code for one in infer(expression, {"u": {}}).diagnostics] == expected


GUARDS = """
row.a != null
has(row.a)
'a' in row
row.?a.hasValue()
type(row.a) == int
row.a == 'x' && row.b == 'y'
row.a in ['x', 'y']
row.a > 3
size(row.a) > 3
has(row.a.b)
!has(row.a)
""".strip().splitlines()


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(
    "schema", [{"type": "object"}, {"type": "object", "additionalProperties": True}]
)
def test_a_guard_adds_no_field_to_a_record_of_which_none_is_declared(
    guard: str, schema: dict[str, Any]
) -> None:
    names = {"row": schema, "rows": {"type": "array", "items": schema}}
    inner = guard.replace("row.", "r.").replace("in row", "in r")
    for text in (f"{guard} ? row.c : row.d", f"rows.filter(r, {inner}).map(r, r.c)"):
        assert infer(text, names).diagnostics == ()


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_takes_no_field_away(guard: str) -> None:
    names = {"row": {"type": "object", "properties": {"k": {}}, "required": ["k"]}}
    found = infer(f"{guard} ? row.c : row.d", names).diagnostics
    assert {"undeclared-property"} == {one.name for one in found}
    assert {"row.c", "row.d"} <= {f"row.{one.message.split(chr(39))[1]}" for one in found}
