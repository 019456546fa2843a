"""How far a run is: live on a terminal, plain lines in a pipe. All on standard error."""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kernel.cli.render import use_color

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from kernel.events import Event

_SECONDS_BETWEEN_LINES = 1.0
_MOST_PRINTED = 1_000_000
_MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "–"}


def watcher() -> Lines | Live:
    """The live display where standard error is a terminal, else lines."""
    return Live() if sys.stderr.isatty() else Lines()


class Lines:
    """A line when a step ends, and now and then how far a loop is."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._said = time.monotonic()

    def began(self, path: str) -> None:
        """Note when a step of the outermost level begins."""
        if _is_shown(path):
            self._began[path] = time.monotonic()

    def ended(self, path: str, how: str) -> None:
        """One line for a step that ended."""
        began = self._began.pop(path, None)
        if began is not None:
            self.say(f"{_MARKS[how]} {path} {_seconds(began)}")

    def progress(self, path: str, done: int, total: int | None) -> None:
        """A line for a loop, at most one a second."""
        now = time.monotonic()
        if _is_shown(path) and now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            self.say(f"… {path} {done}{f'/{total}' if total else ''}")

    def say(self, text: str) -> None:
        """One line."""
        print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is left to put away."""


class Live:
    """A spinner for each running step, a bar for each loop; what ended scrolls away above."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._display: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True, no_color=not use_color()),
            transient=True,
        )
        self._tasks: dict[str, tuple[TaskID, float]] = {}

    def began(self, path: str) -> None:
        """A spinner for a step of the outermost level."""
        if _is_shown(path):
            self._tasks[path] = (self._display.add_task(path, total=None), time.monotonic())

    def ended(self, path: str, how: str) -> None:
        """Its line scrolls away above."""
        task = self._tasks.pop(path, None)
        if task is not None:
            self._display.remove_task(task[0])
            self.say(f"{_MARKS[how]} {path} {_seconds(task[1])}")

    def progress(self, path: str, done: int, total: int | None) -> None:
        """The bar of a loop."""
        task = self._tasks.get(path)
        if task is not None:
            self._display.update(task[0], completed=done, total=total)

    def say(self, text: str) -> None:
        """One line above the display."""
        self._display.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Live:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.stop()


def retried(display: Lines | Live) -> Callable[[Event], None]:
    """A subscriber that says which attempts failed, and when the next one is made."""

    def say(event: Event) -> None:
        data, place = event.data, event.identify()["subject"]
        display.say(
            f"↻ {place} attempt {data['attempt']} failed (code {data['error']['code']}), "
            f"next in {data['delay']:g} ms"
        )

    return say


class LogLines(logging.Handler):
    """What the kernel and controllers log, as lines among the progress."""

    def __init__(self, display: Lines | Live) -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = getattr(record, "fields", None) or {}
        more = "".join(f" {name}={value}" for name, value in fields.items())
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        self._display.say(f"{level}{record.getMessage()}{more}")


class Printed(io.TextIOBase):
    """Where ``print`` of a controller goes: standard error, up to a limit."""

    def __init__(self) -> None:
        self._left = _MOST_PRINTED

    def write(self, text: str) -> int:
        """Pass the text on, as far as the limit allows."""
        if self._left >= 0:
            sys.stderr.write(text[: self._left])
            self._left -= len(text)
            if self._left < 0:
                sys.stderr.write("\n… controllers print too much; the rest is dropped\n")
        return len(text)

    def flush(self) -> None:
        """Pass on what is buffered."""
        sys.stderr.flush()


def _is_shown(path: str) -> bool:
    """Rounds of a loop are too many to be shown one by one: their loop is."""
    return "[" not in path


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.2f}s"
