"""What a controller does to its inputs it does to nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from kernel import ValidationError
from tests.support.embedded import World, call, definition, resource, sequence

ROUNDS = "${{ [1, 2, 3] }}"


@pytest.mark.parametrize("schema", [None, {"type": "object", "required": ["list"]}])
@pytest.mark.parametrize(
    "inputs",
    [
        {"list": [1], "map": {"a": [2]}},
        {"list": [1], "map": {"a": [2]}, "cel": "${{ item }}"},
        {"list": [1], "map": {"a": [2], "cel": "${{ [item] }}"}},
        {"list": [1], "map": {"a": [2], "cel": "${{ invocation.attempt }}"}},
    ],
)
def test_each_call_gets_its_own_constants(inputs: Any, schema: Any) -> None:
    async def changes(given: Any) -> Any:
        seen = [list(given["list"]), list(given["map"]["a"])]
        given["map"]["a"].append(3)
        given.pop("list").append(4)
        return seen

    loop = {"name": "Each", "forEach": ROUNDS, "do": [call(inputs=inputs)]}
    fields = {} if schema is None else {"inputs": schema}
    world = World(definition(**fields), sequence(loop), Work=changes)
    assert world.apply().result == {"Each": [[[1], [2]]] * 3}


def test_each_attempt_gets_the_same_inputs() -> None:
    seen: list[Any] = []

    def changes(given: Any) -> None:
        seen.append(repr(given))
        given["list"].append(4)
        given.clear()
        raise ValueError("again")

    step = call(inputs={"list": "${{ [1] }}"}, retry={"attempts": 3})
    World(definition(), sequence(step), Work=changes).apply()
    assert seen == ["{'list': [1]}"] * 3


@pytest.mark.parametrize("odd", [{"a": {1}}, {"a": object()}, {1: 2, "1": 3}, {"a": float("nan")}])
def test_inputs_from_python_are_json_without_a_schema_too(odd: Any) -> None:
    async def outer(inputs: Any, call: Any) -> Any:
        return await call.invoke("T.Work/W", odd)

    world = World(
        definition(),
        definition("Outer"),
        resource("T.Work", "W"),
        sequence(call("T.Outer")),
        Work=lambda inputs: None,
        Outer=outer,
    )
    for target in (None, "T.Work/W"):
        result = world.apply(odd if target else None, target)
        assert isinstance(result.error, ValidationError)
        world = World(definition(), resource("T.Work", "W"), Work=lambda inputs: None)
