"""``kernel version``."""

from __future__ import annotations

import sys

from kernel.version import VERSION


def show() -> None:
    """Print the version of the kernel."""
    sys.stdout.write(f"kernel {VERSION}\n")
