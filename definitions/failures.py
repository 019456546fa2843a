"""The failure that most controllers raise: one before anything took effect."""

from __future__ import annotations

from kernel import Failure


def failed(code: str, message: str) -> Failure:
    """The failure of a call that is known to have changed nothing."""
    return Failure(message, code=code, outcome="failed")
