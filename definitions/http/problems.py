"""Problem documents (RFC 9457), and the status of each category of error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from .answer import phrase

STATUSES = {
    "ValidationError": 400,
    "Unauthenticated": 401,
    "Denied": 403,
    "NotFound": 404,
    "InvalidState": 409,
    "StateDrift": 409,
    "Conflict": 409,
    "SizeLimitExceeded": 413,
    "RateLimited": 429,
    "ProviderError": 502,
    "Timeout": 504,
}
CATEGORIES = {status: category for category, status in STATUSES.items()}
"""The usual category of a status: the last of those that have it."""


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
