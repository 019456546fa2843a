"""One route: a request becomes a call, and its result or its error an answer."""

from __future__ import annotations

import asyncio
import json
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as AsgiRoute

from kernel import InvocationError, Parked

from .incoming import Incoming, Refused
from .media import encoded, is_json, media_type
from .outgoing import SAFE
from .problems import problem, status_of

Bindings = Mapping[str, Any]
Keep = Callable[[asyncio.Task[Response], dict[str, Any]], Response | None]
"""Keeps a call that waits for a person, and gives the answer that says where to ask."""

KEY = re.compile(r'"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<bare>[^",;\s]+)')
"""An idempotency key: a string of a structured field (RFC 8941, 3.3.3), or as many write it."""
FRAMING = ("content-length", "transfer-encoding", "connection")
"""Headers that say where an answer ends, which is for the server to say."""


class Caller:
    """Who sent a request. ``waits`` is set once the call waits for a person."""

    def __init__(self, name: str, idempotency_key: str | None) -> None:
        self.name = name
        self.idempotency_key = idempotency_key
        self.waits: asyncio.Future[Parked] = asyncio.get_running_loop().create_future()
        self.is_replayed = False

    def parked(self, error: Parked) -> None:
        if not self.waits.done():
            self.waits.set_result(error)

    def replayed(self) -> None:
        self.is_replayed = True


class Route:
    """A call site and its place: ``method`` and ``path``. ``running`` counts its requests.

    ``calls`` are the calls that go on after their requests have been answered.
    """

    def __init__(self, site: Any, max_bytes: int, log: Callable[..., None], keep: Keep) -> None:
        request: Mapping[str, Any] = site["request"]
        self.method: str = request.get("method", "GET")
        self.path: str = request["path"]
        self.running = 0
        self.calls: set[asyncio.Task[Response]] = set()
        self._keep = keep
        self._site = site
        self._incoming = Incoming.of(request, max_bytes)
        self._log = log

    @property
    def shape(self) -> tuple[str, str]:
        """What tells routes apart: the names of the parameters do not."""
        return self.method, re.sub(r"\{[^}:]*", "{", self.path)

    def asgi(self) -> AsgiRoute:
        """The route, over paths in which percent signs are not decoded."""
        return AsgiRoute(self.path.replace("%", "%25"), self.serve, methods=[self.method])

    async def serve(self, request: Request) -> Response:
        """The answer to a request; whatever goes wrong, an answer."""
        self.running += 1
        try:
            return await self._answer(request)
        except Refused as refused:
            closing = {"connection": "close"} if refused.status in (408, 413) else {}
            headers = {**closing, **(refused.headers or {})}
            return problem(refused.status, refused.detail, headers=headers, errors=refused.errors)
        except ClientDisconnect:
            return problem(400, "the body did not come whole")  # nobody reads it
        finally:
            self.running -= 1

    async def _answer(self, request: Request) -> Response:
        bindings: Bindings = {"request": await self._incoming.read(request)}
        caller = Caller(f"{self.method} {self.path}", self._key(request))
        task = asyncio.ensure_future(self._called(bindings, caller))
        try:
            await asyncio.wait((task, caller.waits), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            raise
        if task.done():
            return task.result()
        return self._kept(task, caller.waits.result())

    def _kept(self, task: asyncio.Task[Response], error: Parked) -> Response:
        told = self._keep(task, {**error.data, "outcome": "parked", "message": error.message})
        if told is None:
            task.cancel()
            return problem(
                503, "too many calls wait for an approval", headers={"retry-after": "60"}
            )
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)
        return told

    def _key(self, request: Request) -> str | None:
        """The idempotency key that names the call (IETF draft of the header, 2.1)."""
        written = ", ".join(request.headers.getlist("idempotency-key"))
        if not written or self.method in SAFE:
            return None
        found = KEY.fullmatch(written.strip())
        key = "" if found is None else found["bare"] or re.sub(r"\\(.)", r"\1", found["quoted"])
        if not key.isprintable() or not key:
            raise Refused(400, f"Idempotency-Key: {written[:100]!r} is not a key")
        return key

    async def _called(self, bindings: Bindings, caller: Caller) -> Response:
        """Make the call; whatever comes of it, an answer."""
        try:
            try:
                result = await self._site.invoke(bindings, caller)
            except InvocationError as error:
                return self._caught(error, bindings)
            parts = _evaluated(self._site.get("response", {}), {**bindings, "result": result})
            response = answer(
                parts.get("status", 200), parts.get("headers", {}), parts.get("body", result)
            )
        except Exception as error:
            self._log(
                f"{self.method} {self.path} failed: {error}",
                level="error",
                error=type(error).__name__,
                traceback="".join(traceback.format_exception(error)),
            )
            return problem(500)
        if caller.is_replayed:
            response.headers["idempotent-replayed"] = "true"
        return response

    def _caught(self, error: InvocationError, bindings: Bindings) -> Response:
        scope = {**bindings, "error": error.to_cel()}
        for catch in self._site.get("catches", ()):
            if _fits(catch, error, scope):
                return _mapped(catch, error, scope)
        status = status_of(error)
        if status >= 500:
            said = "".join(traceback.format_exception(error))
            text = f"{self.method} {self.path}: {error}"
            self._log(text, level="error", code=error.code, traceback=said)
        if error.outcome == "unknown" and self.method not in SAFE:
            # No error: a proxy must not repeat the request.
            return answer(202, {}, {"outcome": "unknown", "category": error.category})
        return _uncaught(status, error)


def _fits(catch: Mapping[str, Any], error: InvocationError, scope: Bindings) -> bool:
    code = catch.get("code", error.code)
    if code != error.code or type(code) is not type(error.code):
        return False
    return "when" not in catch or catch["when"].evaluate(scope) is True


def _mapped(catch: Mapping[str, Any], error: InvocationError, scope: Bindings) -> Response:
    parts = _evaluated(catch, scope)
    status, headers = parts.get("status", status_of(error)), parts.get("headers")
    if "body" in parts:
        return answer(status, headers or {}, parts["body"])
    made = problem(_checked(status), category=error.category, code=error.code)
    _set_headers(made, headers or {})
    return made


def _uncaught(status: int, error: InvocationError) -> Response:
    """What the world is told of an error: of one of ours, no more than that there was one."""
    detail = error.message if status < 500 else None
    wait = error.retry_after
    headers = {"retry-after": str(max(1, round(wait / 1000)))} if wait is not None else None
    category = error.category if status != 500 else "Internal"
    code = error.code if status < 500 and error.code != error.category else None
    return problem(status, detail, category=category, headers=headers, code=code)


def answer(status: int, headers: Mapping[str, str | list[str]], body: Any) -> Response:
    """A response with ``body`` as JSON, or as text where the content type is not JSON.

    A header whose value is a list is sent several times. Raises ``ValueError`` for a status, a
    header or a text that cannot be sent.
    """
    made = Response(status_code=_checked(status))
    _set_headers(made, headers)
    if status in (204, 304):
        return made
    written = made.headers.setdefault("content-type", "application/json")
    kind = media_type(written)[0]
    if isinstance(body, str) and not is_json(kind):
        content = encoded(body, written)
    else:
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    made.body = content
    made.headers["content-length"] = str(len(content))
    return made


def _set_headers(response: Response, headers: Mapping[str, str | list[str]]) -> None:
    for name, value in headers.items():
        values = value if isinstance(value, list) else [value]
        is_name = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)
        if not is_name or not all(each.isprintable() for each in values):
            raise ValueError(f"the header {name!r} holds a character that a header cannot hold")
        if name.lower() in FRAMING or (name.lower() == "content-type" and len(values) != 1):
            raise ValueError(f"the header {name!r} cannot be set so")
        if name.lower() in response.headers:
            del response.headers[name]
        for each in values:
            response.headers.append(name, each)


def _checked(status: Any) -> int:
    if isinstance(status, int) and 200 <= status <= 599:
        return status
    raise ValueError(f"{status!r} is not a status from 200 to 599")


def _evaluated(parts: Mapping[str, Any], bindings: Bindings) -> dict[str, Any]:
    """Those of status, headers and body that are there, with their CEL evaluated."""
    names = ("status", "headers", "body")
    return {name: parts[name].evaluate(bindings) for name in names if name in parts}
