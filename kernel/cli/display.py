"""How far a run is: live on a terminal, plain lines in a pipe. All on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kernel.cli.progress import Lines

if TYPE_CHECKING:
    from kernel.cli.live import Live


def display() -> Lines | Live:
    """The live display where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        return Lines()
    from kernel.cli.live import Live  # for start-up time

    return Live()
