"""The values of CEL as Python values (CEL specification, Values).

Null, bool, int, double, string, bytes, list and map are ``None``, ``bool``, ``int``, ``float``,
``str``, ``bytes``, ``list`` (or ``tuple``) and ``dict`` (or any ``Mapping``). What Python lacks is
here. A value of another Python type has no CEL type: an operation on it is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final

from kernel.cel.errors import Problem
from kernel.errors import BoolStep
from kernel.structs import struct

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
UINT_MAX: Final = 2**64 - 1

SECOND: Final = 1_000_000_000

# Timestamps end where their text form does: years 1 to 9999 (specification, Overflow).
TIMESTAMP_MIN: Final = -62_135_596_800 * SECOND
TIMESTAMP_MAX: Final = 253_402_300_800 * SECOND - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@final
class UInt(int):
    """An unsigned 64-bit integer; ``ValueError`` outside of 0 to 2**64 - 1."""

    __slots__ = ()

    def __new__(cls, value: int = 0) -> UInt:
        if not 0 <= value <= UINT_MAX:
            raise ValueError("a uint is in 0 .. 2**64 - 1")
        return int.__new__(cls, value)

    def __repr__(self) -> str:
        return f"UInt({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)


@final
@struct(order=True)
class Timestamp:
    """Nanoseconds since 1970-01-01T00:00:00Z; ``ValueError`` outside of the years 1 to 9999."""

    nanoseconds: int

    def __post_init__(self) -> None:
        if not TIMESTAMP_MIN <= self.nanoseconds <= TIMESTAMP_MAX:
            raise ValueError("a timestamp is in the years 1 to 9999")


@final
@struct(order=True)
class Duration:
    """A span of time in nanoseconds; ``ValueError`` outside of 64 bits (about 290 years)."""

    nanoseconds: int

    def __post_init__(self) -> None:
        if not INT_MIN <= self.nanoseconds <= INT_MAX:
            raise ValueError("a duration is at most 64 bits of nanoseconds")


@final
@struct
class Type:
    """A type as a value: what ``type(x)`` gives."""

    name: str


@final
@struct
class Optional:
    """A value that may be absent: ``present`` is false for ``optional.none()``."""

    value: Any = None
    present: bool = True


@final
class MixedMap(Mapping[Any, Any]):
    """A map that has both a bool and the equal number as keys, which a ``dict`` takes for one.

    Only a map literal, ``{1: 'a', true: 'b'}``, or such a mapping of a manifest can make one.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        self._entries = {self._tagged(key): value for key, value in entries.items()}

    @classmethod
    def of(cls, pairs: Iterable[tuple[Any, Any]]) -> MixedMap:
        """The map of some entries."""
        made = cls({})
        for key, value in pairs:
            made.with_entry(key, value)
        return made

    @staticmethod
    def _tagged(key: Any) -> tuple[bool, Any]:
        return isinstance(key, bool), key

    def with_entry(self, key: Any, value: Any) -> MixedMap:
        """This map with one more entry; the map itself is changed."""
        self._entries[self._tagged(key)] = value
        return self

    def __getitem__(self, key: Any) -> Any:
        return self._entries[self._tagged(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter([key for _, key in self._entries])

    def __len__(self) -> int:
        return len(self._entries)


def entries(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """The entries of a mapping, with keys for paths: those of a MixedMap differ for Python too."""
    if type(mapping) is not MixedMap:
        return mapping.items()
    return [(_step(key, mapping), item) for key, item in mapping.items()]


def _step(key: Any, mapping: MixedMap) -> Any:
    """The step of a path to a key: a bool is its word, unless that is a key of the map as well."""
    if not isinstance(key, bool):
        return key
    step = BoolStep.of(key)
    return step if str(step) in mapping else str(step)


def entry(holder: Any, step: Any) -> Any:
    """What one step of a path leads to in a list or a mapping."""
    return dict(entries(holder))[step] if type(holder) is MixedMap else holder[step]


NONE: Final = Optional(present=False)

TIMESTAMP: Final = "google.protobuf.Timestamp"
DURATION: Final = "google.protobuf.Duration"

_TYPES: Final[dict[type, str]] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    tuple: "list",
    dict: "map",
    Timestamp: TIMESTAMP,
    datetime: TIMESTAMP,
    Duration: DURATION,
    timedelta: DURATION,
    Type: "type",
    Optional: "optional_type",
}

TYPES: Final[dict[str, Type]] = {name: Type(name) for name in dict.fromkeys(_TYPES.values())}
"""The types that can be written in an expression, by name."""

FOREIGN: Final = "foreign"

_BASES: Final = (*(base for base in _TYPES if base is not bool), Mapping)


def type_name(value: Any) -> str:
    """The name of the CEL type of a value; ``foreign`` for a Python value that has none."""
    name = _TYPES.get(value.__class__)
    return name if name is not None else _inherited_name(value)


def _inherited_name(value: Any) -> str:
    for base in _BASES:
        if isinstance(value, base):
            return _TYPES.get(base, "map")
    return FOREIGN


def described(value: Any) -> str:
    """The type of a value for a message: its CEL type, or the name of its Python class."""
    name = type_name(value)
    return name if name != FOREIGN else f"Python {type(value).__name__}"


def native(value: Any) -> Any:
    """A value in the class that operations compute with.

    A ``datetime`` becomes a ``Timestamp`` (without a time zone it is taken as UTC, which is how
    YAML and SQL drivers hand it over), a ``timedelta`` a ``Duration``.
    """
    if isinstance(value, datetime):
        return _from_datetime(value)
    if isinstance(value, timedelta):
        return _ranged(Duration, value // _MICROSECOND * 1000)
    return value


def _from_datetime(value: datetime) -> Timestamp:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    stamp: Timestamp = _ranged(Timestamp, (aware - _EPOCH) // _MICROSECOND * 1000)
    return stamp


def _ranged(kind: type, nanoseconds: int) -> Any:
    try:
        return kind(nanoseconds)
    except ValueError as error:
        raise Problem("overflow", str(error)) from None


def integer(value: int) -> int:
    """``value``, checked to be a signed 64-bit integer."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise Problem("overflow", "the result does not fit in int (64 bits)")


def unsigned(value: int) -> UInt:
    """``value`` as ``UInt``, checked to be an unsigned 64-bit integer."""
    if 0 <= value <= UINT_MAX:
        return int.__new__(UInt, value)
    raise Problem("overflow", "the result does not fit in uint (64 bits)")


def timestamp(nanoseconds: int) -> Timestamp:
    """A ``Timestamp``, with an overflow as a ``Problem``."""
    stamp: Timestamp = _ranged(Timestamp, nanoseconds)
    return stamp


def duration(nanoseconds: int) -> Duration:
    """A ``Duration``, with an overflow as a ``Problem``."""
    span: Duration = _ranged(Duration, nanoseconds)
    return span
