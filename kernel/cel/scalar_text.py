"""The text of a scalar that is embedded in other text."""

from __future__ import annotations

from typing import Any

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions import TABLE, invoke
from kernel.cel.values import described, type_name


def scalar_text(budget: Budget, value: Any) -> str:
    """The text of a scalar as CEL's ``string()`` gives it, ``null`` for null.

    ``Problem`` for a list, a map, an optional or a type: what their text should be is not known.
    """
    if value is None:
        return "null"
    if TABLE["string"].select((type_name(value),), False) is None:
        raise Problem("bad-argument", f"a value of type {described(value)} has no text to embed")
    text = invoke(budget, "string", False, [value])
    budget.build(len(text))
    return str(text)
