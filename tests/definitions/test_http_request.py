"""Http.Request against servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import math
import threading
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.http.answer import retry_after
from definitions.http.media import decoded, is_json, media_type
from definitions.http.outgoing import allowed_method
from definitions.http.request import Request
from kernel import Failure, ManifestError
from tests.support.embedded import World, call, sequence
from tests.support.loopback import Reply, Seen, closed_port, raw, serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"]


@dataclass
class Call:
    idempotency_key: str | None = None


def send(fields: dict[str, Any] | None = None, key: str | None = None, **inputs: Any) -> Any:
    async def once() -> Any:
        request = Request(fields or {})
        try:
            return await request.invoke(inputs, Call(key))
        finally:
            await request.close()

    return asyncio.run(once())


def failing(fields: dict[str, Any] | None = None, **inputs: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        send(fields, **inputs)
    return caught.value


def echo(seen: Seen) -> Reply:
    body = {"method": seen.method, "path": seen.path, "body": seen.body.decode("utf-8", "replace")}
    return Reply(headers={"Content-Type": "application/json; charset=utf-8"}, body=_json(body))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_the_seed_gives_only_a_url() -> None:
    with serving(echo) as (url, _):
        answer = send(url=f"{url}/orders")
    assert answer["status"] == 200
    assert answer["body"] == {"method": "GET", "path": "/orders", "body": ""}
    assert answer["headers"]["content-type"] == "application/json; charset=utf-8"
    assert answer["url"] == f"{url}/orders"


@pytest.mark.parametrize(
    ("base", "url", "path"),
    [
        ("/v1/", "orders", "/v1/orders"),
        ("/v1", "orders", "/orders"),
        ("/v1/", "/orders", "/orders"),
        ("/v1/a/", "../b?x=1#f", "/v1/b?x=1"),
        ("/v1", "?q=1", "/v1?q=1"),
    ],
)
def test_urls_are_joined_by_the_rfc(base: str, url: str, path: str) -> None:
    with serving(echo) as (root, _):
        assert send({"baseUrl": root + base}, url=url)["body"]["path"] == path
        assert send({"baseUrl": "http://unused.invalid/"}, url=root + "/x")["body"]["path"] == "/x"


def test_query_parameters() -> None:
    query = {"a": [1, 2], "b": True, "c": None, "d": "ä&=", "e": 1.5}
    with serving(echo) as (url, _):
        path = send(url=f"{url}/?z=0", query=query)["body"]["path"]
    assert path == "/?z=0&a=1&a=2&b=true&d=%C3%A4%26%3D&e=1.5"


@pytest.mark.parametrize(
    ("inputs", "kind", "body"),
    [
        ({"body": {"ä": [1, None]}}, "application/json", b'{"\xc3\xa4": [1, null]}'),
        ({"body": None}, "application/json", b"null"),
        ({"text": "ä"}, "text/plain; charset=utf-8", b"\xc3\xa4"),
        (
            {"form": {"a": "1 2", "b": [1, 2]}},
            "application/x-www-form-urlencoded",
            b"a=1+2&b=1&b=2",
        ),
        (
            {"text": "ä€", "headers": {"content-type": "text/plain; charset=cp1252"}},
            "text/plain; charset=cp1252",
            b"\xe4\x80",
        ),
        ({"text": "<a/>", "headers": {"Content-Type": "text/xml"}}, "text/xml", b"<a/>"),
    ],
)
def test_bodies(inputs: dict[str, Any], kind: str, body: bytes) -> None:
    with serving(echo) as (url, seen):
        send({"method": "POST"}, url=url, **inputs)
    assert (seen[0].headers["content-type"], seen[0].body) == (kind, body)


@pytest.mark.parametrize("charset", ["ascii", "nonsense", "latin-1"])
def test_a_text_that_its_charset_does_not_have(charset: str) -> None:
    headers = {"content-type": f"text/plain; charset={charset}"}
    error = failing(url="http://127.0.0.1:1", text="€", headers=headers)
    assert (error.code, error.outcome) == ("INVALID_REQUEST", "failed")
    assert charset in error.message


def test_only_one_body() -> None:
    error = failing(url="http://127.0.0.1:1", body=1, text="")
    assert (error.code, error.outcome) == ("INVALID_REQUEST", "failed")
    assert "body and text" in error.message


@pytest.mark.parametrize("url", ["orders", "ftp://x/", "http://", "http://[", "http://x:99999/"])
def test_urls_that_cannot_be_requested(url: str) -> None:
    assert failing(url=url).code == "INVALID_REQUEST"


HEADERS = [{"a": "b\r\nc: d"}, {"a\r\nb": "c"}, {"ä": "x"}, {"a b": "c"}, {"a": "é"}]


@pytest.mark.parametrize("header", HEADERS)
def test_headers_cannot_be_split(header: dict[str, str]) -> None:
    with serving(echo) as (url, seen):
        error = failing(url=url, headers=header)
        assert (error.code, error.outcome) == ("INVALID_REQUEST", "failed")
    assert seen == []


def test_a_call_may_choose_no_riskier_method() -> None:
    for declared in METHODS:
        for asked in METHODS:
            ranks = [
                ("PUT", "DELETE").count(m) + 2 * ("POST", "PATCH").count(m)
                for m in (declared, asked)
            ]
            if ranks[1] <= ranks[0]:
                assert allowed_method(declared, asked) == asked
            else:
                with pytest.raises(Failure, match=f"declare `method: {asked}`"):
                    allowed_method(declared, asked)
    with serving(echo) as (url, _):
        assert send({"method": "POST"}, url=url, method="DELETE")["body"]["method"] == "DELETE"


def test_the_key_goes_with_what_changes_something() -> None:
    with serving(echo) as (url, seen):
        send({"method": "POST"}, key="k1", url=url)
        send({}, key="k1", url=url)
        send({"method": "POST"}, key="k1", url=url, headers={"Idempotency-Key": "mine"})
    assert [each.headers.get("idempotency-key") for each in seen] == ["k1", None, "mine"]


MALFORMED = [
    "pdf", "text", "/", "text/", "/plain", "text/html, application/json", "text/a/b", "te xt/plain",
    "text/plain, text/plain", ";charset=utf-8", "json", "text\\plain", "*/*",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content", "body"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/problem+json", b"[1.5]", [1.5]),
        ("text/html; charset=latin-1", b"\xe4", "ä"),
        ("text/html; charset=windows-1252", b"\x80", "€"),
        ('text/plain; charset="UTF-16"', "ä".encode("utf-16"), "ä"),
        ("text/plain", b"\xef\xbb\xbfx", "x"),
        ("Text/HTML ;x=1", b"x", "x"),
        ("application/atom+xml", b"<a/>", "<a/>"),
        ("image/png", b"\x00\xff", "AP8="),
        ("", b"\x00", "AA=="),
        *((kind, b"\x89P\xff", "iVD/") for kind in MALFORMED),
        ("application/json", b"", None),
    ],
)
def test_bodies_are_read_by_their_type(kind: str, content: bytes, body: Any) -> None:
    headers = {"content-type": kind} if kind else {}
    with serving(lambda _: Reply(headers=headers, body=content)) as (url, _):
        assert send(url=url)["body"] == body


TOKEN = st.text("ab/+.*-", min_size=1, max_size=6)
KINDS = st.builds(
    "{}{}; charset={}".format,
    st.sampled_from(["text/", "application/", "application/x+", "TEXT/", "", "json", "pdf"]),
    TOKEN,
    st.sampled_from(
        ["utf-8", "latin-1", "utf-7", "idna", "unicode_escape", "zlib", "", "\x00", "é"]
    ),
)


@given(st.binary(max_size=50), st.one_of(st.text(max_size=30), KINDS))
def test_any_content_of_any_type_comes_whole_or_is_a_clear_error(content: bytes, kind: str) -> None:
    """Text in its charset, or all bytes as base64: nothing is replaced."""
    try:
        found = decoded(content, kind)
    except ValueError:
        return
    json.dumps(found).encode()
    if isinstance(found, str) and not is_json(media_type(kind)[0]):
        is_text = media_type(kind)[0] != "application/octet-stream" and "/" in kind
        whole = base64.b64encode(content).decode()
        assert found == whole or (is_text and "\ufffd" not in found)
    assert "\ufffd" not in str(found) or b"\xef\xbf\xbd" in content


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("text/html; charset=nonsense", b"x", "the charset 'nonsense' is not known"),
        ("text/html; charset=zlib", b"x", "the charset 'zlib' is not known"),
        ("text/html; charset=utf-7", b"x", "the charset 'utf-7' is not known"),
        ("text/html", b"ab\xe4", "not utf-8: unexpected end of data at byte 2"),
        ("text/csv; charset=ascii", b"a\xe4b", "not ascii: ordinal not in range(128) at byte 1"),
    ],
)
def test_a_wrong_charset_is_a_clear_failure(kind: str, content: bytes, said: str) -> None:
    with serving(lambda _: Reply(headers={"content-type": kind}, body=content)) as (url, _):
        error = failing(url=url)
        assert (error.code, error.outcome) == ("INVALID_BODY", "failed")
        assert said in error.message
        assert failing({"method": "POST"}, url=url).outcome == "unknown"
    with serving(lambda _: Reply(404, {"content-type": kind}, content)) as (url, _):
        assert failing(url=url).code == 404


@pytest.mark.parametrize("content", [b"{", b"NaN", b"[" * 100_000, b"1" * 5_000, b"\xff"])
def test_broken_json_is_a_clear_failure(content: bytes) -> None:
    reply = Reply(headers={"content-type": "application/json"}, body=content)
    with serving(lambda _: reply) as (url, _):
        assert (failing(url=url).code, failing(url=url).outcome) == ("INVALID_BODY", "failed")
        assert failing({"method": "POST"}, url=url).outcome == "unknown"


def test_an_error_status_is_the_code() -> None:
    reply = Reply(
        429,
        {"content-type": "application/json", "retry-after": "7", "set-cookie": "s=1"},
        b'{"why": "slow down"}',
    )
    with serving(lambda _: reply) as (url, _):
        error = failing(url=f"{url.replace('//', '//user:password@')}/a?token=secret")
    assert (error.code, error.outcome, error.retry_after) == (429, "failed", 7000)
    assert error.data["body"] == {"why": "slow down"}
    assert error.data["headers"]["retry-after"] == "7"
    assert "set-cookie" not in error.data["headers"]
    assert error.message == f"GET {url}/a answered 429 Too Many Requests"


def test_a_long_error_is_cut() -> None:
    with serving(lambda _: Reply(500, {"content-type": "text/plain"}, b"x" * 100_000)) as (url, _):
        error = failing({"maxBytes": 90_000}, url=url)
    assert (error.code, len(error.data["body"])) == (500, 2_000)


@pytest.mark.parametrize(
    ("method", "status", "outcome"),
    [
        ("GET", 500, "failed"),
        ("POST", 404, "failed"),
        ("POST", 429, "failed"),
        ("POST", 500, "unknown"),
        ("POST", 501, "failed"),
        ("POST", 503, "failed"),
        ("POST", 520, "unknown"),
        ("DELETE", 502, "unknown"),
    ],
)
def test_what_a_status_says_of_the_effect(method: str, status: int, outcome: str) -> None:
    with serving(lambda _: Reply(status)) as (url, _):
        error = failing({"method": method}, url=url)
    assert (error.code, error.outcome) == (status, outcome)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0", 0.0),
        ("120", 120_000.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90_000.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("99999999999", 99999999999000.0),
        ("9" * 400, math.inf),
        ("9" * 9000, math.inf),
        ("0" * 5000 + "7", 7000.0),
        ("٣", None),
    ],
)
def test_retry_after(value: str, wanted: float | None) -> None:
    assert retry_after(value, NOW) == wanted


@given(st.text())
def test_retry_after_takes_anything(value: str) -> None:
    assert (retry_after(value, NOW) or 0) >= 0


def test_nobody_there_has_no_effect() -> None:
    for url in (f"http://127.0.0.1:{closed_port()}/", "http://no-such-host.invalid/"):
        error = failing({"method": "POST"}, url=url)
        assert (error.code, error.outcome) == (599, "failed")


@pytest.mark.parametrize(("method", "outcome"), [("POST", "unknown"), ("GET", "failed")])
def test_a_lost_answer_may_have_had_effect(method: str, outcome: str) -> None:
    with raw(lambda connection: None) as url:
        error = failing({"method": method}, url=url)
    assert (error.code, error.outcome) == (599, outcome)
    with raw(
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
    ) as url:
        error = failing({"method": method}, url=url)
    assert (error.code, error.outcome) == (599, outcome)


def test_the_whole_exchange_has_a_time_limit() -> None:
    stop = threading.Event()

    def drip(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b"x")

    with raw(drip) as url:
        began = time.monotonic()
        error = failing({"method": "POST", "timeout": 500}, url=url)
        assert time.monotonic() - began < 3
        stop.set()
    assert (error.code, error.outcome) == (599, "unknown")


def test_cancellation_closes_the_connection() -> None:
    closed = threading.Event()

    def wait(connection: Any) -> None:
        connection.settimeout(5)
        if connection.recv(1) == b"":
            closed.set()

    async def cancelled(url: str) -> None:
        request = Request({})
        task = asyncio.create_task(request.invoke({"url": url}, Call()))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(closed.wait, 2)
        await request.close()

    with raw(wait) as url:
        asyncio.run(cancelled(url))


def test_large_answers_are_cut_off() -> None:
    bomb = Reply(
        headers={"content-encoding": "gzip", "content-type": "text/plain"},
        body=gzip.compress(b"x" * 5_000_000, mtime=0),
    )
    with serving(lambda _: bomb) as (url, _):
        error = failing({"maxBytes": 1_000_000}, url=url)
        assert (error.code, error.outcome) == ("TOO_LARGE", "failed")
        assert len(send({"maxBytes": 5_000_000}, url=url)["body"]) == 5_000_000
    broken = Reply(headers={"content-encoding": "gzip"}, body=b"no gzip")
    with serving(lambda _: broken) as (url, _):
        assert failing(url=url).code == "INVALID_BODY"


@pytest.mark.parametrize(
    ("coding", "body", "code"),
    [
        ("br", b"x", "INVALID_BODY"),
        ("gzip, br", b"x", "INVALID_BODY"),
        ("gzip", gzip.compress(b"xyz", mtime=0)[:-1], "INVALID_BODY"),
        ("gzip, gzip", gzip.compress(b"xyz", mtime=0), "INVALID_BODY"),
        ("deflate, x-gzip", gzip.compress(zlib.compress(b"xyz"), mtime=0), None),
        ("GZIP, identity", gzip.compress(b"xyz", mtime=0), None),
        ("gzip", b"", None),
    ],
)
def test_content_codings(coding: str, body: bytes, code: str | None) -> None:
    headers = {"content-encoding": coding, "content-type": "text/plain"}
    with serving(lambda _: Reply(headers=headers, body=body)) as (url, seen):
        if code is not None:
            assert failing(url=url).code == code
            assert failing({"method": "POST"}, url=url).outcome == "unknown"
        else:
            assert send(url=url)["body"] == ("xyz" if body else None)
        assert send({"method": "HEAD"}, url=url)["body"] is None
    assert seen[0].headers["accept-encoding"] == "gzip, deflate"
    with serving(lambda _: Reply(503, headers, body)) as (url, _):
        assert failing(url=url).code == 503


def test_an_answer_that_says_that_it_is_too_large_is_not_waited_for() -> None:
    stop = threading.Event()

    def announce(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        stop.wait(10)

    with raw(announce) as url:
        began = time.monotonic()
        assert failing(url=url).code == "TOO_LARGE"
        assert time.monotonic() - began < 5
        stop.set()


def redirecting(status: int, to: str) -> Any:
    def answer(seen: Seen) -> Reply:
        return Reply(status, {"location": to}) if seen.path == "/from" else echo(seen)

    return answer


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "PUT", "GET", ""),
        (303, "HEAD", "HEAD", None),
        (307, "POST", "POST", "x"),
        (308, "PUT", "PUT", "x"),
    ],
)
def test_redirects(status: int, method: str, after: str, body: str | None) -> None:
    with serving(redirecting(status, "../to?a=1")) as (url, seen):
        inputs = {} if method == "HEAD" else {"text": "x"}
        answer = send(
            {"method": method, "headers": {"Authorization": "s"}}, url=f"{url}/from", **inputs
        )
    assert [each.method for each in seen] == [method, after]
    assert answer["url"] == f"{url}/to?a=1"
    assert body is None or answer["body"]["body"] == body
    assert seen[1].headers["authorization"] == "s"
    assert ("content-type" in seen[1].headers) == bool(body)


def test_credentials_do_not_follow_to_another_origin() -> None:
    with serving(echo) as (other, theirs):
        headers = {"Authorization": "secret", "X-Api-Key": "secret", "Cookie": "secret=1"}
        with serving(redirecting(307, f"{other}/to")) as (url, _):
            fields = {"baseUrl": f"{url}/", "headers": headers, "method": "POST"}
            send(fields, url="from", body=1)
            send(fields, url=f"{other}/direct")
            send(fields, url=f"//{other.split('//')[1]}/direct")
    assert [each.path for each in theirs] == ["/to", "/direct", "/direct"]
    assert "secret" not in str(theirs)
    assert theirs[0].headers["content-type"] == "application/json"


def test_redirects_end() -> None:
    with serving(lambda _: Reply(302, {"location": "/from"})) as (url, seen):
        error = failing({"maxRedirects": 3}, url=f"{url}/from")
        assert (error.code, error.outcome, len(seen)) == ("TOO_MANY_REDIRECTS", "failed", 4)
        assert send({"maxRedirects": 0}, url=f"{url}/from")["status"] == 302
    for to in ("ftp://x/", "http://[", "file:///etc/passwd"):
        with serving(redirecting(302, to)) as (url, _):
            assert failing(url=f"{url}/from").code == "INVALID_REQUEST"


def test_an_effect_before_a_redirect_is_remembered() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(303, {"location": "/gone"}) if seen.method == "POST" else Reply(404)

    with serving(answer) as (url, _):
        error = failing({"method": "POST"}, url=url)
    assert (error.code, error.outcome) == (404, "unknown")


def test_no_cookies_are_kept() -> None:
    async def twice(url: str) -> None:
        request = Request({})
        for _ in range(2):
            await request.invoke({"url": url}, Call())
        await request.close()

    with serving(lambda _: Reply(headers={"set-cookie": "a=b"})) as (url, seen):
        asyncio.run(twice(url))
    assert [each.headers.get("cookie") for each in seen] == [None, None]


FIELDS = {"timeout": (1, 31_622_400_000), "maxBytes": (1, 2**63 - 1), "maxRedirects": (0, 50)}
NUMBERS = [0, 1, -1, 2, 50, 51, 0.5, 1e300, 31_622_400_000, 31_622_400_001, 2**63, 2**64, 10**400]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: str(value)[:12])
def test_every_number_of_a_resource_is_taken_or_refused(field: str, value: float) -> None:
    """Through the kernel, as a manifest has them."""
    with serving(lambda _: Reply(headers={"content-type": "text/plain"}, body=b"x")) as (url, _):
        request = call("Http.Request", inputs={"url": url})
        request["invoke"][field] = value
        least, most = FIELDS[field]
        if value == int(value) and least <= value <= most:
            result = World(sequence(request)).apply()
            late = field == "timeout" and value < 1000
            assert result.error is None or (late and result.error.code == 599)
        else:
            with pytest.raises(ManifestError):
                World(sequence(request)).apply()
