"""What is taken from a secret is known to be: two secrets, two values, so the taint must say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer.taint.origins import CLEAN, Origin, Taint
from analyzer.taint.tracing import Tracer, traced, vetted_by
from kernel.cel import CelError, compile_template, parse

SECRET = Taint(frozenset((Origin("s", secret=True),)))
OUTSIDE = Taint(frozenset((Origin("x", outside=True),)))
RECORD = Taint(parts={"token": SECRET})
ENV = {"s": SECRET, "r": RECORD, "x": OUTSIDE}

texts = st.recursive(
    st.sampled_from(["s", "c", "'a'", "r.token", "r.id", "r['token']", "n.first"]),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("(flag ? {} : {})".format, inner, inner),
        st.builds("({}).lowerAscii()".format, inner),
        st.builds("({}).replace('a', {})".format, inner, inner),
        st.builds("'%s-%s'.format([{}, {}])".format, inner, inner),
        st.builds("[{}, {}][1]".format, inner, inner),
        st.builds("[{}, {}].join('-')".format, inner, inner),
        st.builds("({}).split('a').join('.')".format, inner),
        st.builds("{{'k': {}, 'l': {}}}.k".format, inner, inner),
        st.builds("cel.bind(v, {}, v + {})".format, inner, inner),
        st.builds("[{}].map(v, v + {})[0]".format, inner, inner),
        st.builds("[{}, {}].filter(v, true)[1]".format, inner, inner),
        st.builds("{{'k': {}}}.transformMap(k, v, v + {}).k".format, inner, inner),
        st.builds("optional.of({}).orValue({})".format, inner, inner),
        st.builds("{{'k': {}}}[?'l'].orValue({})".format, inner, inner),
        st.builds("[{}, {}].first().value()".format, inner, inner),
        st.builds("base64.encode(bytes({}))".format, inner),
    ),
    max_leaves=8,
)
values = st.one_of(
    texts,
    st.builds("[{}, {}]".format, texts, texts),
    st.builds("[[{}], [{}]]".format, texts, texts),
    st.builds("{{'a': {}, 'b': [{}, 'c']}}".format, texts, texts),
    st.builds("[{}, {}].map(v, {{'a': v, 'b': 'c'}})".format, texts, texts),
)


def value_of(text: str, secret: str, flag: bool) -> Any:
    bindings = {
        "s": secret,
        "c": "clear",
        "flag": flag,
        "r": {"token": secret, "id": "7"},
        "n": {"first": "Ada"},
    }
    try:
        return compile_template("${{ " + text + " }}").evaluate(bindings)
    except CelError as error:
        return type(error)


def differing(a: Any, b: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places where two values are not the same."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differing(a[key], b[key], (*path, key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differing(one, other, (*path, number))
    elif a != b:
        yield path


@given(values, st.booleans())
def test_what_depends_on_a_secret_is_tainted_where_it_does(text: str, flag: bool) -> None:
    taint = traced(compile_template("${{ " + text + " }}"), ENV)
    for path in differing(value_of(text, "hunter2", flag), value_of(text, "other7a", flag)):
        assert any(one.secret for one in taint.at(path).flat()), (text, path)


def trace(text: str, **env: Taint) -> Taint:
    return Tracer({**ENV, **env}).trace(parse(text))


def secret(text: str) -> bool:
    return any(one.secret for one in trace(text).flat())


def test_what_is_told_of_a_secret_is_not_the_secret() -> None:
    for text in ("size(s)", "s == 'a'", "s.startsWith('x')", "has(r.token)", "s in ['a']"):
        assert trace(text) == CLEAN, text
    assert trace("s == '' ? 'none' : 'some'") == CLEAN
    assert trace("['a'].exists(v, v == s)") == CLEAN


def test_the_parts_of_a_structure_are_told_apart() -> None:
    made = trace("{'a': s, 'b': [c, s]}")
    assert made.at(("a",)) == SECRET
    assert not made.at(("b", 0))
    assert made.at(("b", 1)) == SECRET
    assert secret("{'a': s}.a")
    assert not secret("{'a': s, 'b': c}.b")
    assert not secret("r.id")


def test_a_number_made_of_a_secret_is_a_secret() -> None:
    assert secret("int(s)")
    assert secret("-int(s) + 1")


def outside(text: str) -> set[bool]:
    """Whether origins from outside are mixed into a text."""
    return {one.mixed for one in trace(text).flat() if one.outside}


def test_concatenation_is_told_from_the_whole() -> None:
    assert outside("x") == {False}
    assert outside("x + 'a'") == {True}
    assert outside("'%s'.format([x])") == {True}
    assert outside("[x, 'a'].join(',')") == {True}
    assert outside("c ? x : 'a'") == {False}
    assert outside("x.trim()") == {False}


def test_what_can_hold_no_other_language_is_tame() -> None:
    for text in ("'a' + string(int(x))", "'a' + string(x * 2)", "'a' + string(size(x))"):
        assert outside(text) == set(), text


def test_a_condition_vouches_for_what_it_looks_at() -> None:
    assert outside("x in ['a', 'b'] ? 'from ' + x : ''") == set()
    assert outside("x == 'a' && c ? 'from ' + x : ''") == set()
    assert outside("!(x in ['a']) ? '' : 'from ' + x") == set()
    assert outside("x.matches('^[a-z]+$') ? 'from ' + x : ''") == set()
    assert outside("x in ['a'] || c ? 'from ' + x : ''") == {True}
    assert outside("x in ['a'] ? '' : 'from ' + x") == {True}
    assert list(vetted_by(parse("a.b == 'x' && c.d != 'y'"), True)) == [("a", "b")]
