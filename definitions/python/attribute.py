"""Finding an attribute by its name."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from typing import Any


def attribute(name: str) -> Any:
    """What ``package.module:attribute`` names; raises ``ImportError`` or ``AttributeError``."""
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), import_module(module))
