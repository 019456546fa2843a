"""How files are named to programs that know the root of the repository only."""

from __future__ import annotations

import os
from pathlib import Path


def relative(file: str, base: Path | None) -> str:
    """The name of a file as seen from ``base``, with slashes; its own where it lies elsewhere."""
    if base is None:
        return Path(file).as_posix()
    whole = Path(os.path.abspath(file))
    return whole.relative_to(base).as_posix() if whole.is_relative_to(base) else whole.as_posix()
