"""Problem documents (RFC 9457), and the status of each category of error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from kernel import InvocationError

from .answer import phrase

STATUSES = {
    "ValidationError": 400,
    "Unauthenticated": 401,
    "Denied": 403,
    "NotAccepted": 403,
    "NotFound": 404,
    "Cancelled": 409,
    "InvalidState": 409,
    "StateDrift": 409,
    "Expired": 410,
    "SizeLimitExceeded": 413,
    "Conflict": 422,
    "Thrown": 422,
    "RateLimited": 429,
    "ProviderError": 502,
    "Timeout": 504,
}
CATEGORIES = {
    400: "ValidationError",
    401: "Unauthenticated",
    403: "Denied",
    404: "NotFound",
    409: "Conflict",
    413: "SizeLimitExceeded",
    429: "RateLimited",
    502: "ProviderError",
    504: "Timeout",
}
"""The usual category of a status."""


def status_of(error: InvocationError) -> int:
    """The status of an error that nothing in a route answers."""
    if error.category == "Conflict" and error.code == "IN_FLIGHT":
        return 409
    return STATUSES.get(error.category, 500)


def problem(
    status: int,
    detail: str | None = None,
    *,
    category: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem document; its ``category`` is the usual one of the status unless it is given."""
    default = "Internal" if status >= 500 else "Rejected"
    document = {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": detail,
        "category": category or CATEGORIES.get(status, default),
        **more,
    }
    given = {name: value for name, value in document.items() if value is not None}
    content = json.dumps(given, ensure_ascii=False)
    return Response(content, status, dict(headers or {}), "application/problem+json")
