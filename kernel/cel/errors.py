"""The errors of CEL: where an expression is wrong, and why."""

from __future__ import annotations

from typing import Literal

from kernel.errors import KernelError, Path

Reason = Literal[
    "no-overload",
    "no-such-key",
    "no-such-name",
    "index",
    "overflow",
    "division-by-zero",
    "bad-argument",
    "budget",
]
"""Why an evaluation failed; stable, for programs to read."""


_MAX_EXCERPT_LENGTH = 80


class CelError(KernelError):
    """An expression that cannot be parsed, or that has no value.

    ``offset`` and ``end`` are the place in ``expression`` (code points, the end exclusive); in an
    error of a template they count in the scalar that holds the expression, ``expression`` is that
    scalar, and ``path`` leads to it. ``message`` names types, never values: values may be secrets.
    """

    category = "ExpressionError"

    def __init__(
        self, message: str, offset: int, end: int, expression: str, path: Path = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.end = end
        self.expression = expression
        self.path = path

    @property
    def excerpt(self) -> str:
        """The text of the sub-expression that is to blame, cut to one short line."""
        text = " ".join(self.expression[self.offset : self.end].split())
        return text if len(text) <= _MAX_EXCERPT_LENGTH else text[: _MAX_EXCERPT_LENGTH - 1] + "…"

    def __str__(self) -> str:
        place = f"{self.message}, at offset {self.offset}"
        return f"{place}: {self.excerpt}" if self.excerpt else place


class CelSyntaxError(CelError):
    """The text is not an expression; ``meant`` is what was probably meant at that place."""

    def __init__(
        self,
        message: str,
        offset: int,
        end: int,
        expression: str,
        path: Path = (),
        meant: str | None = None,
    ) -> None:
        super().__init__(message, offset, end, expression, path)
        self.meant = meant


class CelEvaluationError(CelError):
    """The expression has no value for these bindings; ``reason`` says why.

    ``elements`` are the positions, from 0, of the elements of lists at which macros failed, the
    outermost first.
    """

    def __init__(
        self, message: str, reason: Reason, offset: int, end: int, expression: str, path: Path = ()
    ) -> None:
        super().__init__(message, offset, end, expression, path)
        self.reason: Reason = reason
        self.elements: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.elements:
            return super().__str__()
        where = " of ".join(f"element {number}" for number in reversed(self.elements))
        return f"{super().__str__()} (in {where})"

    def copy(self) -> CelEvaluationError:
        """A new error that says the same; a raised exception belongs to one thread."""
        made = CelEvaluationError(
            self.message, self.reason, self.offset, self.end, self.expression, self.path
        )
        made.elements = self.elements
        return made


class Problem(Exception):
    """Raised by an operation that has no value; the evaluator adds the place."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
