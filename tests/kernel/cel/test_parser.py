"""Syntax: trees with places, errors with places, macros as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import cel
from kernel.cel import tree


def spans(text: str) -> list[str]:
    """The text of each node, outer before inner."""
    return [text[node.offset : node.end] for node in cel.walk(cel.parse(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b[0]", ["a.b[0]", "a.b", "a", "0"]),
        ("(1 + 2) * 3", ["(1 + 2) * 3", "1 + 2", "1", "2", "3"]),
        ("x ? -1 : !y", ["x ? -1 : !y", "x", "-1", "!y", "y"]),
        ("l.all(e, e > 0)", ["l.all(e, e > 0)", "l", "e > 0", "e", "0"]),
        ("a && b && c", ["a && b && c", "a", "b", "c"]),
        ("has(a.b)", ["has(a.b)", "a.b", "a"]),
        ("math.abs(x)", ["math.abs(x)", "x"]),
        ("{'a': [x]}", ["{'a': [x]}", "'a'", "[x]", "x"]),
        ("// note\n a.`b-c` // note", ["a.`b-c`", "a"]),
        ("a.?b[?c]", ["a.?b[?c]", "a.?b", "a", "c"]),
    ],
)
def test_every_node_has_its_place(text: str, expected: list[str]) -> None:
    assert spans(text) == expected


def test_a_macro_stays_what_the_author_wrote() -> None:
    macro = cel.parse("orders.exists(i, o, o.id == i)")
    assert isinstance(macro, tree.Macro)
    assert (macro.name, macro.variables, len(macro.args)) == ("exists", ("i", "o"), 1)
    bind = cel.parse("cel.bind(x, 1, x + x)")
    assert isinstance(bind, tree.Macro)
    assert (bind.name, bind.target, bind.variables) == ("cel.bind", None, ("x",))


def test_the_name_of_a_macro_with_other_arguments_is_a_function() -> None:
    assert isinstance(cel.parse("a.map(x)"), tree.Call)
    assert isinstance(cel.parse("all(x, y)"), tree.Call)


ERRORS = [
    ("", "expected an expression, found the end of the expression", ""),
    ("a b", "expected an operator or the end of the expression, found 'b'", "b"),
    ("a +", "expected an expression, found the end of the expression", ""),
    ("f(1, )", "expected an expression, found ')'", ")"),
    ("[1, 2", "expected ']', found the end of the expression", ""),
    ("a = 1", "unexpected character '='; equality is '=='", "="),
    ("a & b", "unexpected character '&'; and is '&&'", "&"),
    ("a | b", "unexpected character '|'; or is '||'", "|"),
    ("'abc", "the string is not closed", "'"),
    ('x + "a\nb"', "the string is not closed", '"'),
    (r"'a\qb'", "the escape sequence is not valid", r"\q"),
    (r"'\ud83d'", "the escape sequence is not valid", r"\ud83d"),
    (r"b'\u0041'", "the escape sequence is not valid", r"\u0041"),
    ("1 + while", "'while' is a reserved word", "while"),
    ("9223372036854775808", "an int literal fits in 64 bits", "9223372036854775808"),
    ("18446744073709551616u", "a uint literal is in 0 .. 2**64 - 1", "18446744073709551616u"),
    ("has(a)", "the argument of has() is a field selection, such as has(a.b)", "a"),
    ("l.all(a.b, true)", "all() declares a variable here: a simple name is needed", "a.b"),
    ("l.all(a, a, true)", "the variables of all() have the same name", "a"),
    ("a.1", "expected an operator or the end of the expression, found '.1'", ".1"),
    ("a.'b'", "expected a field name, found ''b''", "'b'"),
    ("m.in", "expected a field name, found 'in'", "in"),
    (
        "Point{x: 1}",
        "expected an operator; message construction is not part of this language, found '{'",
        "{",
    ),
    (
        "l.transformMapEntry(i, v, v)",
        "the last argument of transformMapEntry() is a map literal, {key: value}",
        "v",
    ),
    ("a ? b", "expected ':', found the end of the expression", ""),
    ("!-x", "expected an operand, found '-'", "-"),
]


@pytest.mark.parametrize(("text", "message", "place"), ERRORS, ids=[case[0] for case in ERRORS])
def test_a_syntax_error_says_what_and_where(text: str, message: str, place: str) -> None:
    with pytest.raises(cel.CelSyntaxError) as caught:
        cel.parse(text)
    error = caught.value
    assert error.message == message
    assert text[error.offset : error.end] == place
    assert error.expression == text
    assert str(error).startswith(message)


@given(st.text(alphabet="ab.()[]{}?:,'\"\\`+-!&|<=>0123456789eu xrb\n/%*$", max_size=40))
def test_any_text_is_a_tree_or_a_syntax_error(text: str) -> None:
    try:
        places = [(node.offset, node.end) for node in cel.walk(cel.parse(text))]
    except cel.CelSyntaxError as error:
        places = [(min(error.offset, len(text)), error.end)]
    for offset, end in places:
        assert 0 <= offset <= end <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "names", "paths"),
    [
        ("steps.Fetch.result.x", {"steps"}, {("steps", "Fetch", "result", "x")}),
        ('steps["Fetch"].result[0]', {"steps"}, {("steps", "Fetch", "result", 0)}),
        ("a.b + a.c + a.b", {"a"}, {("a", "b"), ("a", "c")}),
        ("l.map(x, x.y + z.w)", {"l", "z"}, {("l",), ("z", "w")}),
        ("x.all(x, x > 0)", {"x"}, {("x",)}),
        ("l.map(x, .x)", {"l", "x"}, {("l",), ("x",)}),
        ("cel.bind(v, v.a, v.b)", {"v"}, {("v", "a")}),
        ("a[b.c].d", {"a", "b"}, {("a",), ("b", "c")}),
        ("has(a.b.c)", {"a"}, {("a", "b", "c")}),
        ("f(a).b", {"a"}, {("a",)}),
        ("a.?b.c", {"a"}, {("a", "b", "c")}),
        ("1 + 2", set(), set()),
    ],
)
def test_free_names_and_references(
    text: str, names: set[str], paths: set[tuple[str | int, ...]]
) -> None:
    expr = cel.parse(text)
    assert cel.free_names(expr) == names
    assert set(cel.references(expr)) == paths


def test_reference_path_of_other_expressions_is_none() -> None:
    assert cel.reference_path(cel.parse("a.b")) == ("a", "b")
    assert cel.reference_path(cel.parse("a[true]")) is None
    assert cel.reference_path(cel.parse("f(a).b")) is None
