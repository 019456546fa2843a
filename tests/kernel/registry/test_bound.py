"""Controllers that an embedding program binds: what is wrong with them is told before a start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from kernel import Kernel, UsageError, invocable, loads

CONTRACT = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
---
kind: Kernel.Definition
metadata: { name: Source, module: Shop }
capability: Provider
---
kind: Shop.Source
metadata: { name: S }
---
kind: Shop.Charge
metadata: { name: It }
"""

begun: list[str] = []


class Source:
    def __init__(self) -> None:
        begun.append("source")

    def provide(self) -> Mapping[str, Any]:
        return {}


def function(inputs: Any) -> Any:
    return inputs["a"]


async def with_call(inputs: Any, call: Any) -> Any:
    return inputs["a"] if call.id else None


class Class:
    def __init__(self, fields: Mapping[str, Any]) -> None: ...

    def invoke(self, inputs: Any) -> Any:
        return inputs["a"]


class Made:
    """Its instances have `invoke`, and the class has not."""

    def __init__(self) -> None:
        self.invoke = function


@invocable("Other.Name")
def decorated(a: int) -> int:
    return a


@pytest.mark.parametrize("controller", [function, with_call, Class, Class({}), Made, decorated])
def test_what_can_be_bound(controller: Any) -> None:
    async def main() -> Any:
        bound = {"Shop.Charge": controller, "Shop.Source": Source}
        async with Kernel(loads(CONTRACT), controllers=bound) as kernel:
            return await kernel.invoke("Shop.Charge/It", {"a": 5})

    assert asyncio.run(main()) == 5


def none() -> None: ...
def three(inputs: Any, call: Any, more: Any) -> None: ...
def by_name(inputs: Any, *, more: Any) -> None: ...
def typed(customer: str, amount: int) -> None: ...


class NoMethod: ...


class Needy(Class):
    def __init__(self, fields: Any, more: Any) -> None: ...


class Wide(Class):
    def invoke(self, inputs: Any, call: Any, more: Any) -> Any: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("kind", "controller", "said"),
    [
        ("Shop.Chrge", function, "there is no such kind; did you mean 'Shop.Charge'?"),
        ("Nowhere.At", function, "there are: Shop.Charge, Shop.Source"),
        ("Shop.Charge", three, "`three(inputs, call, more)` takes more than it gets"),
        ("Shop.Charge", by_name, "`by_name` needs the argument `more` by name"),
        ("Shop.Charge", typed, "decorate it with @invocable to get one argument for each input"),
        ("Shop.Charge", 5, "the controller of an Invocable has `invoke`; this has none"),
        ("Shop.Charge", NoMethod(), "has `invoke`; this has none"),
        ("Shop.Charge", Needy, "`Needy(fields, more)` takes more than it gets: `Needy(fields)`"),
        ("Shop.Charge", Wide, "`invoke(self, inputs, call, more)` takes more"),
        ("Shop.Source", function, "the controller of a Provider has `provide`; this has none"),
    ],
)
def test_what_cannot_be_bound_is_told_before_anything_runs(
    kind: str, controller: Any, said: str
) -> None:
    async def main() -> None:
        bound = {"Shop.Charge": function, "Shop.Source": Source, kind: controller}
        async with Kernel(loads(CONTRACT), controllers=bound):
            pass

    begun.clear()
    with pytest.raises(UsageError) as caught:
        asyncio.run(main())
    assert kind in str(caught.value)
    assert said in str(caught.value)
    assert begun == []


def test_a_class_whose_instances_have_no_method_is_told_at_the_start() -> None:
    async def main() -> None:
        bound = {"Shop.Charge": NoMethod, "Shop.Source": Source}
        async with Kernel(loads(CONTRACT), controllers=bound):
            pass

    with pytest.raises(UsageError, match=r"Shop\.Charge.*has `invoke`; this has none"):
        asyncio.run(main())


def test_a_kind_of_the_library_may_be_bound() -> None:
    said: list[str] = []
    text = "kind: Log.Print\nmetadata: { name: It }\n"

    async def main() -> None:
        bound = {"Log.Print": lambda inputs: said.append(inputs["message"])}
        async with Kernel(loads(text), controllers=bound) as kernel:
            await kernel.invoke("Log.Print/It", {"message": "hello"})

    asyncio.run(main())
    assert said == ["hello"]
