"""What is accepted does not fail, and its value is of the inferred type (analyzer.md)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from analyzer import infer
from kernel import Kernel, loads
from kernel.cel import CelEvaluationError, Limits, compile
from kernel.schema import compile_schema
from tests.analyzer.support import expressions
from tests.analyzer.support.topologies import Topology, topology
from tests.analyzer.support.untried import found_in
from tests.support.properties import examples, part, partial

PREVENTED = {"no-overload", "no-such-key", "no-such-name", "index"}
PER_SCHEMA = 20
VALUES = 8
LIMITS = Limits(steps=20_000, size=200_000)


def accepted(expression: str, names: dict[str, Any]) -> Any:
    """The inference of an expression that is accepted: no finding but infos, nothing unknown."""
    inference = infer(expression, names)
    if any(one.severity != "info" for one in inference.diagnostics) or inference.type.has_dyn:
        return None
    return inference


def hold(seed: int) -> int:
    """Check expressions over schemas of a seed; gives how many were accepted."""
    rng = random.Random(seed)
    names = {name: expressions.schema(rng) for name in ("x", "y")}
    conform = {name: compile_schema(schema).conform for name, schema in names.items()}
    bindings = [
        {name: conform[name](expressions.value(rng, schema)) for name, schema in names.items()}
        for _ in range(VALUES)
    ]
    count = 0
    for _ in range(PER_SCHEMA):
        expression = expressions.expression(rng, names)
        inference = accepted(expression, names)
        if inference is not None:
            count += 1
            program = compile(expression, limits=LIMITS)
            for binding in bindings:
                _check(expression, names, program, binding, inference.type)
    return count


def _check(expression: str, names: Any, program: Any, binding: Any, type_: Any) -> None:
    case = f"{expression}\nwith {binding}\nof {names}\nis {type_}"
    reason = None
    result = None
    try:
        result = program.evaluate(binding)
    except CelEvaluationError as error:
        reason = error.reason
    assert reason not in PREVENTED, case
    assert reason or type_.contains(result), f"{case}\ngives {result!r}"


@examples(40, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_does_not_fail(seed: int) -> None:
    hold(seed)


@partial
def test_many_expressions_are_accepted() -> None:
    """The law above would be easy to keep if nothing were accepted."""
    made = part(40)
    assert sum(hold(seed) for seed in range(made)) > made * PER_SCHEMA * 0.25


@pytest.mark.long
def test_what_is_accepted_does_not_fail_in_a_long_run() -> None:
    """At least 20,000 accepted expressions, each with several values."""
    count = seed = 0
    while count < 20_000:
        seed += 1
        count += hold(1_000_000 + seed)


# Topologies

HARMLESS = {"K307", "K308", "K601", "K602", "K701", "K705", "K707", "K901"}
"""What says that a thing is useless, not that it may fail: more is held to be accepted."""

RUNS = 4


def run_accepted(seed: int) -> bool:
    """Whether the topology of a seed is accepted; then its runs do not fail for what is known."""
    made = topology(seed)
    findings = found_in(made.text)
    if any(one.weight != "info" and one.code not in HARMLESS for one in findings):
        return False
    asyncio.run(_run(made, seed))
    return True


async def _run(made: Topology, seed: int) -> None:
    rng = random.Random(seed)
    controllers = {f"T.{kind.name}": kind.controller(rng) for kind in made.kinds}
    async with Kernel(loads(made.text), controllers=controllers) as kernel:
        for _ in range(RUNS):
            inputs = expressions.value(rng, made.inputs)
            result = await kernel.apply("Run.Sequence/Main", inputs)
            if result.error is not None:
                _may_fail(result.error.to_cel(), f"seed {seed} with {inputs}: {made.text}")


def _may_fail(error: dict[str, Any], case: str) -> None:
    """What the topology throws and what a kind declares; arithmetic and budgets."""
    case = f"{error}\n{case}"
    if "is not a JSON number" in error["message"]:
        return  # arithmetic: NaN and the infinities
    assert error["kind"] in ("Thrown", "ControllerError", "ExpressionError"), case
    if error["kind"] == "ExpressionError":
        reason = (error["data"] or {}).get("reason")
        assert reason in ("overflow", "division-by-zero", "budget", "bad-argument"), case


@examples(60, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_topologies_does_not_fail(seed: int) -> None:
    run_accepted(seed)


@partial
def test_many_topologies_are_accepted() -> None:
    made = part(100)
    assert sum(run_accepted(seed) for seed in range(made)) > made * 0.35


@pytest.mark.long
def test_what_is_accepted_of_topologies_does_not_fail_in_a_long_run() -> None:
    """At least 1,500 accepted topologies, each run several times."""
    count = seed = 0
    while count < 1_500:
        seed += 1
        count += run_accepted(2_000_000 + seed)
