"""SyncKernel: the kernel for programs that wait, from any thread and never in an event loop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kernel import (
    Call,
    Event,
    InvocationError,
    Kernel,
    ManifestError,
    SyncKernel,
    UsageError,
    invocable,
    loads,
)
from kernel.runtime.portal import Portal

SQUARE = """\
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
steps:
  - name: Square
    invoke: { kind: T.Square }
    inputs: { n: "${{ inputs.n }}" }
result: "${{ steps.Square.result }}"
"""


@invocable("T.Square")
def square(n: int) -> int:
    """The square of a number."""
    if n < 0:
        raise ValueError("no negative number")
    return n * n


def opened(**options: Any) -> SyncKernel:
    return SyncKernel(Kernel(loads(SQUARE, definitions=[square]), **options))


def test_it_invokes_applies_and_tells_events() -> None:
    heard: list[Event] = []
    wrapped = opened()
    wrapped.subscribe(heard.append, "T.Square.*.Invoked")
    with wrapped as kernel:
        assert kernel.invoke("Run.Sequence/Main", {"n": 3}) == 9
        result = kernel.apply("Run.Sequence/Main", {"n": 4})
        assert (result.outcome, result.result) == ("succeeded", 16)
        assert kernel.first_run
        assert kernel.manifest.root.definitions.keys() == {"T.Square"}
    assert [event.data for event in heard] == [9, 16]


def test_errors_are_those_of_the_kernel_with_their_traceback() -> None:
    with opened() as kernel:
        with pytest.raises(InvocationError, match="no negative number") as caught:
            kernel.invoke("Run.Sequence/Main", {"n": -1})
        places = [entry.name for entry in caught.traceback]
        assert places[0] == "test_errors_are_those_of_the_kernel_with_their_traceback"
        assert "invoke" in places
        cause = caught.value.__cause__
        while cause is not None and not isinstance(cause, ValueError):
            cause = cause.__cause__
        assert isinstance(cause, ValueError)
        assert kernel.apply("Run.Sequence/Main", {"n": -1}).outcome == "failed"


def test_a_start_that_fails_leaves_no_thread() -> None:
    before = threading.active_count()
    broken = SyncKernel(Kernel(loads(SQUARE, definitions=[square]), controllers={"T.Square": 5}))
    with pytest.raises(UsageError, match=r"T\.Square"), broken:
        pass
    bad = "kind: Kernel.Definition\nmetadata: { name: P, module: T }\ncapability: Provider\n"
    text = (
        f"{bad}controller: {{ python: 'nowhere:nothing' }}\n---\nkind: T.P\nmetadata: {{ name: P }}"
    )
    with pytest.raises(ManifestError, match="nowhere"), SyncKernel(Kernel(loads(text))):
        pass
    assert threading.active_count() == before


def test_many_threads_call_at_a_time() -> None:
    with opened() as kernel, ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda n: kernel.invoke("Run.Sequence/Main", {"n": n}), range(200)))
    assert numbers == [n * n for n in range(200)]


def test_a_controller_in_a_thread_calls_back() -> None:
    """Deeper than there are threads in the pool, from several threads: nothing waits for ever."""
    kernel: SyncKernel

    def count_down(inputs: Mapping[str, Any]) -> int:
        n = inputs["n"]
        return 0 if n == 0 else 1 + int(kernel.invoke("T.Down/It", {"n": n - 1}))

    text = (
        "kind: Kernel.Definition\nmetadata: { name: Down, module: T }\ncapability: Invocable\n"
        "---\nkind: T.Down\nmetadata: { name: It }\n"
    )
    kernel = SyncKernel(Kernel(loads(text), controllers={"T.Down": count_down}))
    with kernel, ThreadPoolExecutor(4) as pool:
        depths = pool.map(lambda _: kernel.invoke("T.Down/It", {"n": 100}), range(4))
        assert list(depths) == [100] * 4


def test_a_running_event_loop_is_not_blocked() -> None:
    async def main() -> None:
        kernel = opened()
        with pytest.raises(UsageError, match="would block the event loop"):
            kernel.start()
        await asyncio.to_thread(kernel.start)
        with pytest.raises(UsageError, match="would block the event loop"):
            kernel.invoke("Run.Sequence/Main", {"n": 3})
        assert await asyncio.to_thread(kernel.invoke, "Run.Sequence/Main", {"n": 3}) == 9
        await asyncio.to_thread(kernel.stop)

    asyncio.run(main())


def test_an_asynchronous_controller_cannot_wait_for_its_own_loop() -> None:
    async def inner(inputs: Mapping[str, Any]) -> int:
        return int(kernel.invoke("Run.Sequence/Main", {"n": 1}))

    kernel = SyncKernel(
        Kernel(loads(SQUARE, definitions=[square]), controllers={"T.Square": inner})
    )
    with kernel, pytest.raises(InvocationError, match="would block the event loop"):
        kernel.invoke("Run.Sequence/Main", {"n": 1})


@pytest.mark.parametrize("stage", ["before", "after"])
def test_it_is_used_while_it_runs(stage: str) -> None:
    kernel = opened()
    if stage == "after":
        with kernel, pytest.raises(UsageError, match="running already"):
            kernel.start()
        kernel.stop()
    with pytest.raises(UsageError, match="not running"):
        kernel.invoke("Run.Sequence/Main", {"n": 3})


def test_another_thread_stops_services() -> None:
    stopped: list[str] = []

    class Lamp:
        def __init__(self) -> None:
            self.over = asyncio.Event()

        async def start(self, call: Any) -> None:
            call.ready({})
            await self.over.wait()

        async def stop(self) -> None:
            stopped.append("lamp")
            self.over.set()

    text = (
        "kind: Kernel.Definition\nmetadata: { name: Lamp, module: T }\ncapability: Service\n"
        "---\nkind: T.Lamp\nmetadata: { name: L }\n"
    )
    with SyncKernel(Kernel(loads(text), controllers={"T.Lamp": Lamp})) as kernel:
        threading.Timer(0.2, kernel.stop).start()
        assert kernel.apply().outcome == "succeeded"
    assert stopped == ["lamp"]


def test_a_call_that_does_not_end_is_cancelled_by_a_stop() -> None:
    seen = threading.Event()

    @invocable("T.Square")
    async def forever(n: int, call: Call) -> int:
        try:
            await asyncio.sleep(60)
        finally:
            seen.set()
        return n

    kernel = SyncKernel(Kernel(loads(SQUARE, definitions=[forever])))
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        with kernel:
            waiting = pool.submit(kernel.invoke, "Run.Sequence/Main", {"n": 1})
            time.sleep(0.2)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - that it ends is what counts
            waiting.result(10)
    assert seen.is_set()
    assert time.monotonic() - began < 15


def test_a_run_is_resumed_from_its_journal(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(journal=tmp_path / "journal.db") as kernel:
            result = kernel.apply("Run.Sequence/Main", {"n": 5}, run_id="five")
            assert (result.run, result.result) == ("five", 25)
            assert kernel.resume("five").result == 25
            assert kernel.recover() == []
            assert kernel.lost() == []
            assert kernel.let_go() is False


@pytest.mark.parametrize("is_asked", [True, False])
def test_an_interruption_at_the_beginning_cancels_the_work_too(
    is_asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come as soon as the loop was asked, or just before."""
    portal, at_work, begun = Portal(), [False], threading.Event()
    ask = portal._loop.call_soon_threadsafe

    def interrupted(*given: Any) -> None:
        monkeypatch.undo()
        if is_asked:
            ask(*given)
            assert begun.wait(10)
        raise KeyboardInterrupt

    async def work() -> None:
        at_work[0] = True
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            at_work[0] = False

    try:
        monkeypatch.setattr(portal._loop, "call_soon_threadsafe", interrupted)
        with pytest.raises(KeyboardInterrupt):
            portal.run(work)
        assert at_work == [False]
    finally:
        portal.close()


def test_an_interruption_cancels_what_is_waited_for() -> None:
    program = Path(__file__).parent / "support" / "sync_program.py"
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    told = out.splitlines()
    assert told[:2] == ["Log.Print.inline.Invoked", "interrupted"], err
    assert int(told[2]) >= 1
    assert process.returncode == 0, err
