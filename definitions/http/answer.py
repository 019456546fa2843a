"""What came back: the outputs of a request, or the failure that a status stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Literal

from kernel import Failure

from .media import decoded
from .outgoing import without_query, without_user

NO_ANSWER = 599
MAX_EXCERPT_LENGTH = 2_000
# These say that the server has not acted on the request (503: RFC 9110, 15.6.4).
REFUSED = {*range(400, 500), 307, 308, 501, 503, 505, 511}
HIDDEN = ("set-cookie",)


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. ``doubtful``: an effect may have come of the request, whatever it says."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    doubtful: bool

    def outputs(self) -> dict[str, Any]:
        """The outputs of ``Http.Request``; raises ``Failure`` for an error or a broken body."""
        if self.status >= 400:
            raise self.failure()
        try:
            body = decoded(self.content, self.headers.get("content-type", ""))
        except ValueError as error:
            raise Failure(
                f"{self.method} {without_query(self.url)}: the body is not valid: {error}",
                code="INVALID_BODY",
                outcome=_outcome(self.doubtful),
            ) from error
        headers = dict(self.headers)
        url = without_user(self.url)
        return {"status": self.status, "headers": headers, "body": body, "url": url}

    def failure(self) -> Failure:
        """The failure whose code is the status."""
        headers = {name: value for name, value in self.headers.items() if name not in HIDDEN}
        where = without_query(self.url)
        return Failure(
            f"{self.method} {where} answered {self.status} {phrase(self.status)}".rstrip(),
            code=self.status,
            data={"url": where, "headers": headers, "body": self._excerpt()},
            outcome=_outcome(self.doubtful),
            retry_after=retry_after(self.headers.get("retry-after", ""), datetime.now(UTC)),
        )

    def _excerpt(self) -> Any:
        if len(self.content) <= 1 << 16:
            try:
                body = decoded(self.content, self.headers.get("content-type", ""))
            except ValueError:
                pass
            else:
                return body[:MAX_EXCERPT_LENGTH] if isinstance(body, str) else body
        return self.content[:MAX_EXCERPT_LENGTH].decode("utf-8", "replace")


def retry_after(value: str, now: datetime) -> float | None:
    """Milliseconds to wait by ``Retry-After`` (RFC 9110, 10.2.3): seconds, or a date."""
    if re.fullmatch(r"[0-9]+", value):
        return float(value) * 1000  # infinite for hundreds of digits: the kernel bounds each wait
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds() * 1000)


def phrase(status: int) -> str:
    """The reason phrase of a status, empty for one that is not registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _outcome(doubtful: bool) -> Literal["failed", "unknown"]:
    return "unknown" if doubtful else "failed"
