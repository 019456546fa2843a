"""The law behind K702: where it is silent, no retry makes an irreversible effect happen twice.

Topologies are generated and run, with calls that answer or fail as they like. A call took effect if
it returned, or failed with an unknown outcome.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Iterator
from itertools import product
from textwrap import indent
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from analyzer import check_text
from kernel import Failure, Kernel, loads
from tests.analyzer.support.effects import kind, sequence
from tests.support.properties import examples

SEND = kind(
    "Send",
    "safety: irreversible\nerrors:\n"
    "  BUSY: { retryable: true, outcome: failed }\n"
    "  REFUSED: { retryable: false, outcome: failed }\n"
    "  LOST: { retryable: true, outcome: unknown }",
    controller=False,
)
FIND = kind(
    "Find",
    "safety: idempotent\nerrors:\n  BUSY: { retryable: true }\n  GONE: { retryable: true }",
    controller=False,
)
ANSWERS = ("", "", "BUSY", "REFUSED", "LOST", "GONE")

LEAVES = st.sampled_from(["send", "again", "find", "find", "throw"])
STEPS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("catch"), inner, inner),
        st.tuples(st.just("swallow"), inner),
        st.tuples(st.just("finally"), inner, inner),
        st.tuples(st.just("either"), inner, inner),
        st.tuples(st.just("beside"), inner, inner),
        st.tuples(st.just("call"), inner),
    ),
    max_leaves=4,
)
CONDITIONS = (
    "error.code == 'BUSY'",
    "error.code == 'GONE'",
    "error.code in ['BUSY', 'OURS']",
    "error.code != 'LOST'",
    "error.code == 'BUSY' && error.attempt < 9",
)


class Writing:
    """Writes topologies down; each call has a number of its own."""

    def __init__(self) -> None:
        self.numbers = iter(range(1000))
        self.documents: list[str] = []

    def call(self, name: str, more: str = "") -> str:
        inputs = f"{{ site: {next(self.numbers)} }}"
        return f"- invoke: {{ kind: Shop.{name} }}\n  inputs: {inputs}\n{more}"

    def steps(self, shape: Any) -> str:
        match shape:
            case "send":
                return self.call("Send")
            case "again":
                return self.call("Send", "  retry: { attempts: 2 }\n")
            case "find":
                return self.call("Find")
            case "throw":
                return '- when: "${{ vars.strict }}"\n  throw: { code: OURS }\n'
            case ("both", first, second):
                return self.steps(first) + self.steps(second)
            case ("swallow", tried):
                return f"- try:\n{self.inner(tried)}  catch: []\n"
            case ("catch", tried, handler):
                return f"- try:\n{self.inner(tried)}  catch:\n{self.inner(handler)}"
            case ("finally", tried, ending):
                return f"- try:\n{self.inner(tried)}  finally:\n{self.inner(ending)}"
            case ("either", one, other):
                text = f'- if: "${{{{ vars.strict }}}}"\n  then:\n{self.inner(one)}'
                return f"{text}  else:\n{self.inner(other)}"
            case ("beside", one, other):
                branches = indent(f"a:\n{self.inner(one)}b:\n{self.inner(other)}", "    ")
                return f"- parallel:\n{branches}"
            case (_, inner):
                name = f"T{next(self.numbers)}"
                self.documents.append(sequence(name, self.steps(inner)))
                return f"- invoke: {{ kind: Run.Sequence, name: {name} }}\n"
        raise AssertionError(shape)

    def inner(self, shape: Any) -> str:
        return indent(self.steps(shape), "    ")


def manifest(shape: Any, when: str | None) -> str:
    """A topology of that shape under a retry."""
    writing = Writing()
    inner = sequence("Inner", writing.steps(shape))
    condition = "" if when is None else f', when: "${{{{ {when} }}}}"'
    main = sequence(
        "Main",
        f"- invoke: {{ kind: Run.Sequence, name: Inner }}\n  retry: {{ attempts: 3{condition} }}",
    )
    module = (
        "kind: Kernel.Module\nmetadata: { name: M }\n"
        "vars: { strict: { type: boolean } }\n"
        "targets: [{ invoke: { kind: Run.Sequence, name: Main } }]\n"
    )
    return "---\n".join((module, SEND, FIND, *writing.documents, inner, main))


loaded = functools.lru_cache(1)(loads)


def effects_of(text: str, strict: bool, answers: Iterator[str]) -> Counter[int]:
    """How often each call of what is irreversible took effect in one run."""
    effects: Counter[int] = Counter()

    def send(inputs: Any) -> None:
        code = next(answers, "")
        if code in ("", "LOST", "GONE"):
            effects[inputs["site"]] += 1
        if code in ("BUSY", "REFUSED", "LOST"):
            raise Failure("no", code=code)

    def find(inputs: Any) -> None:
        code = next(answers, "")
        if code in ("BUSY", "GONE"):
            raise Failure("no", code=code)

    async def main() -> None:
        controllers = {"Shop.Send": send, "Shop.Find": find}
        values = {"strict": strict}
        live = Kernel(loaded(text), values=values, environ={}, controllers=controllers)
        async with asyncio.timeout(20), live:
            await live.apply()

    asyncio.run(main())
    return effects


@examples(150)
@given(
    STEPS,
    st.sampled_from([None, *CONDITIONS]),
    st.booleans(),
    st.lists(st.sampled_from(ANSWERS), max_size=12),
)
def test_no_effect_happens_twice(
    shape: Any, when: str | None, strict: bool, answers: list[str]
) -> None:
    text = manifest(shape, when)
    told = any(one.code == "K702" for one in check_text(text).findings)
    event(f"told: {told}")
    if not told:
        assert all(n == 1 for n in effects_of(text, strict, iter(answers)).values())


@pytest.mark.parametrize("when", [None, *CONDITIONS[:4]])
@pytest.mark.parametrize("first", ["send", "find"])
@pytest.mark.parametrize("second", ["send", "find"])
def test_what_is_told_can_happen(first: str, second: str, when: str | None) -> None:
    """Of two calls in a row: it is told where some answers make an effect happen twice."""
    text = manifest(("both", first, second), when)
    told = any(one.code == "K702" for one in check_text(text).findings)
    twice = any(
        number > 1
        for answers in product(("", "BUSY", "LOST", "GONE"), repeat=3)
        for number in effects_of(text, True, iter(answers)).values()
    )
    assert told == twice
