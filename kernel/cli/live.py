"""The display of a run on a terminal: what is running now, and how far the loops are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress
from rich.console import Console
from rich.text import Text

from kernel.cli.progress import MARKS, Lines, is_shown, seconds
from kernel.cli.render import use_color


class _OfLoops(progress.ProgressColumn):
    """A column that only loops have: how far a single call is, is not known."""

    def __init__(self, column: progress.ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: progress.Task) -> Text:
        return Text() if task.total is None else self._column.render(task)  # type: ignore[return-value]


class Live(Lines):
    """A spinner for each running step, a bar for each loop; what ended scrolls away above."""

    def __init__(self) -> None:
        self._display = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            _OfLoops(progress.BarColumn(bar_width=24)),
            _OfLoops(progress.MofNCompleteColumn()),
            progress.TimeElapsedColumn(),
            console=Console(stderr=True, no_color=not use_color()),
            transient=True,
        )
        self._tasks: dict[str, tuple[progress.TaskID, float]] = {}

    def began(self, path: str) -> None:
        if is_shown(path):
            self._tasks[path] = (self._display.add_task(path, total=None), time.monotonic())

    def ended(self, path: str, how: str) -> None:
        task = self._tasks.pop(path, None)
        if task is not None:
            self._display.remove_task(task[0])
            self.say(f"{MARKS[how]} {path} {seconds(task[1])}")

    def progress(self, path: str, done: int, total: int | None) -> None:
        task = self._tasks.get(path)
        if task is not None:
            self._display.update(task[0], completed=done, total=total)

    def say(self, text: str) -> None:
        self._display.console.print(text, markup=False, highlight=False)

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._display.stop()
        try:
            yield
        finally:
            self._display.start()

    def __enter__(self) -> Live:
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()
