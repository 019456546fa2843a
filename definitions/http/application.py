"""Routes as one ASGI application whose own answers are problem documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from .problems import problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute


def application(mounted: Iterable[Sequence[BaseRoute]]) -> Starlette:
    """The application of all the routes; without any it is still starting."""
    routes = list(chain.from_iterable(mounted))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if not routes:
            return problem(503, "the server is starting", headers={"retry-after": "1"})
        return problem(error.status_code, headers=error.headers)

    made = Starlette(routes=routes, exception_handlers={HTTPException: refused})
    # `/a/` is another path than `/a`; whether it is there is for the routes to say.
    made.router.redirect_slashes = False
    return made
