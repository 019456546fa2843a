"""A subscriber that fails never fails the invocation, nor anything else (language.md, Events)."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from kernel import Event
from tests.support.embedded import World, sequence


def leaves(event: Event) -> None:
    sys.exit(3)


async def leaves_later(event: Event) -> None:
    await asyncio.sleep(0)
    sys.exit(3)


async def is_cancelled(event: Event) -> None:
    raise asyncio.CancelledError


def gives_nonsense(event: Event) -> Any:
    return "not awaitable"


@pytest.mark.parametrize("subscriber", [leaves, leaves_later, is_cancelled, gives_nonsense])
def test_a_subscriber_cannot_end_the_process(
    subscriber: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(sequence({"name": "S", "value": 1}))
    world.kernel.subscribe(subscriber)
    assert world.apply().result == {"S": 1}
    assert capsys.readouterr().err.count("SystemExit") == (subscriber in (leaves, leaves_later))
