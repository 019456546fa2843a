"""The types of the analyzer: frozen values, lowered from JSON Schema and computed for CEL.

A type is a set of values: those that may be there at run time (analyzer.md, Types). ``contains``
asks whether a value is of a type; the soundness of everything else is tested against it.

::

    Dyn(reason)               nothing is known, and why
    Never                     no value at all
    Error                     what follows from a mistake that was reported already
    Null Bool Double Bytes Timestamp Duration UInt TypeValue
    Int(least, most)          whole numbers of 64 bits within bounds
    String(literals, format)  any text, or one of a few
    List(element, least, most)
    Map(value, key)           any keys of one type
    Record(fields, rest)      known fields; ``rest`` is Never when closed, Dyn when open, Error when
                              there are no others, and to ask for them is no mistake
    Optional(value)           CEL's optional
    Union(members)            one of several; made by ``unions.union`` only
    Refined(base, why, ...)   those values of a type that a schema's validator lets through
    Ref(name, ...)            a named schema that may contain itself
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kernel import cel
from kernel.structs import field, struct

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


class Type:
    """A set of values. Compared by ``==``; frozen."""

    __slots__ = ()

    def __str__(self) -> str:
        return type(self).__name__.lower()

    def contains(self, value: Any) -> bool:
        """Whether a value of the run time is of this type."""
        raise NotImplementedError

    @property
    def has_dyn(self) -> bool:
        """Whether a part of the type is not known; what is behind a :class:`Ref` does not count."""
        return any(part.has_dyn for part in self.parts)

    @property
    def parts(self) -> tuple[Type, ...]:
        """The types that this type is made of."""
        return ()


@struct
class Dyn(Type):
    """Nothing is known; ``reason`` says why, to people."""

    reason: str = field(default="", compare=False)

    def contains(self, value: Any) -> bool:
        return True

    @property
    def has_dyn(self) -> bool:
        return True

    def __str__(self) -> str:
        return "any"


@struct
class Never(Type):
    """No value at all."""

    def contains(self, value: Any) -> bool:
        return False


@struct
class Error(Type):
    """The type after a mistake that was reported already: nothing more is reported about it."""

    def contains(self, value: Any) -> bool:
        return True


@struct
class Null(Type):
    """``null``."""

    def contains(self, value: Any) -> bool:
        return value is None


@struct
class Bool(Type):
    """``true`` and ``false``; only one of them where ``literal`` says so."""

    literal: bool | None = None

    def contains(self, value: Any) -> bool:
        return value is True or value is False if self.literal is None else value is self.literal

    def __str__(self) -> str:
        return "bool" if self.literal is None else str(self.literal).lower()


@struct
class Int(Type):
    """Whole numbers from ``least`` to ``most``, both included; JSON has greater than 64 bits."""

    least: int = INT_MIN
    most: int = INT_MAX

    def contains(self, value: Any) -> bool:
        return type(value) is int and self.least <= value <= self.most

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        low = "" if self.least <= INT_MIN else f" from {self.least}"
        high = "" if self.most >= INT_MAX else f" to {self.most}"
        return f"int{low}{high}" if low or not high else f"int up{high}"


@struct
class UInt(Type):
    """Unsigned whole numbers of 64 bits."""

    def contains(self, value: Any) -> bool:
        return isinstance(value, cel.UInt)


@struct
class Double(Type):
    """Floating-point numbers within bounds; the bounds say nothing about NaN."""

    least: float = float("-inf")
    most: float = float("inf")

    def contains(self, value: Any) -> bool:
        return type(value) is float and not (value < self.least or value > self.most)


@struct
class String(Type):
    """Text: any, or one of ``literals``. ``format`` and ``pattern`` are what its schema says."""

    literals: frozenset[str] | None = None
    format: str | None = None
    pattern: str | None = None
    least: int = 0
    most: int | None = None

    def contains(self, value: Any) -> bool:
        if not isinstance(value, str) or (self.literals is not None and value not in self.literals):
            return False
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            return False
        return self.pattern is None or is_match(self.pattern, value)

    def __str__(self) -> str:
        if self.literals is None:
            return "string"
        shown = sorted(self.literals)[:5]
        more = "|…" if len(self.literals) > len(shown) else ""
        return "|".join(f"'{text}'" for text in shown) + more


def is_match(pattern: str, value: str) -> bool:
    """Whether a text matches a pattern of a schema."""
    from kernel.schema.engine import pattern_matcher

    return pattern_matcher(pattern)(value)


@struct
class Bytes(Type):
    """Bytes; JSON has none."""

    def contains(self, value: Any) -> bool:
        return isinstance(value, bytes)


@struct
class Timestamp(Type):
    """A moment; JSON has none."""

    def contains(self, value: Any) -> bool:
        return isinstance(value, cel.Timestamp | datetime)


@struct
class Duration(Type):
    """A span of time; JSON has none."""

    def contains(self, value: Any) -> bool:
        return isinstance(value, cel.Duration | timedelta)


@struct
class TypeValue(Type):
    """What ``type(x)`` gives."""

    def contains(self, value: Any) -> bool:
        return isinstance(value, cel.Type)

    def __str__(self) -> str:
        return "type"


@struct
class List(Type):
    """A list of ``least`` to ``most`` elements of one type; ``most`` None is without a bound."""

    element: Type
    least: int = 0
    most: int | None = None

    def contains(self, value: Any) -> bool:
        return isinstance(value, list | tuple) and (
            self.has_size(len(value)) and all(self.element.contains(item) for item in value)
        )

    def has_size(self, count: int) -> bool:
        """Whether the lists may have so many elements."""
        return self.least <= count and (self.most is None or count <= self.most)

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.element,)

    def __str__(self) -> str:
        return f"list({self.element})"


@struct
class Map(Type):
    """A map with any keys of one type, and values of one type."""

    value: Type
    key: Type = field(default_factory=String)

    def contains(self, value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            self.key.contains(key) and self.value.contains(item) for key, item in value.items()
        )

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.key, self.value)

    def __str__(self) -> str:
        return f"map({self.key}, {self.value})"


@struct
class Field:
    """A field of a record. ``required``: it is certainly there. ``secret``: it must not leak.

    ``lenient``: no schema says whether the field is there (no ``required`` at all), or its presence
    depends on what types do not say (``if``, ``dependentRequired``). ``default``: the field is
    there even if nobody gave it, since its schema has a default. ``declared``: some schema says
    what the field is, not only that it is required. ``guarded``: no schema knows the field, a
    condition has found it.
    """

    type: Type
    required: bool = True
    secret: bool = False
    lenient: bool = field(default=False, compare=False)
    default: bool = False
    declared: bool = field(default=True, compare=False)
    guarded: bool = field(default=False, compare=False)


@struct
class Record(Type):
    """Known fields, and what others may be there: ``rest`` is Never when it is closed.

    ``patterns`` tells of which type those of the rest are whose names a pattern matches, and
    ``unmatched`` what all others are; without patterns all are what ``rest`` says. ``lengths`` are
    the fields that hold the sizes of lists in other fields.
    """

    fields: tuple[tuple[str, Field], ...] = ()
    rest: Type = field(default_factory=Never)
    patterns: tuple[tuple[str, Type], ...] = ()
    unmatched: Type = field(default_factory=Never)
    lengths: tuple[tuple[str, str], ...] = ()

    def contains(self, value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        known = dict(self.fields)
        for name, declared in self.fields:
            if name not in value:
                if declared.required:
                    return False
            elif not declared.type.contains(value[name]):
                return False
        return all(
            isinstance(key, str) and self.rest.contains(item)
            for key, item in value.items()
            if key not in known
        )

    def get(self, name: str) -> Field | None:
        """The field of that name, if it is a known one."""
        for known, declared in self.fields:
            if known == name:
                return declared
        return None

    @property
    def is_closed(self) -> bool:
        """Whether there are no other fields than the known ones."""
        return isinstance(self.rest, Never)

    @property
    def parts(self) -> tuple[Type, ...]:
        return (*(declared.type for _, declared in self.fields), self.rest)

    @property
    def has_dyn(self) -> bool:
        return any(declared.type.has_dyn for _, declared in self.fields)

    def __str__(self) -> str:
        shown = [
            f"{name}{'' if one.required else '?'}: {one.type}" for name, one in self.fields[:6]
        ]
        if len(self.fields) > 6 or not self.is_closed:
            shown.append("…")
        return "{" + ", ".join(shown) + "}"


@struct
class Optional(Type):
    """A value that may be absent (CEL's ``optional``)."""

    value: Type

    def contains(self, value: Any) -> bool:
        return isinstance(value, cel.Optional) and (
            not value.present or self.value.contains(value.value)
        )

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.value,)

    def __str__(self) -> str:
        return f"optional({self.value})"


@struct
class Union(Type):
    """One of several types, none of which is a union, Dyn or Never. Made by ``unions.union``."""

    members: tuple[Type, ...]

    def contains(self, value: Any) -> bool:
        return any(member.contains(value) for member in self.members)

    @property
    def parts(self) -> tuple[Type, ...]:
        return self.members

    def __str__(self) -> str:
        return " or ".join(map(str, self.members))


@struct
class Refined(Type):
    """The values of ``base`` that a schema lets through; it demands more than types can say.

    ``why`` names the keywords. ``valid`` is the schema's own validator for values as they are
    delivered, ``accepts`` the same for values that are given: defaults and numbers come before.
    Equal by ``name``, which is unique for the schema's text, and ``base``.
    """

    base: Type
    why: str
    name: str
    valid: Callable[[Any], bool] = field(compare=False, repr=False)
    accepts: Callable[[Any], bool] = field(compare=False, repr=False)

    def contains(self, value: Any) -> bool:
        return self.base.contains(value) and self.valid(value)

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.base,)

    def __str__(self) -> str:
        return str(self.base)


@struct
class Ref(Type):
    """A named schema, lowered when it is needed; it may contain itself. Equal by its name.

    ``name`` is unique among the schemas of one analysis.
    """

    name: str
    resolve: Callable[[], Type] = field(compare=False, repr=False)

    def contains(self, value: Any) -> bool:
        return self.resolve().contains(value)

    def __str__(self) -> str:
        return self.name.rpartition("/")[2] or self.name


DYN: Final = Dyn()
NEVER: Final = Never()
ERROR: Final = Error()
NULL: Final = Null()
BOOL: Final = Bool()
INT: Final = Int()
DOUBLE: Final = Double()
STRING: Final = String()
