"""The table of functions and the macros: documented examples hold, and the table is complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import cel
from kernel.cel.functions import QUALIFIED
from tests.support.properties import examples

EXAMPLES = {entry.name: entry.example for entry in (*cel.TABLE.values(), *cel.MACROS.values())}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_hold(example: str) -> None:
    program = cel.compile(example)
    assert program.evaluate({}) is True
    assert program.evaluate_by_reference({}) is True


@pytest.mark.parametrize("name", cel.TABLE)
def test_a_function_is_documented(name: str) -> None:
    function = cel.TABLE[name]
    assert function.name == name
    assert function.doc.endswith(".")
    assert function.pure
    assert function.overloads
    symbol = name.strip("_").rpartition(".")[2]
    assert (symbol if symbol.isalpha() else symbol[0]) in function.example


def test_no_two_overloads_take_the_same_arguments() -> None:
    for function in cel.TABLE.values():
        if function.name in ("_[_]", "math.greatest", "math.least"):
            continue  # they end in an overload for any type, on purpose
        signatures = [(o.receiver, o.erased) for o in function.overloads]
        assert len(set(signatures)) == len(signatures), function.name


def test_dotted_names_are_calls_of_functions() -> None:
    assert "math.abs" in QUALIFIED
    assert "cel.bind" in QUALIFIED
    assert cel.compile("math.abs(math)").evaluate({"math": -1}) == 1


def test_signatures() -> None:
    split = cel.TABLE["split"].overloads[1]
    assert split.receiver
    assert split.parameters == ("string", "string", "int")
    assert split.result == "list(string)"
    index = cel.TABLE["_in_"].overloads[1]
    assert index.parameters == ("K", "map(K, V)")
    assert index.erased == (None, "map")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("string(1.0)", "1"),
        ("string(1e21)", "1000000000000000000000"),
        ("string(1e-7)", "0.0000001"),
        ("string(0.1 + 0.2)", "0.30000000000000004"),
        ("string(-0.0)", "-0"),
        ("string(duration('-1.5s'))", "-1.5s"),
        ("string(duration('1ns'))", "0.000000001s"),
        ("string(timestamp('2026-01-02T03:04:05.120+02:00'))", "2026-01-02T01:04:05.12Z"),
        ("duration('1h30m0.5s') == duration('5400.5s')", True),
        ("duration('-0.000000001s').getMilliseconds()", 0),
        ("timestamp('2024-02-29T12:00:00Z').getDayOfYear()", 59),
        ("timestamp('2026-06-01T00:30:00Z').getHours('Europe/Paris')", 2),
        ("math.round(0.49999999999999994)", 0.0),
        ("math.round(-0.5)", -1.0),
        ("math.sqrt(-1.0) == math.sqrt(-1.0)", False),
        ("math.bitShiftLeft(1, 63)", -(2**63)),
        ("math.abs(-9223372036854775807)", 2**63 - 1),
        ("'aéb'.reverse()", "béa"),
        ("regex.replace('aéb', '', '-')", "-a-é-b-"),
        ("regex.replace('ab', 'a*', 'x')", "xbx"),
        (r"regex.replace('a', 'a', r'\\')", "\\"),
        ("regex.replace('ab', '(.)', '$1')", "$1$1"),
        ("regex.extractAll('éa éb', 'é(.)')", ["a", "b"]),
        ("[1, [2, [3, [4]]]].flatten(2)", [1, 2, 3, [4]]),
        ("[3.0, 1.0, 2.0].sort()", [1.0, 2.0, 3.0]),
        ("['b', 'a'].sortBy(s, s) == ['a', 'b']", True),
        ("[true, 1, 1u, 1.0, '1'].distinct()", [True, 1, "1"]),
        ("'%.2f|%5|'.format([1])", None),
        ("'%s'.format([{'b': [1, 2.0], 'a': null}])", "{a: null, b: [1, 2]}"),
        ("9007199254740993 == 9007199254740992.0", True),
        ("[1, 2] == [1.0, 2u]", True),
        ("-7 % 3", -1),
        ("-9223372036854775808 / -1", None),
        ("0.0 / 0.0 == 0.0 / 0.0", False),
        ("'z' < 'é' && 'é' < '日' && '日' < '🐱'", True),
        ("timestamp('2026-01-01T00:00:60Z')", None),
        ("timestamp('2026-02-30T00:00:00Z')", None),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.replace('', '-')", "-a-b-c-"),
        ("'abc'.replace('', '-', 2)", "-a-bc"),
        ("''.split(',')", [""]),
    ],
)
def test_particular_values(text: str, value: object) -> None:
    program = cel.compile(text)
    for evaluate in (program.evaluate, program.evaluate_by_reference):
        if value is None:
            with pytest.raises(cel.CelEvaluationError):
                evaluate({})
        else:
            assert evaluate({}) == value


NUMBERS = st.lists(
    st.one_of(
        st.integers(2**53 - 3, 2**53 + 3),
        st.integers(-3, 3),
        st.sampled_from([2**63 - 1, -(2**63)]),
    ).flatmap(lambda n: st.sampled_from([n, float(n)])),
    min_size=1,
    max_size=5,
)


@examples(200)
@given(NUMBERS)
def test_the_extreme_is_the_first_than_which_none_is_better(numbers: list[float]) -> None:
    """In the order of ``<``, in which an int is rounded to the double beside it."""
    for name, order in (("least", "n < found"), ("greatest", "n > found")):
        bound = {"ns": numbers}
        chosen = cel.compile(f"math.{name}(ns)").evaluate(bound)
        assert cel.compile(f"math.{name}(ns)").evaluate_by_reference(bound) == chosen
        better = cel.compile(f"ns.exists(n, {order})")
        first = next(n for n in numbers if not better.evaluate({**bound, "found": n}))
        assert (type(chosen), chosen) == (type(first), first)


@pytest.mark.parametrize("numbers", ["nan, 7.0, -1.0", "-1.0, nan, 7.0", "1, nan", "nan, 2u"])
@pytest.mark.parametrize("name", ["math.greatest", "math.least"])
def test_nothing_is_greater_or_less_than_nan(name: str, numbers: str) -> None:
    for written in (f"{name}({numbers})", f"{name}([{numbers}])"):
        expression = f"math.isNaN(double({written}))"
        assert cel.compile(expression).evaluate({"nan": float("nan")}) is True, written
