"""What is accepted of workflows and routers does not fail: the generators of sequences again.

Generated sequences are written as workflows, in any order, with ``needs``; routers are put before
kinds. What the analyzer finds is taken out, circles too, and what is left has to hold.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.analyzer.support.walks import walk
from tests.analyzer.support.whole import whole
from tests.analyzer.support.workflows import as_workflow, with_workflows
from tests.analyzer.test_soundness_whole import hold_walk, hold_whole
from tests.support.properties import examples, part, partial


def run_walk(seed: int) -> bool:
    """Whether the workflow of a seed is accepted in the end; then its runs do not fail."""
    made = walk(seed)
    made["kind"] = "Flow.Workflow"
    as_workflow(made, random.Random(f"nodes {seed}"))
    return hold_walk(made, seed)


def run_whole(seed: int) -> bool:
    """Whether a manifest of workflows, routers and bodies is accepted; then it does not fail."""
    made = whole(seed)
    with_workflows(made, seed)
    return hold_whole(made, seed)


@examples(30, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_workflows_does_not_fail(seed: int) -> None:
    run_walk(seed)


@partial
def test_many_workflows_are_accepted() -> None:
    made = part(30)
    assert sum(run_walk(seed) for seed in range(made)) > made * 2 / 3


@pytest.mark.long
def test_what_is_accepted_of_workflows_does_not_fail_in_a_long_run() -> None:
    """At least 1,000 accepted workflows, each run several times."""
    accepted = seed = 0
    while accepted < 1_000:
        seed += 1
        accepted += run_walk(8_000_000 + seed)


@examples(8, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_is_accepted_of_manifests_of_workflows_does_not_fail(seed: int) -> None:
    run_whole(seed)


@partial
def test_many_manifests_of_workflows_are_accepted() -> None:
    made = part(12)
    assert sum(run_whole(seed) for seed in range(made)) > made / 2


@pytest.mark.long
def test_what_is_accepted_of_manifests_of_workflows_does_not_fail_in_a_long_run() -> None:
    """At least 75 accepted manifests of some thirty steps, each run several times."""
    accepted = seed = 0
    while accepted < 75:
        seed += 1
        accepted += run_whole(9_000_000 + seed)
