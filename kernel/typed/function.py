"""The controller of a typed function: it reads the inputs and writes the result by the types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypedDict

from kernel.errors import Failure
from kernel.typed.signature import NOT_GIVEN, Signature, read_signature

ARGUMENTS: Final = "INVALID_ARGUMENTS"
RESULT: Final = "INVALID_RESULT"

ERRORS: Mapping[str, Mapping[str, Any]] = {
    ARGUMENTS: {
        "description": "An input does not fit the annotation of its parameter; the function was "
        "not called.",
        "retryable": False,
        "outcome": "failed",
    },
    RESULT: {
        "description": "What was returned does not fit the return annotation, or is not JSON; the "
        "effect has landed.",
        "retryable": False,
        "outcome": "unknown",
    },
}
"""The errors of the controller of a typed function itself, as a definition declares them."""

Invoke = Callable[[Mapping[str, Any], object], Any]


class TypedFunction:
    """Calls a function with keyword arguments that fit its annotations.

    Inputs are read as JSON by pydantic in strict mode: text becomes a date where the annotation
    says so, never a number. ``bytes`` are base64 in JSON (RFC 4648, with ``-`` and ``_``). An input
    that does not fit raises :class:`kernel.Failure` with the code ``INVALID_ARGUMENTS``, a result
    that does not fit, or is not JSON, with ``INVALID_RESULT``. With ``only_json`` a type that JSON
    has no form for raises ``TypeError`` when this is made; without it a value of the very class
    passes.
    """

    def __init__(
        self, signature: Signature, function: Callable[..., Any], *, only_json: bool = False
    ) -> None:
        self._name = signature.name
        self._function = function
        self._call = signature.call
        self.inputs = inputs_adapter(signature, only_json)
        self.result = result_adapter(signature, only_json)
        # As the function is, so is its controller: the kernel runs a synchronous one in a thread.
        self.invoke: Invoke = self._wait_for if signature.is_asynchronous else self._run

    async def _wait_for(self, inputs: Mapping[str, Any], call: object) -> Any:
        return self._as_json(await self._function(**self._checked(inputs, call)))

    def _run(self, inputs: Mapping[str, Any], call: object) -> Any:
        return self._as_json(self._function(**self._checked(inputs, call)))

    def _checked(self, inputs: Mapping[str, Any], call: object) -> dict[str, Any]:
        try:
            arguments: dict[str, Any]
            (arguments,) = self.inputs.validate_json(to_json([inputs]), strict=True)
        except ValidationError as error:
            raise _failure(self._name, ARGUMENTS, "failed", error) from error
        except PydanticSerializationError as error:  # they are nested too deep, for one
            message = f"{self._name}: the inputs cannot be read: {error}"
            raise Failure(message, code=ARGUMENTS, outcome="failed") from error
        if self._call is not None:
            arguments[self._call] = call
        return arguments

    def _as_json(self, result: Any) -> Any:
        try:
            checked = self.result.validate_python((result,), strict=True)
            return self.result.dump_python(checked, mode="json", by_alias=True)[0]
        except ValidationError as error:
            raise _failure(self._name, RESULT, "unknown", error) from error
        except (PydanticSerializationError, ValueError) as error:
            raise Failure(
                f"{self._name}: the result is not JSON: {error}",
                code=RESULT,
                outcome="unknown",
            ) from error


def typed_controller(function: Callable[..., Any], name: str | None = None) -> TypedFunction:
    """The controller of a typed function, for a kind whose contract is written in YAML.

    The inputs of a call are the function's keyword arguments, read by its annotations; a parameter
    without an annotation takes any value, one that is named ``call`` or annotated
    :class:`kernel.Call` gets the call. ``name`` names the function in errors. Raises ``TypeError``
    for what is no function, or cannot be called with arguments by name.
    """
    named = name or str(getattr(function, "__qualname__", function))
    if not callable(function):
        raise TypeError(f"{named} is not a function")
    return TypedFunction(read_signature(named, function), function)


def inputs_adapter(signature: Signature, only_json: bool) -> TypeAdapter[Any]:
    """What reads a list of one object: the inputs of a call by the names of the parameters."""
    fields: dict[str, Any] = {}
    for one in signature.parameters:
        annotation = Any if one.annotation is NOT_GIVEN else one.annotation
        fields[one.name] = annotation if one.is_required else NotRequired[annotation]
    made: Any = TypedDict("inputs", fields)  # type: ignore[misc]
    config = _config(only_json, extra="allow" if signature.takes_others else "forbid")
    return _adapter(with_config(config)(made), only_json)


def result_adapter(signature: Signature, only_json: bool) -> TypeAdapter[Any]:
    """What checks and writes a list of one value: what was returned."""
    return _adapter(Any if signature.result is NOT_GIVEN else signature.result, only_json)


def _adapter(annotation: Any, only_json: bool) -> TypeAdapter[Any]:
    """Pydantic takes a configuration for a type that has none of its own, as a tuple around it."""
    return TypeAdapter(tuple[annotation], config=_config(only_json))


def _config(only_json: bool, extra: Literal["allow", "forbid"] | None = None) -> ConfigDict:
    return ConfigDict(
        extra=extra,
        arbitrary_types_allowed=not only_json,
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )


def _failure(
    name: str, code: str, outcome: Literal["failed", "unknown"], error: ValidationError
) -> Failure:
    problems = [
        {"path": ".".join(map(str, problem["loc"][1:])), "message": problem["msg"]}
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = problems[0]
    where = first["path"] or ("the result" if code == RESULT else "the inputs")
    return Failure(
        f"{name}: {where}: {first['message']}", code=code, outcome=outcome, data=problems
    )
