"""One route: a request becomes a call, and its result or its error an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as AsgiRoute

from kernel import InvocationError

from .incoming import Incoming, Refused
from .media import is_json, media_type
from .problems import STATUSES, problem

Bindings = Mapping[str, Any]


class Route:
    """A call site and its place: ``method`` and ``path``. ``running`` counts its requests."""

    def __init__(self, site: Any, max_bytes: int, log: Callable[..., None]) -> None:
        request: Mapping[str, Any] = site["request"]
        self.method: str = request.get("method", "GET")
        self.path: str = request["path"]
        self.running = 0
        self._site = site
        self._incoming = Incoming.of(request, max_bytes)
        self._log = log

    @property
    def shape(self) -> tuple[str, str]:
        """What tells routes apart: the names of the parameters do not."""
        return self.method, re.sub(r"\{[^}:]*", "{", self.path)

    def asgi(self) -> AsgiRoute:
        return AsgiRoute(self.path, self.serve, methods=[self.method])

    async def serve(self, request: Request) -> Response:
        """The answer to a request; whatever goes wrong, an answer."""
        self.running += 1
        try:
            return await self._answer(request)
        except Refused as refused:
            closing = {"connection": "close"} if refused.status in (408, 413) else None
            return problem(refused.status, refused.detail, headers=closing, errors=refused.errors)
        except Exception as error:
            self._log(
                f"{self.method} {self.path} failed: {error}",
                level="error",
                error=type(error).__name__,
            )
            return problem(500)
        finally:
            self.running -= 1

    async def _answer(self, request: Request) -> Response:
        bindings: Bindings = {"request": await self._incoming.read(request)}
        try:
            result = await self._site.invoke(bindings)
        except InvocationError as error:
            return self._caught(error, bindings)
        parts = _evaluated(self._site.get("response", {}), {**bindings, "result": result})
        return answer(parts.get("status", 200), parts.get("headers", {}), parts.get("body", result))

    def _caught(self, error: InvocationError, bindings: Bindings) -> Response:
        scope = {**bindings, "error": error.to_cel()}
        for catch in self._site.get("catches", ()):
            if _fits(catch, error, scope):
                return _mapped(catch, error, scope)
        status = STATUSES.get(error.category, 500)
        if status >= 500:
            self._log(f"{self.method} {self.path}: {error}", level="error", code=error.code)
        return _uncaught(status, error)


def _fits(catch: Mapping[str, Any], error: InvocationError, scope: Bindings) -> bool:
    code = catch.get("code", error.code)
    if code != error.code or type(code) is not type(error.code):
        return False
    return "when" not in catch or catch["when"].evaluate(scope) is True


def _mapped(catch: Mapping[str, Any], error: InvocationError, scope: Bindings) -> Response:
    parts = _evaluated(catch, scope)
    status, headers = parts.get("status", STATUSES.get(error.category, 500)), parts.get("headers")
    if "body" in parts:
        return answer(status, headers or {}, parts["body"])
    return problem(_checked(status), headers=headers, category=error.category, code=error.code)


def _uncaught(status: int, error: InvocationError) -> Response:
    """What the world is told of an error: of one of ours, no more than that there was one."""
    detail = error.message if status < 500 else None
    wait = error.retry_after
    headers = {"retry-after": str(max(1, round(wait / 1000)))} if wait is not None else None
    category = error.category if status != 500 else "Internal"
    return problem(status, detail, category=category, headers=headers)


def answer(status: int, headers: Mapping[str, str], body: Any) -> Response:
    """A response with ``body`` as JSON, or as text where the content type is not JSON.

    Raises ``ValueError`` for a status or a header that cannot be sent.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    for name, value in sent.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) or not value.isprintable():
            raise ValueError(f"the header {name!r} holds a character that a header cannot hold")
    kind = media_type(sent.setdefault("content-type", "application/json"))[0]
    if _checked(status) in (204, 304):
        del sent["content-type"]
        return Response(status_code=status, headers=sent)
    plain = isinstance(body, str) and not is_json(kind)
    content = body if plain else json.dumps(body, ensure_ascii=False, allow_nan=False)
    return Response(content, status, sent)


def _checked(status: Any) -> int:
    if isinstance(status, int) and 200 <= status <= 599:
        return status
    raise ValueError(f"{status!r} is not a status from 200 to 599")


def _evaluated(parts: Mapping[str, Any], bindings: Bindings) -> dict[str, Any]:
    """Those of status, headers and body that are there, with their CEL evaluated."""
    names = ("status", "headers", "body")
    return {name: parts[name].evaluate(bindings) for name in names if name in parts}
