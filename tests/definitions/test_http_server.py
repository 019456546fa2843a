"""Http.Server over loopback: its life, its limits, and what is no HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.http.api import Api
from definitions.http.server import Server
from kernel import (
    Failure,
)
from tests.definitions.support.http_server import (
    Call,
    Site,
    echo,
    one,
    running,
    serving,
)


def test_a_server_without_an_api_is_starting() -> None:
    async def main() -> None:
        server = Server({"port": 0})
        async with running(server) as up, httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(up.published.result()["url"])
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")

    asyncio.run(main())


def test_large_bodies_are_refused() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    route = Site(echo, request={"method": "POST", "path": "/"})
    ask = one(route, maxBytes=100)
    for content in (b"x" * 101, chunks()):
        response, _ = ask("POST", "/", content=content)
        assert (response.status_code, response.json()["category"]) == (413, "SizeLimitExceeded")
    assert ask("POST", "/", content=b'"' + b"x" * 98 + b'"')[0].status_code == 200


def test_several_apis_on_one_server() -> None:
    async def main() -> None:
        server = Server({"port": 0})
        first = Api({"server": server, "routes": [Site(lambda _: 1, request={"path": "/1"})]})
        second = Api({"server": server, "routes": [Site(lambda _: 2, request={"path": "/2"})]})
        async with running(server) as up, running(first):
            url = up.published.result()["url"]
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                async with running(second):
                    assert [(await client.get(path)).json() for path in ("/1", "/2")] == [1, 2]
                assert (await client.get("/2")).status_code == 404

    asyncio.run(main())


def test_a_stop_lets_running_requests_end() -> None:
    async def main() -> None:
        began, go = asyncio.Event(), asyncio.Event()

        async def slow(request: Any) -> str:
            began.set()
            await go.wait()
            return "done"

        server = Server({"port": 0})
        api = Api({"server": server, "routes": [Site(slow, request={"path": "/"})]})
        async with httpx.AsyncClient(trust_env=False) as client:
            async with running(server) as up:
                async with running(api):
                    request = asyncio.create_task(client.get(up.published.result()["url"]))
                    await began.wait()
                    asyncio.get_running_loop().call_later(0.2, go.set)
                assert go.is_set()
            assert (await request).json() == "done"

    asyncio.run(main())


def test_signals_are_left_alone_and_the_port_is_free_again() -> None:
    async def main() -> int:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with running(Server({"port": 0})) as up:
            port: int = up.published.result()["port"]
            assert up.published.result() == {
                "url": f"http://127.0.0.1:{port}", "host": "127.0.0.1", "port": port,
            }  # fmt: skip
            after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert after == before
        return port

    with socket.create_server(("127.0.0.1", asyncio.run(main()))):
        pass


def test_a_port_that_is_taken() -> None:
    async def main(port: int) -> None:
        await Server({"port": port}).start(Call())

    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(Failure, match="cannot listen on 127") as caught,
    ):
        asyncio.run(main(other.getsockname()[1]))
    assert caught.value.code == "ADDRESS"


def test_slow_heads_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("definitions.http.protocol.HEAD_SECONDS", 0.2)
    head = b"GET / HTTP/1.1\r\nhost: x\r\n"

    async def answers(port: int, *parts: tuple[bytes, float]) -> int:
        """How many answers come to these parts of requests, each followed by a pause."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part, pause in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        writer.write(b"connection: close\r\n\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        content = await reader.read()
        writer.close()
        return content.count(b"HTTP/1.1 200 OK")

    async def serve(request: Any) -> None:
        await asyncio.sleep(0.3)

    async def main() -> None:
        async with serving(Site(serve, request={"path": "/"})) as (client, _):
            port = client.base_url.port
            assert port is not None
            assert await answers(port, (head, 0.05)) == 1
            assert await answers(port, (b"", 0.4)) == 0
            assert await answers(port, (head, 0.1), (b"x: y\r\n", 0.3)) == 0
            assert await answers(port, (head + b"\r\n", 0.4), (head, 0.05)) == 2
            assert await answers(port, (head + b"\r\n", 0.4), (head, 0.4)) == 1

    asyncio.run(main())


def test_small_answers_are_not_held_back() -> None:
    """Forty milliseconds each, where Nagle's algorithm meets delayed acknowledgements."""

    async def main() -> float:
        async with serving(Site(echo, request={"method": "POST", "path": "/"})) as (client, _):
            began = time.monotonic()
            for _ in range(20):
                await client.post("/", json={})
            return time.monotonic() - began

    assert asyncio.run(main()) < 20 * 0.04


HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
MALFORMED = [
    b"\r\n\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200) + b"\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 200_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\0\0",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n\xff\xff\xff\r\n\r\n",
    HEAD + b"content-length: x\r\n\r\n",
    HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    HEAD + b"transfer-encoding: gzip\r\n\r\nab",
    HEAD + b"content-length: 2\r\n\r\n{}garbage\r\n\r\n",
    HEAD + b"content-length: 9\r\n\r\n{}",
    CHUNKED + b"zz\r\n",
    CHUNKED + b"2\r\n{}\r\nzz\r\n",
    CHUNKED + b"2\r\n{}xx0\r\n\r\n",
    CHUNKED + b"0\r\nbad trailer\r\n\r\n",
    HEAD + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\nzz",
]


async def said_to(port: int, data: bytes) -> bytes:
    """What is answered to bytes, after which nothing more is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    with suppress(ConnectionError):
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer
    return b""


def test_what_is_no_http_is_answered_without_a_traceback(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each alone, and after a whole request on the same connection."""

    async def main() -> None:
        route = Site(echo, request={"method": "POST", "path": "/"})
        async with serving(route) as (client, _):
            port = client.base_url.port
            assert port is not None
            for data in MALFORMED:
                for before in (b"", HEAD + b"content-length: 2\r\n\r\n{}"):
                    answer = await said_to(port, before + data)
                    statuses = [
                        int(line[9:12]) for line in answer.split(b"\r\n") if line[:5] == b"HTTP/"
                    ]
                    assert all(
                        status in (100, 200) or 400 <= status < 500 or status in (501, 505)
                        for status in statuses
                    ), data
                    assert not before or 200 in statuses
            assert (await client.post("/", json=1)).status_code == 200

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert "Traceback" not in capsys.readouterr().err
    assert [one.getMessage() for one in caplog.records if one.exc_info or one.levelno >= 40] == []


def test_a_refused_head_is_a_problem_document() -> None:
    async def main() -> bytes:
        async with serving(Site(echo, request={"path": "/"})) as (client, _):
            return await said_to(client.base_url.port or 0, b"GET / HTTP/1.1\r\n\r\n")

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert "Host" in json.loads(body)["detail"]


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"GET ", b"GET / HTTP/1.1\r\n", HEAD, CHUNKED])
)
@settings(max_examples=30, deadline=None)
def test_any_bytes_are_answered_or_cut_off(data: bytes, start: bytes) -> None:
    async def main() -> None:
        route = Site(echo, request={"method": "POST", "path": "/"})
        async with serving(route) as (client, call):
            await said_to(client.base_url.port or 0, start + data + b"\r\n\r\n")
            assert not [line for line in call.logged if line.startswith("error")]

    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        asyncio.run(main())
    finally:
        logging.getLogger().removeHandler(handler)
    assert not [one for one in records if one.exc_info or one.levelno >= logging.ERROR]


def test_a_server_logs_where_it_listens_and_each_request_without_its_query() -> None:
    async def main() -> list[str]:
        server = Server({"port": 0})
        async with running(server) as up:
            async with running(
                Api({"server": server, "routes": [Site(echo, request={"path": "/a"})]})
            ):
                url = up.published.result()["url"]
                async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                    await client.get("/a?token=secret")
                    await client.get("/no%20where")
            assert up.logged[0].startswith(f"info: listening on {url} ")
            return up.logged[1:]

    found, missing = asyncio.run(main())
    assert found.startswith("info: 127.0.0.1 GET /a 200 ")
    assert missing.startswith("info: 127.0.0.1 GET /no%20where 404 ")
