"""Hostile expressions and values: bounded time and memory, a clear error, never a hang."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.machine import seconds_of, slowness, usual
from kernel import cel


@pytest.fixture(autouse=True)
def _usual_recursion_limit() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


TOO_DEEP = {
    "parentheses": "(" * 1000 + "1" + ")" * 1000,
    "unclosed": "[" * 90_000,
    "braces": "{1:" * 2000,
    "sum": "+".join(["a"] * 1000),
    "selections": "a" + ".b" * 1000,
    "indexes": "a" + "[0]" * 1000,
    "calls": "f(" * 500,
    "methods": "a" + ".size()" * 1000,
    "not": "!" * 50_000 + "true",
    "minus": "-" * 50_000 + "x",
    "conditionals": "a ? b : " * 1000 + "c",
    "macros": "a.map(x, " * 400 + "1" + ")" * 400,
}


@pytest.mark.parametrize("text", TOO_DEEP.values(), ids=TOO_DEEP)
def test_deep_nesting_is_a_syntax_error(text: str) -> None:
    with pytest.raises(cel.CelSyntaxError, match="nested more than 150 levels deep"):
        cel.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(" * 140 + "1" + ")" * 140, 1),
        ("+".join(["1"] * 149), 149),
        ("false || " * 5000 + "true", True),
        ("[" + "1, " * 20_000 + "]", [1] * 20_000),
        ("a" + "[0]" * 140, nested(10)),
        ("[" * 140 + "1" + "]" * 140, nested(140)),
        ("!" * 140 + "true", True),
        ("true ? true : " * 140 + "false", True),
    ],
    ids=["parentheses", "sum", "or", "list", "indexes", "lists", "not", "conditionals"],
)
def test_what_is_within_the_limits_works(text: str, value: Any) -> None:
    program = cel.compile(text)
    assert program.evaluate({"a": nested(150)}) == value
    assert program.evaluate_by_reference({"a": nested(150)}) == value


def test_long_text_is_a_syntax_error() -> None:
    with pytest.raises(cel.CelSyntaxError, match="at most 100,000 characters"):
        cel.parse(" " * 100_001)
    with pytest.raises(cel.CelSyntaxError, match="at most 100,000 characters"):
        cel.scan("x ${{ " + " " * 100_001 + "1 }}")
    assert len(cel.scan("x" * 200_000 + "${{ 1 }}" + "y" * 200_000)) == 3


BIG = {
    "s": "a" * 1_000_000,
    "t": "a" * 999_999 + "b",
    "l": list(range(1000)),
    "deep": nested(100_000),
    "deep2": nested(100_000),
    "m": {True: 1, **{n: n for n in range(2, 100_000)}},
}

HOSTILE = {
    "rounds": "l.map(a, l.map(b, l.map(c, a * b * c)))",
    "quantifiers": "l.all(a, l.all(b, l.all(c, true)))",
    "range": "lists.range(1000000000000)",
    "ranges": "lists.range(100000).map(x, lists.range(100000))",
    "doubling": "cel.bind(a, s + s, cel.bind(b, a + a, cel.bind(c, b + b, c + c + c + c)))",
    "laughs": "cel.bind(x0, l, " * 1
    + "".join(f"cel.bind(x{n + 1}, [x{n}, x{n}, x{n}, x{n}], " for n in range(40))
    + "x40"
    + ")" * 41,
    "compared laughs": "cel.bind(x0, l, "
    + "".join(f"cel.bind(x{n + 1}, [x{n}, x{n}, x{n}, x{n}], " for n in range(40))
    + "x40 == [x39, x39, x39, x39]"
    + ")" * 41,
    "replace": "s.replace('a', s)",
    "split": "s.split('').map(x, s.split(''))",
    "join": "l.map(x, s).join(s)",
    "format": "'%s%s%s%s%s%s%s%s%s%s%s%s'.format(l.map(x, s))",
    "equality in rounds": "l.all(x, l.all(y, s != t))",
    "contains in rounds": "lists.range(100000).exists(x, s.contains('b'))",
    "regex in rounds": "lists.range(100000).exists(x, s.matches('(a+)+b$'))",
    "regex replace": "regex.replace(s, 'a', s)",
    "distinct": "lists.range(100000).map(x, [x]).distinct()",
    "sets": "sets.equivalent(lists.range(100000), lists.range(100000).reverse())",
    "depth": "deep == deep2",
    "deep format": "'%s'.format([deep])",
    "bool keys": "lists.range(100000).all(x, m[true] == 1)",
    "sort": "lists.range(1000).all(x, lists.range(100000).reverse().sort().size() > 0)",
    "concatenated lists": "l.map(x, l + l + l + l).map(x, x + x + x + x + x + x)",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_costs_too_much_is_an_error_of_the_budget(text: str) -> None:
    began = time.process_time()
    with pytest.raises(cel.CelEvaluationError) as caught:
        cel.compile(text).evaluate(BIG)
    assert caught.value.reason == "budget"
    assert caught.value.end > caught.value.offset
    took = time.process_time() - began
    assert took < 6 or took < 6 * slowness([seconds_of(usual) for _ in range(3)])


@pytest.mark.parametrize(
    "name", ["doubling", "replace", "split", "join", "format", "regex replace", "ranges", "range"]
)
def test_the_budget_bounds_the_memory(name: str) -> None:
    program = cel.compile(HOSTILE[name], limits=cel.Limits(steps=100_000, size=2_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(cel.CelEvaluationError):
            program.evaluate(BIG)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_budget_error_is_not_absorbed() -> None:
    with pytest.raises(cel.CelEvaluationError, match="too many steps"):
        cel.compile("l.all(a, l.all(b, l.all(c, true))) || true").evaluate(BIG)


def test_limits_can_be_set() -> None:
    program = cel.compile("[1, 2, 3].all(x, x > 0)", limits=cel.Limits(steps=2))
    with pytest.raises(cel.CelEvaluationError, match="too many steps"):
        program.evaluate({})


def test_regular_expressions_take_linear_time() -> None:
    program = cel.compile("s.matches('^(a+)+$')")
    assert program.evaluate({"s": "a" * 10_000}) is True
    assert program.evaluate({"s": "a" * 10_000 + "b"}) is False


@pytest.mark.parametrize(
    "text",
    [
        "duration(x)",
        "timestamp(x)",
        "int(x)",
        "uint(x)",
        "double(x)",
        "bool(x)",
        "timestamp(0).getHours(x)",
        "(x + '(').matches(x + '(')",
        "(x + '%').format([])",
        "base64.decode(x + '=a')",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        "9" * 1_000_000,
        "1h" * 500_000,
        ".9" * 500_000,
        "%.9" * 300_000,
        "../../etc/passwd",
        "\ud800",
    ],
    ids=["digits", "units", "points", "percents", "path", "surrogate"],
)
def test_bad_text_is_an_error_at_once(text: str, value: str) -> None:
    program = cel.compile(text)
    began = time.process_time()
    for evaluate in (program.evaluate, program.evaluate_by_reference):
        with pytest.raises(cel.CelEvaluationError) as caught:
            evaluate({"x": value})
        assert caught.value.reason in ("bad-argument", "overflow", "budget")
        assert value[:20] not in str(caught.value)
    assert time.process_time() - began < 2


def at_depth(depth: int, run: Callable[[], Any]) -> Any:
    return run() if depth == 0 else at_depth(depth - 1, run)


@pytest.mark.parametrize("depth", [500, 800, 850, 880])
def test_a_nearly_full_stack_is_a_clear_error(depth: int) -> None:
    text = "[" * 140 + "1 / x" + "]" * 140
    program = cel.compile(text)
    with pytest.raises(cel.CelEvaluationError) as caught:
        at_depth(depth, lambda: program.evaluate({"x": 0}))
    assert caught.value.reason in ("budget", "division-by-zero")
    with pytest.raises(cel.CelSyntaxError):
        at_depth(depth, lambda: cel.parse("(" * 149 + "1 +"))


@pytest.mark.parametrize(
    "text", ["string(x)", "'%d'.format([x])", "double(x)", "x + 1", "'%f'.format([x])"]
)
def test_integers_of_any_size_are_an_error_at_once(text: str) -> None:
    program = cel.compile(text)
    for evaluate in (program.evaluate, program.evaluate_by_reference):
        with pytest.raises(cel.CelEvaluationError):
            evaluate({"x": 10**5000, "y": 1})
    with pytest.raises(cel.CelEvaluationError):
        cel.compile_template("a ${{ x }}").evaluate({"x": 10**5000})
