"""The types of expressions, and each rule about expressions on either side."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import Diagnostic, check_expression, infer
from analyzer.types import BOOL, INT, STRING, Field, Record, Type
from kernel.cel import parse

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "total": {"type": "number"},
        "note": {"type": "string"},
        "coupon": {"type": ["string", "null"]},
        "status": {"enum": ["paid", "pending"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "price": {"type": "number"},
                    "gift": {"type": "boolean"},
                },
                "required": ["sku", "price"],
                "additionalProperties": False,
            },
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "payment": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "card"}, "last4": {"type": "string"}},
                    "required": ["kind", "last4"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "bank"}, "iban": {"type": "string"}},
                    "required": ["kind", "iban"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "required": ["id", "count", "total", "coupon", "status", "lines", "labels", "payment"],
    "additionalProperties": False,
}
OPEN: dict[str, Any] = {"type": "object", "properties": {"rows": {"type": "array"}}}

NAMES = {"order": ORDER, "open": OPEN, "limit": {"type": "integer"}, "flag": {"type": "boolean"}}


def codes(expression: str) -> list[str]:
    return [one.code for one in infer(expression, NAMES).diagnostics]


def only(expression: str) -> Diagnostic:
    (found,) = infer(expression, NAMES).diagnostics
    return found


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("order.id", "string"),
        ("order.count + 1", "int from 2"),
        ("order.total * 2.0", "double"),
        ("order.lines.map(l, l.price)", "list(double)"),
        ("order.lines.filter(l, has(l.gift)).map(l, l.gift)", "list(bool)"),
        ("order.lines.exists(l, l.price > 5)", "bool"),
        ("order.lines.transformList(i, l, i)", "list(int from 0)"),
        ("order.labels.transformMap(k, v, size(v))", "map(string, int from 0)"),
        ("order.lines.sortBy(l, l.price).map(l, l.sku)", "list(string)"),
        ("order.?note", "optional(string)"),
        ("order.?note.orValue('-')", "string"),
        ("order.?note.optMap(n, size(n))", "optional(int from 0)"),
        ("order.?note.optFlatMap(n, regex.extract(n, 'a'))", "optional(string)"),
        ("order.lines[?0].price", "optional(double)"),
        ("order.lines.first().?sku.orValue('')", "string"),
        ("cel.bind(n, order.count, n + n)", "int from 2"),
        ("{'a': order.count, 'b': [1, 2]}", "{a: int from 1, b: list(int from 1 to 2)}"),
        ("{order.id: 1}", "map(string, 1)"),
        ("[?order.?note, 'x']", "list(string)"),
        ("flag ? 1 : 'a'", "1 or 'a'"),
        ("'a' + 'b'", "'ab'"),
        ("size('abc')", "3"),
        ("limit % 10", "int from -9 to 9"),
        ("type(limit)", "type"),
        ("type(limit) == int", "bool"),
        ("order.status", "'paid'|'pending'"),
        ("[1, [2]].flatten()", "list(int from 1 to 2)"),
        ("math.greatest(1, 2.5)", "double"),
        ("timestamp('2024-01-01T00:00:00Z') - duration('1h')", "timestamp"),
        ("'a,b'.split(',')[0]", "string"),
        ("limit == 1 || flag", "bool"),
        ("!flag", "bool"),
        ("-(limit % 3)", "int from -2 to 2"),
    ],
)
def test_types(expression: str, type_: str) -> None:
    inference = infer(expression, NAMES)

    assert not inference.diagnostics
    assert str(inference.type) == type_
    assert not inference.type.has_dyn


@pytest.mark.parametrize(
    ("code", "wrong", "right"),
    [
        ("K301", "order.", "order.id"),
        ("K302", "ordr.id", "order.id"),
        ("K303", "order.id.upper()", "order.id.upperAscii()"),
        ("K303", "math.absolute(limit)", "math.abs(limit)"),
        ("K304", "contains(order.id, 'a')", "order.id.contains('a')"),
        ("K304", "order.lines.map(l)", "order.lines.map(l, l.sku)"),
        ("K305", "order.count + 1.0", "double(order.count) + 1.0"),
        ("K305", "order.id + 1", "order.id + string(1)"),
        ("K305", "limit && flag", "limit > 0 && flag"),
        ("K305", "limit ? 1 : 2", "flag ? 1 : 2"),
        ("K305", "limit.map(x, x)", "[limit].map(x, x)"),
        ("K305", "limit.optMap(x, x)", "optional.of(limit).optMap(x, x)"),
        ("K305", "order.lines.sort()", "order.lines.map(l, l.sku).sort()"),
        ("K305", "order.lines.sortBy(l, l)", "order.lines.sortBy(l, l.sku)"),
        ("K305", "{1.5: 2}", "{1: 2}"),
        ("K305", "'%d'.format(['a'])", "'%s'.format(['a'])"),
        ("K305", "order.lines['a']", "order.lines[?0]"),
        ("K307", "order.lines.map(order, 1)", "order.lines.map(line, 1)"),
        (
            "K308",
            "order.lines.map(a, order.lines.exists(b, a.sku == b.sku))",
            "order.lines.map(a, a.sku.split(',').exists(b, b == 'x'))",
        ),
        ("K401", "order.statu", "order.status"),
        ("K401", "has(order.nte)", "has(order.note)"),
        ("K401", "limit.size", "limit"),
        ("K403", "order.id == 1", "order.id == '1'"),
        ("K403", "limit in ['a']", "limit in [1]"),
        ("K404", "order.payment.iban", "order.payment.kind == 'bank' ? order.payment.iban : ''"),
        ("K406", "order.status == 'payed'", "order.status == 'paid'"),
        ("K406", "order.status in ['paid', 'open']", "order.status in ['paid', 'pending']"),
        ("K407", "open.columns", "has(open.columns)"),
        ("K501", "order.note", "has(order.note) ? order.note : ''"),
        ("K501", "open.rows", "has(open.rows) && open.rows == []"),
        ("K501", "order.labels.app", "'app' in order.labels ? order.labels.app : ''"),
        ("K501", "order.labels[order.id]", "order.labels.all(k, order.labels[k] != '')"),
        ("K502", "order.coupon.size()", "order.coupon != null && order.coupon.size() > 1"),
        ("K506", "has(order.id)", "has(order.note)"),
        ("K506", "order.id != null", "order.coupon != null"),
        ("K507", "order.lines[0].sku", "size(order.lines) > 0 ? order.lines[0].sku : ''"),
        ("K507", "order.id.substring(0, 3)", "size(order.id) > 2 ? order.id.substring(0, 3) : ''"),
        ("K507", "order.id.substring(1, size(order.id))", "order.id.substring(0, order.id.size())"),
        (
            "K507",
            "order.lines.slice(1, size(order.lines))",
            "size(order.lines) > 0 ? order.lines.slice(1, size(order.lines)) : []",
        ),
        ("K601", "order.count > 0 && flag", "order.count > 1 && flag"),
        ("K603", "limit / 0", "limit / 2"),
        ("K603", "limit % 0", "limit % 2"),
        ("K604", "9223372036854775807 + 1", "9223372036854775806 + 1"),
        ("K605", "order.id.matches('(')", "order.id.matches('()')"),
        (
            "K605",
            "regex.replace(order.id, 'a(b)', r'\\7')",
            "regex.replace(order.id, 'a(b)', r'\\1')",
        ),
        ("K605", "regex.replace('ab', 'a(b)', r'\\7')", "regex.replace('ab', 'a(b)', r'\\1')"),
        ("K605", "'%05.2f'.format([1.5])", "'%.2f'.format([1.5])"),
        ("K605", "'%d %.2d'.format([order.id, 1])", "'%s %d%%'.format([order.id, 1])"),
        ("K605", "string(b'\\xff')", "string(b'abc')"),
        (
            "K605",
            "timestamp(0).getHours('Europe/Brelin')",
            "timestamp(0).getHours('Europe/Berlin')",
        ),
        ("K605", "duration('1 hour')", "duration('1h')"),
        ("K605", "timestamp('yesterday')", "timestamp('2024-01-01T00:00:00Z')"),
        ("K605", "regex.extract(order.id, '(a)(b)')", "regex.extract(order.id, '(a)b')"),
        ("K606", "{'a': 1, 'a': 2}", "{'a': 1, 'b': 2}"),
        ("K607", "order.count / limit > 0.2", "double(order.count) / double(limit) > 0.2"),
        ("K607", "0.5 <= -(limit / 3)", "0 <= -(limit / 3)"),
        ("K607", "(flag ? limit / 3 : 1) == 0.5", "(flag ? limit : 1) == 0.5"),
    ],
)
def test_rules(code: str, wrong: str, right: str) -> None:
    assert codes(wrong) == [code]
    assert codes(right) == []


def test_an_unguarded_field_of_a_schema_that_says_nothing_of_presence_is_a_warning() -> None:
    assert only("open.rows").severity == "warning"
    assert only("order.note").severity == "error"


def test_what_is_blamed_is_the_side_that_varies() -> None:
    found = infer("code > 500", {"code": {"type": ["integer", "string"]}}).diagnostics[0]

    assert (found.code, found.offset, found.end) == ("K404", 0, 4)
    assert found.message == "'>' is not possible where the value is string"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1 + ordr.id.size()", "1 + order.id.size()"),
        ("order.count / 100 > 0.2", "double(order.count) / 100.0 > 0.2"),
        ("size(order.lines) / limit < 0.5", "double(size(order.lines)) / double(limit) < 0.5"),
        ("order.statu == 'paid'", "order.status == 'paid'"),
        ("order.status == 'payd'", "order.status == 'paid'"),
        ("order.count * 1.5", "double(order.count) * 1.5"),
        ("order.total * 2", "order.total * 2.0"),
    ],
)
def test_a_fix_mends(expression: str, text: str) -> None:
    fix = only(expression).fix

    assert fix is not None
    assert expression[: fix.offset] + fix.text + expression[fix.end :] == text
    assert codes(text) == []


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        ("order.id + 1", "string + string -> string"),
        ("1 + order.id", "string + string -> string"),
        ("order.count * 1.5", "double * double -> double"),
        ("1.5 * order.count", "double * double -> double"),
    ],
)
def test_the_nearest_form_is_the_one_to_convert_to(expression: str, form: str) -> None:
    assert only(expression).message.endswith(f"; the nearest form is {form}")


def test_the_place_is_that_of_the_mistake() -> None:
    expression = "flag ? size(order.id) : order.lines.map(l, l.cost)"
    found = only(expression)

    assert expression[found.offset : found.end] == "l.cost"
    assert "sku" in found.message


@pytest.mark.parametrize(
    "expression",
    [
        "ordr.id + ordr.name",
        "(order.id + 1) * 2 > 3 && size(order.id + 1 - 2) == 4",
        "order.note + order.note",
        "order.lines.map(l, l.cost).map(c, c + 1).filter(d, d == 'x')",
        "[order.statu][0].size() + 1",
        "order.coupon + order.coupon",
        "cel.bind(x, nothing, x + 1 + x.a[2])",
    ],
)
def test_one_mistake_gives_few_diagnostics(expression: str) -> None:
    assert len(codes(expression)) <= (2 if "&&" in expression else 1)


def test_what_is_not_known_is_said() -> None:
    names = {"x": {}}

    assert infer("x.a + 1", names).type.has_dyn
    assert infer("x.a > 1 && true == true", names).type.has_dyn
    assert not infer("x == 1", names).type.has_dyn
    assert not infer("x", names).diagnostics


def test_steps_are_guarded_with_has() -> None:
    step = Record(
        (
            (
                "result",
                Field(Record((("rows", Field(INT)),))),
            ),
            ("skipped", Field(BOOL)),
        )
    )
    maybe = Record((("Fetch", Field(step, required=False)), ("Sure", Field(step))))
    scope: dict[str, Type] = {"steps": maybe, "name": STRING}

    def found(text: str) -> list[str]:
        return [one.code for one in check_expression(parse(text), scope)[1]]

    assert found("has(steps.Fetch.result) ? steps.Fetch.result.rows : 0") == []
    assert found("has(steps.Fetch.result.rows) && steps.Fetch.result.rows > 0") == []
    assert found("steps.Fetch.result.rows") == ["K501"]
    assert found("!has(steps.Fetch.result) ? steps.Fetch.result.rows : 0") == ["K501"]
    assert found("has(steps.Sure.result)") == ["K506"]
    assert found("has(steps.Fetsh.result)") == ["K401"]


def test_deep_and_large_expressions_end() -> None:
    doubling = "cel.bind(a0, [1], " + "".join(
        f"cel.bind(a{n}, {{'x': a{n - 1}, 'y': [a{n - 1}, [a{n - 1}]]}}, " for n in range(1, 60)
    )
    infer(doubling + "a59" + ")" * 60, {})
    infer("[" * 140 + "1" + "]" * 140, {})
    infer(" && ".join(f"has(order.labels.k{n})" for n in range(3000)), NAMES)
    infer(" || ".join(["(flag && (flag || flag))"] * 300), NAMES)
    nested = "flag"
    for _ in range(60):
        nested = f"({nested} && order.note == 'a' || !flag)"
    infer(nested, NAMES)
