"""Which conditions imply others: decided by ranges and literals, and by evaluation here."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check_text
from analyzer.flow.implication import implies
from analyzer.types import INT, STRING, Int, String, Type
from kernel.cel import CelEvaluationError, Expr, compile, parse
from kernel.cel.tree import Ident
from tests.support.properties import examples

TYPES: dict[str, Type] = {"i": INT, "few": Int(0, 3), "t": STRING}
TYPES["e"] = String(frozenset({"a", "b", "c"}))


def type_of(expr: Expr) -> Type | None:
    return TYPES.get(expr.name) if isinstance(expr, Ident) else None


def follows(before: str, after: str) -> bool:
    return implies([(parse(before), True)], [(parse(after), True)], type_of=type_of)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("n > 5", "n > 3"),
        ("n > 5", "n >= 5"),
        ("n > 5", "n != 4"),
        ("n > 5", "3 < n"),
        ("5 < n", "n > 3"),
        ("n == 4", "n > 3"),
        ("n == 4", "4 == n"),
        ("4 == n", "n == 4"),
        ("n > 2.5", "n > 2"),
        ("n > 5 && n < 8", "n >= 5 && n <= 8"),
        ("n > 5", "n != null"),
        ("!(n <= 5)", "n > 3"),
        ("n in [4, 5]", "n > 3"),
        ("n > 9 || n < 1", "n != 5"),
        ("n > 5", "n > 3 || flag"),
        ("i > 5", "i >= 6"),
        ("i >= 6", "i > 5"),
        ("!(i > 5)", "i <= 5"),
        ("i > 3 && i < 5", "i == 4"),
        ("few != 0 && few != 1 && few != 2", "few == 3"),
        ("few > 2", "few == 3"),
        ("s == 'a'", "s in ['a', 'b']"),
        ("s in ['a']", "s == 'a'"),
        ("s in ['a', 'b'] && s != 'b'", "s == 'a'"),
        ("s in ['a', 'b']", "s in ['b', 'a', 'c']"),
        ("s in ['a', 'b']", "s == 'a' || s == 'b'"),
        ("s == 'a'", "s != 'b'"),
        ("s == 'a'", "s != ''"),
        ("s == 'a'", "!(s in ['b', 'c'])"),
        ("s > 'b'", "s > 'a'"),
        ("e != 'a' && e != 'b'", "e == 'c'"),
        ("!(e in ['a', 'b'])", "e == 'c'"),
        ("size(l) > 2", "size(l) > 0"),
        ("l.size() > 2", "size(l) > 0"),
        ("size(l) != 0", "size(l) > 0"),
        ("size(l) > 0", "l.size() >= 1 || size(l) >= 1"),
        ("a < b", "a <= b"),
        ("a < b", "b > a"),
        ("a < b", "a != b"),
        ("a == b", "b == a"),
        ("a <= b && b <= a", "a == b"),
        ("b == true", "b"),
        ("b", "b == true"),
        ("b == false", "b != true"),
    ],
)
def test_what_is_implied(before: str, after: str) -> None:
    assert follows(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("n > 3", "n > 5"),
        ("n >= 5", "n > 5"),
        ("n > 5", "n >= 6"),
        ("n != 4", "n > 4"),
        ("!(steps.S.result > 5)", "steps.S.result <= 5"),
        ("n > 5", "m > 3"),
        ("n > 5 || flag", "n > 3"),
        ("n in [2, 5]", "n > 3"),
        ("s in ['a', 'b']", "s == 'a'"),
        ("s != 'a'", "s == 'b'"),
        ("s > 'a'", "s > 'b'"),
        ("few != 0 && few != 1", "few == 3"),
        ("e != 'a'", "e == 'c'"),
        ("size(l) > 0", "size(l) > 1"),
        ("a <= b", "a < b"),
        ("!(a < b)", "a >= b"),
        ("b != true", "b == false"),
        ("n != null", "n > 3"),
        ("n == 4", "s == 'a'"),
    ],
)
def test_what_is_not_implied(before: str, after: str) -> None:
    assert not follows(before, after)


STEPS = """
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    n: {{ type: integer }}
    s: {{ type: string }}
    d: {{ type: number }}
    e: {{ enum: [a, b, c] }}
    l: {{ type: array, items: {{ type: string }} }}
  required: [n, s, d, e, l]
steps:
  - {{ name: A, when: "${{{{ {made} }}}}", value: 1 }}
  - {{ name: B, when: "${{{{ {read} }}}}", value: "${{{{ steps.A.result }}}}" }}
  - name: C
    if: "${{{{ {read} }}}}"
    then: [{{ value: "${{{{ steps.A.result + 1 }}}}" }}]
result: "${{{{ [{read} ? steps.A.result : 0, steps.B, steps.C] }}}}"
"""


@pytest.mark.parametrize(
    ("made", "read"),
    [
        ("inputs.n > 3", "inputs.n > 5"),
        ("inputs.n >= 6", "inputs.n > 5"),
        ("inputs.n != 4", "5 == inputs.n"),
        ("4 == inputs.n", "inputs.n == 4"),
        ("inputs.d > 3", "inputs.d > 5.5"),
        ("inputs.d <= 3", "!(inputs.d > 3)"),
        ("inputs.s in ['a', 'b']", "inputs.s == 'a'"),
        ("inputs.e == 'c'", "!(inputs.e in ['a', 'b'])"),
        ("size(inputs.l) > 0", "size(inputs.l) == 2"),
        ("inputs.n > 0 && inputs.n < 10", "inputs.n in [1, 2, 3]"),
    ],
)
def test_a_step_may_read_what_a_weaker_condition_has_made(made: str, read: str) -> None:
    found = check_text(STEPS.format(made=made, read=read)).findings
    assert [one for one in found if one.code == "K503"] == []


@pytest.mark.parametrize(
    ("made", "read"),
    [
        ("inputs.n > 5", "inputs.n > 3"),
        ("inputs.s == 'a'", "inputs.s in ['a', 'b']"),
        ("inputs.d >= 6", "inputs.d > 5"),
        ("inputs.e == 'c'", "inputs.e != 'a'"),
        ("size(inputs.l) > 2", "size(inputs.l) > 1"),
    ],
)
def test_a_step_may_not_read_what_a_stronger_condition_has_made(made: str, read: str) -> None:
    found = check_text(STEPS.format(made=made, read=read)).findings
    assert [one for one in found if one.code == "K503"]


# The law: what is implied is true wherever what implies it is

_VALUES: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 3, 4, 0.5, 1.0, 2.5), "", "a", "ab", "b", "c", "d", True, False, None, [], {},
)  # fmt: skip


def _atom(rng: random.Random, names: str) -> str:
    name, other = rng.choice(names), rng.choice(names)
    literal = rng.choice(["0", "1", "2", "2.0", "1.5", "'a'", "'b'", "''", "true", "null"])
    more = rng.choice(["1", "'a'", "3"])
    symbol = rng.choice(["<", "<=", ">", ">=", "==", "!=", "=="])
    return rng.choice(
        [
            *(f"{name} {symbol} {literal}",) * 5,
            f"{literal} {symbol} {name}",
            f"{name} in [{literal}, {more}]",
            f"{name} {symbol} {other}",
            name,
        ]
    )


def _condition(rng: random.Random, depth: int, names: str) -> str:
    if depth == 0 or rng.random() < 0.3:
        return _atom(rng, names)
    if rng.random() < 0.25:
        return f"!({_condition(rng, depth - 1, names)})"
    parts = [_condition(rng, depth - 1, names) for _ in range(2)]
    return f"({rng.choice([' && ', ' || ']).join(parts)})"


def hold(seed: int) -> bool:
    """Whether a condition of a seed implies another; then it does so for all values."""
    rng = random.Random(seed)
    names = rng.choice(["x", "x", "xy"])
    before, after = _condition(rng, 2, names), _condition(rng, rng.choice([0, 1]), names)
    if not implies([(parse(before), True)], [(parse(after), True)]):
        return False
    given, wanted = compile(before), compile(after)
    for values in itertools.product(_VALUES, repeat=len(names)):
        bindings = dict(zip(names, values, strict=True))
        if _given(given, bindings) is True:
            assert _given(wanted, bindings) is True, f"{before} / {after} with {bindings}"
    return True


def _given(program: Any, bindings: dict[str, Any]) -> Any:
    try:
        return program.evaluate(bindings)
    except CelEvaluationError:
        return None


@examples(400)
@given(st.integers(0, 2**32))
def test_what_is_implied_is_true(seed: int) -> None:
    hold(seed)


def test_much_is_implied() -> None:
    assert sum(map(hold, range(500))) > 50
