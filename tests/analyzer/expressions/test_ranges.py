"""Ranges of numbers: what clamps, functions and arithmetic give fits where bounds are demanded."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import infer
from analyzer.lowering.lower import lower
from analyzer.types.subtyping import is_assignable
from kernel.cel import CelEvaluationError, compile
from tests.support.properties import examples

NUMBER: dict[str, Any] = {"type": "number"}
NAMES: dict[str, Any] = {
    "x": NUMBER,
    "y": {**NUMBER, "minimum": 0, "maximum": 1},
    "z": {**NUMBER, "minimum": -2, "maximum": 3},
    "n": {"type": "integer"},
    "i": {"type": "integer", "minimum": 0, "maximum": 9},
    "l": {"type": "array", "items": NUMBER},
    "few": {"type": "array", "items": {**NUMBER, "minimum": 0, "maximum": 9}, "minItems": 1},
    "s": {"type": "string"},
}
DIGIT: dict[str, Any] = {"minimum": 0, "maximum": 9}
SLOTS: dict[str, Any] = {
    "number": {**NUMBER, **DIGIT},
    "integer": {"type": "integer", **DIGIT},
    "positive": {**NUMBER, "exclusiveMinimum": 0},
}

SAFE = {
    "number": """
x < 0.0 ? 0.0 : x > 9.0 ? 9.0 : x
x < 0 ? 0.0 : x > 9 ? 9.0 : x
x + y < 0.0 ? 0.0 : x + y > 9.0 ? 9.0 : x + y
double(n) < 0.0 ? 0.0 : double(n) > 9.0 ? 9.0 : double(n)
x * 2.0 >= 0.0 && x * 2.0 <= 9.0 ? x * 2.0 : 1.0
x >= 0.0 && x <= 9.0 ? x : 1.0
x < 0 ? 0 : x > 9 ? 9 : x
n < 0 ? 0 : n > 9 ? 9 : n
math.greatest(0.0, math.least(9.0, x))
math.least(9.0, math.greatest(0.0, x))
math.greatest(0, math.least(9, x))
math.greatest([0.0, math.least([9.0, x])])
math.least(math.abs(x), 9.0)
math.abs(z)
y * 9.0
y * 4.0 + 5.0
(y + y) * 2.0
y / 2.0
1.0 - y
double(i)
double(i) / 9.0
z + 2.0
math.abs(y - 1.0)
-y + 1.0
math.ceil(y)
math.floor(y * 9.0)
math.round(y * 9.0)
math.trunc(y)
math.abs(i)
math.sign(math.abs(x))
math.sqrt(y)
few[0]
math.greatest(few)
math.least(few)
i
x == 3.0 ? x : 4.0
x > 9.0 || x < 0.0 ? 1.0 : x
!(x > 9.0 || x < 0.0) ? x : 1.0
x in [1.0, 2.0] ? x : 1.0
double(math.greatest(0, math.least(9, n)))
s == 'a' ? 0.5 : 1.5
[0.5, 1.5][n % 2 == 0 ? 0 : 1]
{'a': 0.5, 'b': 1.5}['a']
cel.bind(v, x, v < 0.0 ? 0.0 : v > 9.0 ? 9.0 : v)
l.filter(v, v >= 0.0 && v < 9.0).size() > 0 ? l.filter(v, v >= 0.0 && v < 9.0)[0] : 1.0
""",
    "integer": """
n < 0 ? 0 : n > 9 ? 9 : n
n + i < 0 ? 0 : n + i > 9 ? 9 : n + i
int(x) < 0 ? 0 : int(x) > 9 ? 9 : int(x)
math.greatest(0, math.least(9, n))
math.greatest([0, math.least([9, n])])
math.abs(n % 10)
math.abs(n) % 10
math.least(math.abs(n), 9)
2.0
s == 'a' ? 1.0 : 2.0
4.0 / 2.0
int(y * 9.0)
int(math.round(y * 9.0))
n >= 0 && n < 10 ? n : 1
size(s) > 9 ? 9 : size(s)
i / 2
n - n / 10 * 10 >= 0 ? 1 : 2
int(double(i))
(n % 10 + 10) % 10
-(-3)
int(3.7)
l.size() > 9 ? 9 : l.size()
math.sign(math.abs(n))
""",
    "positive": """
x > 0.0 ? x : 1.0
x > 0 ? x : 1
x <= 0.0 ? 1.0 : x
math.abs(x) + 1.0
math.greatest(0.5, x)
n > 0 ? n : 1
""",
}
UNSAFE = {
    "number": """
x
x < 0.0 ? 0.0 : x
x > 9.0 ? x : 1.0
math.least(9.0, x)
math.greatest(0.0, x)
math.abs(x)
y * 10.0
z
z + 1.0
y / 0.1
1.0 / y
y - 1.0
double(n)
-y
math.ceil(y * 9.5)
x == 10.0 ? x : 4.0
x > 9.0 && x < 0.0 ? 1.0 : x
x > 9.0 || x < 0.0 ? x : 1.0
few[0] + 1.0
math.abs(z) * 4.0
x > 9.0 ? 9.5 : x < 0.0 ? 0.0 : x
n < 0 ? 0 : n > 9 ? 10 : n
x + y < 0.0 ? 0.0 : x + z > 9.0 ? 9.0 : x + y
x + y < 0.0 ? 0.0 : y + x > 9.0 ? 9.0 : x + y
[1.0].map(q, x + q < 0.0 || x + q > 9.0)[0] ? 1.0 : x + y
""",
    "integer": """
2.5
n
y
math.abs(n)
y * 9.0
int(y * 11.0)
n % 10
int(x)
4.0 / 3.0
""",
    "positive": """
y
x >= 0.0 ? x : 1.0
math.abs(x)
math.greatest(0.0, x)
""",
}


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(slot, line) for slot, lines in table.items() for line in lines.strip().splitlines()]


def fits(slot: str, expression: str) -> bool:
    inference = infer(expression, NAMES)
    assert inference.diagnostics == ()
    return is_assignable(inference.type, lower(SLOTS[slot], name=slot)).counterexample is None


@pytest.mark.parametrize(("slot", "expression"), cases(SAFE))
def test_what_is_within_bounds_fits(slot: str, expression: str) -> None:
    assert fits(slot, expression)


@pytest.mark.parametrize(("slot", "expression"), cases(UNSAFE))
def test_what_may_be_out_of_bounds_is_told(slot: str, expression: str) -> None:
    assert not fits(slot, expression)


# The law: a number is within the range that was inferred

_LEAVES = ("x", "y", "z", "n", "i", "0.5", "2.0", "-1.5", "3", "-2", "double(n)", "double(i)")
_ROUNDING = ("ceil", "floor", "round", "trunc")


def _number(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(_LEAVES)
    a, b, c = (_number(rng, depth - 1) for _ in range(3))
    order = rng.choice(["<", "<=", ">", ">=", "==", "!="])
    name, literal = rng.choice("xyzni"), rng.choice(["0", "1", "2.5", "-1.0", "0.0"])
    return rng.choice(
        [
            f"({name} {order} {literal} ? {a} : {name})",
            f"({name} {order} {literal} ? {name} : {b})",
            f"({literal} {order} {name} && {name} != 1 ? {name} : {c})",
            f"({a} {order} {literal} ? {b} : {a})",
            f"({a} {order} {literal} ? {a} : {b})",
            f"math.least({a}, {b})",
            f"math.greatest({a}, {b}, {c})",
            f"math.greatest([{a}, {b}])",
            f"math.abs({a})",
            f"math.sign({a})",
            f"math.{rng.choice(_ROUNDING)}(double({a}))",
            f"int({a})",
            f"double({a}) {rng.choice('+-*/')} double({b})",
            f"-({a})",
            f"({a} in [1, 2.0, 0.5] ? {a} : {b})",
        ]
    )


def hold(seed: int) -> bool:
    """Whether more is known of the number of a seed than that it is one; then it is so."""
    rng = random.Random(seed)
    expression = _number(rng, 3)
    inference = infer(expression, NAMES)
    if any(one.severity == "error" for one in inference.diagnostics) or inference.type.has_dyn:
        return False
    program = compile(expression)
    for _ in range(20):
        numbers = [-2.5, -1.0, 0.0, -0.0, 0.5, 1.0, 2.5, 1e300, 5e-324, 3.0]
        bindings = {
            "x": rng.choice(numbers),
            "y": rng.choice([0.0, 0.25, 1.0]),
            "z": rng.choice([-2.0, -0.5, 0.0, 3.0]),
            "n": rng.choice([-(2**53) - 1, -3, 0, 1, 2, 2**53 + 1]),
            "i": rng.randint(0, 9),
        }
        try:
            value = program.evaluate(bindings)
        except CelEvaluationError:
            continue
        assert inference.type.contains(value), f"{expression} with {bindings} is {value}"
    return str(inference.type) != "double"


@examples(300)
@given(st.integers(0, 2**32))
def test_a_number_is_within_its_range(seed: int) -> None:
    hold(seed)


CONTAINED = [
    "math.greatest(-1.0, math.greatest(x / x, 7.0))",
    "math.greatest(x / x, 7.0)",
    "math.least(math.greatest(x / x, 0.0), 1.0)",
    "1.0 / math.floor(-(math.floor(0.5)))",
    "1.0 / -(0.5 * 0.0)",
    "math.greatest(l.map(v, [1]).first().orValue(2.5))",
    "math.least([[1], 0][1])",
    "math.greatest([[5, 6], [1]][1])",
]
"""Of these a NaN, a zero with its sign, or the other alternative was once outside of the type."""


@pytest.mark.parametrize("expression", CONTAINED)
def test_what_an_expression_gives_is_of_its_type(expression: str) -> None:
    inferred = infer(expression, NAMES)
    given = compile(expression).evaluate({"x": 0.0, "l": []})
    assert inferred.type.contains(given), (inferred.type, given)
