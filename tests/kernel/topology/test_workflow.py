"""`Flow.Workflow`: nodes run once what they need has ended, whatever their order in the file."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Failure, Kernel, ManifestError, loads
from tests.support.embedded import Resource, World, call, definition, resource, text_of
from tests.support.properties import examples


def workflow(*nodes: Any, name: str = "Main", **fields: Any) -> Resource:
    return resource("Flow.Workflow", name, nodes=list(nodes), **fields)


class Work:
    """Notes who began and who ended; fails for those that it is told."""

    def __init__(self, *failing: str, pause: int = 3) -> None:
        self.failing = failing
        self.pause = pause
        self.noted: list[str] = []
        self.here = self.most = 0

    async def invoke(self, inputs: Any) -> Any:
        name = inputs["name"]
        self.noted.append(f"{name} began")
        self.here += 1
        self.most = max(self.most, self.here)
        for _ in range(self.pause):
            await asyncio.sleep(0)
        self.here -= 1
        if name in self.failing:
            self.noted.append(f"{name} failed")
            raise Failure(f"{name} failed", code=name.upper())
        self.noted.append(f"{name} ended")
        return name

    def order(self, first: str, second: str) -> bool:
        """Whether the first had ended when the second began."""
        return self.noted.index(f"{first} ended") < self.noted.index(f"{second} began")


def node(name: str, *needs: str, reads: tuple[str, ...] = (), **fields: Any) -> Any:
    inputs: dict[str, Any] = {"name": name}
    for number, read in enumerate(reads):
        inputs[f"r{number}"] = f"${{{{ steps.{read}.result }}}}"
    return call(name=name, inputs=inputs, **({"needs": list(needs)} if needs else {}), **fields)


def apply(work: Work, *nodes: Any, inputs: Any = None, **fields: Any) -> Any:
    return World(definition(), workflow(*nodes, **fields), Work=work).apply(inputs)


def test_the_order_of_the_file_means_nothing() -> None:
    work = Work()
    result = apply(work, node("c", reads=("b",)), node("a"), node("b", "a"))
    assert result.result == {"a": "a", "b": "b", "c": "c"}
    assert work.order("a", "b")
    assert work.order("b", "c")


def test_independent_nodes_run_at_once() -> None:
    work = Work(pause=40)
    apply(work, *(node(f"n{number}") for number in range(20)))
    assert work.most == 20


def test_no_more_nodes_at_once_than_parallelism_says() -> None:
    work = Work(pause=40)
    apply(work, *(node(f"n{number}") for number in range(20)), parallelism=3)
    assert work.most == 3


def test_a_node_may_be_of_any_form_and_is_waited_for_by_who_reads_what_is_inside() -> None:
    work = Work()
    nodes = (
        node("last", reads=("inner", "each")),
        {"name": "branch", "if": "${{ steps.first.result == 'first' }}", "then": [node("inner")]},
        {"name": "each", "forEach": "${{ [1, 2] }}", "do": [{"value": "${{ item * 2 }}"}]},
        node("first"),
    )
    result = apply(work, *nodes, result="${{ steps.last.result }}")
    assert result.result == "last"
    assert work.order("first", "inner")
    assert work.order("inner", "last")


def test_a_result_of_nodes_is_that_of_the_nodes_alone() -> None:
    inner = {"name": "outer", "if": "${{ true }}", "then": [{"name": "inner", "value": 1}]}
    assert apply(Work(), inner).result == {"outer": 1}


def test_a_node_that_is_skipped_is_waited_for_and_what_needs_it_runs() -> None:
    work = Work()
    guarded = "${{ has(steps.b.result) ? steps.b.result : 'none' }}"
    nodes = (
        node("c", "b"),
        node("b", "a", when="${{ false }}"),
        node("a"),
        {"name": "d", "value": guarded},
    )
    result = apply(work, *nodes)
    assert result.result == {"a": "a", "c": "c", "d": "none"}
    assert work.order("a", "c")


def test_after_a_failure_no_node_begins_and_those_at_work_end() -> None:
    work = Work("bad", pause=2)

    async def slow(inputs: Any) -> str:
        for _ in range(20):
            await asyncio.sleep(0)
        work.noted.append("slow ended")
        return "slow"

    slow_node = call("T.Slow", "slow", inputs={})
    kinds = definition(), definition("Slow")
    nodes = (node("after", "bad"), node("bad"), slow_node, node("next", "slow"))
    result = World(*kinds, workflow(*nodes), Work=work, Slow=slow).apply()
    assert (result.outcome, result.error.code, result.error.step) == ("failed", "BAD", "bad")
    assert work.noted == ["bad began", "bad failed", "slow ended"]


def test_with_continue_what_does_not_depend_on_the_failed_node_goes_on() -> None:
    work = Work("bad", "worse")
    nodes = (
        node("bad"),
        node("needs", "bad"),
        node("reads", reads=("needs",)),
        node("other"),
        node("last", "other"),
        node("worse", "last"),
    )
    result = apply(work, *nodes, onFailure="continue")
    assert (result.outcome, result.error.code) == ("failed", "BAD"), "the first error"
    assert {one for one in work.noted if one.endswith("began")} == {
        "bad began", "other began", "last began", "worse began",
    }  # fmt: skip


def test_a_node_sees_what_it_waits_for_and_nothing_else() -> None:
    nodes = (
        {"name": "a", "value": 1},
        {"name": "b", "value": "${{ steps.a.result }}"},
        {"name": "other", "value": 2},
        {"name": "all", "value": "${{ steps.map(k, k) }}", "needs": ["b"]},
        {"name": "none", "value": "${{ size(steps) }}"},
    )
    result = apply(Work(), *nodes).result
    assert (sorted(result["all"]), result["none"]) == (["a", "b"], 0)


def faults(*nodes: Any, **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(ManifestError) as caught:
        World(definition(), workflow(*nodes, **fields), Work=Work()).apply()
    return [(fault.code, fault.message) for fault in caught.value.faults]


CIRCLES = [
    ([node("a", "b"), node("b", "a")], "these nodes wait for each other: a → b → a"),
    ([node("a", reads=("b",)), node("b", "c"), node("c", reads=("a",))], "a → b → c → a"),
    ([node("a", "a")], "the node a waits for itself"),
    ([node("a", reads=("a",))], "the node a waits for itself"),
    ([{"name": "a", "if": "${{ true }}", "then": [node("x", reads=("b",))]},
      node("b", reads=("x",))], "these nodes wait for each other: a → b → a"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "said"), CIRCLES)
def test_a_circle_is_shown_as_its_path(nodes: list[Any], said: str) -> None:
    ((code, message),) = faults(*nodes)
    assert code == "K203"
    assert said in message


@pytest.mark.parametrize(
    ("nodes", "fields", "wrong"),
    [
        ([node("alpha"), node("b", "alhpa")], {}, ("K201", "there is no node `alhpa`")),
        ([node("a", needs="b")], {}, ("K007", "`needs` is a list of names of nodes")),
        ([node("a")], {"onFailure": "stop"}, ("K007", "")),
        ([node("a")], {"parallelism": 0}, ("K007", "")),
        ([node("a")], {"onFailure": "${{ 'fail' }}"}, ("K008", "CEL is not evaluated")),
        ([{"if": "${{ true }}", "then": [node("x", "a")]}, node("a")], {}, ("K003", "needs")),
    ],
)
def test_what_is_wrong_is_said(nodes: list[Any], fields: Any, wrong: tuple[str, str]) -> None:
    said = faults(*nodes, **fields)
    assert any(code == wrong[0] and wrong[1] in message for code, message in said), said


BODY = """
kind: Kernel.Definition
metadata: { name: Both, module: T }
capability: Invocable
schema: { type: object, properties: { by: { type: integer } }, required: [by] }
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
body:
  topology: Workflow
  nodes:
    - { name: Sum, value: "${{ steps.One.result + steps.Two.result }}" }
    - { name: One, value: "${{ inputs.n * self.by }}" }
    - { name: Two, value: "${{ inputs.n + self.by }}" }
  result: "${{ steps.Sum.result }}"
---
kind: T.Both
metadata: { name: Main }
by: 10
"""

OWN_KIND = """
kind: Kernel.Definition
metadata: { name: Pipeline, module: T }
capability: Invocable
topology: Workflow
schema:
  type: object
  properties:
    stages: { x-kernel-role: nodes }
    atOnce: { x-kernel-role: parallelism, type: integer }
    gives: { x-kernel-role: result, x-kernel-eval: call }
    takes: { x-kernel-role: inputs }
---
kind: T.Pipeline
metadata: { name: Main }
takes: { type: object, properties: { n: { type: integer } }, required: [n] }
atOnce: 1
stages:
  - { name: Sum, value: "${{ steps.One.result + steps.Two.result }}" }
  - { name: One, value: "${{ inputs.n * 10 }}" }
  - { name: Two, value: "${{ inputs.n + 10 }}" }
gives: "${{ steps.Sum.result }}"
"""


@pytest.mark.parametrize("text", [BODY, OWN_KIND])
def test_a_users_own_kind_has_the_same_engine(text: str) -> None:
    async def main() -> Any:
        async with Kernel(loads(text)) as kernel:
            main = f"{kernel.manifest.root.resources['Main'].kind}/Main"
            return await kernel.invoke(main, {"n": 2})

    assert asyncio.run(main()) == 32


@examples(60)
@given(st.integers(0, 2**32), st.integers(1, 14), st.one_of(st.none(), st.integers(1, 4)))
def test_any_graph_runs_in_its_order(seed: int, count: int, most: int | None) -> None:
    """Every node runs once, after all that it needs, and sees their results."""
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(count)]
    needs = {one: [n for n in names[:at] if rng.random() < 0.3] for at, one in enumerate(names)}
    reads = {one: [n for n in needs[one] if rng.random() < 0.5] for one in names}
    nodes = [
        node(one, *(n for n in needs[one] if n not in reads[one]), reads=tuple(reads[one]))
        for one in names
    ]
    rng.shuffle(nodes)
    work = Work(pause=rng.randint(0, 3))
    result = apply(work, *nodes, **({} if most is None else {"parallelism": most}))
    assert result.result == {one: one for one in names}
    assert sorted(work.noted) == sorted(f"{n} {word}" for n in names for word in ("began", "ended"))
    assert all(work.order(need, one) for one in names for need in needs[one])
    assert work.most <= (most or count)


@examples(60)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from(["fail", "continue"]))
def test_after_failures_nothing_runs_that_depends_on_them(seed: int, count: int, how: str) -> None:
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(count)]
    needs = {one: [n for n in names[:at] if rng.random() < 0.3] for at, one in enumerate(names)}
    bad = [one for one in names if rng.random() < 0.2]
    work = Work(*bad, pause=rng.randint(0, 3))
    nodes = [node(one, *needs[one]) for one in names]
    rng.shuffle(nodes)
    result = apply(work, *nodes, onFailure=how)
    lost: set[str] = set()
    for one in names:
        if one in bad or not lost.isdisjoint(needs[one]):
            lost.add(one)
    began = [one.split()[0] for one in work.noted if one.endswith("began")]
    failed = [one.split()[0] for one in work.noted if one.endswith("failed")]
    assert all(lost.isdisjoint(needs[one]) for one in began)
    if not failed:
        assert result.outcome == "succeeded"
        assert set(began) == set(names)
        return
    assert (result.outcome, result.error.code) == ("failed", failed[0].upper())
    if how == "continue":
        assert set(began) == {one for one in names if lost.isdisjoint(needs[one])}


def test_a_cancelled_workflow_cancels_its_nodes() -> None:
    gone: list[str] = []

    async def wait(inputs: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            gone.append(inputs["name"])
            raise

    nodes = [node(f"n{number}") for number in range(3)]
    outer = resource(
        "Run.Sequence", "Main", steps=[call("Flow.Workflow", "W", timeout=50, nodes=nodes)]
    )
    outer["steps"][0]["invoke"] = {"kind": "Flow.Workflow", "name": "Inner"}
    outer["steps"][0].pop("nodes")
    result = World(definition(), workflow(*nodes, name="Inner"), outer, Work=wait).apply(
        target="Run.Sequence/Main"
    )
    assert result.error is not None
    assert result.error.code == "TIMEOUT"
    assert sorted(gone) == ["n0", "n1", "n2"]


def test_a_manifest_of_a_workflow_can_be_read_as_text() -> None:
    assert loads(text_of(workflow(node("a")), definition())).root.resources["Main"]
