"""Evaluation: errors with reason and place, values that stay what they are, threads."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import pytest

from kernel import cel

BINDINGS: dict[str, Any] = {
    "x": 1,
    "name": "secret-name",
    "m": {"a": 1, "n": None},
    "l": [1, 2],
    "flag": "yes",
    "big": 2**63 - 1,
    "o": object(),
}

ERRORS = [
    ("m.b", "no-such-key", "no such key: 'b'", "m.b"),
    ("x + m.a.c", "no-overload", "int has no field 'c'", "m.a.c"),
    ("m['q']", "no-such-key", "no such key in the map", "m['q']"),
    ("l[5]", "index", "the index is out of range: the list has 2 elements", "l[5]"),
    ("l[-1]", "index", "the index is out of range: the list has 2 elements", "l[-1]"),
    ("y.z + 1", "no-such-name", "no such name: 'y'", "y"),
    ("nope(x)", "no-such-name", "no such function: 'nope'", "nope(x)"),
    ("1 + name", "no-overload", "no such overload: int + string", "1 + name"),
    ("x + 1.0", "no-overload", "no such overload: int + double", "x + 1.0"),
    ("!x", "no-overload", "no such overload: !int", "!x"),
    ("size(x)", "no-overload", "no such overload: size(int)", "size(x)"),
    ("big + x", "overflow", "the result does not fit in int (64 bits)", "big + x"),
    ("2 * (x / 0)", "division-by-zero", "division by zero", "x / 0"),
    ("int(name)", "bad-argument", "the string is not an integer of 64 bits", "int(name)"),
    ("flag ? 1 : 2", "no-overload", "the condition of '? :' is bool, not string", "flag"),
    ("flag && true", "no-overload", "'&&' needs bool, not string", "flag"),
    ("l.all(i, name)", "no-overload", "the predicate of all() is bool, not string", "name"),
    ("x.all(i, true)", "no-overload", "int is neither a list nor a map", "x"),
    ("l.map(i, i / 0)", "division-by-zero", "division by zero", "i / 0"),
    ("o + 1", "no-overload", "no such overload: Python object + int", "o + 1"),
    ("name.matches('(')", "bad-argument", "the pattern is not a regular expression of RE2", None),
    ("[?x]", "no-overload", "after '?' comes an optional, not int", "x"),
    ("{m: 1}", "no-overload", "a map key is a string, int, uint or bool, not map", "m"),
    ("{'a': 1, 'a': 2}", "bad-argument", "the map has the same key twice", "'a'"),
    ("optional.none().value()", "bad-argument", "the optional has no value", None),
    ("m.sortBy(k, k)", "no-overload", "sortBy() is for a list, not map", "m"),
    ("m < m", "no-overload", "no such overload: map < map", "m < m"),
]


@pytest.mark.parametrize(
    ("text", "reason", "message", "place"), ERRORS, ids=[case[0] for case in ERRORS]
)
def test_an_error_says_why_and_where(
    text: str, reason: str, message: str, place: str | None
) -> None:
    with pytest.raises(cel.CelEvaluationError) as caught:
        cel.compile(text).evaluate(BINDINGS)
    error = caught.value
    assert (error.reason, error.message) == (reason, message)
    assert text[error.offset : error.end] == (text if place is None else place)
    assert error.expression == text
    assert "secret" not in str(error)


def test_errors_are_absorbed_by_logic() -> None:
    for text in ("1 / 0 > 0 || true", "y || true", "[0, 1].exists(i, 1 / i == 1)"):
        assert cel.compile(text).evaluate(BINDINGS) is True
    assert cel.compile("nope() && false").evaluate(BINDINGS) is False


def test_values_pass_through_untouched() -> None:
    moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    value = {"rows": [{"at": moment}]}
    program = cel.compile("v.rows")
    assert program.evaluate({"v": value}) is value["rows"]
    assert cel.compile("v.rows[0].at").evaluate({"v": value}) is moment
    assert cel.compile("v.rows[0].at == timestamp('2026-01-02T00:00:00Z')").evaluate({"v": value})


def test_a_look_up_never_changes_a_binding() -> None:
    values: defaultdict[str, Any] = defaultdict(list)
    bindings: defaultdict[str, Any] = defaultdict(dict, v=values)
    for text in ("v.a", "v['a']", "has(v.a)", "w"):
        program = cel.compile(text)
        for evaluate in (program.evaluate, program.evaluate_by_reference):
            try:
                assert evaluate(bindings) is False
            except cel.CelEvaluationError as error:
                assert error.reason in ("no-such-key", "no-such-name")  # noqa: PT017
    assert not values
    assert list(bindings) == ["v"]


def test_any_mapping_serves_as_bindings() -> None:
    program = cel.compile("a.b + 1")
    assert program.evaluate(MappingProxyType({"a": MappingProxyType({"b": 1})})) == 2
    assert program.evaluate({"a": {"b": 2}}) == 3


def test_the_public_names_are_there() -> None:
    assert len(set(cel.__all__)) == len(cel.__all__)
    for name in cel.__all__:
        assert getattr(cel, name).__doc__


def test_a_result_is_new_at_each_evaluation() -> None:
    program = cel.compile("[1, 2]")
    first = program.evaluate({})
    first.append(3)
    assert program.evaluate({}) == [1, 2]


def test_bool_and_one_are_different_keys() -> None:
    value = cel.compile("{1: 'one', true: 'yes', 0: 'nought'}").evaluate({})
    assert [value[1], value[True], value[0]] == ["one", "yes", "nought"]
    assert cel.compile("{1: 'one', true: 'yes'}[true]").evaluate({}) == "yes"
    assert cel.compile("{1: 2, true: 3} == {true: 3, 1: 2}").evaluate({}) is True


def test_uint_is_an_integer_of_its_own_type() -> None:
    value = cel.compile("1u + 2u").evaluate({})
    assert (value, type(value), str(value), repr(value)) == (3, cel.UInt, "3", "UInt(3)")
    with pytest.raises(ValueError, match=r"0 \.\. 2\*\*64"):
        cel.UInt(-1)
    with pytest.raises(ValueError, match="64 bits"):
        cel.Duration(2**63)
    with pytest.raises(ValueError, match="years 1 to 9999"):
        cel.Timestamp(2**70)


def test_names_with_dots_and_containers() -> None:
    assert cel.compile("a.b.c").evaluate({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}) == 1
    assert cel.compile("y", "p.q").evaluate({"p.q.y": 1, "p.y": 2, "y": 3}) == 1
    assert cel.compile("y", "p.q").evaluate({"p.y": 2, "y": 3}) == 2
    assert cel.compile(".y", "p.q").evaluate({"p.y": 2, "y": 3}) == 3
    assert cel.compile("[1].map(y, .y)").evaluate({"y": 3}) == [3]


def test_a_tree_can_be_compiled_with_its_text() -> None:
    text = "a.b"
    program = cel.compile(cel.parse(text), text=text)
    with pytest.raises(cel.CelEvaluationError, match=r"no such key: 'b', at offset 0: a\.b"):
        program.evaluate({"a": {}})


def test_one_program_in_many_threads() -> None:
    text = "rows.filter(r, r.n % 2 == k % 2).map(r, [r.n, k].map(v, v + k))"
    program = cel.compile(text)
    failing = cel.compile("1 / k")

    def run(k: int) -> Any:
        bindings = {"rows": [{"n": n} for n in range(20)], "k": k}
        expected = [[n + k, k + k] for n in range(20) if n % 2 == k % 2]
        with pytest.raises(cel.CelEvaluationError):
            failing.evaluate({"k": 0})
        return program.evaluate(bindings) == program.evaluate_by_reference(bindings) == expected

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(200)))


def test_the_kernel_stays_light() -> None:
    code = (
        "import sys, kernel.cel; kernel.cel.compile_template(['${{ a.matches(b) }}']);"
        "print([m for m in ('re2', 'zoneinfo', 'kernel.cel.codegen') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"


@pytest.mark.parametrize(
    "make", [cel.compile, lambda text: cel.compile_template([f"${{{{ {text} }}}}"])]
)
def test_a_function_that_is_kept_from_before_the_first_call_makes_code_once(make: Any) -> None:
    program = make("x + 1")
    kept = program.evaluate
    first = kept({"x": 1})
    made = program.evaluate
    assert kept({"x": 2}) == program.evaluate({"x": 2}) != first
    assert program.evaluate is made
