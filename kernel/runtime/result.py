"""How a run ended, as a person and a program get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel.errors import InvocationError, Outcome


@dataclass(frozen=True, slots=True)
class RunResult:
    """``result`` is JSON; ``error`` is None unless the run failed.

    ``shown`` is the result as people may see it: without secrets.
    """

    run: str
    outcome: Outcome
    result: Any = None
    error: InvocationError | None = None
    shown: Any = None

    def to_dict(self) -> dict[str, Any]:
        """``{run, outcome, result, error: {message, code, step, kind} | null}``, to be shown."""
        error = None
        if self.error is not None:
            error = {
                "message": self.error.message,
                "code": self.error.code,
                "step": self.error.step,
                "kind": self.error.category,
            }
        return {"run": self.run, "outcome": self.outcome, "result": self.shown, "error": error}
