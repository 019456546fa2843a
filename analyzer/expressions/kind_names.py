"""What ``type(x) == …`` says of the type of a value."""

from __future__ import annotations

from typing import Final

from analyzer import types
from analyzer.expressions.facts import Facts, path_of, type_at
from analyzer.lowering.records import IN_OPEN
from analyzer.types import Type, resolved, without
from analyzer.types.members import Narrow, is_in_some
from analyzer.types.overloads import kinds
from kernel.cel import Expr
from kernel.cel.tree import Call, Ident, Literal, Select

_OF_KIND: Final[dict[str, Type]] = {
    "null": types.NULL,
    "bool": types.Bool(),
    "int": types.Int(),
    "uint": types.UInt(),
    "double": types.Double(),
    "string": types.String(),
    "list": types.List(types.DYN),
    "map": types.Map(types.DYN, types.DYN),
}

_OF_OPEN: Final[dict[str, Type]] = {
    "list": types.List(IN_OPEN),
    "map": types.Map(IN_OPEN, types.DYN),
}

_NAMED: Final = {
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "optional_type": "optional",
}
_KINDS: Final = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map"})


def of_type(value: Expr, named: Expr, wanted: bool, facts: Facts) -> Narrow | None:
    """How ``type(value) == named`` narrows the type of the value; ``wanted`` is its outcome.

    None if ``named`` is not the name of a type.
    """
    kind = _kind(named, facts)
    if kind is None:
        return None

    def narrow(type_: Type) -> Type:
        if isinstance(resolved(type_), types.Dyn) and wanted:
            parts = _OF_OPEN if _is_in_some(value, facts) else _OF_KIND
            return parts.get(kind) or _OF_KIND.get(kind, type_)
        return without(
            type_, lambda one: kinds(one) is not None and (kind in (kinds(one) or ())) != wanted
        )

    return narrow


def _is_in_some(value: Expr, facts: Facts) -> bool:
    """Whether it is a field that some alternatives declare, and an open one may have."""
    if not isinstance(value, Select):
        return False
    path = path_of(value.operand, facts)
    return path is not None and is_in_some(type_at(path, facts.declared), value.field)


def _kind(named: Expr, facts: Facts) -> str | None:
    if isinstance(named, Call) and named.function == "type" and len(named.args) == 1:
        argument = named.args[0]
        return "null" if isinstance(argument, Literal) and argument.value is None else None
    if not isinstance(named, Ident) or named.name in facts.scope:
        return None
    kind = _NAMED.get(named.name, named.name)
    return kind if kind in _KINDS or kind in _NAMED.values() else None
