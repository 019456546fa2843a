"""Templates: brackets in scalars, typed values, text, structures, and places of errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import cel
from kernel.cel.values import MixedMap

BINDINGS: dict[str, Any] = {"n": 3, "s": "x}}y", "m": {"a": {"b": [1]}}, "none": None, "d": 2.0}


def evaluated(structure: Any) -> Any:
    template = cel.compile_template(structure)
    value = template.evaluate(BINDINGS)
    assert template.evaluate_by_reference(BINDINGS) == value
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ n }}", 3),
        ("${{n}}", 3),
        ("${{ m.a }}", {"b": [1]}),
        ("${{ none }}", None),
        ("${{ {'a': {'b': n}} }}", {"a": {"b": 3}}),
        ("${{ {'a': {'b': n}}}}", {"a": {"b": 3}}),
        ("${{ '}}' + s }}", "}}x}}y"),
        ("${{ '${{' }}", "${{"),
        ("n is ${{ n }}", "n is 3"),
        ("${{ n }}${{ n + 1 }}", "34"),
        ("${{ n }} ", "3 "),
        ("<${{ true }} ${{ none }} ${{ d }} ${{ 1.5 }} ${{ 2u }}>", "<true null 2 1.5 2>"),
        (
            "${{ timestamp(0) }} ${{ duration('90s') }} ${{ b'ab' }}.",
            "1970-01-01T00:00:00Z 90s ab.",
        ),
        ("$${{ n }}", "${{ n }}"),
        ("a $${{ b }} ${{ n }}", "a ${{ b }} 3"),
        ("$$${{ n }}", "$${{ n }}"),
        ("${{ '$' }}${{ n }}", "$3"),
        ("$ {{ n }} $${ }}", "$ {{ n }} $${ }}"),
        ("plain", "plain"),
        ("", ""),
        ("${{ n // a comment\n }}", 3),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    result = evaluated(text)
    assert result == value
    assert type(result) is type(value)


def test_structures_keep_what_has_no_cel() -> None:
    structure = {
        "a": "${{ n }}",
        "list": [1, "${{ s }}", {"k": "x ${{ n }}"}],
        "fixed": {"deep": [1, 2, {"x": None}]},
        "${{ n }}": "keys are not templates",
        1: "${{ n }}",
        "tuple": (1, "${{ n }}"),
    }
    value = evaluated(structure)
    assert value == {
        "a": 3,
        "list": [1, "x}}y", {"k": "x 3"}],
        "fixed": {"deep": [1, 2, {"x": None}]},
        "${{ n }}": "keys are not templates",
        1: 3,
        "tuple": [1, 3],
    }
    assert value["fixed"] is structure["fixed"]


def test_a_constant_template_is_its_structure() -> None:
    structure = {"a": [1, {"b": "c"}], "d": "no { brackets }}"}
    template = cel.compile_template(structure)
    assert template.constant
    assert template.evaluate({}) is structure
    escaped = cel.compile_template("$${{ a }}")
    assert not escaped.constant
    assert escaped.evaluate({}) == "${{ a }}"


def test_a_scan_gives_the_segments_with_their_places() -> None:
    text = "GET ${{ a.b }}/$${{x}}${{ '}}' }}"
    before, first, between, second = cel.scan(text)
    assert (before, between) == ("GET ", "/${{x}}")
    assert isinstance(first, cel.Embedded)
    assert isinstance(second, cel.Embedded)
    assert text[first.start : first.end] == "${{ a.b }}"
    assert text[first.expr.offset : first.expr.end] == "a.b"
    assert text[second.start : second.end] == "${{ '}}' }}"


SYNTAX = [
    ("${{ a b }}", "expected an operator or the end of the expression, found 'b'", "b"),
    ("x ${{ }}", "there is no expression between the brackets", "${{ }}"),
    ("x ${{ a", "'${{' is not closed by '}}'", "${{"),
    ("x ${{ a }", "this '}' closes nothing", "}"),
    ("x ${{ a } }}", "this '}' closes nothing", "}"),
    ("x ${{ 'a }}", "the string is not closed", "'"),
    ("${{ a ? }}", "expected an expression, found the end of the expression", ""),
    ("${{ a }} ${{ ) }}", "expected an expression, found ')'", ")"),
]


@pytest.mark.parametrize(("text", "message", "place"), SYNTAX, ids=[case[0] for case in SYNTAX])
def test_a_syntax_error_counts_in_the_scalar(text: str, message: str, place: str) -> None:
    with pytest.raises(cel.CelSyntaxError) as caught:
        cel.compile_template({"a": [0, text]})
    error = caught.value
    assert (error.message, error.path, error.expression) == (message, ("a", 1), text)
    assert text[error.offset : error.end] == place


def test_one_syntax_error_does_not_hide_another() -> None:
    structure = {"a": "${{ + }}", "b": ["${{ ok }}", "${{ a b }}"], "c": "${{"}
    tree = cel.parse_template(structure)
    assert [error.path for error in tree.errors] == [("a",), ("b", 1), ("c",)]
    assert [path for path, _ in tree.expressions()] == [("b", 0)]
    with pytest.raises(cel.CelSyntaxError) as caught:
        cel.compile_template(tree)
    assert caught.value is tree.errors[0]


@pytest.mark.parametrize(
    ("text", "reason", "message", "place"),
    [
        ("x ${{ n + m }}", "no-overload", "no such overload: int + map", "n + m"),
        ("x ${{ m }}", "bad-argument", "a value of type map has no text to embed", "m"),
        ("x ${{ [1] }}", "bad-argument", "a value of type list has no text to embed", "[1]"),
        (
            "x ${{ optional.of(1) }}",
            "bad-argument",
            "a value of type optional_type has no text to embed",
            "optional.of(1)",
        ),
        ("x ${{ int }}", "bad-argument", "a value of type type has no text to embed", "int"),
        ("${{ n }}${{ b'\\xff' }}", "bad-argument", "the bytes are not UTF-8 text", "b'\\xff'"),
        ("${{ m.q }}", "no-such-key", "no such key: 'q'", "m.q"),
    ],
)
def test_an_evaluation_error_has_its_path(text: str, reason: str, message: str, place: str) -> None:
    template = cel.compile_template({"ok": "${{ n }}", "a": [{"b": text}]})
    for evaluate in (template.evaluate, template.evaluate_by_reference):
        with pytest.raises(cel.CelEvaluationError) as caught:
            evaluate(BINDINGS)
        error = caught.value
        assert (error.path, error.reason) == (("a", 0, "b"), reason)
        assert (error.message, error.expression) == (message, text)
        assert text[error.offset : error.end] == place


def test_a_budget_is_for_the_whole_template() -> None:
    rounds = "${{ lists.range(400).map(i, i) }}"
    limits = cel.Limits(steps=2000)
    cel.compile_template([rounds], limits=limits).evaluate({})
    with pytest.raises(cel.CelEvaluationError, match="too many steps"):
        cel.compile_template([rounds] * 10, limits=limits).evaluate({})


def test_deep_structures() -> None:
    def deep(levels: int) -> Any:
        structure: Any = "${{ n }}"
        for _ in range(levels):
            structure = [structure]
        return structure

    value = cel.compile_template(deep(140)).evaluate(BINDINGS)
    for _ in range(140):
        value = value[0]
    assert value == 3
    with pytest.raises(cel.CelSyntaxError, match="nested more than 150 levels"):
        cel.compile_template(deep(2000))


def test_a_wide_template() -> None:
    structure = {f"k{n}": f"${{{{ n + {n} }}}} of ${{{{ s }}}}" for n in range(500)}
    assert evaluated(structure)["k7"] == "10 of x}}y"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${{", "$${{")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value


@given(JSON)
def test_escaped_json_evaluates_to_itself(value: Any) -> None:
    assert cel.compile_template(_escaped(value)).evaluate({}) == value


@given(JSON, st.text(alphabet="ab${}' ").filter(lambda text: "${{" not in text))
def test_a_value_comes_through_typed(value: Any, text: str) -> None:
    template = cel.compile_template({"v": "${{ v }}", "t": text, "c": [[1]]})
    assert template.evaluate({"v": value}) == {"v": value, "t": text, "c": [[1]]}


@given(st.text(alphabet="ab${}'\"n \\", max_size=30))
def test_any_scalar_is_text_or_a_syntax_error(text: str) -> None:
    tree = cel.parse_template([text])
    if tree.errors:
        assert tree.errors[0].path == (0,)
    else:
        joined = "".join(
            part.replace("${{", "$${{") if isinstance(part, str) else text[part.start : part.end]
            for part in cel.scan(text)
        )
        assert joined == text


def test_the_newline_of_a_block_scalar_leaves_an_expression_an_expression() -> None:
    assert cel.compile_template("${{ 1 + 1 }}\n").evaluate({}) == 2
    assert cel.compile_template("${{ 1 + 1 }}\n\n").evaluate({}) == "2\n\n"
    assert cel.compile_template("${{ 1 }}${{ 2 }}\n").evaluate({}) == "12\n"


def test_the_keys_one_and_true_are_two_keys() -> None:
    mapping = MixedMap.of([(1, "${{ x }}"), (True, "${{ x + 1 }}"), (0, "a"), (False, "b")])
    for structure in (mapping, [{"in": mapping}]):
        template = cel.compile_template(structure)
        for evaluate in (template.evaluate, template.evaluate_by_reference):
            found = evaluate({"x": 5})
            found = found if structure is mapping else found[0]["in"]
            assert list(found.items()) == [(1, 5), (True, 6), (0, "a"), (False, "b")]
    with pytest.raises(cel.CelEvaluationError) as raised:
        cel.compile_template(MixedMap.of([(1, "a"), (True, "${{ 1 / 0 }}")])).evaluate({})
    assert raised.value.path == ("true",)
