"""The controller of ``Http.Request``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Protocol

from definitions.extras import require
from kernel import Failure

from .answer import NO_ANSWER, REFUSED, Answer
from .codings import ACCEPTED, TooLarge, codings, unpacked
from .outgoing import Outgoing, joined, origin, outgoing, without_query

if TYPE_CHECKING:
    import httpx

REDIRECTS = (301, 302, 303, 307, 308)


class Call(Protocol):
    """The part of a call that a request needs."""

    @property
    def idempotency_key(self) -> str | None: ...


class Request:
    """Sends requests over one pool of connections, of one event loop. Keeps no cookies."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self._timeout: float = fields.get("timeout", 30_000) / 1000
        self._limit: int = fields.get("maxBytes", 64 << 20)
        self._redirects: int = fields.get("maxRedirects", 10)
        self._client: httpx.AsyncClient | None = None

    async def invoke(self, inputs: Mapping[str, Any], call: Call) -> dict[str, Any]:
        request = outgoing(self._fields, inputs, call.idempotency_key)
        return (await self._follow(request)).outputs()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _follow(self, request: Outgoing) -> Answer:
        """The last answer of a chain of redirects."""
        doubtful = False
        deadline = asyncio.get_running_loop().time() + self._timeout
        for left in range(self._redirects, -1, -1):
            answer = await self._exchange(request, deadline, doubtful)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or location is None or self._redirects == 0:
                return answer
            doubtful = answer.doubtful
            if left:
                request = redirected(request, answer.status, location, doubtful=doubtful)
        raise _failure(request, "TOO_MANY_REDIRECTS", f"over {self._redirects} redirects", doubtful)

    async def _exchange(self, request: Outgoing, deadline: float, doubtful: bool) -> Answer:
        """One request and its answer; ``doubtful`` says that an earlier hop may have had effect."""
        httpx = require("httpx", "http")
        sent = doubtful

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal sent
            if event.endswith("send_request_headers.started"):
                sent = sent or not request.safe

        try:
            async with asyncio.timeout_at(deadline):
                return await self._send(request, doubtful, {"trace": trace})
        except TimeoutError as error:
            raise _failure(request, NO_ANSWER, "no answer in time", sent) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise _failure(request, "INVALID_REQUEST", str(error), doubtful) from error
        except UnicodeEncodeError as error:
            reason = f"a header holds `{error.object[error.start]}`, and only ASCII can be sent"
            raise _failure(request, "INVALID_REQUEST", reason, doubtful) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise _failure(request, NO_ANSWER, reason, sent) from error

    async def _send(self, request: Outgoing, doubtful: bool, extensions: dict[str, Any]) -> Answer:
        client = self._pooled()
        message = client.build_request(
            request.method,
            request.url,
            headers={**request.headers, **request.personal},
            content=request.content,
            extensions=extensions,
        )
        response = await client.send(message, stream=True)
        try:
            risky = doubtful or not (request.safe or response.status_code in REFUSED)
            return Answer(
                request.method,
                request.url,
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                await self._content(request, response, risky),
                risky,
            )
        finally:
            await response.aclose()

    async def _content(self, request: Outgoing, response: httpx.Response, risky: bool) -> bytes:
        """The unpacked body. Of an answer that is an error, as much as there is of it."""
        if request.method == "HEAD" or response.status_code in (204, 304):
            return b""  # the headers say how a body would be that is not there (RFC 9110, 9.3.2)
        is_error, headers = response.status_code >= 400, response.headers
        try:
            names = codings(headers.get("content-encoding", ""))
            length = "" if is_error else headers.get("content-length", "")
            return await unpacked(response.aiter_raw(), names, self._limit, length)
        except TooLarge as error:
            if is_error:
                return error.content
            raise _failure(request, "TOO_LARGE", f"over {self._limit} bytes", risky) from error
        except ValueError as error:
            if is_error:
                return b""
            raise _failure(request, "INVALID_BODY", str(error), risky) from error

    def _pooled(self) -> httpx.AsyncClient:
        if self._client is None:
            httpx = require("httpx", "http")
            self._client = httpx.AsyncClient(
                timeout=None,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"user-agent": "invocable-kernel", "accept-encoding": ACCEPTED},
            )
        return self._client


def redirected(request: Outgoing, status: int, location: str, *, doubtful: bool) -> Outgoing:
    """The request that a redirect asks for (RFC 9110, 15.4).

    301, 302 and 303 turn into GET what is not GET or HEAD, as browsers do. ``personal`` headers
    stay behind when the origin changes.
    """
    try:
        url = joined(request.url, location)
        same = origin(url) == origin(request.url)
    except Failure as error:
        reason = f"redirected to what cannot be requested: {error.message}"
        raise _failure(request, "INVALID_REQUEST", reason, doubtful) from error
    moved = replace(request, url=url, personal=request.personal if same else {})
    if status in (307, 308) or request.method in ("GET", "HEAD"):
        return moved
    kept = {
        name: value
        for name, value in moved.headers.items()
        if name not in ("content-type", "idempotency-key")
    }
    return replace(moved, method="GET", headers=kept, content=None)


def _failure(request: Outgoing, code: str | int, reason: str, doubtful: bool) -> Failure:
    where = without_query(request.url)
    return Failure(
        f"{request.method} {where}: {reason}",
        code=code,
        data={"url": where},
        outcome="unknown" if doubtful else "failed",
    )
