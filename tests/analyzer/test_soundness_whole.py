"""What is accepted of whole manifests does not fail; and manifests that once were, and did.

The second generator: it differs from that of ``test_soundness`` in that it guesses. Schemas have
all keywords, expressions all functions, steps read what may not have run; what the analyzer finds
is taken out, and what is left has to hold.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from analyzer import check_text, infer
from kernel import Kernel, loads
from kernel.cel import CelEvaluationError, Limits, compile
from kernel.schema import InvalidSchema, SchemaError, compile_schema
from tests.analyzer.support.shapes import shape, value
from tests.analyzer.support.signed import Signed, reads, smaller
from tests.analyzer.support.untried import found_in
from tests.analyzer.support.walks import pause, text_of, walk
from tests.analyzer.support.walks import without as without_in_walk
from tests.analyzer.support.whole import GONE, Whole, whole, without
from tests.support.properties import examples, part, partial

FOUND = {
    "a guard that another branch changes": """
        steps:
          - parallel:
              left: [{ name: B, value: 1 }]
              right: [{ name: A, value: 2, when: "${{ has(steps.B.result) }}" }]
        result: "${{ has(steps.B.result) ? steps.A.result : 0 }}"
    """,
    "a guard over the item of an outer loop": """
        steps:
          - forEach: [1]
            do:
              - { name: A, value: 2, when: "${{ item > 3 }}" }
              - forEach: [7]
                do: [{ name: P, value: "${{ item > 3 ? steps.A.result : 0 }}" }]
        result: 1
    """,
    "a guard over an outer error": """
        steps:
          - try: [{ throw: { code: X, message: one } }]
            catch:
              - { name: A, value: 2, when: "${{ error.message == 'two' }}" }
              - try: [{ throw: { code: Y, message: two } }]
                catch: [{ name: P, value: "${{ error.message == 'two' ? steps.A.result : 0 }}" }]
        result: 1
    """,
    "a condition that its own branch changes": """
        steps:
          - do:
              - if: "${{ has(steps.B.result) }}"
                then: [{ throw: { code: X } }]
                else: [{ name: B, value: 1 }]
              - { name: A, value: 2, when: "${{ !has(steps.B.result) }}" }
              - { name: P, value: "${{ steps.A.result }}" }
            until: "${{ steps.P.result == 2 }}"
            maxIterations: 3
        result: 1
    """,
    "a guard over the step around": """
        steps:
          - do:
              - name: B
                do: [{ name: A, value: 2, when: "${{ has(steps.B.result) }}" }]
                until: "${{ inputs.flag }}"
                maxIterations: 2
              - { name: P, value: "${{ has(steps.B.result) ? steps.A.result : 0 }}" }
            until: "${{ steps.P.result == 2 }}"
            maxIterations: 3
        result: 1
    """,
    "a condition over the step itself": """
        steps:
          - do:
              - name: X
                when: "${{ has(steps.X.skipped) }}"
                throw: { code: X }
              - { name: A, value: 2, when: "${{ !has(steps.X.skipped) }}" }
              - { name: P, value: "${{ steps.A.result }}" }
            until: "${{ steps.P.result == 2 }}"
            maxIterations: 3
        result: 1
    """,
    "two readings that vouch for each other": """
        steps:
          - if: "${{ inputs.flag }}"
            then: [{ if: "${{ !inputs.flag }}", then: [{ name: A, value: 1 }] }]
          - name: P
            when: >-
              ${{ (inputs.flag || steps.A.skipped) && (inputs.flag || steps.A.skipped) }}
            value: 1
        result: "${{ has(steps.P.result) }}"
    """,
    "a reading that one after it vouches for": """
        steps:
          - if: "${{ inputs.flag }}"
            then: [{ name: A, value: 1 }]
            else: [{ name: B, value: 1 }]
          - { name: P, when: "${{ steps.A.skipped || steps.B.skipped }}", value: 1 }
        result: "${{ has(steps.P.result) }}"
    """,
    "a reading that relies on one that relies on it": """
        steps:
          - if: "${{ inputs.flag }}"
            then: [{ name: A, value: 2 }]
          - if: "${{ inputs.flag }}"
            then: [{ name: B, value: 1 }]
          - name: P
            when: "${{ !(steps.A.result > 1 || inputs.flag) && steps.B.skipped }}"
            value: 1
        result: "${{ has(steps.P.result) }}"
    """,
    "a step in the index of a guard": """
        steps:
          - { name: A, value: k, when: "${{ inputs.flag }}" }
          - name: P
            when: "${{ steps.A.skipped }}"
            value: "${{ has({'k': {'f': 1}}[?steps.A.result].f) }}"
        result: "${{ has(steps.P.result) }}"
    """,
}
"""Steps that may not have run where they are read, each once taken for one that has."""

_HEAD: dict[str, Any] = {
    "kind": "Run.Sequence",
    "metadata": {"name": "Main"},
    "inputs": {
        "type": "object",
        "properties": {"flag": {"type": "boolean"}},
        "required": ["flag"],
    },
}


@pytest.mark.parametrize("name", FOUND)
def test_a_step_that_may_not_have_run_is_told(name: str) -> None:
    text = yaml.safe_dump({**_HEAD, **yaml.safe_load(FOUND[name])}, sort_keys=False)
    assert "K503" in {one.code for one in check_text(text, "found.yaml").findings}


@pytest.mark.parametrize("data", ["{1: 2, '1': 3}", "[optional.of(1)]", "type(1)"])
def test_what_an_error_carries_is_json(data: str) -> None:
    error = {"code": "X", "data": {"why": f"${{{{ {data} }}}}"}}
    document = {**_HEAD, "steps": [{"name": "A", "throw": error}], "result": 1}
    found = check_text(yaml.safe_dump(document, sort_keys=False), "found.yaml").findings
    assert [one.code for one in found] == ["K402"]


ROW: dict[str, Any] = {
    "type": "object",
    "properties": {"f": {"type": "integer"}, "r": {"type": "integer"}},
    "required": ["r"],
    "additionalProperties": False,
}
KINDS: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"tag": {"const": tag}, tag: {"type": "integer"}},
            "required": ["tag", tag],
            "additionalProperties": False,
        }
        for tag in ("a", "b")
    ]
}
NAMES: dict[str, Any] = {
    "x": ROW,
    "l": {"type": "array", "items": {"type": "integer"}},
    "u": {"type": "array", "items": KINDS, "minItems": 1},
}

_CARD: dict[str, Any] = {"properties": {"card": {"type": "integer"}}, "required": ["card"]}
_IBAN: dict[str, Any] = {"properties": {"iban": {"type": "integer"}}, "required": ["iban"]}
NAMES |= {
    "s": {"type": "string"},
    "loose": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": []},
    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    "open": {"anyOf": [{"type": "object", **one} for one in (_CARD, _IBAN)]},
    "half": {
        "anyOf": [
            {"type": "object", **_CARD},
            {"type": "object", **_IBAN, "additionalProperties": False},
        ]
    },
    "paid": {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": "object", **one} for one in (_CARD, _IBAN)]},
    },
}

REFUSED = {
    "has(open.card) ? open.card + 1 : 0": "K407",
    "has(open.iban) ? open.iban + 1 : open.card": "K407",
    "'card' in open ? open['card'] + 1 : 0": "K407",
    "open.?card.orValue(1) + 1": "K407",
    "has(paid[0].card) ? paid[0].card + 1 : 0": "K407",
    "paid.filter(p, has(p.card)).map(p, p.card + 1)": "K407",
    "has(open.card) && type(open.card) == map && has(open.card.n) ? open.card.n : 1": "K407",
    "loose.exists(k, v, v)": "K407",
    "loose.transformList(k, v, v + 1)": "K407",
    "s in loose ? loose[s] + 1 : 0": "K407",
    "x.?f.value()": "K501",
    "cel.bind(o, x.?f, o.value())": "K501",
    "has(x.f) || x.?f.value() > 1": "K501",
    "x.?f.or(x.?f).value()": "K501",
    "l.first().value()": "K501",
    "l[?0].value()": "K501",
    "optional.none().value()": "K501",
    "math.greatest(l)": "K507",
    "math.least(l.map(e, e))": "K507",
}
TAKEN = (
    "loose.exists(k, v, v == 1)",
    "loose.exists(k, v, type(v) == int && v > 1)",
    "loose.all(k, k != '')",
    "s in loose && type(loose[s]) == int ? loose[s] + 1 : 0",
    "counts.transformList(k, v, v + 1).size()",
    "has(half.card) ? half.card + 1 : half.iban",
    "has(open.card) && type(open.card) == int ? open.card + 1 : 0",
    "has(open.card) && open.card == 1",
    "has(open.card) ? 1 : open.iban + 1",
    "paid.filter(p, has(p.card) && type(p.card) == int).map(p, p.card + 1)",
    "x.?r.value()",
    "has(x.f) ? x.?f.value() : 1",
    "x.?f.hasValue() ? x.?f.value() : 1",
    "!x.?f.hasValue() || x.?f.value() > 1",
    "cel.bind(o, x.?f, o.hasValue() ? o.value() : 1)",
    "x.?f.or(optional.of(1)).value()",
    "size(l) > 0 ? l.first().value() + l[?0].value() : 1",
    "size(l) > 0 ? math.greatest(l) : 1",
    "u[0].tag == 'a' ? u[0].a : u[0].b",
)


@pytest.mark.parametrize("expression", REFUSED)
def test_an_optional_and_an_extreme_need_a_guard(expression: str) -> None:
    assert REFUSED[expression] in {one.code for one in infer(expression, NAMES).diagnostics}


@pytest.mark.parametrize("expression", TAKEN)
def test_guarded_optionals_and_extremes_are_taken(expression: str) -> None:
    assert not [one for one in infer(expression, NAMES).diagnostics if one.severity != "info"]


def test_what_always_fails_may_stand_where_it_is_not_needed() -> None:
    expression = "optional.of(1).orValue(math.least([]))"
    assert infer(expression, {}).type.contains(compile(expression).evaluate({}))


# Expressions -------------------------------------------------------------------------------------

PER_SCHEMA = 15
VALUES = 8
LIMITS = Limits(steps=20_000, size=200_000)
LEFT = {"overflow", "division-by-zero", "budget", "bad-argument"}
"""Arithmetic, budgets, and texts that cannot be converted."""


def hold(seed: int) -> tuple[int, int]:
    """Check expressions over schemas of a seed; gives how many were made and how many accepted."""
    rng = random.Random(seed)
    names = {name: shape(rng) for name in ("x", "y")}
    bindings = _bindings(rng, names)
    accepted = 0
    for _ in range(PER_SCHEMA if bindings else 0):
        sample = rng.choice(bindings)
        found = [one for name in names for one in reads(rng, name, sample[name])]
        expression = Signed(rng, found).expression()
        failure = _failure(expression, names, bindings)
        if failure:
            least = smaller(expression, lambda one: bool(_failure(one, names, bindings)))
            pytest.fail(f"{least}\n{_failure(least, names, bindings)}\nof {names} (seed {seed})")
        accepted += failure is not None
    return PER_SCHEMA if bindings else 0, accepted


def _bindings(rng: random.Random, names: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        compiled = {name: compile_schema(schema) for name, schema in names.items()}
    except InvalidSchema:
        return []
    made = []
    for _ in range(VALUES):
        try:
            made.append({name: value(rng, compiled[name], names[name]) for name in names})
        except SchemaError:
            continue
    return made


def _failure(expression: str, names: dict[str, Any], bindings: list[Any]) -> str | None:
    """How an accepted expression fails, or an empty text; None where it is not accepted."""
    inference = infer(expression, names)
    if any(one.severity != "info" for one in inference.diagnostics) or inference.type.has_dyn:
        return None
    program = compile(expression, limits=LIMITS)
    for binding in bindings:
        try:
            result = program.evaluate(binding)
        except CelEvaluationError as error:
            if error.reason not in LEFT:
                return f"with {binding}: {error}"
            continue
        if not inference.type.contains(result):
            return f"with {binding}: {result!r} is not {inference.type}"
    return ""


@examples(25, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_guesses_does_not_fail(seed: int) -> None:
    hold(seed)


@partial
def test_many_guesses_are_accepted() -> None:
    made, accepted = map(sum, zip(*map(hold, range(part(20))), strict=True))
    assert accepted > made / 3


@pytest.mark.long
def test_what_is_accepted_of_guesses_does_not_fail_in_a_long_run() -> None:
    """At least 10,000 accepted expressions, each with several values."""
    accepted = seed = 0
    while accepted < 10_000:
        seed += 1
        accepted += hold(3_000_000 + seed)[1]


# Manifests ---------------------------------------------------------------------------------------

HARMLESS = {
    "K011", "K307", "K308", "K601", "K602", "K701", "K705", "K707", "K901",
}  # fmt: skip
"""Warnings which say that a thing is useless, not that it may fail."""

ROUNDS = 14
RUNS = 3


def run_whole(seed: int) -> bool:
    """Whether the manifest of a seed is accepted in the end; then its runs do not fail."""
    return hold_whole(whole(seed), seed)


def hold_whole(made: Whole, seed: int) -> bool:
    """Whether a manifest is accepted in the end; then its runs, drawn by a seed, do not fail."""
    if not mended(made):
        return False
    asyncio.run(_run(made, seed))
    return True


def mended(made: Whole) -> bool:
    """Take out what the analyzer finds, until it finds nothing."""
    for _ in range(ROUNDS):
        found = found_in(made.text)
        faults = [one for one in found if one.weight != "info" and one.code not in HARMLESS]
        if not faults:
            return True
        for one in faults:
            assert one.span is not None
            number = (one.span.line - 1) // 2
            if made.documents[number] != GONE:
                without(made, number, one.path)
        if GONE in made.documents:
            return False
    return False


async def _run(made: Whole, seed: int) -> None:
    rng = random.Random(seed)
    manifest = loads(made.text)
    async with Kernel(manifest, controllers=made.controllers(rng)) as kernel:
        for _ in range(RUNS):
            inputs = made.inputs.sample(rng)
            result = await kernel.apply(f"{made.documents[-1]['kind']}/Main", inputs)
            if result.error is not None:
                case = f"seed {seed} with {inputs}:\n{made.text}"
                _may_fail(result.error.to_cel(), case)


def _may_fail(error: dict[str, Any], case: str) -> None:
    case = f"{error}\n{case}"
    if "is not a JSON number" in error["message"]:
        return  # arithmetic: NaN and the infinities
    assert error["kind"] in ("Thrown", "ControllerError", "ExpressionError"), case
    if error["code"] == "NO_CASE":  # a code of the kernel's own, which leads to no case
        assert str(error["step"]).startswith("Code"), case
    elif error["kind"] == "ExpressionError":
        assert (error["data"] or {}).get("reason") in LEFT, case


@examples(8, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_whole_manifests_does_not_fail(seed: int) -> None:
    run_whole(seed)


@partial
def test_many_whole_manifests_are_accepted() -> None:
    made = part(12)
    assert sum(run_whole(seed) for seed in range(made)) > made / 2


@pytest.mark.long
def test_what_is_accepted_of_whole_manifests_does_not_fail_in_a_long_run() -> None:
    """At least 150 accepted manifests of some thirty steps, each run several times."""
    accepted = seed = 0
    while accepted < 150:
        seed += 1
        accepted += run_whole(4_000_000 + seed)


# Walks -------------------------------------------------------------------------------------------


def run_walk(seed: int) -> bool:
    """Whether the small steps of a seed are accepted in the end; then their runs do not fail."""
    return hold_walk(walk(seed), seed)


def hold_walk(sequence: dict[str, Any], seed: int) -> bool:
    """Whether a topology is accepted in the end; then its runs, drawn by a seed, do not fail."""
    for _ in range(ROUNDS):
        found = found_in(text_of(sequence))
        faults = [one for one in found if one.weight != "info" and one.code not in HARMLESS]
        if not faults:
            asyncio.run(_run_walk(sequence, seed))
            return True
        if not all(without_in_walk(sequence, one.path) for one in faults):
            return False
    return False


async def _run_walk(sequence: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    text = text_of(sequence)
    async with Kernel(loads(text), controllers={"T.Pause": pause(rng)}) as kernel:
        for _ in range(6):
            inputs = {"p": rng.random() < 0.5, "q": rng.random() < 0.5, "s": rng.choice("abc")}
            result = await kernel.apply(f"{sequence['kind']}/Main", inputs)
            if result.error is not None:
                error = result.error.to_cel()
                assert error["kind"] == "Thrown", f"{error}\nseed {seed} with {inputs}:\n{text}"


@examples(30, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_walks_does_not_fail(seed: int) -> None:
    run_walk(seed)


@partial
def test_many_walks_are_accepted() -> None:
    made = part(30)
    assert sum(run_walk(seed) for seed in range(made)) > made * 2 / 3


@pytest.mark.long
def test_what_is_accepted_of_walks_does_not_fail_in_a_long_run() -> None:
    """At least 2,500 accepted sequences, each run several times."""
    accepted = seed = 0
    while accepted < 2_500:
        seed += 1
        accepted += run_walk(5_000_000 + seed)
