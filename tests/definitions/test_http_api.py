"""Http.Server and Http.Api over loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import signal
import socket
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.http.api import Api
from definitions.http.incoming import Part, Refused
from definitions.http.problems import STATUSES
from definitions.http.routes import answer
from definitions.http.server import Server
from kernel import (
    Conflict,
    ControllerError,
    Failure,
    InvocationError,
    NotFound,
    Rejected,
    Thrown,
    Timeout,
    ValidationError,
)

Serve = Callable[[Mapping[str, Any]], Any]


class Later:
    """A field that is evaluated for each call, by a Python function in the place of CEL."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        return self._function(**bindings)


class Site(dict[str, Any]):
    """A route whose call is a Python function."""

    def __init__(self, serve: Serve, **fields: Any) -> None:
        super().__init__(fields)
        self._serve = serve

    async def invoke(self, bindings: Mapping[str, Any], caller: Any = None) -> Any:
        result = self._serve(bindings["request"])
        return await result if asyncio.iscoroutine(result) else result


class Call:
    """What a service is told."""

    def __init__(self) -> None:
        self.published: asyncio.Future[Mapping[str, Any]] = asyncio.Future()
        self.logged: list[str] = []

    def ready(self, published: Mapping[str, Any]) -> None:
        self.published.set_result(published)

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        self.logged.append(f"{level}: {message} {fields}")


@asynccontextmanager
async def running(service: Any) -> AsyncIterator[Call]:
    call = Call()
    task = asyncio.create_task(service.start(call))
    await asyncio.wait([task, call.published], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield call
    finally:
        await service.stop()
        await asyncio.wait_for(task, 15)


@asynccontextmanager
async def serving(*routes: Site, **fields: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Call]]:
    server = Server({"port": 0, **fields})
    async with running(server) as up, running(Api({"server": server, "routes": routes})) as call:
        url = up.published.result()["url"]
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client, call


def echo(request: Mapping[str, Any]) -> Any:
    return request


def one(*routes: Site, **fields: Any) -> Callable[..., tuple[httpx.Response, list[str]]]:
    """What a server with these routes answers to one request, and what it logs."""

    def ask(method: str, path: str, **request: Any) -> tuple[httpx.Response, list[str]]:
        async def main() -> tuple[httpx.Response, list[str]]:
            async with serving(*routes, **fields) as (client, call):
                return await client.request(method, path, **request), call.logged

        return asyncio.run(main())

    return ask


ORDER = {
    "method": "POST",
    "path": "/orders/{id}",
    "params": {"type": "object", "properties": {"id": {"type": "integer"}}},
    "query": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "limit": {"type": "integer", "maximum": 9, "default": 5},
            "ratio": {"type": "number"},
            "all": {"type": "boolean"},
            "tag": {"type": "array", "items": {"type": "string"}},
        },
    },
    "headers": {
        "type": "object",
        "properties": {"X-Day": {"type": "integer"}},
        "required": ["X-Day"],
    },
    "body": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]},
}


def test_the_parts_are_typed_by_their_schemas() -> None:
    response, _ = one(Site(echo, request=ORDER))(
        "POST",
        "/orders/7?ratio=2&all=true&tag=a&tag=b",
        json={"price": 3},
        headers={"x-day": "12"},
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "method": "POST",
        "path": "/orders/7",
        "params": {"id": 7},
        "query": {"ratio": 2.0, "all": True, "tag": ["a", "b"], "limit": 5},
        "headers": {"X-Day": 12},
        "body": {"price": 3.0},
    }
    assert '"price": 3.0' in response.text


@pytest.mark.parametrize(
    ("path", "body", "day", "where"),
    [
        ("/orders/x", {"price": 1}, "1", ("params", "id")),
        ("/orders/1?limit=10", {"price": 1}, "1", ("query", "limit")),
        ("/orders/1?limit=1&limit=2", {"price": 1}, "1", ("query", "limit")),
        ("/orders/1?limit=1.5", {"price": 1}, "1", ("query", "limit")),
        ("/orders/1?other=1", {"price": 1}, "1", ("query", None)),
        ("/orders/1", {"price": "1"}, "1", ("body", "price")),
        ("/orders/1", {}, "1", ("body", None)),
        ("/orders/1", {"price": 1}, "monday", ("headers", "X-Day")),
    ],
)
def test_a_request_that_breaks_its_schema_is_answered_400(
    path: str, body: Any, day: str, where: tuple[str, str | None]
) -> None:
    response, _ = one(Site(echo, request=ORDER))("POST", path, json=body, headers={"x-day": day})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (document["status"], document["category"]) == (400, "ValidationError")
    assert document["title"] == "Bad Request"
    assert document["errors"][0]["in"] == where[0]
    assert where[1] in (None, document["errors"][0]["path"])


def test_without_schemas_anything_goes() -> None:
    route = Site(echo, request={"method": "PUT", "path": "/{rest:path}"})
    response, _ = one(route)(
        "PUT",
        "/a/b%20c?x=1&x=2&y=",
        content=b"text",
        headers=[("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")],
    )
    request = response.json()
    assert request["params"] == {"rest": "a/b c"}
    assert request["query"] == {"x": ["1", "2"], "y": ""}
    assert request["body"] == "text"
    assert request["headers"]["content-type"] == "text/plain"
    assert request["headers"]["x-a"] == "1, 2"


def test_forms_are_typed_too() -> None:
    body = {"type": "object", "properties": {"n": {"type": "integer"}}}
    route = Site(echo, request={"method": "POST", "path": "/", "body": body})
    response, _ = one(route)("POST", "/", data={"n": "5", "s": "x y"})
    assert response.json()["body"] == {"n": 5, "s": "x y"}


@pytest.mark.parametrize("content", [b"{", b"NaN", b"[" * 100_000, b"\xff"])
def test_broken_json_is_answered_400(content: bytes) -> None:
    route = Site(echo, request={"method": "POST", "path": "/"})
    response, logged = one(route)("POST", "/", content=content)
    assert (response.status_code, logged) == (400, [])


NEEDS = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
REFERS = {"$ref": "#/$defs/a", "$defs": {"a": NEEDS}}


@pytest.mark.parametrize(
    ("schema", "kind", "expected"),
    [
        (NEEDS, "text/plain", "application/json, application/x-www-form-urlencoded"),
        (NEEDS, "application/octet-stream", "application/json, application/x-www-form-urlencoded"),
        (
            NEEDS,
            "multipart/form-data; boundary=x",
            "application/json, application/x-www-form-urlencoded",
        ),
        (NEEDS, "json", "application/json, application/x-www-form-urlencoded"),
        (
            NEEDS,
            "application/json, text/plain",
            "application/json, application/x-www-form-urlencoded",
        ),
        (REFERS, "text/plain", "application/json, application/x-www-form-urlencoded"),
        ({"type": "array"}, "application/x-www-form-urlencoded", "application/json"),
        ({"type": ["integer", "null"]}, "text/csv", "application/json"),
        ({"type": "string"}, "application/x-www-form-urlencoded", "application/json, text/plain"),
    ],
)
def test_a_content_type_that_cannot_fit_is_answered_415(
    schema: Any, kind: str, expected: str
) -> None:
    route = Site(echo, request={"method": "POST", "path": "/", "body": schema})
    response, _ = one(route)("POST", "/", content=b'{"n": 1}', headers={"content-type": kind})
    assert (response.status_code, response.headers["accept"]) == (415, expected)
    assert f"expected is {expected}" in response.json()["detail"]
    assert kind in response.json()["detail"]


@pytest.mark.parametrize(
    ("schema", "kind", "content", "status"),
    [
        (NEEDS, "application/json", b'{"n": 1}', 200),
        (NEEDS, "application/vnd.x+json; charset=utf-8", b'{"n": 1}', 200),
        (NEEDS, "application/x-www-form-urlencoded", b"n=1", 200),
        (NEEDS, "application/x-www-form-urlencoded", b"n=x", 400),
        (NEEDS, "application/json", b'{"n": "1"}', 400),
        ({"type": "string", "minLength": 3}, "text/plain", b"x", 400),
        ({"type": "string", "minLength": 3}, "text/plain; charset=latin-1", b"\xe4\xe4\xe4", 200),
        ({"type": "string"}, "application/pdf", b"\xff", 200),
        ({"enum": ["a"]}, "text/plain", b"b", 400),
        (None, "text/plain; charset=nonsense", b"x", 415),
        (None, "text/plain", b"\xff", 400),
        (None, "application/x-www-form-urlencoded", b"a=%ff", 400),
        (None, "application/x-www-form-urlencoded", b"a=\xff", 400),
        (None, "pdf", b"\xff", 200),
        (NEEDS, "text/plain", b"", 400),
    ],
)
def test_bodies_by_content_type(schema: Any, kind: str, content: bytes, status: int) -> None:
    request = {"method": "POST", "path": "/"} | ({} if schema is None else {"body": schema})
    ask = one(Site(echo, request=request))
    response, logged = ask("POST", "/", content=content, headers={"content-type": kind})
    assert (response.status_code, logged) == (status, [])
    assert "\ufffd" not in response.text


@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        ("gzip", gzip.compress(b'"x"', mtime=0), 200),
        ("X-GZip", gzip.compress(b'"x"', mtime=0), 200),
        ("deflate, gzip", gzip.compress(zlib.compress(b'"x"'), mtime=0), 200),
        ("identity", b'"x"', 200),
        ("gzip", b'"x"', 400),
        ("gzip", gzip.compress(b'"x"', mtime=0)[:-1], 400),
        ("gzip", gzip.compress(b" " * 5_000_000, mtime=0), 413),
        ("gzip, gzip", gzip.compress(gzip.compress(b" " * 5_000_000), mtime=0), 413),
        ("br", b'"x"', 415),
        ("gzip, compress", b'"x"', 415),
        ("gzip, " * 5 + "gzip", b'"x"', 415),
    ],
)
def test_requests_with_a_content_coding(coding: str, content: bytes, status: int) -> None:
    ask = one(Site(echo, request={"method": "POST", "path": "/"}), maxBytes=1_000_000)
    response, logged = ask("POST", "/", content=content, headers={"content-encoding": coding})
    assert (response.status_code, logged) == (status, [])
    if status == 200:
        assert response.json()["body"] == "x"
    if status == 415:
        assert response.headers["accept-encoding"] == "gzip, deflate"


def test_allow_names_the_methods_of_all_routes_of_a_path() -> None:
    routes = [
        Site(echo, request={"method": method, "path": path})
        for method, path in (
            ("GET", "/a/{x}"), ("DELETE", "/a/{y}"), ("POST", "/a/b"), ("PUT", "/{rest:path}"),
            ("PATCH", "/c"),
        )
    ]  # fmt: skip
    response, _ = one(*routes)("PATCH", "/a/b")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD, POST, PUT"
    assert one(*routes)("OPTIONS", "/a/z")[0].headers["allow"] == "DELETE, GET, HEAD, PUT"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/p/a%2Fb", {"id": "a/b"}),
        ("/p/a%2fb%252F%25", {"id": "a/b%2F%"}),
        ("/p/%E2%82%AC%20x", {"id": "€ x"}),
        ("/p/..%2F..%2Fetc", {"id": "../../etc"}),
        ("/p/a/b%2Fc", {"id": "a", "rest": "b/c"}),
        ("/100%25/x", {"id": "x"}),
        ("/p/%FF", None),
        ("/p/a%2F%FF", None),
    ],
)
def test_parameters_are_decoded_after_the_path_is_split(path: str, params: Any) -> None:
    routes = [
        Site(echo, request={"path": each})
        for each in ("/p/{id}", "/p/{id}/{rest:path}", "/100%/{id}")
    ]

    async def main() -> None:
        async with serving(*routes) as (client, _):
            port = client.base_url.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            if params is None:
                assert b" 400 " in head
            else:
                assert json.loads(body)["params"] == params

    asyncio.run(main())


def test_a_whole_url_as_the_target_of_a_request() -> None:
    route = Site(echo, request={"path": "/a/{x}"})
    response, _ = one(route)("GET", "/", extensions={"target": b"http://other.example/a/b?c=1"})
    assert (response.json()["params"], response.json()["query"]) == ({"x": "b"}, {"c": "1"})


def test_no_such_route() -> None:
    ask = one(Site(echo, request={"path": "/a"}))
    for method, path, status in (("GET", "/b", 404), ("POST", "/a", 405), ("GET", "/a/", 404)):
        response, _ = ask(method, path)
        assert response.status_code == response.json()["status"] == status
        assert response.headers["content-type"] == "application/problem+json"
    assert set(ask("POST", "/a")[0].headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert ask("HEAD", "/a")[0].status_code == 200


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


def test_responses_are_mapped() -> None:
    route = Site(
        lambda request: {"id": 5},
        request={"path": "/{a}"},
        response={
            "status": Later(lambda request, result: 201),
            "headers": Later(lambda request, result: {"Location": f"/x/{result['id']}"}),
            "body": Later(lambda request, result: [request["params"]["a"], result["id"]]),
        },
    )
    response, _ = one(route)("GET", "/q")
    assert (response.status_code, response.headers["location"]) == (201, "/x/5")
    assert response.json() == ["q", 5]


def mapped(status: int = 200, body: Any = None, **headers: str) -> Site:
    response = {"status": status, "headers": headers, "body": body}
    later = {name: Later(lambda value=value, **_: value) for name, value in response.items()}
    return Site(echo, request={"path": "/"}, response=later)


def test_a_header_may_be_sent_several_times() -> None:
    site = mapped(200, None)
    site["response"]["headers"] = Later(
        lambda **_: {"Set-Cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"], "X": []}
    )
    response, _ = one(site)("GET", "/")
    assert response.headers.get_list("set-cookie") == [
        "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "b=2",
    ]
    catches = [{"headers": site["response"]["headers"]}]
    response, _ = one(failing(NotFound("m"), catches=catches))("GET", "/")
    assert len(response.headers.get_list("set-cookie")) == 2


def test_a_text_is_sent_in_its_charset() -> None:
    kind = "text/html; charset=latin-1"
    response, _ = one(mapped(200, "ä", **{"content-type": kind}))("GET", "/")
    assert (response.content, response.headers["content-type"]) == (b"\xe4", kind)


def test_texts_and_empty_answers() -> None:
    html, _ = one(mapped(200, "<p>", **{"Content-Type": "text/html"}))("GET", "/")
    assert (html.text, html.headers["content-type"]) == ("<p>", "text/html")
    assert one(mapped(200, "text"))("GET", "/")[0].text == '"text"'
    empty, _ = one(mapped(204))("GET", "/")
    assert (empty.status_code, empty.content) == (204, b"")


@pytest.mark.parametrize(
    "site",
    [
        mapped(99),
        mapped(200, float("nan")),
        mapped(200, None, x="a\r\nb: c"),
        mapped(200, None, **{"a b": "c"}),
        mapped(200, None, **{"Content-Length": "7"}),
        mapped(200, "€", **{"content-type": "text/plain; charset=ascii"}),
        mapped(200, "x", **{"content-type": "text/plain; charset=nonsense"}),
        Site(lambda request: 1 / 0, request={"path": "/"}),
        Site(echo, request={"path": "/"}, response={"body": Later(lambda **_: 1 / 0)}),
    ],
)
def test_our_own_faults_are_answered_500_and_say_nothing(site: Site) -> None:
    response, logged = one(site)("GET", "/")
    document = response.json()
    assert (response.status_code, document["category"]) == (500, "Internal")
    assert set(document) == {"type", "title", "status", "category"}
    assert len(logged) == 1


def failing(error: Exception, **fields: Any) -> Site:
    def serve(request: Any) -> Any:
        raise error

    return Site(serve, request={"path": "/"}, **fields)


@pytest.mark.parametrize(("category", "status"), [*STATUSES.items(), ("ControllerError", 500)])
def test_uncaught_errors_by_category(category: str, status: int) -> None:
    kind = type(category, (InvocationError,), {"category": category})
    response, logged = one(failing(kind("the secret reason", retry_after=1500)))("GET", "/")
    assert response.status_code == status
    assert response.json()["category"] == (category if status != 500 else "Internal")
    assert ("the secret reason" in response.text) == (status < 500)
    assert bool(logged) == (status >= 500)
    assert response.headers["retry-after"] == "2"


def test_what_a_topology_throws_is_told_with_its_code() -> None:
    response, logged = one(failing(Thrown("too dear", code="DEAR")))("GET", "/")
    assert (response.status_code, logged) == (422, [])
    document = response.json()
    assert (document["detail"], document["code"]) == ("too dear", "DEAR")
    assert document["category"] == "Thrown"


@pytest.mark.parametrize(("method", "status"), [("POST", 202), ("GET", 504)])
def test_an_unknown_outcome_is_no_error_that_a_proxy_repeats(method: str, status: int) -> None:
    site = failing(Timeout("slow"))
    site["request"]["method"] = method
    response, _ = one(site)(method, "/")
    assert response.status_code == status
    assert (response.json().get("outcome") == "unknown") == (status == 202)


def test_a_key_that_is_in_flight() -> None:
    error = Conflict("being worked on", code="IN_FLIGHT", retry_after=1000)
    response, _ = one(failing(error))("GET", "/")
    assert (response.status_code, response.headers["retry-after"]) == (409, "1")


CATCHES = [
    {"code": "GONE", "status": Later(lambda request, error: 410)},
    {
        "code": 429,
        "when": Later(lambda request, error: request["query"] == {}),
        "status": Later(lambda request, error: 503),
        "headers": Later(lambda request, error: {"Retry-After": "9"}),
        "body": Later(lambda request, error: {"why": error["message"]}),
    },
    {
        "when": Later(lambda request, error: error["kind"] == "NotFound"),
        "body": Later(lambda **_: []),
    },
    {"code": "NOT_BOOL", "when": Later(lambda **_: 1), "status": Later(lambda **_: 418)},
]


@pytest.mark.parametrize(
    ("error", "path", "status", "body"),
    [
        (ControllerError("m", code="GONE"), "/", 410, None),
        (ControllerError("m", code=429), "/", 503, {"why": "m"}),
        (ControllerError("m", code=429), "/?a=1", 500, None),
        (ControllerError("m", code="429"), "/", 500, None),
        (NotFound("m"), "/", 404, []),
        (ControllerError("m", code="NOT_BOOL"), "/", 500, None),
        (Rejected("m"), "/", 500, None),
        (ValidationError("m"), "/", 400, None),
    ],
)
def test_catches(error: InvocationError, path: str, status: int, body: Any) -> None:
    response, _ = one(failing(error, catches=CATCHES))("GET", path)
    assert response.status_code == status
    if body is not None:
        assert response.json() == body
    else:
        assert response.headers["content-type"] == "application/problem+json"
    if status == 410:
        assert response.json()["code"] == "GONE"


def test_two_routes_that_are_the_same_are_refused() -> None:
    routes = [Site(echo, request={"path": path}) for path in ("/a/{x}", "/a/{y}")]
    with pytest.raises(Failure) as caught:
        one(*routes)("GET", "/")
    assert caught.value.code == "ROUTES"


@pytest.mark.parametrize("schema", [{"type": "strnig"}, {"minimum": "1"}, {"$ref": "#/$defs/no"}])
def test_a_wrong_schema_is_found_at_the_start(schema: Any) -> None:
    with pytest.raises(Failure, match="the schema of query of /a") as caught:
        one(Site(echo, request={"path": "/a", "query": schema}))("GET", "/a")
    assert caught.value.code == "SCHEMA"


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


@given(
    st.dictionaries(
        st.text("abä- ", max_size=5), st.lists(st.text(max_size=8), min_size=1), max_size=4
    )
)
def test_any_texts_are_typed_or_refused(texts: dict[str, list[str]]) -> None:
    kinds = ["integer", "number", "boolean", "array"]
    source = {
        "type": "object",
        "properties": {name: {"type": kinds[n % 4]} for n, name in enumerate(texts)},
    }
    part = Part.of({"query": source}, "query")
    status, value = 200, dict[str, Any]()
    try:
        value = part.typed((name, text) for name, each in texts.items() for text in each)
    except Refused as refused:
        status = refused.status
    assert status == 400 or value.keys() == texts.keys()
    json.dumps(value, allow_nan=False)


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_as_they_were_written(whole: int, number: float) -> None:
    properties = {"i": {"type": "integer"}, "n": {"type": "number"}}
    part = Part.of({"query": {"type": "object", "properties": properties}}, "query")
    value = part.typed([("i", str(whole)), ("n", repr(number))])
    assert value == {"i": whole, "n": number}
    assert type(value["n"]) is float


def test_an_answer_is_json_by_default() -> None:
    assert answer(200, {}, {"ä": None}).body == '{"ä": null}'.encode()


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
