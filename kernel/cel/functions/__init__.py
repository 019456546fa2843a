"""The table of functions, and the macros."""

from __future__ import annotations

from typing import Any, Final

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions import collections, mathematics, regex, standard, strings
from kernel.cel.functions.macros import MACROS
from kernel.cel.functions.table import Table
from kernel.cel.operations import no_overload
from kernel.cel.values import type_name

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


def invoke(budget: Budget, name: str, receiver: bool, args: list[Any]) -> Any:
    """Call the function of that name with values; the receiver, if any, is the first."""
    overload = TABLE[name].select(tuple(map(type_name, args)), receiver)
    if overload is None:
        raise no_overload(name, tuple(args))
    try:
        if overload.budgeted:
            return overload.implementation(budget, *args)
        return overload.implementation(*args)
    except (ValueError, OverflowError):
        # An int from outside may have any number of digits, and a string half a surrogate pair.
        raise Problem("bad-argument", f"{name}() of values that are out of range") from None


__all__ = ["MACROS", "QUALIFIED", "TABLE", "invoke"]
