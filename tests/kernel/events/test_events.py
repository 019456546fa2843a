"""Events: their types, their envelope, who is told of them, and what is never told."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Failure, Kernel
from kernel.events import REDACTED, Bus, Event, Redactor
from kernel.events.sinks import JsonLines
from tests.support.embedded import World, call, definition, resource, sequence

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)


async def echo(inputs: Any) -> Any:
    return dict(inputs)


class Lamp:
    """A Service."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def start(self, call: Any) -> None:
        call.ready({"url": "lamp://"})
        await self.over.wait()

    async def stop(self) -> None:
        self.over.set()


def test_every_type_of_the_life_of_resources_and_invocations() -> None:
    class Source:
        def provide(self) -> Any:
            return {"value": 1}

    steps = (
        call(name="Good", inputs={"n": 1}),
        {"try": [call("T.Bad", name=None, retry={"attempts": 2})], "catch": []},
        {"try": [call(name=None, inputs={"n": "x"})], "catch": []},
        {"try": [call("T.Slow", name=None, timeout=5)], "catch": []},
        {
            "try": [
                {"parallel": {"a": [call("T.Slow", name=None)], "b": [{"throw": {"code": 1}}]}}
            ],
            "catch": [],
        },
    )

    async def bad(inputs: Any) -> None:
        raise Failure("no")

    async def slow(inputs: Any) -> None:
        await asyncio.sleep(60)

    world = World(
        definition(inputs={"properties": {"n": {"type": "integer"}}}),
        definition("Bad"),
        definition("Slow"),
        definition("Lamp", capability="Service"),
        definition("Source", capability="Provider"),
        resource("T.Lamp", "Light"),
        resource("T.Source", "Spring"),
        sequence(*steps),
        Work=echo,
        Bad=bad,
        Slow=slow,
        Lamp=Lamp,
        Source=Source,
    )
    assert world.apply().outcome == "succeeded"
    told = [event.type for event in world.events]
    assert [kind for kind in told if not kind.endswith(".Initialized")] == [
        "T.Lamp.Light.Started",
        "T.Work.inline.Invoked",
        "T.Bad.inline.Retried",
        "T.Bad.inline.Failed",
        "T.Work.inline.Rejected",
        "T.Slow.inline.Failed",
        "T.Slow.inline.Cancelled",
        "Run.Sequence.Main.Invoked",
        "T.Lamp.Light.Stopped",
    ]
    began = [kind.removesuffix(".Initialized") for kind in told if kind.endswith(".Initialized")]
    places = ["T.Bad.inline", "T.Slow.inline", "T.Slow.inline", "T.Work.inline", "T.Work.inline"]
    assert sorted(began) == sorted(
        ["T.Source.Spring", "Run.Sequence.Main", "T.Lamp.Light", *places]
    )
    assert told.index("T.Source.Spring.Initialized") < told.index("T.Lamp.Light.Initialized")
    assert told.index("T.Lamp.Light.Initialized") < told.index("T.Lamp.Light.Started")


def test_the_envelope_is_cloudevents() -> None:
    world = World(definition(), sequence(call(inputs={"n": 1})), Work=echo)
    world.apply()
    inner, outer = (event.to_dict() for event in world.events if event.type.endswith(".Invoked"))
    assert inner["specversion"] == "1.0"
    assert inner["type"] == "T.Work.inline.Invoked"
    assert inner["datacontenttype"] == "application/json"
    assert inner["data"] == {"n": 1}
    assert inner["subject"] == "steps.Call"
    assert inner["source"] == f"/runs/{inner['run']}"
    assert datetime.fromisoformat(inner["time"]).utcoffset() is not None
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in inner)
    assert str(uuid.UUID(inner["id"])) == inner["id"] != outer["id"]
    assert inner["run"] == outer["run"]
    assert inner["invocation"] != outer["invocation"]
    assert inner["correlationid"] == outer["correlationid"]
    json.dumps(inner)


def test_the_events_of_resources_have_an_envelope_too() -> None:
    world = World(
        definition("Lamp", capability="Service"),
        resource("T.Lamp", "Light"),
        sequence(),
        Lamp=Lamp,
    )
    world.apply()
    for event in world.events:
        envelope = event.to_dict()
        assert envelope["specversion"] == "1.0"
        assert envelope["id"]
        assert envelope["source"]
        json.dumps(envelope)
    started = next(one for one in world.events if one.type == "T.Lamp.Light.Started")
    assert started.data == {"url": "lamp://"}


def test_an_event_says_what_failed() -> None:
    async def bad(inputs: Any) -> None:
        raise Failure("no", code="NO", data={"a": 1})

    world = World(definition(), sequence(call(retry={"attempts": 2})), Work=bad)
    world.apply()
    failed = next(event for event in world.events if event.type == "T.Work.inline.Failed")
    assert failed.data["attempt"] == 2
    assert failed.data["error"]["code"] == "NO"
    assert failed.data["error"]["data"] == {"a": 1}


# Who is told


def test_subscribers_choose_by_pattern() -> None:
    seen: dict[str, list[str]] = {"*": [], "*.Invoked": [], "T.Work.*": [], "t.work.*": []}
    world = World(definition(), sequence(call()), Work=echo)
    ends = [
        world.kernel.subscribe(lambda event, s=said: s.append(event.type), pattern)
        for pattern, said in seen.items()
    ]
    world.apply()
    assert set(seen["T.Work.*"]) == {"T.Work.inline.Initialized", "T.Work.inline.Invoked"}
    assert seen["*.Invoked"] == ["T.Work.inline.Invoked", "Run.Sequence.Main.Invoked"]
    assert seen["t.work.*"] == []
    before = len(seen["*"])
    for end in ends:
        end()
        end()
    assert before >= 4
    world.kernel.bus.tell(world.kernel.bus.subscribers("X"), Event("X", None, 0, dict))
    assert len(seen["*"]) == before


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_subscriber_that_fails_harms_nothing_and_is_reported_once(
    asynchronous: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def bad(event: Event) -> None:
        raise ValueError("deaf")

    async def bad_later(event: Event) -> None:
        await asyncio.sleep(0)
        raise ValueError("deaf")

    after: list[str] = []
    world = World(definition(), sequence(call(), call(name="Again")), Work=echo)
    world.kernel.subscribe(bad_later if asynchronous else bad)
    world.kernel.subscribe(lambda event: after.append(event.type))
    assert world.apply().outcome == "succeeded"
    assert "T.Work.inline.Invoked" in after
    assert capsys.readouterr().err.count("deaf") == 1


def test_asynchronous_subscribers_are_waited_for_at_the_end() -> None:
    heard: list[str] = []

    async def slow(event: Event) -> None:
        await asyncio.sleep(0.02)
        heard.append(event.type)

    world = World(definition(), sequence(call()), Work=echo)
    world.kernel.subscribe(slow, "*.Invoked")
    world.apply()
    assert heard == ["T.Work.inline.Invoked", "Run.Sequence.Main.Invoked"]


def test_a_subscriber_that_never_ends_does_not_keep_the_kernel() -> None:
    reported: list[str] = []

    async def main() -> None:
        bus = Bus(reported.append)

        async def never(event: Event) -> None:
            await asyncio.sleep(60)

        bus.subscribe(never)
        bus.tell(bus.subscribers("X"), Event("X", None, 0, dict))
        await bus.drain(0.02)

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 5
    assert len(reported) == 1


def test_events_are_lines_of_json(tmp_path: Path) -> None:
    world = World(definition(), sequence(call(inputs={"t": "ø\n✓"})), Work=echo)
    with JsonLines(tmp_path / "events.jsonl") as sink:
        world.kernel.subscribe(sink)
        world.apply()
    with JsonLines(tmp_path / "events.jsonl") as sink:
        sink(Event("More", {"n": 1}, 0, lambda: {"id": "1", "source": "/"}))
    lines = (tmp_path / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert [one["type"] for one in events[:-1]] == [one.type for one in world.events]
    assert events[-1]["type"] == "More"
    assert {"t": "ø\n✓"} in [one["data"] for one in events]


# What is never told

SECRET = "hunter2-very-secret"

MODULE = {
    "kind": "Kernel.Module",
    "metadata": {"name": "M"},
    "secrets": {"token": {"type": "string"}},
}


def told(world: World) -> str:
    return json.dumps([event.to_dict() for event in world.events], ensure_ascii=False)


def test_a_secret_is_redacted_wherever_it_turns_up() -> None:
    async def leaky(inputs: Any, call: Any) -> Any:
        if call.attempt == 1:
            raise Failure(f"bad token {inputs['token']}", data={inputs["token"]: [inputs["token"]]})
        return {"said": f"token {inputs['token']}", inputs["token"]: True}

    steps = call(inputs={"token": "${{ secrets.token }}"}, retry={"attempts": 2})
    world = World(MODULE, definition(), sequence(steps), values={"token": SECRET}, Work=leaky)
    assert world.apply().result["Call"]["said"] == f"token {SECRET}"
    assert SECRET not in told(world)
    assert REDACTED in told(world)


@pytest.mark.parametrize(
    "step",
    [
        {"throw": {"code": "E", "message": "it is ${{ secrets.token }}"}},
        {"value": "${{ {'a': 1}[secrets.token] }}"},
        {"value": "${{ timestamp(secrets.token) }}"},
        {"value": "${{ int(secrets.token) }}"},
        {"value": "${{ 'a'.matches('[' + secrets.token) }}"},
        call(inputs={"n": "${{ secrets.token }}"}),
        call(inputs={"e": "${{ secrets.token }}"}),
        {"switch": "${{ secrets.token }}", "cases": {"a": []}},
        call("T.Bad", inputs={"t": "${{ secrets.token }}"}),
    ],
)
def test_no_error_message_holds_a_secret(step: Any) -> None:
    async def bad(inputs: Any) -> Any:
        raise ValueError(f"cannot use {inputs['t']}")

    schema = {"properties": {"n": {"type": "integer"}, "e": {"enum": ["a"]}}}
    world = World(
        MODULE,
        definition(inputs=schema),
        definition("Bad"),
        sequence(step),
        values={"token": SECRET},
        Work=echo,
        Bad=bad,
    )
    error = world.apply().error
    assert error is not None
    assert SECRET not in error.message
    assert SECRET not in str(error)
    assert SECRET not in told(world)


def test_secrets_by_schema_are_redacted_in_events() -> None:
    schema = {
        "type": "object",
        "properties": {
            "user": {"type": "string"},
            "session": {
                "type": "object",
                "properties": {"key": {"type": "string", "x-kernel-secret": True}},
            },
            "all": {"type": "array", "items": {"type": "integer", "x-kernel-secret": True}},
        },
    }
    made = {"user": "ada", "session": {"key": "s3cr3t-key"}, "all": [271828, 314159]}

    async def login(inputs: Any) -> Any:
        return made

    world = World(definition(outputs=schema), sequence(call(), result="${{ 1 }}"), Work=login)
    world.apply()
    invoked = next(one for one in world.events if one.type == "T.Work.inline.Invoked")
    assert invoked.data["user"] == "ada"
    assert invoked.data["session"]["key"] == REDACTED
    assert not re.search("s3cr3t|271828|314159", told(world))


def test_logs_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async def chatty(inputs: Any, call: Any) -> None:
        call.log(f"token {inputs['t']}", level="warning", token=inputs["t"])

    step = call(inputs={"t": "${{ secrets.token }}"})
    world = World(MODULE, definition(), sequence(step), values={"token": SECRET}, Work=chatty)
    world.apply()
    (record,) = caplog.records
    assert SECRET not in record.getMessage()
    assert SECRET not in str(record.__dict__)


@given(JSON, st.lists(st.text(min_size=4, max_size=8), min_size=1, max_size=3))
def test_no_secret_is_left_in_any_value(value: Any, secrets: list[str]) -> None:
    redactor = Redactor(secrets)
    mixed = {"a": [value, f"x{secrets[0]}y"], secrets[-1]: value}
    shown = redactor.value(mixed)
    texts = list(texts_of(shown))
    for secret in secrets:
        assert not any(secret in text.replace(REDACTED, "") for text in texts)


@given(JSON)
def test_what_holds_no_secret_is_the_same_object(value: Any) -> None:
    assert Redactor(["\x00never\x00"]).value(value) is value


def texts_of(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def test_short_secrets_make_no_nonsense_of_other_values() -> None:
    value = {"x": 1, "a": "x", "b": ["xyz", 7], "7": "of 7"}
    assert Redactor(["x", "7", "xyz", ""]).value(value) is value


def test_a_kernel_without_subscribers_makes_no_events() -> None:
    async def main() -> tuple[Any, ...]:
        from kernel import loads
        from tests.support.embedded import text_of

        async with Kernel(loads(text_of(sequence())), environ={}) as kernel:
            await kernel.apply()
            return kernel.bus.subscribers("Run.Sequence.Main.Invoked")

    assert asyncio.run(main()) == ()
