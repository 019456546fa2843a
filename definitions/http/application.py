"""Routes as one ASGI application whose own answers are problem documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from .problems import problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

KEPT = re.compile(rb"(%2[Ff5])")
"""A slash or a percent sign in percent-encoding: data of one segment (RFC 3986, 2.2)."""
ORIGIN = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
"""What comes before the path where a client writes the whole URL (RFC 9112, 3.2.2)."""


def path_of(raw: bytes) -> str:
    """The path by which routes are chosen: decoded, but for slashes and percent signs."""
    parts = KEPT.split(ORIGIN.sub(b"", raw, count=1) or b"/")
    decoded = (part.upper() if KEPT.fullmatch(part) else unquote_to_bytes(part) for part in parts)
    return b"".join(decoded).decode("utf-8", "surrogateescape")


def application(mounted: Iterable[Sequence[Route]], state: str) -> Starlette:
    """The application of all the routes; without any the server is ``starting`` or ``stopping``."""
    routes = list(chain.from_iterable(mounted))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if not routes:
            headers = {"retry-after": "1", "connection": "close"}
            return problem(503, f"the server is {state}", headers=headers)
        path = request.scope["path"]
        methods = {
            method
            for route in routes
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        if error.status_code == 405:
            allowed = ", ".join(sorted(methods))
            return problem(
                405, f"{request.method} is not for this path", headers={"allow": allowed}
            )
        return problem(error.status_code, headers=error.headers)

    made = Starlette(routes=routes, exception_handlers={HTTPException: refused})
    # `/a/` is another path than `/a`; whether it is there is for the routes to say.
    made.router.redirect_slashes = False
    return made
