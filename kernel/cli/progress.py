"""How far a run is, in lines on standard error; what a controller prints and logs, beside it."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from kernel.events.allowance import Allowance
from kernel.events.event import Event

_SECONDS_BETWEEN_LINES = 1.0
_MAX_LINE_CHARACTERS = 100_000
MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "–"}


class Lines:
    """A line when a step ends, and now and then how far a loop is."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._said = time.monotonic()

    def began(self, path: str) -> None:
        """Note when a step of the outermost level begins."""
        if is_shown(path):
            self._began[path] = time.monotonic()

    def ended(self, path: str, how: str) -> None:
        began = self._began.pop(path, None)
        if began is not None:
            self.say(f"{MARKS[how]} {path} {seconds(began)}")

    def progress(self, path: str, done: int, total: int | None) -> None:
        """A line for a loop, at most one a second."""
        now = time.monotonic()
        if is_shown(path) and now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            self.say(f"… {path} {done}{f'/{total}' if total else ''}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Put the display away, for a question on the terminal: lines are not in its way."""
        yield

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def retried(say: Callable[[str], None]) -> Callable[[Event], None]:
    """A subscriber that says which attempts failed, and when the next one is made."""

    def tell(event: Event) -> None:
        data, place = event.data, event.identify()["subject"]
        say(
            f"↻ {place} attempt {data['attempt']} failed (code {data['error']['code']}), "
            f"next in {data['delay']:g} ms"
        )

    return tell


def queued(say: Callable[[str], None]) -> Callable[[Event], None]:
    """A subscriber that says which calls wait for a slot of a concurrency group, and for whom.

    Of rounds of a loop nothing is said one by one, as nothing else is.
    """

    def tell(event: Event) -> None:
        place = event.identify()["subject"]
        if is_shown(place):
            say(f"‖ {place or 'the call'} is queued: {event.data['reason']}")

    return tell


class LogLines(logging.Handler):
    """What the kernel and controllers log, as lines among the progress."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = getattr(record, "fields", None) or {}
        more = "".join(f" {name}={value}" for name, value in fields.items())
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        self._say(f"{level}{record.getMessage()}{more}")


def _as_it_is(text: str) -> str:
    return text


class Redacted:
    """A stream to which texts are written without secrets, once ``redact`` knows them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.redact: Callable[[str], str] = _as_it_is

    def write(self, text: str) -> int:
        self._stream.write(self.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Printed(io.TextIOBase):
    """Where ``print`` of a controller goes: standard error, up to a limit, without secrets.

    It goes there line by line, since a secret may be written in pieces.
    """

    def __init__(self) -> None:
        self._allowance = Allowance()
        self._stream = sys.stderr
        self._line = ""
        self.redact: Callable[[str], str] = _as_it_is
        self.beside = Redacted(sys.stderr)

    def write(self, text: str) -> int:
        lines, newline, rest = text.rpartition("\n")
        if newline:
            lines, self._line = f"{self._line}{lines}\n", rest
            self._write(lines)
        else:
            self._line += text
            if len(self._line) > _MAX_LINE_CHARACTERS:
                self.close_line()
        return len(text)

    def _write(self, text: str) -> None:
        was_used_up = self._allowance.is_used_up
        granted = self._allowance.grant(len(text))
        if granted:
            self._stream.write(self.redact(text)[:granted])
        if granted < len(text) and not was_used_up:
            self._stream.write("\n… controllers print too much; the rest is dropped\n")

    def close_line(self) -> None:
        """Write what is there of a line that has not ended."""
        line, self._line = self._line, ""
        self._write(line)

    def flush(self) -> None:
        self.close_line()
        self._stream.flush()


def is_shown(path: str) -> bool:
    """Rounds of a loop are too many to be shown one by one: their loop is."""
    return "[" not in path


def seconds(began: float) -> str:
    return f"{time.monotonic() - began:.2f}s"
