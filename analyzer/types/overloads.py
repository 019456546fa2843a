"""Which overload of a function takes given types, and what it returns (``kernel.cel.TABLE``).

Signatures are those of the table, with type parameters. A few functions take less at run time than
their signatures say: ``_BOUNDS`` says what their type parameters may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

from analyzer import types
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.members import keys_of, values_of
from kernel.cel import TABLE
from kernel.cel.functions.table import Overload
from kernel.structs import struct

MAX_COMBINATIONS: Final = 64
"""The combinations of members of unions that are looked at for one call."""

_PLAIN: Final[dict[str, Type]] = {
    "bool": types.BOOL,
    "int": types.INT,
    "uint": types.UInt(),
    "double": types.DOUBLE,
    "string": types.STRING,
    "bytes": types.Bytes(),
    "timestamp": types.Timestamp(),
    "duration": types.Duration(),
    "type": types.TypeValue(),
    "null": types.NULL,
}

_NUMBERS: Final = frozenset({"int", "uint", "double"})
_KEYS: Final = frozenset({"bool", "int", "uint", "string", "double"})
_ORDERED: Final = _NUMBERS | {"bool", "string", "bytes", "timestamp", "duration"}

_KINDS: Final[dict[type, str]] = {
    **{type(plain): name for name, plain in _PLAIN.items()},
    types.List: "list",
    types.Map: "map",
    types.Record: "map",
    types.Optional: "optional",
}
_SINGLE: Final = {kind: frozenset((kind,)) for kind in _KINDS.values()}


def kinds(type_: Type) -> frozenset[str] | None:
    """The CEL types of a type by name; None when something in it is not known."""
    single = _KINDS.get(type(type_))
    if single is not None:
        return _SINGLE[single]
    found = frozenset([_KINDS.get(type(one), "") for one in members_of(type_)])
    return None if "" in found else found


@struct
class Bound:
    """The CEL types that a type parameter may stand for; ``single``: only one of them at once."""

    kinds: frozenset[str]
    single: bool = False

    def admits(self, type_: Type) -> bool:
        """Whether a type is within the bound."""
        found = kinds(type_)
        return found is None or (found <= self.kinds and not (self.single and len(found) > 1))


_BOUNDS: Final[Mapping[str, Mapping[str, Bound]]] = {
    "sort": {"T": Bound(_ORDERED, single=True)},
    "sortBy": {"T": Bound(_ORDERED, single=True)},
    "math.greatest": {"T": Bound(_NUMBERS), "dyn": Bound(_NUMBERS)},
    "math.least": {"T": Bound(_NUMBERS), "dyn": Bound(_NUMBERS)},
    "_in_": {"K": Bound(_KEYS)},
}


def parameter_bound(function: str, parameter: str) -> Bound | None:
    """The bound of a type parameter of a function, if there is one."""
    return _BOUNDS.get(function, {}).get(parameter)


@struct
class TypePattern:
    """A type as it is written in a signature; ``is_parameter``: it stands for any type."""

    name: str
    parts: tuple[TypePattern, ...] = ()
    is_parameter: bool = False


@lru_cache(maxsize=512)
def type_pattern(text: str) -> TypePattern:
    """The shape of ``map(string, list(T))``."""
    name, _, inside = text.partition("(")
    if not inside:
        name = name.strip()
        return TypePattern(name, (), name == "dyn" or (len(name) == 1 and name.isupper()))
    parts, depth, start = [], 0, 0
    inside = inside[:-1] + ","
    for position, character in enumerate(inside):
        if character == "," and depth == 0:
            parts.append(type_pattern(inside[start:position].strip()))
            start = position + 1
        depth += (character == "(") - (character == ")")
    return TypePattern(name, tuple(parts))


@struct
class Failure:
    """No overload takes the types.

    ``nullable``: one would without null. ``partial``: one does for some members of the unions, and
    ``lacking`` is a member for which none does.
    """

    nearest: str | None
    position: int = 0
    nullable: bool = False
    partial: bool = False
    lacking: Type = types.NEVER


@struct
class Success:
    """The type of the result. ``may_fail``: too little is known of an argument."""

    type: Type
    may_fail: bool = False


def call_forms(name: str) -> tuple[str, ...]:
    """How the calls of a function are written."""
    return tuple(overload.signature(name) for overload in TABLE[name].overloads)


def has_call_form(name: str, receiver: bool) -> bool:
    """Whether a function can be called so: on a receiver, or not."""
    return any(overload.receiver is receiver for overload in TABLE[name].overloads)


def resolve_overload(name: str, receiver: bool, args: tuple[Type, ...]) -> Success | Failure:
    """What a call of a function of the table gives for arguments of these types.

    Every combination of the members of unions must find an overload.
    """
    if types.Error in map(type, args):
        return Success(types.ERROR)
    choices = [members_of(arg) for arg in args]
    if not all(choices):
        return Success(types.NEVER)
    if prod(map(len, choices)) > MAX_COMBINATIONS:
        return Success(types.Dyn("too many combinations of types"), may_fail=True)
    return _all(name, receiver, choices)


def _all(name: str, receiver: bool, choices: list[tuple[Type, ...]]) -> Success | Failure:
    results: list[Type] = []
    failed: list[tuple[Type, ...]] = []
    may_fail = False
    for combination in product(*choices):
        found = _one(name, receiver, combination)
        if found is None:
            failed.append(combination)
        else:
            results.append(found)
            may_fail = may_fail or _may_fail(name, combination)
    if failed:
        return _failure(name, receiver, failed, choices if results else None)
    return Success(union(results), may_fail)


def _may_fail(name: str, args: tuple[Type, ...]) -> bool:
    """Whether an argument is not known to fit."""
    if name in ("_==_", "_!=_", "type", "dyn", "optional.of", "optional.ofNonZeroValue"):
        return False
    if name == "size":
        return isinstance(args[0], types.Dyn)
    return any(arg.has_dyn and not isinstance(arg, types.Map | types.Record) for arg in args)


_WHICH: Final = "it is computed from what no schema describes"


def _one(name: str, receiver: bool, args: tuple[Type, ...]) -> Type | None:
    """The result for arguments of which none is a union; None when no overload takes them."""
    applied = (
        _applied(name, overload, args)
        for overload in _candidates(name, receiver, _KINDS.get(type(args[0])) if args else None)
    )
    results = (result for result in applied if result is not None)
    if any(isinstance(arg, types.Dyn) for arg in args):
        found = union(results)
        if isinstance(found, types.Never):
            return None
        # Which overload it is, is not known; that its result may be another kind is no mistake.
        return types.Dyn(_WHICH) if len(members_of(found)) > 1 else found
    return next(results, None)


@lru_cache(maxsize=4096)
def _candidates(name: str, receiver: bool, kind: str | None) -> tuple[Overload, ...]:
    """The overloads whose first parameter may be of the kind of the first argument."""
    overloads = [one for one in TABLE[name].overloads if one.receiver is receiver]
    return tuple([one for one in overloads if kind is None or _may_take(one, kind)])


def _may_take(overload: Overload, kind: str) -> bool:
    if not overload.parameters:
        return True
    wanted = type_pattern(overload.parameters[0])
    return kind == wanted.name or wanted.is_parameter


def _applied(name: str, overload: Overload, args: tuple[Type, ...]) -> Type | None:
    parameters = overload.parameters
    if overload.variadic and len(args) > len(parameters):
        parameters += parameters[-1:] * (len(args) - len(parameters))
    if len(args) != len(parameters):
        return None
    found: dict[str, Type] = {}
    for parameter, arg in zip(parameters, args, strict=True):
        if not _takes(type_pattern(parameter), arg, found):
            return None
    bounds = _BOUNDS.get(name, {})
    if not all(one.admits(found.get(key, types.NEVER)) for key, one in bounds.items()):
        return None
    return _instance(type_pattern(overload.result), found)


def _takes(wanted: TypePattern, type_: Type, found: dict[str, Type]) -> bool:
    """Whether a type fits a shape; notes what the type parameters stand for."""
    if wanted.is_parameter:
        found[wanted.name] = union([found.get(wanted.name, types.NEVER), type_])
        return True
    whole = resolved(type_)
    if isinstance(whole, types.Dyn | types.Error):
        return _takes_parts(wanted, tuple(types.DYN for _ in wanted.parts), found)
    return all(_takes_one(wanted, one, found) for one in members_of(whole))


def _takes_one(wanted: TypePattern, type_: Type, found: dict[str, Type]) -> bool:
    if _KINDS.get(type(type_)) != wanted.name:
        return isinstance(type_, types.Dyn)
    match type_:
        case types.List():
            return _takes_parts(wanted, (type_.element,), found)
        case types.Map() | types.Record():
            return _takes_parts(wanted, (keys_of(type_), values_of(type_)), found)
        case types.Optional():
            return _takes_parts(wanted, (type_.value,), found)
    return True


def _takes_parts(wanted: TypePattern, parts: tuple[Type, ...], found: dict[str, Type]) -> bool:
    return all(_takes(one, part, found) for one, part in zip(wanted.parts, parts, strict=False))


def _instance(wanted: TypePattern, found: Mapping[str, Type]) -> Type:
    if wanted.is_parameter:
        return found.get(wanted.name, types.DYN if wanted.name == "dyn" else types.NEVER)
    make = _GENERIC.get(wanted.name)
    if make is None or not wanted.parts:
        return _PLAIN[wanted.name]
    return make(*(_instance(part, found) for part in wanted.parts))


_GENERIC: Final[dict[str, Callable[..., Type]]] = {
    "list": types.List,
    "map": lambda key, value: types.Map(value, key),
    "optional": types.Optional,
}


def _failure(
    name: str,
    receiver: bool,
    failed: list[tuple[Type, ...]],
    choices: list[tuple[Type, ...]] | None,
) -> Failure:
    """Why combinations failed; ``choices`` are the members of each argument, if others did not."""
    form, position = _nearest(name, receiver, failed[0])
    nulls = [[isinstance(arg, types.Null) for arg in args] for args in failed]
    if choices is None:
        return Failure(form, position)
    nullable = all(any(row) for row in nulls)
    several = [len(choice) > 1 for choice in choices]
    position = (nulls[0] if nullable else several).index(True)
    return Failure(form, position, nullable, True, failed[0][position])


def _nearest(name: str, receiver: bool, args: tuple[Type, ...]) -> tuple[str | None, int]:
    """The form that takes most of the arguments, and the position of the first that it refuses.

    Of two such forms, the one to which the other arguments can be converted.
    """
    best: tuple[tuple[int, int], str | None, int] = ((-1, 0), None, 0)
    for overload in TABLE[name].overloads:
        if overload.receiver is not receiver:
            continue
        found: dict[str, Type] = {}
        patterns = [type_pattern(parameter) for parameter in overload.parameters]
        fits = [_takes(one, arg, found) for one, arg in zip(patterns, args, strict=False)]
        score = 2 * sum(fits) - abs(len(overload.parameters) - len(args))
        reach = sum(
            _REACH.get(one.name, 0) for one, fit in zip(patterns, fits, strict=False) if fit
        )
        position = fits.index(False) if False in fits else 0
        if (score, reach) > best[0]:
            best = ((score, reach), overload.signature(name), position)
    return best[1], best[2]


_REACH: Final = {"string": 2, "double": 1}
"""How many other types can be converted to one: most to text, numbers to doubles."""
