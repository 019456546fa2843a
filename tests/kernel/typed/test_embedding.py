"""Programs that embed the kernel and give it typed functions, as their authors write them."""

from __future__ import annotations

import asyncio
import datetime
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from kernel import (
    Call,
    Cancelled,
    Event,
    Failure,
    Kernel,
    ManifestError,
    ValidationError,
    invocable,
    load,
    loads,
)
from tests.support.command import kernel

PAY = """\
kind: Run.Sequence
metadata: { name: Pay }
inputs: { type: object, properties: { amount: {} }, required: [amount] }
steps:
  - name: Charge
    invoke: { kind: Shop.Charge }
    inputs: { customer: ada, amount: "${{ inputs.amount }}" }
result: "${{ steps.Charge.result.day + ' ' + string(steps.Charge.result.amount) }}"
"""


@dataclass
class Receipt:
    day: datetime.date
    amount: int


@invocable("Shop.Charge", errors={"DECLINED": {"retryable": False}})
async def charge(
    customer: str,
    amount: Annotated[int, Field(gt=0)],
    day: datetime.date = datetime.date(2026, 1, 31),
) -> Receipt:
    """Charge a customer."""
    if amount > 1000:
        raise Failure(f"{customer} has not so much", code="DECLINED")
    return Receipt(day, amount)


def test_a_function_is_called_from_a_sequence_and_its_event_is_heard() -> None:
    heard: list[Event] = []

    async def main() -> Any:
        async with Kernel(loads(PAY, definitions=[charge])) as kernel:
            kernel.subscribe(heard.append, "Shop.Charge.*.Invoked")
            return await kernel.invoke("Run.Sequence/Pay", {"amount": 5})

    assert asyncio.run(main()) == "2026-01-31 5"
    assert [(one.type, one.data) for one in heard] == [
        ("Shop.Charge.inline.Invoked", {"day": "2026-01-31", "amount": 5})
    ]


def test_the_function_is_still_called_from_python() -> None:
    assert asyncio.run(charge("ada", 5)) == Receipt(datetime.date(2026, 1, 31), 5)


@pytest.mark.parametrize(
    ("amount", "error", "code", "said"),
    [
        (0, ValidationError, "VALIDATION_ERROR", "amount"),
        ("5", ValidationError, "VALIDATION_ERROR", "amount"),
        (2000, Exception, "DECLINED", "ada has not so much"),
    ],
)
def test_a_wrong_input_is_named(amount: Any, error: Any, code: str, said: str) -> None:
    async def main() -> Any:
        async with Kernel(loads(PAY, definitions=[charge])) as kernel:
            return await kernel.invoke("Run.Sequence/Pay", {"amount": amount})

    with pytest.raises(error, match=said) as caught:
        asyncio.run(main())
    assert caught.value.code == code


def test_what_is_wrong_with_a_definition_is_a_fault_at_its_place() -> None:
    @invocable("T.Bad", safety="harmless")
    def bad() -> None: ...

    with pytest.raises(ManifestError) as caught:
        load(definitions=[bad])
    assert "bad>:" in str(caught.value)


def test_a_kind_that_is_declared_twice_names_both_places() -> None:
    twice = "kind: Kernel.Definition\nmetadata: { name: Charge, module: Shop }\n"
    with pytest.raises(ManifestError) as caught:
        loads(f"{twice}capability: Invocable\n", definitions=[charge])
    assert "Shop.Charge is declared a second time" in str(caught.value)
    assert "the first is at <string>:2" in str(caught.value)


def test_another_function_is_bound_to_the_kind_for_a_test() -> None:
    async def free(inputs: Any) -> Any:
        return {"day": "2026-02-01", "amount": 0}

    async def main() -> Any:
        manifest = loads(PAY, definitions=[charge])
        async with Kernel(manifest, controllers={"Shop.Charge": free}) as kernel:
            return await kernel.invoke("Run.Sequence/Pay", {"amount": 5})

    assert asyncio.run(main()) == "2026-02-01 0"


def test_cancellation_reaches_a_function_in_a_thread() -> None:
    begun, ended = threading.Event(), threading.Event()

    @invocable("T.Wait")
    def wait(call: Call) -> bool:
        begun.set()
        if call.cancellation.wait_in_thread(20):
            ended.set()
        return call.cancellation.cancelled

    async def main() -> None:
        text = "kind: T.Wait\nmetadata: { name: W }\n"
        async with Kernel(loads(text, definitions=[wait])) as kernel:
            task = asyncio.ensure_future(kernel.invoke("T.Wait/W"))
            await asyncio.to_thread(begun.wait)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, Cancelled)):
                await task
            assert await asyncio.to_thread(ended.wait, 10)

    asyncio.run(asyncio.wait_for(main(), 20))


CRASHING = """\
import asyncio, os, sys
from kernel import Call, Kernel, invocable, load

@invocable("Shop.Count", safety="idempotent")
def count(up_to: int, call: Call) -> list[int]:
    call.log("counting")
    with open("calls", "a") as file:
        file.write(f"{up_to}\\n")
    if up_to == 3 and not os.path.exists("again"):
        open("again", "w").close()
        os._exit(9)
    return list(range(up_to))

async def main():
    manifest = load("count.yaml", definitions=[count])
    async with Kernel(manifest, journal="journal.db") as kernel:
        result = await kernel.apply(run_id="only")
        print(result.outcome, result.result)

asyncio.run(main())
"""

COUNT = """\
kind: Run.Sequence
metadata: { name: Count }
steps:
  - name: Two
    invoke: { kind: Shop.Count }
    inputs: { up_to: 2 }
  - name: Three
    invoke: { kind: Shop.Count }
    inputs: { up_to: "${{ size(steps.Two.result) + 1 }}" }
result: "${{ steps.Two.result + steps.Three.result }}"
"""


def test_a_run_with_a_typed_function_is_resumed_after_a_crash(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(CRASHING)
    (tmp_path / "count.yaml").write_text(COUNT)

    def run(folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, timeout=60
        )

    assert run().returncode == 9
    again = run()
    assert again.stdout == "succeeded [0, 1, 0, 1, 2]\n", again.stderr
    assert (tmp_path / "calls").read_text() == "2\n3\n3\n"
    assert run().stdout == again.stdout


def test_the_command_resumes_the_run_of_a_program(tmp_path: Path) -> None:
    """The journal has the definition, which names the function; the program is not needed."""
    head, _, tail = CRASHING.partition("async def main")
    (tmp_path / "counting.py").write_text(head)
    tail = tail.replace('journal="journal.db"', 'journal="journal.db", place="count.yaml"')
    imports = "import asyncio\nfrom kernel import Kernel, load\nfrom counting import count\n"
    program = f"{imports}async def main{tail}"
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "count.yaml").write_text(COUNT)
    run = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, timeout=60, check=False)
    assert run.returncode == 9
    arguments = ("resume", "only", "--journal", "journal.db", "-o", "json")
    answer = kernel(*arguments, folder=tmp_path)
    assert (answer.status, answer.json["result"]) == (0, [0, 1, 0, 1, 2]), answer.err


def test_the_digest_of_a_manifest_does_not_depend_on_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kernel.runtime.manifest_texts import content_of

    (tmp_path / "pay.yaml").write_text(PAY)
    first = content_of(load(tmp_path / "pay.yaml", definitions=[charge]))
    monkeypatch.chdir(tmp_path)
    assert content_of(load("pay.yaml", definitions=[charge])) == first
