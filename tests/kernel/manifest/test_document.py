"""Places: what a span covers is what it claims to cover."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Span
from kernel.manifest.document import Document
from kernel.manifest.source import Source
from kernel.manifest.stream import read_stream
from tests.kernel.manifest.support.trees import STYLES, VALUES, dump, paths
from tests.support.properties import examples


def read(text: str) -> Document:
    source = Source("x.yaml", text)
    documents, faults = read_stream(source)
    assert not faults, faults
    return Document(source, documents[0])


def cut(text: str, span: Span) -> str:
    """The text that a span covers, found by counting lines and columns."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    taken = lines[span.line - 1 : span.end_line]
    taken[-1] = taken[-1][: span.end_column - 1]
    taken[0] = taken[0][span.column - 1 :]
    return "\n".join(taken)


def scalar(text: str, value: str, start: int, end: int) -> str:
    document = read(text)
    assert document.data == {"a": value}
    return cut(text, document.scalar_span(("a",), start, end))


@given(VALUES.filter(lambda v: v not in (None, "")), STYLES, st.sampled_from([20, 80]))
@examples(200)
def test_every_span_holds_the_value_that_it_is_asked_for(
    value: Any, style: str, width: int
) -> None:
    text = dump({"root": value}, style, width)
    document = read(text)
    for path, item in paths(document.data)[1:]:
        piece = cut(text, document.span(path))
        if isinstance(item, str):
            assert _alone(piece, document, path) == item
        elif item is not None and not isinstance(item, dict | list):
            assert read(piece).data == item
        elif item and not _ends_blank(item):
            column = document.span(path).column
            assert read(" " * (column - 1) + piece).data == item


def _ends_blank(value: Any) -> bool:
    """A span ends with what can be seen: blanks that end a block scalar are not in it."""
    while isinstance(value, dict | list) and value:
        value = list(value.values() if isinstance(value, dict) else value)[-1]
    return isinstance(value, str) and value != value.rstrip()


def _alone(piece: str, document: Document, path: tuple[Any, ...]) -> Any:
    """The value of a scalar's text by itself, at the depth that its indentation needs."""
    node = document.node(path)
    if node.style not in ("|", ">"):
        return read(piece).data if node.style else node.text
    return node.text


@given(VALUES, STYLES, st.sampled_from([20, 80]))
@examples(300)
def test_every_character_of_a_text_is_found(value: Any, style: str, width: int) -> None:
    text = dump({"root": value}, style, width)
    document = read(text)
    for path, item in paths(document.data):
        if not isinstance(item, str):
            continue
        whole = document.span(path)
        for index, character in enumerate(item):
            span = document.scalar_span(path, index, index + 1)
            if character.isalnum() and character not in "\u0085\u00a0":
                piece = cut(text, span)
                assert piece == character or piece.startswith("\\"), (text, item, index)
            assert (whole.line, whole.column) <= (span.line, span.column)


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("a: one two", "one two", "two"),
        ("a: one\n  two", "one two", "two"),
        ("a: 'it''s two'", "it's two", "two"),
        ("a: 'one\n\n  two'", "one\ntwo", "two"),
        ('a: "\\u00e9\\n\\x41 two"', "é\nA two", "two"),
        ('a: "one \\\n   two"', "one two", "two"),
        ("a: |\n  one\n  two\n", "one\ntwo\n", "two"),
        ("a: |2-\n   one\n  two\n", " one\ntwo", "two"),
        ("a: >-\n  one\n  two\n\n  three", "one two\nthree", "two"),
        ("a: >\n  one\n   more\n  two\n", "one\n more\ntwo\n", "two"),
        ("a: |+ # why\n  one\n\n  two\n\n", "one\n\ntwo\n\n", "two"),
        ("a: &x !!str two", "two", "two"),
        ("a: &x\n  'two'", "two", "two"),
        ("{a: 'über 😀 two'}", "über 😀 two", "two"),
        ("a: >-\r\n  one\r\n  two\r\n", "one two", "two"),
        ("a: |\r\n  one\r\n  two\r\n", "one\ntwo\n", "two"),
        ("a:\n  one\r\n  two", "one two", "two"),
    ],
)
def test_a_word_is_found_in_every_style(text: str, value: str, wanted: str) -> None:
    start = value.index(wanted)
    assert scalar(text, value, start, start + len(wanted)) == wanted


def test_an_escape_is_covered_as_a_whole() -> None:
    text = 'a: "x\\u00e9y"'
    assert scalar(text, "xéy", 1, 2) == "\\u00e9"
    assert scalar(text, "xéy", 0, 3) == "x\\u00e9y"
    assert scalar("a: 'x''y'", "x'y", 1, 2) == "''"


def test_an_alias_points_at_what_it_means() -> None:
    document = read("a: &x {b: text}\nc: *x\n")
    assert document.data == {"a": {"b": "text"}, "c": {"b": "text"}}
    assert document.span(("c", "b")) == document.span(("a", "b"))
    assert document.scalar_span(("c", "b"), 0, 2).column == 11


def test_keys_have_places_too() -> None:
    document = read("a:\n  'b c': 1\n  2: x\n  true: y\n")
    assert document.span(("a", "b c"), key=True) == Span("x.yaml", 2, 3, 2, 8)
    assert document.span(("a", 2), key=True) == Span("x.yaml", 3, 3, 3, 4)
    assert document.span(("a", True)) == Span("x.yaml", 4, 9, 4, 10)


def test_a_path_that_leads_nowhere_gives_the_nearest_place_above() -> None:
    document = read("a:\n  b: [1, 2]\n")
    assert document.span(("a", "b", 7, "x")) == document.span(("a", "b"))


def test_an_absent_value_stands_after_its_colon() -> None:
    document = read("a:\nb: 1\n")
    assert document.span(("a",)) == Span("x.yaml", 1, 3, 1, 3)


def test_documents_of_a_stream_have_places_in_the_whole_file() -> None:
    source = Source("x.yaml", "a: 1\n---\nb: ü\nc: two\n")
    documents = [Document(source, item) for item in read_stream(source)[0]]
    assert documents[1].span(("c",)) == Span("x.yaml", 4, 4, 4, 7)
    assert documents[1].scalar_span(("c",), 1, 2).column == 5


def test_many_places_of_one_scalar_are_found_in_linear_time() -> None:
    count = 20_000
    document = read("a: " + "|| ".join(["false "] * count) + "\nb: >\n" + "  word\n\n" * count)
    start = time.process_time()
    for number in range(count):
        assert document.scalar_span(("a",), 9 * number, 9 * number + 5).column == 4 + 9 * number
    for number in range(count):
        assert document.scalar_span(("b",), 5 * number, 5 * number + 4).line == 3 + 2 * number
    assert time.process_time() - start < 5


def test_the_memory_for_places_is_a_small_multiple_of_the_text() -> None:
    text = "a: '" + "word " * 200_000 + "'\n"
    document = read(text)
    document.root()
    tracemalloc.start()
    try:
        document.scalar_span(("a",), 500_000, 500_004)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(text)
    finally:
        tracemalloc.stop()
