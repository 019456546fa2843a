"""The life of resources: up by need, down in the opposite order, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from kernel import InvalidState, ManifestError, ValidationError
from tests.support.embedded import World, call, definition, resource, sequence

LOAD = {"x-kernel-eval": "load"}
FIELDS = {"type": "object", "properties": {"says": LOAD, "uses": LOAD, "next": {}}}


def kinds() -> list[Any]:
    return [
        definition("Source", capability="Provider", schema=FIELDS),
        definition("Lamp", capability="Service", schema=FIELDS),
        definition("Tool", schema=FIELDS),
    ]


class Diary:
    """Controllers that note what happens to them, in one list."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        diary = self

        class Source:
            def __init__(self, fields: Any) -> None:
                self.says = fields.get("says", "?")
                diary.notes.append(f"make {self.says}")

            async def provide(self) -> Any:
                if self.says == "broken":
                    raise ValueError("no way up")
                diary.notes.append(f"provide {self.says}")
                return {"said": self.says}

            async def close(self) -> None:
                diary.notes.append(f"close {self.says}")

        class Lamp:
            def __init__(self, fields: Any) -> None:
                self.says = fields.get("says", "?")
                self.over = asyncio.Event()

            async def start(self, call: Any) -> None:
                if self.says == "broken":
                    raise ValueError("no way up")
                diary.notes.append(f"start {self.says}")
                call.ready({"said": self.says})
                if self.says == "short":
                    await asyncio.sleep(0.05)
                    return
                if self.says == "fails":
                    await asyncio.sleep(0.05)
                    raise ValueError("burnt out")
                await self.over.wait()

            async def stop(self) -> None:
                diary.notes.append(f"stop {self.says}")
                self.over.set()

            def close(self) -> None:
                diary.notes.append(f"close {self.says}")

        class Tool:
            def __init__(self, fields: Any) -> None:
                self.says = fields.get("says", "?")

            async def invoke(self, inputs: Any) -> str:
                diary.notes.append(f"use {self.says}")
                return str(self.says)

            def close(self) -> None:
                diary.notes.append(f"close {self.says}")

        self.controllers = {"Source": Source, "Lamp": Lamp, "Tool": Tool}

    def world(self, *resources: Any) -> World:
        return World(*kinds(), *resources, **self.controllers)


def test_up_by_need_and_down_in_the_opposite_order() -> None:
    diary = Diary()
    world = diary.world(
        resource("T.Lamp", "L", says="lamp ${{ resources.B.said }}"),
        resource("T.Tool", "Tool", says="tool"),
        resource("T.Source", "B", says="b after ${{ resources.A.said }}"),
        resource("T.Source", "A", says="a"),
        sequence(call("T.Tool", name="Use") | {"invoke": {"kind": "T.Tool", "name": "Tool"}}),
    )
    assert world.apply().outcome == "succeeded"
    notes = [note for note in diary.notes if not note.startswith("make")]
    assert notes == [
        "provide a",
        "provide b after a",
        "start lamp b after a",
        "use tool",
        "stop lamp b after a",
        "close lamp b after a",
        "close tool",
        "close b after a",
        "close a",
    ]


def test_each_comes_up_once_however_many_need_it() -> None:
    diary = Diary()
    world = diary.world(
        *(
            resource("T.Source", f"S{n}", says=f"s{n}", uses="${{ resources.A.said }}")
            for n in "12"
        ),
        resource("T.Source", "A", says="a"),
        sequence(),
    )
    world.apply()
    assert diary.notes.count("provide a") == diary.notes.count("close a") == 1


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        ({"A": "A"}, None),
        ({"A": "B", "B": "A"}, "T.Source/A → T.Source/B → T.Source/A"),
        ({"A": "B", "B": "C", "C": "B"}, "T.Source/B → T.Source/C → T.Source/B"),
    ],
)
def test_a_circle_of_needs_is_an_error_with_its_path(needs: Any, path: str | None) -> None:
    diary = Diary()
    world = diary.world(
        *(
            resource("T.Source", name, says=name, uses=f"${{{{ resources.{other}.said }}}}")
            for name, other in needs.items()
        ),
        sequence(),
    )
    with pytest.raises((InvalidState, ManifestError)) as caught:
        world.apply()
    if path is not None:
        assert path in str(caught.value)
    assert not any(note.startswith("provide") for note in diary.notes)


@pytest.mark.parametrize("kind", ["T.Source", "T.Lamp"])
def test_what_had_come_up_is_taken_down_when_another_fails(kind: str) -> None:
    diary = Diary()
    world = diary.world(
        resource("T.Source", "A", says="a"),
        resource("T.Lamp", "L", says="good", uses="${{ resources.A.said }}"),
        resource(kind, "Bad", says="broken", uses="${{ resources.L.said }}"),
        sequence(),
    )
    with pytest.raises(Exception, match="no way up") as caught:
        world.apply()
    assert f"{kind}/Bad" in str(caught.value)
    order = [note for note in diary.notes if note.split()[0] in ("stop", "close")]
    assert [note for note in order if "broken" not in note] == [
        "stop good",
        "close good",
        "close a",
    ]
    assert "close broken" in order


@pytest.mark.parametrize(("says", "why"), [("short", "ended before"), ("fails", "burnt out")])
def test_a_service_that_ends_by_itself_fails_the_run(says: str, why: str) -> None:
    diary = Diary()
    waits = {"invoke": {"kind": "Time.Sleep"}, "inputs": {"ms": 60_000}}
    steps = {"try": [waits], "finally": [{"invoke": {"kind": "T.Tool", "says": "tidy"}}]}
    world = diary.world(resource("T.Lamp", "L", says=says), sequence(steps))
    began = time.monotonic()
    result = world.apply()
    assert time.monotonic() - began < 10
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.code == "SERVICE_FAILED"
    assert "T.Lamp/L" in result.error.message
    assert why in result.error.message
    assert "use tidy" in diary.notes


def test_services_alone_run_until_they_are_stopped() -> None:
    diary = Diary()
    world = diary.world(resource("T.Lamp", "L", says="l"))

    async def work(kernel: Any) -> Any:
        task = asyncio.ensure_future(kernel.apply())
        await asyncio.sleep(0.1)
        assert not task.done()
        await kernel.stop()
        return await task

    assert world.during(work).outcome == "succeeded"
    assert diary.notes == ["start l", "stop l", "close l"]


def test_services_alone_that_fail_end_the_run() -> None:
    result = Diary().world(resource("T.Lamp", "L", says="fails")).apply()
    assert result.error is not None
    assert "burnt out" in result.error.message


def test_what_was_stopped_cannot_be_called() -> None:
    world = Diary().world(resource("T.Tool", "Tool", says="tool"))

    async def work(kernel: Any) -> None:
        assert await kernel.invoke("T.Tool/Tool") == "tool"
        await kernel.stop()
        with pytest.raises(InvalidState, match="stopped"):
            await kernel.invoke("T.Tool/Tool")

    world.during(work)


def test_a_service_that_does_not_stop_is_cancelled() -> None:
    cancelled: list[bool] = []

    class Deaf:
        async def start(self) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

    world = World(
        definition("Deaf", capability="Service"), resource("T.Deaf", "D"), sequence(), Deaf=Deaf
    )
    began = time.monotonic()
    assert world.apply().outcome == "succeeded"
    assert cancelled == [True]
    assert time.monotonic() - began < 10


def test_a_failing_close_keeps_nobody_else_up(caplog: pytest.LogCaptureFixture) -> None:
    diary = Diary()

    class Odd:
        def provide(self) -> Any:
            return {}

        def close(self) -> None:
            raise ValueError("stuck")

    world = World(
        *kinds(),
        definition("Odd", capability="Provider"),
        resource("T.Source", "A", says="a"),
        resource("T.Odd", "O"),
        sequence(),
        Odd=Odd,
        **diary.controllers,
    )
    assert world.apply().outcome == "succeeded"
    assert "close a" in diary.notes
    assert "T.Odd/O" in caplog.text
    assert "stuck" in caplog.text


def test_a_provider_that_publishes_no_mapping_is_refused() -> None:
    class Odd:
        def provide(self) -> Any:
            return 7

    world = World(
        definition("Odd", capability="Provider"), resource("T.Odd", "O"), sequence(), Odd=Odd
    )
    with pytest.raises(InvalidState, match=r"T\.Odd/O"):
        world.apply()


def test_what_a_field_needs_is_evaluated_validated_and_pointed_at() -> None:
    fields = {"type": "object", "properties": {"n": {"type": "integer", **LOAD}}}
    world = World(
        definition("Number", schema=fields),
        definition("Source", capability="Provider", schema=FIELDS),
        resource("T.Source", "A", says="text"),
        resource("T.Number", "N", n="${{ resources.A.said }}"),
        sequence(),
        Number=lambda inputs: None,
        Source=Diary().controllers["Source"],
    )
    with pytest.raises(ManifestError) as caught:
        world.apply()
    (fault,) = caught.value.faults
    assert fault.code == "K007"
    assert fault.path == ("n",)


def test_a_kernel_can_serve_many_runs_at_once() -> None:
    async def work(inputs: Any) -> Any:
        await asyncio.sleep(0.01)
        return inputs

    world = World(definition(), resource("T.Work", "W"), Work=work)

    async def many(kernel: Any) -> Any:
        return await asyncio.gather(*(kernel.invoke("T.Work/W", {"n": n}) for n in range(200)))

    assert world.during(many) == [{"n": n} for n in range(200)]
    assert len({event.to_dict()["run"] for event in world.events if "Invoked" in event.type}) == 200


def test_invoke_raises_what_apply_gives() -> None:
    world = World(
        definition(inputs={"type": "object", "required": ["n"]}),
        resource("T.Work", "W"),
        Work=lambda inputs: inputs,
    )

    async def work(kernel: Any) -> None:
        with pytest.raises(ValidationError):
            await kernel.invoke("T.Work/W", {})
        assert (await kernel.apply("T.Work/W", {})).outcome == "rejected"
        assert await kernel.invoke("W", {"n": 1}) == {"n": 1}

    world.during(work)


def test_source_principal_and_correlation_are_the_callers() -> None:
    fields = ("source", "principal", "correlationId")
    inputs = {name: f"${{{{ invocation.{name} }}}}" for name in fields}
    echo = {"kind": "Run.Sequence", "steps": [], "result": "${{ inputs }}"}
    step = {"name": "Echo", "invoke": echo, "inputs": inputs}
    world = World(sequence(step))

    async def work(kernel: Any) -> Any:
        return await kernel.invoke("Main", source="cron", principal="ada", correlation_id="c-1")

    expected = {"source": "cron", "principal": "ada", "correlationId": "c-1"}
    assert world.during(work) == {"Echo": expected}
    assert world.events[-1].to_dict()["correlationid"] == "c-1"


TELLS = {"type": "object", "properties": {"said": {"type": "integer"}}, "required": ["said"]}


@pytest.mark.parametrize("capability", ["Provider", "Service"])
def test_what_is_published_keeps_the_contract_of_the_kind(capability: str) -> None:
    class Gives:
        def __init__(self, fields: Any) -> None:
            self.published = {"said": fields["says"]}
            self.over = asyncio.Event()

        async def provide(self) -> Any:
            return self.published

        async def start(self, call: Any) -> None:
            call.ready(self.published)
            await self.over.wait()

        async def stop(self) -> None:
            self.over.set()

    def outcome_of(says: Any) -> Any:
        kind = definition("Gives", capability=capability, schema=FIELDS, outputs=TELLS)
        reads = {"name": "Reads", "value": "${{ resources.G.said + 1 }}"}
        main = sequence(reads, result="${{ steps.Reads.result }}")
        return World(kind, resource("T.Gives", "G", says=says), main, Gives=Gives).apply()

    assert outcome_of(2.0).result == 3
    message = r"what T\.Gives/G published breaks its contract: said: must be an integer"
    with pytest.raises(InvalidState, match=message):
        outcome_of("two")
