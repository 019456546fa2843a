"""The error tree of the kernel, and the places in a manifest that errors point at.

::

    KernelError                 everything that the kernel raises on purpose
    ├── ManifestError           the manifest is wrong; carries all faults at once
    │   └── ValuesError         values for its variables and secrets are missing or wrong
    ├── UsageError              the caller asked for something that does not exist
    └── InvocationError         an invocation ended without a value; has an outcome
        ├── Rejected            refused before anything was attempted
        │   ├── NotFound            no such resource
        │   ├── InvalidState        the target is not running
        │   │   └── NotStarted      it could not be started, and may be started anew
        │   ├── Conflict            the idempotency key is taken by another call
        │   ├── Concurrency         no slot is free in the concurrency group of the callee
        │   ├── Denied              a policy, the caller's scope or a person does not permit it
        │   ├── Expired             nobody approved the call in time
        │   ├── StateDrift          what the call site expects of the world does not hold
        │   └── ValidationError     the inputs break the contract
        ├── ExpressionError     CEL of a call site failed
        ├── ControllerError     the controller failed, with the code that it gave
        ├── OutputError         the returned value breaks the contract; the effect has landed
        ├── Timeout             an attempt took longer than it may; outcome unknown
        ├── Cancelled           the invocation was cancelled
        ├── Unknown             a person has to say whether the call took effect
        ├── Parked              the run waits for a person, and goes on later
        └── Thrown              a topology raised an error of its own (``throw:``)

Each class carries a stable ``category``, which is what CEL reads as ``error.kind``. An error that
is given no ``code`` has its category in capitals as its code: ``TIMEOUT``, ``NOT_FOUND``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, NoReturn

from kernel.structs import field, struct

Outcome = Literal[
    "succeeded", "failed", "unknown", "cancelled", "parked", "deduplicated", "rejected"
]
"""How an invocation or a run ended (pipeline.md, Outcomes)."""

Path = tuple[str | int, ...]
"""The keys and indices from the root of a document to one of its nodes."""


class BoolStep(str):
    """The step of a path to a key ``true`` of a map that has the keys ``1`` and ``"true"`` as well.

    Or ``false``. It reads as that word; it equals neither the text nor, as a bool does, the number.
    """

    __slots__ = ()

    @classmethod
    def of(cls, key: bool) -> BoolStep:
        """The step to a key."""
        return cls("true" if key else "false")

    @property
    def key(self) -> bool:
        """The key that it leads to."""
        return str.__eq__(self, "true")

    def __eq__(self, other: object) -> bool:
        return type(other) is BoolStep and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((BoolStep, str(self)))


@struct
class Span:
    """A place in a manifest: lines and columns from 1, columns in Unicode characters.

    The end is exclusive: a span of one character has ``end_column == column + 1``. ``text`` is the
    whole text of the file as it was read, so that a message shows no other; it does not count in
    comparisons, and is None where nothing was read.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> tuple[str, int, int, int, int]:
        """The place alone: file, line, column, end line, end column."""
        return self.file, self.line, self.column, self.end_line, self.end_column

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@struct
class Fault:
    """Something that is wrong with a manifest."""

    code: str
    """The rule code of the analyzer (``K003``)."""
    message: str
    span: Span | None = None
    help: str | None = None
    """How to mend the fault."""
    path: Path = ()

    def to_dict(self) -> dict[str, Any]:
        """``{code, message, help, file, line, column}``, for programs."""
        span = self.span
        place: dict[str, Any] = {"file": None, "line": None, "column": None}
        if span is not None:
            place = {"file": span.file, "line": span.line, "column": span.column}
        return {"code": self.code, "message": self.message, "help": self.help, **place}

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        way_out = f" ({self.help})" if self.help else ""
        return f"{place}{self.code} {self.message}{way_out}"


class KernelError(Exception):
    """Everything that the kernel raises on purpose."""

    category: ClassVar[str] = "Internal"


class ManifestError(KernelError):
    """The manifest is wrong. All faults that were found are in ``faults``, in reading order."""

    category = "InvalidManifest"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(
            sorted(
                faults,
                key=lambda f: (f.span.file, f.span.line, f.span.column) if f.span else ("", 0, 0),
            )
        )
        super().__init__("\n".join(map(str, self.faults)) or "the manifest is invalid")


class ValuesError(ManifestError):
    """Values for the variables and secrets of a manifest are missing, wrong or not declared.

    The manifest itself may be sound: the faults name the values.
    """

    category = "InvalidValues"


class UsageError(KernelError):
    """The caller asked for something that does not exist or does not fit together."""

    category = "Usage"


class InvocationError(KernelError):
    """An invocation that ended without a value."""

    category = "Internal"
    default_code: ClassVar[str] = "INTERNAL"
    default_outcome: ClassVar[Outcome] = "failed"

    def __init_subclass__(cls) -> None:
        words = ("_" + one if one.isupper() else one for one in cls.category)
        cls.default_code = "".join(words).lstrip("_").upper()

    def __init__(
        self,
        message: str,
        *,
        code: str | int | None = None,
        step: str | None = None,
        data: Any = None,
        attempt: int = 0,
        outcome: Outcome | None = None,
        retry_after: float | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        # Declared by the ``errors`` of the definition, or that of the class.
        self.code: str | int = self.default_code if code is None else code
        self.step = step  # the name of the step that failed
        self.data = data  # JSON
        self.attempt = attempt  # counts from 1
        self.outcome: Outcome = outcome or self.default_outcome
        self.retry_after = retry_after  # milliseconds, where the callee said when to come back
        self.span = span
        # ``shop/bank.py:12 in charge``, where the code of a controller raised it.
        self.place: str | None = None
        # The outcome is unknown, and the run goes on once a person has decided about it.
        self.is_escalated = False
        # A definition declares it ``retryable: false``: no call that it passes is repeated.
        self.is_final = False
        # The attempt did not come to the call, so that it may be repeated in every safety class.
        self.is_before_call = False

    def reword(self, message: str) -> None:
        """Replace the message."""
        self.message = message
        self.args = (message,)

    def to_cel(self) -> dict[str, Any]:
        """The value of the CEL variable ``error`` (language.md, Call site)."""
        return {
            "message": self.message,
            "code": self.code,
            "step": self.step,
            "kind": self.category,
            "data": self.data,
            "attempt": self.attempt,
            "outcome": self.outcome,
        }


class Rejected(InvocationError):
    """Refused before anything was attempted; never retried."""

    category = "Rejected"
    default_outcome = "rejected"


class NotFound(Rejected):
    """No such resource."""

    category = "NotFound"


class InvalidState(Rejected):
    """The target is not in a state in which it can be called."""

    category = "InvalidState"


class NotStarted(InvalidState):
    """The controller of a resource failed while it was started; another start may go well.

    ``code``, ``data`` and ``retry_after`` are those of what it raised.
    """

    may_pass = True  # what failed says so, or is of a kind that passes: not a mistake in the code


class Denied(Rejected):
    """A policy, the caller's scope or a person does not permit the call."""

    category = "Denied"


class Conflict(Rejected):
    """Another call has the idempotency key: with other inputs, or one that nobody works on."""

    category = "Conflict"


class Concurrency(Rejected):
    """No slot is free in the concurrency group of the callee, and the call does not wait for one:
    ``full: reject`` says so, or the call would wait for itself."""

    category = "Concurrency"


class Expired(Rejected):
    """Nobody approved the call in time."""

    category = "Expired"


class StateDrift(Rejected):
    """What the call site expects (``expect``) of the world does not hold."""

    category = "StateDrift"


class ValidationError(Rejected):
    """The inputs break the contract of the callee; ``data`` lists the problems."""

    category = "ValidationError"


class ExpressionError(InvocationError):
    """An expression of a call site or a topology failed."""

    category = "ExpressionError"


class ControllerError(InvocationError):
    """The controller failed; ``code`` is one that it declares, or the name of its exception."""

    category = "ControllerError"


class OutputError(InvocationError):
    """The returned value breaks the contract; the effect has landed, so there is no retry."""

    category = "OutputError"


class Timeout(InvocationError):
    """An attempt took longer than it may; it is not known whether it took effect."""

    category = "Timeout"
    default_outcome = "unknown"


class Cancelled(InvocationError):
    """The invocation was cancelled."""

    category = "Cancelled"
    default_outcome = "cancelled"


class Unknown(InvocationError):
    """Nothing can find out whether the call took effect; a person has to say."""

    category = "Unknown"
    default_outcome = "unknown"


class Parked(InvocationError):
    """The run waits for a person; ``data`` has the approvals and the paths. It goes on later."""

    category = "Parked"
    default_outcome = "parked"


class Thrown(InvocationError):
    """A topology raised an error of its own (``throw:``)."""

    category = "Thrown"


def raise_from(made: BaseException, error: BaseException) -> NoReturn:
    """Raise the error that was made of another, with that as its cause; none is its own cause."""
    if made is error:
        raise error
    raise made from error


class Suspended(BaseException):
    """The run stops where it is, to go on later: no event is sent, no ``finally`` is run."""


class Failure(Exception):
    """What a controller raises to fail with a code.

    ``code``: a string or an integer, one of the definition's ``errors`` where it declares any.
    ``data``: JSON for the caller. ``outcome``: ``"failed"`` when it is known that nothing took
    effect, ``"unknown"`` when it is not. ``retry_after``: milliseconds to wait at least before
    another attempt. A controller may also raise any exception of its own; the kernel reads the
    same attributes from that where it has them.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | int | None = None,
        data: Any = None,
        outcome: Literal["failed", "unknown"] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data
        self.outcome = outcome
        self.retry_after = retry_after
