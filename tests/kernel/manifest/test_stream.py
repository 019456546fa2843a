"""YAML 1.2 in, plain data or faults out."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cel import compile_template, parse_template
from kernel.errors import Fault
from kernel.manifest import inspect_text
from kernel.manifest.document import Document
from kernel.manifest.nodes import to_data
from kernel.manifest.source import Source
from kernel.manifest.stream import compose_document, read_stream
from tests.kernel.manifest.support.trees import STYLES, VALUES, dump
from tests.support.properties import examples


def read(text: str) -> tuple[list[Any], list[Fault]]:
    documents, faults = read_stream(Source("x", text))
    return [document.data for document in documents], faults


def value(text: str) -> Any:
    documents, faults = read(text)
    assert not faults
    return documents[0]


@given(VALUES, STYLES)
@examples(200)
def test_what_another_library_writes_is_read_back(written: Any, style: str) -> None:
    assert value(dump({"root": written}, style)) == {"root": written}


@given(VALUES, STYLES)
@examples(100)
def test_the_quick_and_the_exact_reading_agree(written: Any, style: str) -> None:
    text = dump({"root": written}, style)
    source = Source("x", text)
    (document,), _ = read_stream(source)
    composed = compose_document(source, document.start, document.end)
    assert not composed.faults
    assert repr(to_data(composed.root)) == repr(document.data)


@given(st.text(alphabet="ab:-?[]{}&*!|>'\"%@#,~ \n\t\r<=0x1.é\x00\ufeff\u2028", max_size=60))
@examples(500)
def test_no_text_is_too_odd(text: str) -> None:
    documents, faults = read_stream(Source("x", text))
    for document in documents:
        compose_document(Source("x", text), document.start, document.end)
    assert all(fault.span and fault.span.line >= 1 for fault in faults)


@pytest.mark.parametrize("text", ["\r\ufeff\ufeff", "\ufeff\ufeffa: 1", "a: 1\n---\n\ufeff\ufeff"])
def test_byte_order_marks_anywhere_are_faults_or_text(text: str) -> None:
    manifest, faults = inspect_text(text)
    assert faults
    assert all(fault.span is not None for fault in faults)
    assert not manifest.root.resources


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("012", 12), ("0o14", 12), ("0xFf", 255),
        ("1_000", "1_000"), ("0b1", "0b1"), ("+1", 1), ("-0", 0), ("1.", 1.0), (".5", 0.5),
        ("1e3", 1000.0), ("1e-999", 0.0), ("1:30", "1:30"), ("2026-11-20", "2026-11-20"),
        ("True", True), ("tRue", "tRue"), ("~", None), ("NULL", None), ("'1'", "1"), ('"~"', "~"),
        ("!!str 1", "1"), ("!!float 1", 1.0), ("!!int 3", 3), ("! 1", "1"), ("0o8", "0o8"),
        ("e5", "e5"), ("=", "="), (".", "."),
    ],
)  # fmt: skip
def test_scalars_are_those_of_the_core_schema(text: str, wanted: Any) -> None:
    found = value(f"[{text}]")[0]
    assert (type(found), found) == (type(wanted), wanted)


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("a: 'x", "K001", (1, 6), "unexpected end of stream"),
        ("a:\n\tb: 1", "K001", (2, 1), "tab"),
        ("a: @x", "K001", (1, 4), "'@'"),
        ("a: \x00b", "K001", (1, 4), "U+0000"),
        ("a: \ufeff\x00b", "K001", (1, 5), "U+0000"),
        ("a: \ud800", "K001", (1, 4), "U+D800"),
        ("a: x\u2028y", "K001", (1, 5), "U+2028"),
        ("a: b: c", "K001", (1, 5), "mapping values"),
        ("*b", "K001", (1, 1), "no anchor &b"),
        ("&a [*a]", "K001", (1, 5), "inside of what it means"),
        ("a: !foo 1", "K001", (1, 4), "!foo"),
        ("a: !!int x", "K001", (1, 4), "'x'"),
        ("a: !!set {}", "K001", (1, 4), "tag"),
        ("a: " + "9" * 400, "K010", (1, 4), "400 digits"),
        ("b: 1\n<<: {a: 1}", "K001", (2, 1), "merge key"),
        ("[1]: 2", "K001", (1, 1), "cannot be a key"),
        ("a: 1\nb: 2\na: 3", "K002", (3, 1), "'a'"),
        ("a: {b: 1, b: 2}", "K002", (1, 11), "'b'"),
        ("1: a\n1: b", "K002", (2, 1), "'1'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    text: str, code: str, place: tuple[int, int], words: str
) -> None:
    _, faults = read(text)
    assert [(f.code, f.span and (f.span.line, f.span.column)) for f in faults] == [(code, place)]
    assert words in faults[0].message


def test_a_duplicate_points_at_both_places() -> None:
    _, (fault,) = read("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert fault.path == ("b", "c")
    assert "line 3, column 3" in (fault.help or "")


@pytest.mark.parametrize("bad", ["a: 'x", "a: [1", "a: \x07", "a: 1\na: 2", "a: *b", "]"])
def test_a_bad_document_does_not_hide_the_others(bad: str) -> None:
    documents, faults = read(f"first: 1\n---\n{bad}\n---\nlast: 1\n")
    assert documents[0] == {"first": 1}
    assert documents[-1] == {"last": 1}
    assert len(faults) == 1


def test_a_bare_document_may_follow_an_end_marker() -> None:
    assert read("a: 1\n...\nb: 2\n")[0] == [{"a": 1}, {"b": 2}]
    assert read("a: 1\n...\n%YAML 1.2\n---\nb: 2\n")[0] == [{"a": 1}, {"b": 2}]


def test_empty_documents_are_left_out() -> None:
    assert read("")[0] == []
    assert read("# only a comment\n---\n---\na: 1\n---\n")[0] == [{"a": 1}]
    assert read("--- null\n")[0] == [None]


def test_keys_keep_their_type() -> None:
    assert value("{2: a, true: b, null: c, 1.5: d}") == {
        2: "a",
        True: "b",
        None: "c",
        1.5: "d",
    }


def test_aliases_share() -> None:
    data = value("a: &x [1, {b: 2}]\nb: *x\n")
    assert data == {"a": [1, {"b": 2}], "b": [1, {"b": 2}]}
    assert data["a"] is data["b"]


def _bomb() -> str:
    lines = ["a: &a [" + "1," * 10 + "]"]
    lines += [
        f"{c}: &{c} [{','.join(['*' + p] * 10)}]"
        for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _bomb(),
        "[" * 1_000_000,
        "{" * 1_000_000,
        "- " * 1_000_000,
        "? " * 1_000_000,
        "a: {" * 300_000,
        "---\n]\n" * 100_000,
        "a: 1\n" * 100_000,
        "&a " * 100_000,
        "a: " + "9" * 1_000_000,
        "".join(f"&x{i} [" for i in range(200)),
        "a: &a [" + "[" * 60 + "]" * 60 + "]\nb: " + "[" * 60 + "*a" + "]" * 60,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_texts_are_refused_soon(text: str) -> None:
    start = time.process_time()
    documents, faults = read(text)
    assert faults
    assert len(faults) <= 150
    assert len(documents) <= 1
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * 2_000_000,
        'a: "' + "\\n" * 1_000_000 + '"',
        "a: |\n" + " b\n" * 500_000,
        "#\n" * 1_000_000,
        "".join(f"k{i}: 1\n" for i in range(100_000)),
        "a: {" + ", ".join(f"k{i}: 1" for i in range(100_000)) + "}",
    ],
    ids=lambda text: text[:8],
)
def test_large_texts_are_read_soon(text: str) -> None:
    start = time.process_time()
    _, faults = read(text)
    assert not faults
    assert time.process_time() - start < 5


def test_flow_collections_are_those_of_yaml_1_2() -> None:
    text = "a: 1\n---\n{url: http://x/y?z, a?: [1:30, http://z]}\n---\nb: [x\n---\nc: 1\n"
    documents, faults = read(text)
    url = {"url": "http://x/y?z", "a?": ["1:30", "http://z"]}
    assert documents == [{"a": 1}, url, {"c": 1}]
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("scalar", "words"),
    [
        (".inf", "no number"), ("-.Inf", "no number"), ("+.INF", "no number"),
        (".nan", "no number"), ("!!float .NaN", "no number"), ("1e400", "64 bits"),
        ("-1.5E+999", "64 bits"), ("1" * 310 + ".0", "64 bits"), ("1" * 301, "digits"),
        (r'"\ud83d"', r"\\ud83d is half"), (r'"a\udf89\ud83cb"', r"\\udf89 is half"),
        (r'!!str "\ud83d"', r"\\ud83d is half"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("length", [0, 40_000])
def test_what_json_cannot_hold_is_a_fault_at_its_place(
    scalar: str, words: str, length: int
) -> None:
    text = f"a: {'x' * length}\nb: [1, {scalar}]\n{scalar}: c\n"
    documents, faults = read(text)
    assert [(fault.code, fault.span.line) for fault in faults] == [("K010", 2), ("K010", 3)]
    assert all(re.search(words, fault.message) for fault in faults)
    assert [fault.span.column for fault in faults] == [8, 1]
    json.dumps(documents[0], allow_nan=False).encode()


def test_pairs_of_surrogates_are_one_character_as_in_json() -> None:
    assert value(r'{"\ud83c\udf89": "a\uD83C\uDF89b"}') == {"\U0001f389": "a\U0001f389b"}


@pytest.mark.parametrize("length", [0, 40_000])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{ url: http://x }", {"url": "http://x"}),
        ("[http://x, 'http://y', \"http://z\"]", ["http://x", "http://y", "http://z"]),
        ("{ at: 10:30:00, b: a::b, c: [a:b] }", {"at": "10:30:00", "b": "a::b", "c": ["a:b"]}),
        ("{ a?: 1, ?b: 2, 'c?': 3 }", {"a?": 1, "?b": 2, "c?": 3}),
        ("{ u: http://x, \"d\":4 , \"e\" :5 }", {"u": "http://x", "d": 4, "e": 5}),
        ("[:a]", [":a"]),
        ("[&x.y 1, *x.y , &z/y 2, *z/y , http://x]", [1, 1, 2, 2, "http://x"]),
        ("[!!str 1, c:d, 'it''s:so', \"a\\\\ud83d\"]", ["1", "c:d", "it's:so", "a\\ud83d"]),
        ("[\"\\ud83d\\udc4d\", '\\ud83d', c:d?e=f&g]", ["\U0001f44d", "\\ud83d", "c:d?e=f&g"]),
        ("\n  - |\n   &x.y: c:d?\n  - { u: c:d } # a:b?\n", ["&x.y: c:d?\n", {"u": "c:d"}]),
    ],
)  # fmt: skip
def test_what_is_yaml_does_not_depend_on_the_length(text: str, wanted: Any, length: int) -> None:
    assert value(f"long: {'x' * length}\nit: {text}\n")["it"] == wanted


def test_places_are_exact_where_libyaml_reads_other_characters() -> None:
    found = compose_document(Source("x", text := "{ a?: [http://x, b] }"), 0, len(text)).root
    assert (found.keys[0].text, found.items[0].items[0].text) == ("a?", "http://x")
    assert text[found.items[0].items[1].start] == "b"


def test_nothing_is_lost_after_a_document_that_only_yaml_1_2_takes() -> None:
    documents, faults = read("{ url: http://x }\n---\nb: 1\n---\n[:a]\n")
    assert (documents, faults) == ([{"url": "http://x"}, {"b": 1}, [":a"]], [])


def test_the_keys_one_and_true_are_two_keys() -> None:
    found = value("{ 1: a, true: b, 0: c, false: d, '1': e, 'true': f }")
    assert [(key, found[key]) for key in found] == [
        (1, "a"), (True, "b"), (0, "c"), (False, "d"), ("1", "e"), ("true", "f")
    ]  # fmt: skip
    assert type(value("{ 1: a, 2: b, true: c, false: d, 0.5: e }")) is not dict
    assert type(value("{ 2: b, true: c, false: d }")) is dict
    for text in (
        "{ 1: a, 1: b }",
        "{ true: a, True: b }",
        "{ 1: a, 1.0: b }",
        "{ '1': a, \"1\": b }",
    ):
        assert [fault.code for fault in read(text)[1]] == ["K002"]


def test_each_of_the_keys_one_and_true_and_their_texts_has_its_own_expression() -> None:
    keys = ("1", "true", "0", "false", "'1'", "'true'", "'0'", "'false'")
    names = "abcdefgh"
    text = ", ".join(f'{key}: "${{{{ {name} }}}}"' for key, name in zip(keys, names, strict=True))
    source = Source("x", f"{{ {text} }}")
    (document,), faults = read_stream(source)
    assert not faults
    template = compile_template(document.data)
    found = template.evaluate({name: name.upper() for name in names})
    assert [found[key] for key in (1, True, 0, False, "1", "true", "0", "false")] == [*"ABCDEFGH"]
    tree = parse_template(document.data)
    written = Document(source, document)
    places = [written.span(path).column for path in tree.scalars]
    assert len({*places}) == len(keys)
    assert places == sorted(places)
