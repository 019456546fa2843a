"""The order of starts and stops, over whole graphs of references and several modules."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import InvalidState, Kernel, load
from kernel.registry import services
from kernel.structs import struct
from tests.support.embedded import World, definition, resource, sequence
from tests.support.properties import examples

LOAD = {"x-kernel-eval": "load"}
REFERENCES = {"type": "array", "items": {"x-kernel-ref": "Provider"}}
FIELDS = {
    "type": "object",
    "properties": {
        "says": {},
        "fails": {},
        "reads": {"type": "array", "items": LOAD},
        "asks": {"type": "array", "items": {"x-kernel-eval": "call"}},
        "sources": REFERENCES,
        "lamps": {"type": "array", "items": {"x-kernel-ref": "Service"}},
    },
}
KINDS = {"Source": "Provider", "Lamp": "Service"}


class Diary:
    """Controllers that note their starts and stops."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.up: list[str] = []
        self.down: list[str] = []
        diary = self

        class Source:
            def __init__(self, fields: Any) -> None:
                self.name = fields["says"]
                self.fails = fields.get("fails", False)

            def _begin(self) -> None:
                diary.tried.append(self.name)
                if self.fails:
                    raise ValueError(f"{self.name} is broken")
                diary.up.append(self.name)

            async def provide(self) -> Any:
                self._begin()
                return {"said": self.name}

            def close(self) -> None:
                if not self.fails:
                    diary.down.append(self.name)

        class Lamp(Source):
            async def start(self, call: Any) -> None:
                self.over = asyncio.Event()
                self._begin()
                call.ready({"said": self.name})
                await self.over.wait()

            async def stop(self) -> None:
                self.over.set()

        self.controllers = {"T.Source": Source, "T.Lamp": Lamp}


@struct
class Node:
    """A Provider or a Service; ``needs`` are earlier nodes, by reference or in CEL."""

    name: str
    kind: str
    in_import: bool
    needs: tuple[tuple[int, bool], ...]
    fails: bool


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 9))):
        in_import = draw(st.booleans())
        reachable = [n for n, one in enumerate(nodes) if one.in_import or not in_import]
        wanted = draw(st.lists(st.sampled_from(reachable), unique=True)) if reachable else []
        # `resources` holds those of the module itself.
        needs = tuple((n, nodes[n].in_import is in_import and draw(st.booleans())) for n in wanted)
        kind = draw(st.sampled_from(sorted(KINDS)))
        fails = draw(st.integers(0, 4)) == 0
        nodes.append(Node(f"N{number}", kind, in_import, needs, fails))
    return nodes


def documents(nodes: list[Node], in_import: bool) -> list[Any]:
    found = []
    for node in nodes:
        if node.in_import is not in_import:
            continue
        fields: dict[str, Any] = {"says": node.name, "fails": node.fails}
        for number, in_cel in node.needs:
            other = nodes[number]
            if in_cel:
                text = f"${{{{ resources.{other.name}.said }}}}"
                fields.setdefault("reads", []).append(text)
            else:
                prefix = "Lib." if other.in_import and not in_import else ""
                reference = {"kind": f"{prefix or 'T.'}{other.kind}", "name": prefix + other.name}
                fields.setdefault(f"{other.kind.lower()}s", []).append(reference)
        found.append(resource(f"T.{node.kind}", node.name, **fields))
    return found


def lives(nodes: list[Node], order: list[int]) -> tuple[Diary, str]:
    """What the nodes do that stand in a manifest and its import, and why it does not come up."""
    diary = Diary()
    kinds = [
        definition(name, capability=capability, schema=FIELDS) for name, capability in KINDS.items()
    ]
    shuffled = [nodes[number] for number in order]
    texts = {
        "lib.yaml": [*kinds, *_sorted(documents(nodes, True), shuffled)],
        "main.yaml": [
            {"kind": "Kernel.Module", "metadata": {"name": "M"}, "imports": {"Lib": "./lib.yaml"}},
            *_sorted(documents(nodes, False), shuffled),
            sequence(),
        ],
    }
    for one in texts["main.yaml"]:
        if one["kind"].startswith("T."):
            one["kind"] = one["kind"].replace("T.", "Lib.")
            for field in ("sources", "lamps"):
                for reference in one.get(field, ()):
                    reference["kind"] = reference["kind"].replace("T.", "Lib.")
    with tempfile.TemporaryDirectory() as folder:
        for name, ones in texts.items():
            (Path(folder) / name).write_text("\n---\n".join(map(json.dumps, ones)), "utf-8")
        manifest = load(Path(folder) / "main.yaml")

        async def main() -> str:
            try:
                async with (
                    asyncio.timeout(30),
                    Kernel(manifest, environ={}, controllers=diary.controllers),
                ):
                    return ""
            except InvalidState as error:
                return str(error)

        return diary, asyncio.run(main())


def _sorted(found: list[Any], order: list[Node]) -> list[Any]:
    names = [node.name for node in order]
    return sorted(found, key=lambda one: names.index(one["metadata"]["name"]))


@given(st.data())
@examples(120)
def test_up_after_what_is_needed_and_down_in_the_reverse_order(data: st.DataObject) -> None:
    nodes = data.draw(graphs())
    diary, said = lives(nodes, data.draw(st.permutations(range(len(nodes)))))
    broken: set[int] = set()
    roots: set[str] = set()
    for number, node in enumerate(nodes):
        if any(needed in broken for needed, _ in node.needs):
            broken.add(number)
        elif node.fails:
            broken.add(number)
            roots.add(node.name)
    whole = {node.name for number, node in enumerate(nodes) if number not in broken}
    assert set(diary.tried) == whole | roots
    assert len(diary.tried) == len(set(diary.tried))
    assert set(diary.up) == whole
    for number, node in enumerate(nodes):
        if number not in broken:
            before = diary.up[: diary.up.index(node.name)]
            assert {nodes[needed].name for needed, _ in node.needs} <= set(before)
    assert diary.down == diary.up[::-1]
    # The causes are named, each once, and nothing that only follows.
    assert {node.name for node in nodes if f"/{node.name} " in said} == roots
    assert all(said.count(f"{name} is broken") == 1 for name in roots)


# Stopping


def kinds_of_services(**controllers: Any) -> World:
    kinds = [definition(name, capability="Service", schema=FIELDS) for name in controllers]
    ones = [resource(f"T.{name}", name.lower(), says=name) for name in controllers]
    return World(*kinds, *ones, sequence(), **controllers)


class Good:
    stopped = 0

    async def start(self, call: Any) -> None:
        self.over = asyncio.Event()
        call.ready()
        await self.over.wait()

    async def stop(self) -> None:
        Good.stopped += 1
        if hasattr(self, "over"):
            self.over.set()


class Leaves(Good):
    async def stop(self) -> None:
        sys.exit(3)


class LeavesAtClose(Good):
    def close(self) -> None:
        sys.exit(3)


class Raises(Good):
    async def stop(self) -> None:
        raise ValueError("it is jammed")


class RaisesInThread(Good):
    def stop(self) -> None:
        raise ValueError("it is jammed")


class Hangs(Good):
    async def stop(self) -> None:
        await asyncio.sleep(60)


class GoesOn(Good):
    async def stop(self) -> None:
        return None


class Deaf(Good):
    async def start(self, call: Any) -> None:
        call.ready()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    async def stop(self) -> None:
        return None


class FailsAtTheEnd(Good):
    async def start(self, call: Any) -> None:
        await super().start(call)
        raise ValueError("the last words")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Leaves, "stopping T.Bad/bad failed: T.Bad/bad raised SystemExit"),
        (LeavesAtClose, "closing T.Bad/bad failed: T.Bad/bad raised SystemExit"),
        (Raises, "stopping T.Bad/bad failed: it is jammed"),
        (RaisesInThread, "stopping T.Bad/bad failed: it is jammed"),
        (Hangs, "stopping T.Bad/bad failed: it did not end within 0.1 s"),
        (GoesOn, "T.Bad/bad did not end within 0.1 s of `stop`"),
        (Deaf, "T.Bad/bad goes on in spite of its cancellation"),
        (FailsAtTheEnd, "T.Bad/bad failed while it was stopped: ValueError: the last words"),
    ],
)
def test_a_service_that_will_not_stop_is_reported_and_keeps_no_other_up(
    bad: Any, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "_STOP_SECONDS", 0.1)
    Good.stopped = 0
    world = kinds_of_services(First=Good, Bad=bad, Last=Good)
    began = time.monotonic()
    with caplog.at_level("WARNING", "kernel"):
        assert world.apply().outcome == "succeeded"
    assert time.monotonic() - began < 4
    assert said in caplog.text
    assert Good.stopped >= 2
    stopped = [event.type for event in world.events if event.type.endswith(".Stopped")]
    assert stopped == ["T.Last.last.Stopped", "T.Bad.bad.Stopped", "T.First.first.Stopped"]


def test_a_stop_that_is_cancelled_stops_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_STOP_SECONDS", 20)
    Good.stopped = 0
    world = kinds_of_services(First=Good, Last=Hangs)

    async def main() -> None:
        await world.kernel.start()
        stopping = asyncio.ensure_future(world.kernel.stop())
        await asyncio.sleep(0.05)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping

    asyncio.run(main())
    assert Good.stopped == 1


def test_the_first_service_that_fails_is_the_cause(caplog: pytest.LogCaptureFixture) -> None:
    died = asyncio.Event()

    class Dies(Good):
        async def start(self, call: Any) -> None:
            call.ready()
            await asyncio.sleep(0.05)
            died.set()
            raise ValueError("the power is off")

    class Follows(Good):
        async def start(self, call: Any) -> None:
            call.ready()
            await died.wait()
            raise ValueError("there is no light")

    world = World(
        definition("Dies", capability="Service"),
        definition("Follows", capability="Service"),
        resource("T.Dies", "d"),
        resource("T.Follows", "f"),
        sequence({"name": "S", "sleep": 5000}),
        Dies=Dies,
        Follows=Follows,
    )
    with caplog.at_level("WARNING", "kernel"):
        error = world.apply().error
    assert error is not None
    assert error.message == "the service T.Dies/d failed: the power is off"
    assert "while it was stopped" not in caplog.text


def test_two_that_fail_are_told_at_once_and_a_fault_with_them() -> None:
    diary = Diary()
    kinds = [definition(name, capability=one, schema=FIELDS) for name, one in KINDS.items()]
    world = World(
        *kinds,
        resource("T.Source", "A", says="A", fails=True),
        resource("T.Lamp", "L", says="L", reads=["${{ resources.A.said }}"]),
        resource("T.Lamp", "M", says="M", fails=True),
        resource("T.Lamp", "N", says="N"),
        sequence(),
        Source=diary.controllers["T.Source"],
        Lamp=diary.controllers["T.Lamp"],
    )
    with pytest.raises(InvalidState) as caught:
        world.apply()
    assert str(caught.value) == (
        "T.Source/A could not be started: ValueError: A is broken; "
        "T.Lamp/M could not be started: ValueError: M is broken"
    )
    assert (diary.up, diary.down) == (["N"], ["N"])


def test_a_service_of_a_manual_target_waits_to_be_named_or_needed() -> None:
    def world(*more: Any) -> tuple[Diary, World]:
        diary = Diary()
        kinds = [definition(name, capability=one, schema=FIELDS) for name, one in KINDS.items()]
        by_hand = {"invoke": {"kind": "T.Lamp", "name": "L"}, "start": "manual"}
        main = {"invoke": {"kind": "Run.Sequence", "name": "Main"}}
        module = {
            "kind": "Kernel.Module",
            "metadata": {"name": "M"},
            "targets": [main, by_hand],
        }
        lamp = resource("T.Lamp", "L", says="L")
        made = World(
            module, *kinds, lamp, *more, sequence(),
            Source=diary.controllers["T.Source"], Lamp=diary.controllers["T.Lamp"],
        )  # fmt: skip
        return diary, made

    diary, alone = world()
    assert alone.apply().outcome == "succeeded"
    assert diary.tried == []
    needs = resource("T.Lamp", "N", says="N", lamps=[{"kind": "T.Lamp", "name": "L"}])
    diary, needed = world(needs)
    assert needed.apply().outcome == "succeeded"
    assert (diary.up, diary.down) == (["L", "N"], ["N", "L"])
    diary, named = world()

    async def serve(kernel: Kernel) -> None:
        assert diary.tried == []
        serving = asyncio.ensure_future(kernel.apply("T.Lamp/L"))
        await asyncio.sleep(0.1)
        assert diary.up == ["L"]
        await kernel.stop()
        assert (await serving).outcome == "succeeded"

    named.during(serve)
    assert diary.down == ["L"]


@pytest.mark.parametrize(
    ("asks", "order"),
    [
        ({"A": "B", "B": "C"}, ["C", "B", "A"]),
        ({"A": "C"}, ["C", "A", "B"]),
        ({"B": "A"}, ["A", "B", "C"]),
        ({"A": "B", "B": "A"}, ["B", "A", "C"]),
        ({"A": "A"}, ["A", "B", "C"]),
    ],
)
def test_a_service_comes_after_those_that_it_reads_in_each_call(
    asks: dict[str, str], order: list[str]
) -> None:
    diary = Diary()
    kind = definition("Lamp", capability="Service", schema=FIELDS)
    text = "${{{{ resources.{}.said }}}}"
    lamps = [
        resource("T.Lamp", n, says=n, asks=[text.format(asks[n])] if n in asks else [])
        for n in "ABC"
    ]
    world = World(kind, *lamps, sequence(), Lamp=diary.controllers["T.Lamp"])
    assert world.apply().outcome == "succeeded"
    assert (diary.up, diary.down) == (order, order[::-1])
