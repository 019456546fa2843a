"""Controllers that have an effect on a server, and one that looks at what it has."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from kernel import Call, Failure
from tests.crash.support.points import point


async def apply(kind: str, inputs: Any, call: Call) -> Any:
    asked = {"scope": os.environ["EFFECTS_SCOPE"], "kind": kind, "key": call.idempotency_key}
    status, answer = await exchange("POST", "/effects", {**asked, "name": inputs["name"]})
    if status == 503:
        raise Failure("the server is busy", code="BUSY", outcome="failed")
    if status != 200:
        raise Failure(f"the server said {status}", code="BROKEN", outcome="unknown")
    return answer


async def put(inputs: Any, call: Call) -> Any:
    return await apply("put", inputs, call)


async def charge(inputs: Any, call: Call) -> Any:
    return await apply("charge", inputs, call)


async def send(inputs: Any, call: Call) -> Any:
    return await apply("send", inputs, call)


async def wire(inputs: Any, call: Call) -> Any:
    return await apply("wire", inputs, call)


async def refund(inputs: Any, call: Call) -> Any:
    return await apply("refund", inputs, call)


async def post(inputs: Any, call: Call) -> Any:
    return await apply("post", inputs, call)


async def around(inputs: Any, call: Call) -> Any:
    kind = inputs["kind"]
    return await call.invoke(f"Effect.{kind}/Any{kind}", {"name": inputs["name"]})


async def look(inputs: Any) -> Any:
    scope = os.environ["EFFECTS_SCOPE"]
    status, answer = await exchange("GET", f"/effects/{scope}/{inputs['key']}", {})
    if status != 200:
        raise Failure(f"the server said {status}", code="BROKEN")
    return answer


async def exchange(method: str, path: str, body: Any) -> tuple[int, Any]:
    """One request and its answer, which may not come."""
    text = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["EFFECTS_PORT"]))
    try:
        point(f"send {method}")
        head = f"{method} {path} HTTP/1.1\r\ncontent-length: {len(text)}\r\n\r\n"
        writer.write(head.encode() + text)
        await writer.drain()
        point(f"sent {method}")
        answer = await reader.read()
        point(f"received {method}")
    finally:
        writer.close()
    if not answer:
        raise Failure("the connection was lost", code="LOST", outcome="unknown")
    first, _, content = answer.decode().partition("\r\n\r\n")
    return int(first.split(" ")[1]), json.loads(content)
