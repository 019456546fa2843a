"""One event, and its CloudEvents 1.0 envelope (language.md, Events)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from kernel.structs import struct


class Event:
    """What happened: ``type`` is ``<Kind>.<Name>.<What>``, as in ``Sql.Query.Orders.Invoked``.

    ``data`` is JSON with secrets redacted; it is made when it is first asked for, so an event that
    nobody looks into costs next to nothing. ``time`` is in nanoseconds since the epoch.
    """

    __slots__ = ("_data", "_redact", "identify", "subject", "time", "type")

    def __init__(
        self,
        type: str,
        data: Any,
        time: int,
        identify: Callable[[], dict[str, Any]],
        redact: Callable[[Any], Any] | None = None,
        subject: str | None = None,
    ) -> None:
        self.type = type
        self.time = time
        self.identify = identify
        self.subject = subject
        self._data = data
        self._redact = redact

    @property
    def data(self) -> Any:
        """The payload, redacted."""
        if self._redact is not None:
            self._data = self._redact(self._data)
            self._redact = None
        return self._data

    def to_dict(self) -> dict[str, Any]:
        """The CloudEvents envelope: ``specversion``, ``id``, ``source``, ``type``, ``time``, …

        The extension attributes are ``run``, ``invocation`` and ``correlationid``.
        """
        return {
            "specversion": "1.0",
            "type": self.type,
            **self.identify(),
            **({"subject": self.subject} if self.subject else {}),
            "time": rfc3339(self.time),
            "datacontenttype": "application/json",
            "data": self.data,
        }

    def __repr__(self) -> str:
        return f"<Event {self.type}>"


@struct
class Pattern:
    """``<type glob>`` or ``<type glob>:<subject glob>`` (entry.md, Triggers)."""

    type: str
    subject: str | None = None

    @classmethod
    def of(cls, text: str) -> Pattern:
        """What a text says, which may hold a colon."""
        type, colon, subject = text.partition(":")
        return cls(type, subject if colon else None)

    def takes(self, type: str) -> bool:
        """Whether events of a type may be some of these."""
        return fnmatchcase(type, self.type)

    def matches(self, event: Event) -> bool:
        """Whether an event is one of these."""
        if not self.takes(event.type):
            return False
        if self.subject is None:
            return True
        subject = event.subject or event.identify().get("subject") or ""
        # A path with rounds in it, ``steps.Each[3].Charge``, is meant as it is written.
        return subject == self.subject or fnmatchcase(subject, self.subject)


def rfc3339(nanoseconds: int, digits: int = 6) -> str:
    """A moment in UTC, with so many digits behind the second (RFC 3339)."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{f'{rest:09}'[:digits]}Z" if digits else f"{moment}Z"
