"""Sinks: where events go besides subscribers in the process."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import IO

from kernel.events.event import Event


class JsonLines:
    """Writes each event as one line of JSON to a file, and flushes it, so that it can be followed.

    Raises ``OSError`` when the file cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self._file: IO[str] = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - see __exit__

    def __call__(self, event: Event) -> None:
        line = json.dumps(event.to_dict(), ensure_ascii=False, default=str)
        self._file.write(line + "\n")
        self._file.flush()

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file. What could not be written was reported when it happened."""
        with contextlib.suppress(OSError):
            self._file.close()
