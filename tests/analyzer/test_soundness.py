"""What is accepted does not fail, and its value is of the inferred type (analyzer.md)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer import infer
from kernel.cel import CelEvaluationError, Limits, compile
from kernel.schema import compile_schema

from . import expressions

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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_does_not_fail(seed: int) -> None:
    hold(seed)


def test_many_expressions_are_accepted() -> None:
    """The law above would be easy to keep if nothing were accepted."""
    assert sum(hold(seed) for seed in range(40)) > 40 * PER_SCHEMA * 0.25


@pytest.mark.long
def test_what_is_accepted_does_not_fail_in_a_long_run() -> None:
    """At least 20,000 accepted expressions, each with several values."""
    count = seed = 0
    while count < 20_000:
        seed += 1
        count += hold(1_000_000 + seed)
