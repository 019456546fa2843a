"""The table of functions, and the macros."""

from __future__ import annotations

from typing import Final

from kernel.cel.functions import collections, mathematics, regex, standard, strings
from kernel.cel.functions.macros import MACROS
from kernel.cel.functions.table import Table

TABLE: Final = Table(
    (
        *standard.OPERATORS,
        *standard.FUNCTIONS,
        *strings.FUNCTIONS,
        *mathematics.FUNCTIONS,
        *collections.FUNCTIONS,
        *regex.FUNCTIONS,
    )
)
"""Every function of the language by name."""

QUALIFIED: Final = frozenset(name for name in (*TABLE, *MACROS) if "." in name)
"""The names of functions and macros that are dotted: ``math.abs`` is not a call on ``math``."""

__all__ = ["MACROS", "QUALIFIED", "TABLE"]
