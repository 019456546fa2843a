"""HTTP/1.1 of uvicorn, with limits and answers of ours for what is no HTTP."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .problems import problem

HEAD_SECONDS = 30.0
QUOTED = re.compile(r": bytearray\(.*", re.DOTALL)
"""What h11 quotes of a request."""


class Protocol(H11Protocol):
    """Closes a connection on which the head of a request takes too long to come.

    uvicorn limits the time between requests, not the time within a head: a few hundred
    connections that send a byte now and then would keep all others out. What uvicorn says goes to
    ``log``.
    """

    _patience: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, log: Callable[..., None], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = logging.Logger("http", logging.WARNING)
        self.logger.addHandler(_Lines(log))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.ProtocolError:
            self.transport.close()
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._patience is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: for the answer to a whole request."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless the answer to its beginning is under way."""
        error, cycle = sys.exc_info()[1], self.cycle
        is_open = cycle is not None and not cycle.response_complete
        if is_open:
            cycle.disconnected = True
            cycle.message_event.set()
        if not (is_open and cycle.response_started):
            hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
            detail = QUOTED.sub("", str(error or msg))
            answer = problem(hint, detail, headers={"connection": "close"})
            head = h11.Response(status_code=hint, headers=answer.raw_headers)
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def shutdown(self) -> None:
        self._closed(super().shutdown)

    def timeout_keep_alive_handler(self) -> None:
        self._closed(super().timeout_keep_alive_handler)

    def _closed(self, close: Callable[[], None]) -> None:
        """Close the connection, in whatever state it is."""
        try:
            close()
        except h11.ProtocolError:
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a server may ignore the header (RFC 9110, 7.8)."""

    def _expect_head(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class _Lines(logging.Handler):
    """Hands log records on, without tracebacks."""

    def __init__(self, log: Callable[..., None]) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        why = "" if error is None else f": {type(error).__name__}: {error}"
        self._log(record.getMessage().strip() + why, level=record.levelname.lower())
