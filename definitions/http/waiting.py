"""Calls that go on after their request was answered: each waits for a person."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .problems import problem

PATH = "/v1/executions/"
MAX_CALLS = 1_000
RETRY_SECONDS = 5


class Waiting:
    """The calls by their execution ids, which only their callers know.

    Of those that have ended the oldest are forgotten; more than ``MAX_CALLS`` cannot wait.
    """

    def __init__(self) -> None:
        self._calls: dict[str, tuple[asyncio.Task[Response], dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        return [Route(PATH + "{execution}", self._ask, methods=["GET"])]

    def keep(self, task: asyncio.Task[Response], told: dict[str, Any]) -> Response | None:
        """The answer for a call that waits, 202; None if too many wait."""
        if len(self._calls) >= MAX_CALLS:
            ended = next((key for key, (one, _) in self._calls.items() if one.done()), None)
            if ended is None:
                return None
            del self._calls[ended]
        self._calls[told["execution"]] = task, told
        return _pending(told)

    async def _ask(self, request: Request) -> Response:
        task, told = self._calls.get(request.path_params["execution"], (None, {}))
        if task is None:
            return problem(404)
        if not task.done():
            return _pending(told)
        if task.cancelled():
            return problem(409, "the call was cancelled", category="Cancelled")
        return task.result()


def _pending(told: dict[str, Any]) -> Response:
    location = PATH + told["execution"]
    headers = {"location": location, "retry-after": str(RETRY_SECONDS)}
    return JSONResponse(told, 202, headers)
