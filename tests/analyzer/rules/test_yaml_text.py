"""K005: what readers of YAML 1.1 and 1.2 take for different values."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from analyzer.report import Finding
from analyzer.rules.yaml_text import coercions
from kernel.manifest.document import Document
from kernel.manifest.source import Source
from kernel.manifest.stream import read_stream
from tests.support.properties import examples


def documents(text: str) -> list[Document]:
    source = Source("example.yaml", text)
    read, faults = read_stream(source)
    assert not faults
    return [Document(source, one) for one in read]


def found(text: str) -> list[Finding]:
    return [finding for document in documents(text) for finding in coercions(document)]


def shown(text: str) -> list[str]:
    """The parts of the text that are found."""
    lines = text.splitlines()
    spans = [finding.span for finding in found(text)]
    assert all(span and span.line == span.end_line for span in spans)
    return [lines[s.line - 1][s.column - 1 : s.end_column - 1] for s in spans if s]


def fixed(text: str) -> str:
    lines = text.splitlines(keepends=True)
    for finding in reversed(found(text)):
        span, fix = finding.span, finding.fix
        assert span
        assert fix
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + fix.text + line[span.end_column - 1 :]
    return "".join(lines)


def as_older(text: str) -> Any:
    """What a reader of YAML 1.1 takes it for."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reader.load(text)


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


SCALARS = st.one_of(
    st.from_regex(r"[-+]?[0-9][0-9_:xob.]{0,7}", fullmatch=True),
    st.from_regex(r"[-+]?(0b[01_]{1,5}|0x[0-9aF_]{1,4}|0o?[0-9]{1,4})", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{1,2}(:[0-6]?[0-9]){1,2}(\.[0-9]?)?", fullmatch=True),
    st.sampled_from(["yes", "No", "ON", "off", "oN", "true", "null", "~", "y", "N", "none", "a"]),
)
UNREADABLE = re.compile(r"[-+]?(0b_+|0x_+)|.*\._*|[yYnN]")
TEXTS = SCALARS.filter(lambda text: not text.endswith(":") and not UNREADABLE.fullmatch(text))


@given(TEXTS)
@example("0o14")
@example("08")
@example("012")
@example("00")
@example("22:22")
@example("1_000.5")
@examples(500)
def test_found_is_what_the_older_reader_takes_for_another_value(scalar: str) -> None:
    newer = documents(f"a: {scalar}")[0].data["a"]
    differs = not same(newer, as_older(f"a: {scalar}")["a"])
    assert shown(f"a: {scalar}") == ([scalar] if differs else [])


@given(TEXTS)
@examples(300)
def test_what_is_fixed_is_the_same_for_both(scalar: str) -> None:
    text = f"a: {scalar}"
    mended = fixed(text)
    assert same(documents(mended)[0].data["a"], documents(text)[0].data["a"])
    assert not found(mended)
    if mended != text:
        assert same(as_older(mended)["a"], documents(mended)[0].data["a"])


@pytest.mark.parametrize(
    "text",
    [
        "day: 2026-01-01",
        "at: 2026-01-01T00:00:00Z",
        "size: { x: 1, y: 2, n: 3 }",
        "rate: 1e3",
        "rates: [1.5e3, -2E-5, 0.5, .5, 0, -0, 07]",
        "quoted: [\"no\", 'on', \"012\", '12:30']",
        "# no: on\nname: note on yes # no",
        "text: |\n  no\n  on: 012\n",
        "text: >-\n  012\n",
        "tagged: [!!str no, !!str 012, &a !!str 12:30, *a]",
        "words: [true, False, null, ~, None, Yes please, onto]",
        "versions: [1.2.3, 10.0.0.1, v012, 012a, 1-2, 12:99]",
        "expression: ${{ 012 }}",
        "address: https://example.com:0443/no",
        "hexadecimal: [0x1F, 0xff]",
    ],
)
def test_silent(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "scalars"),
    [
        ("type: string\nenum: [yes, no]", ["yes", "no"]),
        ("on: { push: off }", ["on", "off"]),
        ("- a: 1\n- No:\n    deep: [[012]]", ["No", "012"]),
        ("ports:\n  - 22:22", ["22:22"]),
        ("? NO\n: 1", ["NO"]),
        ('{"mode":0755,"b":[0o14,08]}', ["0755", "0o14", "08"]),
        ("a: &mode 0755\nb: *mode\nc: *mode", ["0755"]),
        ("größe: 1_000 # no", ["1_000"]),
        ("012: a", ["012"]),
        ("a: no\n---\nb: 1\n---\nc: 012\n", ["no", "012"]),
    ],
)
def test_found(text: str, scalars: list[str]) -> None:
    assert shown(text) == scalars


def test_what_is_said() -> None:
    text, number, key = found("a: no\nb: [012]\non: 1")
    assert text.message == 'the value `no` is the text "no" here, and false in YAML 1.1'
    assert (text.path, text.help) == (("a",), "write false if that is meant")
    assert text.fix
    assert (text.fix.title, text.fix.text) == ("put it in quotes", '"no"')
    assert number.message == "the value `012` is 12 here, and 10 in YAML 1.1"
    assert number.fix
    assert (number.path, number.help) == (("b", 0), 'write "012" for text')
    assert (number.fix.title, number.fix.text) == ("write 12", "12")
    assert key.message == 'the key `on` is the text "on" here, and true in YAML 1.1'


def test_a_place_with_a_fault_is_left_to_it() -> None:
    document = documents("a: no\nb: on")[0]
    assert len(list(coercions(document, {document.span(("a",))}))) == 1
