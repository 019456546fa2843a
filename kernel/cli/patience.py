"""A line on the terminal that says what is being checked, when that takes long."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

_SECONDS_BEFORE = 1.0
_SECONDS_BETWEEN = 0.2


class Patience:
    """Says nothing for a second, and nothing at all where standard error is no terminal."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._doing = ""
        self._over = threading.Event()
        self._began = time.monotonic()
        self._thread: threading.Thread | None = None

    def begin(self, number: int, path: Path) -> None:
        """Tell which path comes now."""
        self._doing = f"{path} ({number + 1} of {self._count})" if self._count > 1 else str(path)

    def __enter__(self) -> Patience:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._tell, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        if self._over.wait(_SECONDS_BEFORE):
            return
        while not self._over.wait(_SECONDS_BETWEEN):
            seconds = time.monotonic() - self._began
            sys.stderr.write(f"\r\x1b[Kchecking {self._doing}, {seconds:.0f} s")
            sys.stderr.flush()
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
