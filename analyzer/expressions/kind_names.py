"""What ``type(x) == …`` says of the type of a value."""

from __future__ import annotations

from typing import Final

from analyzer import types
from analyzer.expressions.facts import Facts
from analyzer.types import Type, resolved, without
from analyzer.types.members import Narrow
from analyzer.types.overloads import kinds
from kernel.cel import Expr
from kernel.cel.tree import Call, Ident, Literal

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

_NAMED: Final = {
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "optional_type": "optional",
}
_KINDS: Final = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map"})


def of_type(named: Expr, wanted: bool, facts: Facts) -> Narrow | None:
    """What is left of a type where ``type(x)`` is, or is not, what an expression names.

    None where the expression names no type that is known.
    """
    kind = _kind(named, facts)
    if kind is None:
        return None

    def narrow(type_: Type) -> Type:
        if isinstance(resolved(type_), types.Dyn) and wanted:
            return _OF_KIND.get(kind, type_)
        return without(
            type_, lambda one: kinds(one) is not None and (kind in (kinds(one) or ())) != wanted
        )

    return narrow


def _kind(named: Expr, facts: Facts) -> str | None:
    if isinstance(named, Call) and named.function == "type" and len(named.args) == 1:
        argument = named.args[0]
        return "null" if isinstance(argument, Literal) and argument.value is None else None
    if not isinstance(named, Ident) or named.name in facts.scope:
        return None
    kind = _NAMED.get(named.name, named.name)
    return kind if kind in _KINDS or kind in _NAMED.values() else None
