"""Optional packages: imported when first needed, and named when they are missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from definitions.failures import failed


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, which comes with the extra ``extra`` of this distribution.

    Raises ``Failure`` with the code ``MISSING_EXTRA`` and the command that mends it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        raise failed(
            "MISSING_EXTRA",
            f"{missing.name} is not installed: pip install 'invocable-kernel[{extra}]'",
        ) from missing
