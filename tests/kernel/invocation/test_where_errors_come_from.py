"""An error says where in the code of its controller it was raised, and keeps its cause."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, Kernel, load
from kernel.errors import InvocationError
from tests.support.command import kernel
from tests.support.embedded import World, call, definition, sequence

CODE = """\
import json

def helper(text):
    return json.loads(text)

class Go:
    async def invoke(self, inputs):
        try:
            helper("{no")
        except ValueError as error:
            raise RuntimeError("not with " + inputs["token"]) from error

def read(inputs):
    helper("{no")
"""

MAIN = """\
kind: Kernel.Module
metadata: { name: M }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
kind: Kernel.Definition
metadata: { name: Go, module: T }
capability: Invocable
inputs: { type: object, properties: { token: { type: string } } }
controller: { python: "shop:Go" }
---
kind: Kernel.Definition
metadata: { name: Read, module: T }
capability: Invocable
controller: { python: "shop:read" }
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ name: Go, invoke: { kind: T.Go }, inputs: { token: "${{ secrets.token }}" } }]
---
kind: Run.Sequence
metadata: { name: Reads }
steps: [{ name: Read, invoke: { kind: T.Read } }]
"""

TOKEN = {"SHOP_TOKEN": "hush-hush-4711"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MAIN, "utf-8")
    (tmp_path / "shop.py").write_text(CODE, "utf-8")
    return tmp_path


def error_of(folder: Path, target: str) -> InvocationError:
    async def main() -> Any:
        async with Kernel(load(str(folder)), environ=TOKEN) as live:
            return (await live.apply(target)).error

    error = asyncio.run(main())
    assert isinstance(error, InvocationError)
    return error


def test_an_error_names_file_line_and_function_of_the_controller(shop: Path) -> None:
    error = error_of(shop, "Run.Sequence/Main")
    assert error.place == f"{shop / 'shop.py'}:11 in Go.invoke"
    # A thread called it, and it is json that raised it.
    assert error_of(shop, "Run.Sequence/Reads").place == f"{shop / 'shop.py'}:4 in helper"


def test_the_cause_is_kept_for_python(shop: Path) -> None:
    error = error_of(shop, "Run.Sequence/Main")
    assert isinstance(error.__cause__, RuntimeError)
    assert isinstance(error.__cause__.__cause__, ValueError)


@pytest.mark.parametrize("fields", [{}, {"retry": {"attempts": 2}}, {"timeout": 10_000}])
def test_no_error_is_its_own_cause(fields: dict[str, Any]) -> None:
    async def fails(inputs: Any) -> None:
        raise Failure("no", code="NO")

    inner = sequence(call(**fields), name="Inner")
    nested = sequence({"invoke": {"kind": "Run.Sequence", "name": "Inner"}, **fields}, name="Main")
    error = World(definition(), inner, nested, Work=fails).apply().error
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        assert cause not in seen
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    assert isinstance(seen[-1], Failure)


@pytest.mark.parametrize(
    ("arguments", "environ", "shown"),
    [
        (["--debug"], {}, True),
        ([], {"KERNEL_DEBUG": "1"}, True),
        ([], {"KERNEL_DEBUG": "0"}, False),
    ],
)
def test_the_command_prints_the_traceback_where_it_is_asked_to(
    shop: Path, arguments: list[str], environ: dict[str, str], shown: bool
) -> None:
    main = ("--target", "Run.Sequence/Main")
    answer = kernel("apply", "main.yaml", *main, *arguments, folder=shop, env={**TOKEN, **environ})
    assert answer.status == 1
    assert "at shop.py:11 in Go.invoke" in answer.err
    assert ("Traceback (most recent call last)" in answer.err) is shown
    assert ("raise RuntimeError" in answer.err) is shown
    assert TOKEN["SHOP_TOKEN"] not in answer.err


def test_an_import_that_fails_names_the_place(shop: Path) -> None:
    code = "import json\n\njson.loads('{no')\n\nclass Go: ...\ndef read(): ...\n"
    (shop / "shop.py").write_text(code, "utf-8")
    answer = kernel("apply", "main.yaml", "--target", "Run.Sequence/Main", folder=shop, env=TOKEN)
    assert "at shop.py:3 in <module>" in answer.err
