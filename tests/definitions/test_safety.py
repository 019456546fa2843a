"""The safety classes of the library, where they meet a retry: what may be repeated is, no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kernel import InvocationError, Kernel, loads
from tests.support.loopback import Reply, raw, serving

CALL = """
---
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object }
steps:
  - name: Call
    invoke: { kind: KIND, name: It }
    inputs: "${{ inputs }}"
    retry: { attempts: 3 }
"""


def failing(kind: str, fields: str, **inputs: Any) -> InvocationError:
    """How a call that may be attempted three times fails."""
    text = f"kind: {kind}\nmetadata: {{ name: It }}\n{fields}{CALL.replace('KIND', kind)}"

    async def main() -> InvocationError | None:
        async with asyncio.timeout(10), Kernel(loads(text), environ={}) as kernel:
            return (await kernel.apply(inputs=inputs)).error

    error = asyncio.run(main())
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("method", "status", "attempts", "outcome"),
    [
        ("GET", 500, 3, "failed"),
        ("GET", 404, 1, "failed"),  # is declared `retryable: false`
        ("PUT", 502, 3, "unknown"),
        ("POST", 429, 3, "failed"),
        ("POST", 500, 1, "unknown"),
        ("POST", 503, 3, "failed"),
        ("POST", 400, 1, "failed"),
        ("PATCH", 502, 1, "unknown"),
    ],
)
def test_requests(method: str, status: int, attempts: int, outcome: str) -> None:
    with serving(lambda _: Reply(status)) as (url, seen):
        error = failing("Http.Request", f"method: {method}", url=url)
    assert (error.code, error.outcome, len(seen)) == (status, outcome, attempts)
    keys = {each.headers.get("idempotency-key") for each in seen}
    assert len(keys) == 1
    assert (None in keys) == (method == "GET")


def test_a_request_carries_the_key_of_its_call_site() -> None:
    call = CALL.replace("KIND", "Http.Request") + "    idempotencyKey: order-${{ 3 + 4 }}\n"
    text = f"kind: Http.Request\nmetadata: {{ name: It }}\nmethod: POST\n{call}"

    async def main(url: str) -> str:
        async with asyncio.timeout(10), Kernel(loads(text), environ={}) as kernel:
            return (await kernel.apply(inputs={"url": url})).outcome

    with serving(lambda _: Reply(503 if len(seen) == 1 else 200)) as (url, seen):
        assert asyncio.run(main(url)) == "succeeded"
    assert [each.headers["idempotency-key"] for each in seen] == ["order-7", "order-7"]


def test_a_lost_answer_to_a_write_is_not_asked_for_again() -> None:
    with raw(lambda connection: None) as url:
        error = failing("Http.Request", "method: POST", url=url)
    assert (error.code, error.outcome, error.attempt) == (599, "unknown", 1)


def test_a_write_that_was_never_sent_is() -> None:
    error = failing("Http.Request", "method: POST", url="http://127.0.0.1:1/")
    assert (error.code, error.outcome, error.attempt) == (599, "failed", 3)
