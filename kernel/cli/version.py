"""``kernel version``."""

from __future__ import annotations

import sys


def show() -> None:
    """Print the version of the kernel."""
    from kernel.version import VERSION

    sys.stdout.write(f"kernel {VERSION}\n")
