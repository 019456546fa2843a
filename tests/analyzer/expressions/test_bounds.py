"""What comparisons of numbers say about positions: K507 is told where it may come, not else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import infer
from kernel.cel import CelEvaluationError, compile
from tests.support.properties import examples

TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
NAMES: dict[str, Any] = {
    "l": TEXTS,
    "o": TEXTS,
    "few": {**TEXTS, "minItems": 1},
    "n": {"type": "integer", "minimum": 0},
    "i": {"type": "integer"},
    "d": {"type": "number"},
    "s": {"type": "string"},
    "p": {"type": "string"},
}

SAFE = """
n < size(l) ? l[n] : ''
size(l) > n ? l[n] : ''
n <= size(l) - 1 ? l[n] : ''
n + 1 < l.size() ? l[n + 1] : ''
n >= size(l) ? '' : l[n]
i >= 0 && i < size(l) ? l[i] : ''
i < 0 || i >= size(l) ? '' : l[i]
i > 0 && i <= size(l) ? l[i - 1] : ''
i > 0 && i < size(l) ? l[i - 1] + l[i] : ''
n < size(l) && size(l) == size(o) ? l[n] + o[n] : ''
n < size(l) && size(l) <= size(o) ? o[n] : ''
n <= size(l) && n != size(l) ? l[n] : ''
l.transformList(k, v, k + 1 < size(l), v + l[k + 1])
l.transformList(k, v, k == size(l) - 1 ? v : l[k + 1])
l.transformList(k, v, k > 0 ? l[k - 1] : v)
l.transformList(k, v, k < size(o) ? o[k] : v)
l.transformList(k, v, l[size(l) - 1 - k])
size(l) == size(o) ? l.transformList(k, v, v + o[k]) : []
lists.range(size(l)).map(k, l[k])
lists.range(n).map(k, n <= size(l) ? l[k] : '')
lists.range(size(l)).filter(k, k % 2 == 0).map(k, l[k])
lists.range(math.least(size(l), size(o))).map(k, l[k] + o[k])
l.filter(x, x != '').size() > 0 ? l.filter(x, x != '')[0] : ''
size(l.filter(x, x != '')) == 0 ? '' : l.filter(x, x != '')[0]
size(l) > 0 ? l[n % size(l)] : ''
size(l) > 0 ? l[size(l) / 2] : ''
few[size(few) - 1]
few[math.least(n, size(few) - 1)]
cel.bind(k, size(l) - 1, k >= 0 ? l[k] : '')
size(l) > n ? l.slice(0, n) : l
l.slice(0, math.least(3, size(l)))
few.slice(0, size(few) - 1)
few.slice(1, size(few))
n <= size(l) ? l.slice(n, size(l)) : l
n <= i && i <= size(l) ? l.slice(n, i) : l
s.substring(math.greatest(0, size(s) - 3))
s.substring(0, math.least(n, size(s)))
s.contains('-') ? s.substring(0, s.indexOf('-')) : s
s.contains('-') ? s.substring(s.lastIndexOf('-') + 1) : s
s.contains('--') ? s.substring(s.indexOf('--') + 2) : s
s.indexOf(',') >= 0 ? s.substring(0, s.indexOf(',')) : s
s.indexOf(',') == -1 ? s : s.substring(0, s.indexOf(','))
s.substring(s.indexOf(',') + 1)
s.startsWith('ABC') ? s.substring(3) : s
s.startsWith(p) ? s.substring(size(p)) : s
s.endsWith('.txt') ? s.substring(0, size(s) - 4) : s
s.endsWith(p) ? s.substring(0, size(s) - size(p)) : s
cel.bind(k, s.indexOf(':'), k < 0 ? s : s.substring(0, k))
""".strip().splitlines()

UNSAFE = """
n <= size(l) ? l[n] : ''
n < size(o) ? l[n] : ''
n - 1 < size(l) ? l[n] : ''
n < size(l) ? l[n + 1] : ''
n < size(l) || n == 3 ? l[n] : ''
i < size(l) ? l[i] : ''
i >= -1 && i < size(l) ? l[i] : ''
n > size(l) ? l[n] : ''
n != size(l) ? l[n] : ''
d >= 0 && d < size(l) ? l[d] : ''
n < size(l) ? o.map(n, l[size(n)]) : []
n < size(l) ? [[1]].map(l, l[n]) : []
n < size(l) && size(l) >= size(o) ? o[n] : ''
l.transformList(k, v, l[k + 1])
l.transformList(k, v, l[k - 1])
l.transformList(k, v, o[k])
l.transformList(k, v, k != size(l) ? l[k + 1] : v)
[l].transformList(l, v, l < size(v) ? '' : v[l])
lists.range(n).map(k, l[k])
l.filter(x, x != '').size() > 0 ? l.filter(x, x != 'a')[0] : ''
l[size(l) / 2]
few[size(few) - 2]
l[size(l) - 1]
l[math.least(n, size(l) - 1)]
cel.bind(k, size(l), k > 0 ? l[k] : '')
l.slice(0, 3)
l.slice(0, math.greatest(3, size(l)))
l.slice(0, size(l) - 1)
n <= i && n <= size(l) ? l.slice(n, i) : l
s.substring(size(s) - 3)
s.substring(math.greatest(1, size(s) - 3))
s.substring(0, s.indexOf('-'))
s.contains('-') ? s.substring(0, s.indexOf('+')) : s
s.contains('-') ? p.substring(0, s.indexOf('-')) : s
s.contains('') ? s.substring(s.indexOf('') + 1) : s
s.substring(s.indexOf('--') + 2)
s.contains('-') ? s.substring(s.indexOf('-') + 2) : s
s.indexOf(',') >= -1 ? s.substring(0, s.indexOf(',')) : s
s.startsWith('ABC') ? s.substring(4) : s
s.startsWith('ABC') ? '' : s.substring(3)
p.startsWith(s) ? s.substring(size(p)) : s
cel.bind(s, 'a', s.contains('a')) && s.contains('b') ? p.substring(1) : s
""".strip().splitlines()


def codes(expression: str) -> list[str]:
    return [one.code for one in infer(expression, NAMES).diagnostics]


@pytest.mark.parametrize("expression", SAFE)
def test_a_position_that_is_compared_with_the_size_is_safe(expression: str) -> None:
    assert "K507" not in codes(expression)


@pytest.mark.parametrize("expression", UNSAFE)
def test_a_position_that_may_be_past_the_end_is_told(expression: str) -> None:
    assert "K507" in codes(expression) or "K403" in codes(expression)


# The law: what is accepted does not fail

_NUMBERS = ("n", "i", "size(l)", "size(o)", "size(s)", "s.indexOf('a')", "s.lastIndexOf('ab')")
_LISTS = ("l", "o", "l.filter(x, x != 'a')")


def _number(rng: random.Random, depth: int, names: tuple[str, ...]) -> str:
    if depth == 0 or rng.random() < 0.4:
        return rng.choice([*names, *names, *_NUMBERS, str(rng.randint(0, 3))])
    a, b = _number(rng, depth - 1, names), _number(rng, depth - 1, names)
    few = rng.randint(0, 2)
    forms = (f"{a} + {few}", f"{a} - {few}", f"({a} - {b})", f"({a} + {b})", f"({a}) % ({b})")
    calls = (f"math.least({a}, {b})", f"math.greatest({a}, {b})", f"({a}) / ({b})", f"({a}) / 2")
    return rng.choice([*forms, *forms, *calls])


def _guard(rng: random.Random, depth: int, names: tuple[str, ...]) -> str:
    kind = rng.random()
    if depth and kind < 0.4:
        operator = rng.choice(["&&", "&&", "||"])
        a, b = _guard(rng, depth - 1, names), _guard(rng, depth - 1, names)
        return f"({a} {operator} {b})"
    if depth and kind < 0.5:
        return f"!{_guard(rng, depth - 1, names)}"
    if kind < 0.6:
        part = rng.choice(["'a'", "'ab'", "p"])
        return f"s.{rng.choice(['contains', 'startsWith', 'endsWith'])}({part})"
    operator = rng.choice(["<", "<=", ">", ">=", "==", "!="])
    return f"({_number(rng, 1, names)} {operator} {_number(rng, 1, names)})"


def _reading(rng: random.Random, names: tuple[str, ...]) -> tuple[str, str]:
    """What reads at a position, and a guard as people write it."""
    a, b = _number(rng, 2, names), _number(rng, 2, names)
    items = rng.choice(_LISTS)
    fits = f"{a} >= 0 && {a} {rng.choice(['<', '<='])} "
    part = f"{a} >= 0 && {a} <= {b} && {b} <= "
    return rng.choice(
        [
            (f"{items}[{a}]", f"{fits} size({items})"),
            (f"{items}.slice({a}, {b})", f"{part} size({items})"),
            (f"s.substring({a}, {b})", f"{part} size(s)"),
            (f"s.substring({a})", f"{fits} size(s)"),
            (f"s.charAt({a})", f"{fits} size(s)"),
        ]
    )


def _expression(rng: random.Random) -> str:
    inner = rng.choice(["", "", "l", "lists.range(size(o))", "lists.range(n)", "bind"])
    names = ("k",) if inner else ()
    read, fit = _reading(rng, names)
    guard = rng.choice([fit, fit, _guard(rng, 2, names), f"{fit} && {_guard(rng, 1, names)}"])
    text = f"{guard} ? [{read}] == [] : {_guard(rng, 0, names)} ? true : [{read}] != []"
    if rng.random() < 0.6:
        text = rng.choice([f"{guard} ? [{read}] == [] : false", f"[{read}] == []"])
    if inner == "bind":
        return f"cel.bind(k, {_number(rng, 2, ())}, {text})"
    if inner == "l":
        return f"l.exists(k, v, {text})"
    return f"{inner}.exists(k, {text})" if inner else text


def hold(seed: int) -> bool:
    """Whether the expression of a seed is accepted; then no position of it is past an end."""
    rng = random.Random(seed)
    expression = _expression(rng)
    if any(one.severity != "info" for one in infer(expression, NAMES).diagnostics):
        return False
    program = compile(expression)
    for _ in range(40):
        count = rng.randint(0, 3)
        bindings = {
            "l": ["ab"[rng.randint(0, 1)] for _ in range(count)],
            "o": ["a"] * rng.randint(0, 3),
            "few": ["a"],
            "n": rng.randint(0, 4),
            "i": rng.randint(-2, 4),
            "d": 0.5,
            "s": "".join(rng.choice("ab") for _ in range(rng.randint(0, 4))),
            "p": "ab"[: rng.randint(0, 2)],
        }
        assert _reason(program, bindings) != "index", f"{expression} with {bindings}"
    return True


def _reason(program: Any, bindings: dict[str, Any]) -> str | None:
    try:
        program.evaluate(bindings)
    except CelEvaluationError as error:
        return error.reason
    return None


@examples(150)
@given(st.integers(0, 2**32))
def test_what_is_accepted_is_not_past_the_end(seed: int) -> None:
    hold(seed)


def test_many_positions_are_accepted() -> None:
    assert sum(map(hold, range(300))) > 30


@pytest.mark.parametrize(
    ("expression", "guard"),
    [
        ("l[2]", "l[2] may be past the end; guard it with size(l) > 2"),
        ("l[n]", "l[n] may be past the end; guard it with size(l) > n"),
        ("l[i]", "l[i] may be past the end; guard it with i >= 0 && size(l) > i"),
        ("l[n + 1]", "l[n + 1] may be past the end; guard it with size(l) > n + 1"),
        ("l[n * 2]", "an element of l may be past the end; compare the index with size(l) before"),
        ("l.map(x, x)[0]", "position 0 may be past the end; read it with [?0], and orValue()"),
        ("l.map(x, x)[n * 2]", "this element may be past the end; read it with [?…]"),
        ("s.substring(0, 3)", "position 3 may be past the end; guard it with size(s) >= 3"),
        ("s.charAt(i)", "position i may be past the end; guard it with i >= 0 && size(s) >= i"),
        ("l.slice(n * 2, size(l))", "the start of this part may be past the end"),
        ("size(l) >= n ? l.slice(1, n) : l", "guard it with 1 <= n"),
    ],
)
def test_the_guard_is_told(expression: str, guard: str) -> None:
    messages = [one.message for one in infer(expression, NAMES).diagnostics]
    assert any(guard in one for one in messages), messages


@pytest.mark.parametrize(
    "expression",
    [
        "[1, 2, 3, 4, 5, 6, 7][timestamp(s).getDayOfWeek('UTC')]",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12][timestamp(s).getMonth()]",
        "string(timestamp(s)).substring(0, 10)",
        "['a', 'b'][math.abs(i) % 2]",
        "['a', 'b'][math.greatest(0, math.least(i, 1))]",
    ],
)
def test_what_functions_give_is_within_bounds(expression: str) -> None:
    assert codes(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "[1, 2, 3, 4, 5, 6][timestamp(s).getDayOfWeek()]",
        "[1, 2, 3][duration('1h').getHours()]",
        "string(i).substring(0, 1)" + " + string(d).substring(0, 9)",
        "['a', 'b'][math.abs(i) % 3]",
        "['a', 'b'][math.greatest(0, i)]",
    ],
)
def test_what_functions_give_may_be_out_of_bounds(expression: str) -> None:
    assert "K507" in codes(expression)
