"""The controller of ``Python.Function``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kernel


class Function:
    """Calls a function with keyword arguments that fit its annotations (``typed_controller``).

    ``folder`` is the manifest's own, where the function is looked for after the installed packages.
    Raises ``kernel.UsageError`` when it is not there, and ``TypeError`` for one that cannot be
    called so.
    """

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        name: str = fields["function"]
        # Named only here: of all controllers this one alone needs pydantic.
        self.invoke = kernel.typed_controller(kernel.import_attribute(name, folder), name).invoke
