"""What an exception that a controller raised says about itself.

``code``, ``data``, ``outcome`` and ``retry_after`` are read from an exception of any class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kernel.cel import in_json
from kernel.errors import Failure
from kernel.registry.contract import DeclaredError
from kernel.schema import SchemaError, check_json, is_atom
from kernel.topology.reader import MAX_MILLISECONDS

if TYPE_CHECKING:
    from kernel.events.log import Log


def attribute(error: BaseException, name: str) -> Any:
    """An attribute of an exception; None where reading it fails."""
    try:
        return getattr(error, name, None)
    except Exception:
        return None


def code_of(error: BaseException) -> str | int:
    """The ``code`` of the error (of an enumeration: its value), or the name of its class."""
    code = attribute(error, "code") if isinstance(error, Exception) else None
    if isinstance(code, str):
        return str.__str__(code)
    if isinstance(code, int) and not isinstance(code, bool) and is_atom(int(code)):
        return int(code)
    return type(error).__name__


def data_of(error: BaseException, log: Log) -> Any:
    """The ``data`` of the error, if that is JSON; as text, if not."""
    data = attribute(error, "data")
    try:
        return in_json(data, check_json)
    except SchemaError:
        return log.text(data)


def retry_after(error: BaseException) -> float | None:
    """The milliseconds that an exception asks to wait, from none to a year."""
    value = attribute(error, "retry_after")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    wait = min(max(value, 0), MAX_MILLISECONDS)
    return None if math.isnan(wait) else float(wait)


def is_deliberate(error: BaseException) -> bool:
    """Whether the controller raised the error to say that it failed."""
    code = attribute(error, "code") if isinstance(error, Exception) else None
    return isinstance(error, Failure) or (isinstance(code, str | int) and type(code) is not bool)


def may_pass(error: BaseException, declared: Mapping[str | int, DeclaredError]) -> bool:
    """Whether what failed may go well another time.

    As the definition declares it; else what fails with a code, or for want of a connection, may
    pass, and any other exception is a mistake in the code.
    """
    entry = declared.get(code_of(error))
    if entry is not None and entry.retryable is not None:
        return entry.retryable
    return is_deliberate(error) or isinstance(error, (ConnectionError, TimeoutError))
