"""How a run ended, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kernel.errors import InvocationError, Outcome
from kernel.invocation.runtime import Runtime
from kernel.runtime.starts import Start
from kernel.structs import struct


@struct
class RunResult:
    """How a run ended."""

    run: str
    outcome: Outcome
    result: Any = None
    """JSON."""
    error: InvocationError | None = None
    """None unless the run failed."""
    shown: Any = None
    """The result as people may see it: without secrets."""

    def to_dict(self) -> dict[str, Any]:
        """``{run, outcome, result, error: {message, code, step, kind} | null}``, for people."""
        error = None
        if self.error is not None:
            error = {
                "message": self.error.message,
                "code": self.error.code,
                "step": self.error.step,
                "kind": self.error.category,
            }
        return {"run": self.run, "outcome": self.outcome, "result": self.shown, "error": error}


def run_result(
    run: str, starts: Iterable[Start], results: Mapping[str, Any], runtime: Runtime
) -> RunResult:
    """The result of a run that succeeded, of the ``results`` of its starts by their labels."""
    shown = {}
    for start in starts:
        if start.label in results:
            hide = runtime.redactor_for(start.instance.contract.output_redaction)
            value = results[start.label]
            shown[start.label] = value if hide is None else hide(value)
    return RunResult(run, "succeeded", combined(results), shown=combined(shown))


def combined(results: Mapping[str, Any]) -> Any:
    """The only result; several by their labels; None where there is none."""
    if len(results) == 1:
        return next(iter(results.values()))
    return dict(results) or None
