"""What a function is: name, overloads, cost, documentation and implementation.

Types are written as in the CEL specification: ``int``, ``list(T)``, ``map(K, V)``,
``optional(T)``, ``timestamp``; a single capital letter is a type parameter, ``dyn`` any type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from kernel.cel.values import DURATION, TIMESTAMP
from kernel.structs import field, struct

Cost = Literal["constant", "linear", "product"]
"""How the time grows: not, with the size of the arguments, with the product of two sizes."""

Implementation = Callable[..., Any]

_ERASED: Final = {
    "timestamp": TIMESTAMP,
    "duration": DURATION,
    "null": "null_type",
    "optional": "optional_type",
}


@struct
class Overload:
    """One signature of a function. ``parameters`` begin with the receiver when there is one.

    ``implementation`` takes the arguments, and the ``Budget`` before them when it is ``budgeted``;
    it raises ``Problem``. ``variadic``: the last parameter may be repeated.
    """

    receiver: bool
    parameters: tuple[str, ...]
    result: str
    implementation: Implementation = field(repr=False)
    budgeted: bool = False
    variadic: bool = False

    @property
    def erased(self) -> tuple[str | None, ...]:
        """The run-time types of the parameters; None takes any."""
        return tuple(map(_erased, self.parameters))

    def signature(self, name: str) -> str:
        """How a call of it is written: ``string.split(string) -> list(string)``, ``int + int``."""
        parameters = [*self.parameters]
        if self.variadic:
            parameters[-1] += "..."
        if "_" in name:
            return f"{_operation(name, parameters)} -> {self.result}"
        receiver = f"{parameters.pop(0)}." if self.receiver else ""
        return f"{receiver}{name}({', '.join(parameters)}) -> {self.result}"

    def accepts(self, types: tuple[str, ...], receiver: bool) -> bool:
        """Whether arguments of these run-time types select this overload."""
        wanted = self.erased
        if self.variadic:
            wanted += wanted[-1:] * (len(types) - len(wanted))
        return (
            receiver is self.receiver
            and len(types) == len(wanted)
            and all(w is None or w == t for w, t in zip(wanted, types, strict=True))
        )


def _operation(name: str, parameters: list[str]) -> str:
    if name == "_[_]":
        return f"{parameters[0]}[{parameters[1]}]"
    operator = name.strip("_")
    return f" {operator} ".join(parameters) if name.startswith("_") else operator + parameters[0]


def _erased(name: str) -> str | None:
    base = name.partition("(")[0]
    if base == "dyn" or (len(base) == 1 and base.isupper()):
        return None
    return _ERASED.get(base, base)


@struct
class Function:
    """A function of the language, with all its overloads. All functions are pure.

    ``name`` may be dotted (``math.abs``); operators have the names of the specification
    (``_+_``). ``example`` is an expression that is true.
    """

    name: str
    library: str
    doc: str
    example: str
    cost: Cost
    overloads: tuple[Overload, ...]
    pure: bool = True
    _selected: dict[tuple[tuple[str, ...], bool], Overload | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def select(self, types: tuple[str, ...], receiver: bool) -> Overload | None:
        """The overload for arguments of these run-time types; None when there is none."""
        key = (types, receiver)
        try:
            return self._selected[key]
        except KeyError:
            found = next((o for o in self.overloads if o.accepts(types, receiver)), None)
            # Few types and arities exist, but a variadic call can have any number of them.
            if len(types) <= 4:
                self._selected[key] = found
            return found


def library(name: str) -> Callable[..., Function]:
    """What makes the functions of a library: ``make(name, doc, example, *overloads)``.

    Where no ``cost`` is given, a function with an overload that takes the budget is linear.
    """

    def make(
        function: str, doc: str, example: str, *overloads: Overload, cost: Cost | None = None
    ) -> Function:
        usual: Cost = "linear" if any(one.budgeted for one in overloads) else "constant"
        return Function(function, name, doc, example, cost or usual, overloads)

    return make


class Table(Mapping[str, Function]):
    """The functions by name; read-only once the libraries have filled it."""

    __slots__ = ("_functions",)

    def __init__(self, functions: Iterable[Function]) -> None:
        self._functions: dict[str, Function] = {}
        for function in functions:
            known = self._functions.get(function.name)
            self._functions[function.name] = _merged(known, function) if known else function

    def __getitem__(self, name: str) -> Function:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def _merged(first: Function, second: Function) -> Function:
    """One function of two libraries: ``reverse`` is one for strings and one for lists."""
    return Function(
        first.name,
        first.library,
        f"{first.doc} {second.doc}",
        f"{first.example} && {second.example}",
        first.cost,
        first.overloads + second.overloads,
    )


def on(signature: str, implementation: Implementation, budgeted: bool = False) -> Overload:
    """The overload for a signature such as ``string.charAt(int) -> string``.

    Written ``string.(int) -> string`` with a receiver and ``(string, int) -> string`` without;
    ``(int, int...)`` repeats the last parameter.
    """
    left, _, result = signature.partition(" -> ")
    before, _, inside = left.partition(".(") if ".(" in left else ("", "", left.strip()[1:])
    parameters = _split(inside.removesuffix(")"))
    variadic = bool(parameters) and parameters[-1].endswith("...")
    names = ((before,) if before else ()) + tuple(p.removesuffix("...") for p in parameters)
    return Overload(bool(before), names, result, implementation, budgeted, variadic)


def charged(signature: str, implementation: Implementation) -> Overload:
    """As ``on``, for an implementation that takes the budget first."""
    return on(signature, implementation, budgeted=True)


def _split(text: str) -> list[str]:
    parts: list[str] = []
    depth = start = 0
    for position, character in enumerate(text + ","):
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        depth += (character == "(") - (character == ")")
    return [part for part in parts if part]
