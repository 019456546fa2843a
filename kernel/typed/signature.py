"""What a typed function takes and gives: its parameters and their annotations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_type_hints

from kernel.invocation.calls.call import Call
from kernel.structs import struct

NOT_GIVEN: Final = inspect.Parameter.empty
"""The default of a parameter that has none, and the annotation of one that is not annotated."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@struct(eq=False)
class Parameter:
    """A parameter that is an input of the call."""

    name: str
    annotation: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether the function cannot be called without it."""
        return self.default is NOT_GIVEN


@struct(eq=False)
class Signature:
    """The parameters of a function, and what it returns; ``name`` names it in messages."""

    name: str
    parameters: tuple[Parameter, ...]
    call: str | None
    """The parameter that gets the :class:`kernel.Call`, and is no input."""
    takes_others: bool
    """Whether the function takes inputs of any other name (``**values``)."""
    result: Any
    """The annotation of what is returned."""
    is_asynchronous: bool


def read_signature(
    name: str, function: Callable[..., Any], local: Mapping[str, Any] | None = None
) -> Signature:
    """The signature of a function whose inputs are given by name.

    A parameter gets the call if it is annotated :class:`kernel.Call`, or is named ``call``.
    ``local`` are names that annotations may use besides those of the function's module. Raises
    ``TypeError`` for a function that cannot be called with inputs by name, or whose annotations
    name what is not there.
    """
    parameters = inspect.signature(function).parameters
    try:
        hints = get_type_hints(function, localns=dict(local or {}), include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{name}: an annotation names `{error.name}`, which is not there when the function is "
            "defined; define or import it before, and not within `if TYPE_CHECKING:`"
        ) from error
    taken = list(_inputs(name, parameters, hints))
    calls = [one.name for one in taken if _gets_call(one)]
    if len(calls) > 1:
        raise TypeError(f"{name}: parameters `{calls[0]}` and `{calls[1]}` both take the call")
    return Signature(
        name,
        tuple(one for one in taken if one.name not in calls),
        calls[0] if calls else None,
        any(one.kind is one.VAR_KEYWORD for one in parameters.values()),
        hints.get("return", NOT_GIVEN),
        inspect.iscoroutinefunction(function),
    )


def _inputs(
    name: str, parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any]
) -> Iterator[Parameter]:
    for one in parameters.values():
        if one.kind is one.POSITIONAL_ONLY:
            raise TypeError(
                f"{name}: parameter `{one.name}` cannot be given by name; take the `/` away"
            )
        if one.kind in _BY_NAME:
            yield Parameter(one.name, hints.get(one.name, NOT_GIVEN), one.default)


def _gets_call(parameter: Parameter) -> bool:
    return parameter.annotation is Call or parameter.name == "call"
