"""Both ways of evaluation agree, on any expression and any values."""

from __future__ import annotations

import datetime
import decimal
import enum
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from kernel import cel
from kernel.cel.codegen import generate
from tests.support.properties import examples

Same = Callable[[Any, Any], bool]


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, 3, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**70, 10**400]),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, float("nan"), float("inf"), 2.0**53, 1e300]),
    st.sampled_from(["", "a", "b", "f", "ab", "é", "1", "\ud800"]),
    st.sampled_from([b"", b"a", cel.UInt(0), cel.UInt(1), cel.UInt(2**64 - 1)]),
    st.sampled_from(
        [
            cel.Timestamp(0),
            cel.Duration(1),
            cel.Type("int"),
            cel.Optional(1),
            cel.Optional({"f": 2}),
            cel.Optional(present=False),
            datetime.datetime(1970, 1, 1),
            datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC),
            datetime.timedelta(microseconds=1),
            Colour.RED,
            Level.ONE,
            decimal.Decimal(1),
        ]
    ),
)
KEYS = st.sampled_from(["f", "g", "a", 0, 1, True, None, cel.UInt(2), 1.5])


def _mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain = st.dictionaries(KEYS, values, max_size=3)
    wrap = st.sampled_from(
        [dict, dict, dict, OrderedDict, MappingProxyType, lambda d: defaultdict(list, d)]
    )
    return st.builds(lambda make, content: make(content), wrap, plain)


VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=3) | st.lists(v, max_size=3).map(tuple) | _mappings(v),
    max_leaves=6,
)
NAMES = ["a", "b", "m", "l", "i", "j"]
BINDINGS = st.fixed_dictionaries(
    {"a": VALUES, "b": VALUES, "m": _mappings(VALUES), "l": st.lists(VALUES, max_size=4)}
)

LITERALS = [
    *("null", "true", "false", "0", "1", "2", "-1", "9223372036854775807", "0u", "1u", "1.0"),
    *("0.5", "-0.0", "1e400", "'a'", "'f'", "''", "'é'", "b'a'", "int", "[]", "{}"),
    *("['a', 'b']", "[0, 1]", "[1.0, 2u, true]", "{'f': 1}", "{1: 2, true: 3}"),
    *("timestamp(0)", "duration('1s')", "optional.none()", "optional.of(1)"),
]
OPERATORS = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]
# Each $ is a sub-expression.
FORMS = [
    *(f"($ {operator} $)" for operator in OPERATORS),
    *("(!$)", "(-$)", "($ ? $ : $)", "($).f", "($).?f", "($)[$]", "($)[?$]", "has(($).f)"),
    *("[$, $]", "[?$, $]", "{'f': $, 'g': $}", "{$: $}", "{?'f': $}"),
    *("size($)", "($).size()", "string($)", "int($)", "type($)", "dyn($)", "double($)"),
    *("($).startsWith($)", "($).endsWith('a')", "($).contains($)", "($).matches('a')"),
    *("($).join($)", "($).split('')", "($).replace('a', $)", "'%s %d'.format($)"),
    *("($).all(i, $)", "($).exists(i, $)", "($).exists_one(i, $)", "($).map(i, $)"),
    *("($).filter(i, $)", "($).map(i, $, $)", "($).all(i, j, $)", "($).exists(i, j, $)"),
    *("($).transformList(i, j, $)", "($).transformMap(i, j, $)", "($).sortBy(i, $)"),
    *("($).transformMapEntry(i, j, {$: $})", "cel.bind(i, $, $)", "($).optMap(i, $)"),
    *("($).optFlatMap(i, $)", "($).orValue($)", "($).or($)", "($).sort()", "($).distinct()"),
    *("math.greatest($, $)", "($).flatten()", "sets.contains($, $)", "($).first()", "nope($)"),
]


@st.composite
def _filled(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    form = draw(st.sampled_from(FORMS))
    while "$" in form:
        form = form.replace("$", draw(inner), 1)
    return form


EXPRESSIONS = st.recursive(
    st.sampled_from(LITERALS) | st.sampled_from(NAMES), _filled, max_leaves=10
)


def outcome(evaluate: Callable[[Any], Any], bindings: Any) -> Any:
    try:
        return evaluate(bindings)
    except cel.CelEvaluationError as error:
        return error


def agree(fast: Any, slow: Any, same: Same) -> bool:
    if isinstance(fast, cel.CelEvaluationError) and isinstance(slow, cel.CelEvaluationError):
        return str(fast) == str(slow) and fast.reason == slow.reason and fast.path == slow.path
    return same(fast, slow)


@examples(750, suppress_health_check=[HealthCheck.too_slow])
@given(text=EXPRESSIONS, bindings=BINDINGS)
def test_tiers_agree(text: str, bindings: dict[str, Any], same: Same) -> None:
    program = cel.compile(text)
    slow = outcome(program.evaluate_by_reference, bindings)
    assert agree(outcome(program.evaluate, bindings), slow, same)
    assert agree(outcome(program.evaluate, MappingProxyType(bindings)), slow, same)


USUAL = [
    *("m.f", "m.f.g", "m['f'].g", "l[1]", "m.n == 3", "m.n != 'x' && m.n >= 2", "-m.n < 0.5"),
    *("m.s + '-' + m.s", "m.s + m.s", "m.n + 1", "m.n * m.n - 2 / m.n % 2", "size(l) + m.s.size()"),
    *("has(m.f.g) && !has(m.f.q)", "m.s in ['a', 'b']", "m.n in l", "'f' in m", "m.n in [1, 3]"),
    *("m.b ? m.n : 0", "m.z == null", "m.b == true", "{'a': m.n, 'b': [m.s, l]}", "{m.s: 1}"),
    *("l.all(x, x > 0)", "l.exists(x, x == m.n)", "l.map(x, l.filter(y, y > x))", "int(m.t)"),
    *("l.map(x, x > 1, x + m.n)", "l.exists_one(x, x == 2)", "m.all(k, k != '')", "string(m.n)"),
    *("l.all(i, x, i < x)", "l.transformList(i, x, i * x)", "l.sortBy(x, -x)", "type(m.n) == int"),
    *("cel.bind(x, m.n + 1, x * x)", "m.?q.orValue(1)", "m.?f.optMap(f, f.g)", "m.t.split('')"),
    *("m.s.startsWith('a')", "m.s.contains(m.s)", "m.s.matches('^a+$')", "l.first().value()"),
    *("l.exists(x, m.s.startsWith('a') && x == 2)", "timestamp(0) + duration('1s')"),
]


@pytest.mark.parametrize("text", USUAL)
def test_usual_expressions_stay_in_the_generated_code(text: str, same: Same) -> None:
    def reference(bindings: Any) -> Any:
        raise AssertionError("the reference was asked")

    program = cel.compile(text)
    bindings = {
        "l": [1, 2, 3],
        "m": {"f": {"g": 1}, "n": 3, "s": "a", "b": True, "z": None, "t": "12"},
    }
    evaluate = generate.expression(program.expr, cel.Limits(), reference)
    assert same(evaluate(bindings), program.evaluate_by_reference(bindings))


@examples(150, suppress_health_check=[HealthCheck.too_slow])
@given(first=EXPRESSIONS, second=EXPRESSIONS, bindings=BINDINGS)
def test_tiers_agree_on_templates(
    first: str, second: str, bindings: dict[str, Any], same: Same
) -> None:
    structure = {"a": [f"${{{{ {first} }}}}", 1], "b": f"x ${{{{ {second} }}}} y", "c": {"d": []}}
    template = cel.compile_template(structure)
    slow = outcome(template.evaluate_by_reference, bindings)
    assert agree(outcome(template.evaluate, bindings), slow, same)
