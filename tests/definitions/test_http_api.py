"""Http.Api over loopback: requests by route and schema, responses, errors."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.http.incoming import Part, Refused
from definitions.http.problems import STATUSES
from definitions.http.routes import answer
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
from tests.definitions.support.http_server import (
    Later,
    Site,
    echo,
    one,
    serving,
)

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
