"""The controller of ``Python.Function``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, get_type_hints

from kernel import Failure, import_attribute

if TYPE_CHECKING:
    # Elsewhere imported where it is used: of all controllers only this one needs pydantic.
    from pydantic import TypeAdapter, ValidationError

Invoke = Callable[[Mapping[str, Any], object], Any]
KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Function:
    """Calls a function with keyword arguments that fit its annotations.

    Arguments are read as JSON by pydantic in strict mode: text becomes a date where the annotation
    says so, never a number. ``folder`` is the manifest's own, where the function is looked for
    after the installed packages. Raises ``kernel.UsageError`` when it is not there, and
    ``TypeError`` for one that cannot be called so.
    """

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._name: str = fields["function"]
        self._function: Callable[..., Any] = import_attribute(self._name, folder)
        if not callable(self._function):
            raise TypeError(f"{self._name} is not a function")
        parameters = inspect.signature(self._function).parameters
        hints = get_type_hints(self._function, include_extras=True)
        self._takes_call = "call" in parameters
        self._arguments = _arguments(self._name, parameters, hints)
        self._result = _adapter(hints.get("return", Any))
        # As the function is, so is its controller: the kernel runs a synchronous one in a thread.
        asynchronous = inspect.iscoroutinefunction(self._function)
        self.invoke: Invoke = self._wait_for if asynchronous else self._run

    async def _wait_for(self, inputs: Mapping[str, Any], call: object) -> Any:
        return self._as_json(await self._function(**self._checked(inputs, call)))

    def _run(self, inputs: Mapping[str, Any], call: object) -> Any:
        return self._as_json(self._function(**self._checked(inputs, call)))

    def _checked(self, inputs: Mapping[str, Any], call: object) -> dict[str, Any]:
        from pydantic import ValidationError
        from pydantic_core import to_json

        try:
            arguments: dict[str, Any] = self._arguments.validate_json(to_json(inputs), strict=True)
        except ValidationError as error:
            raise _failure(self._name, "INVALID_ARGUMENTS", "failed", error) from error
        if self._takes_call:
            arguments["call"] = call
        return arguments

    def _as_json(self, result: Any) -> Any:
        from pydantic import ValidationError
        from pydantic_core import PydanticSerializationError, to_jsonable_python

        try:
            checked = self._result.validate_python(result, strict=True)
            return to_jsonable_python(checked, bytes_mode="base64", inf_nan_mode="strings")
        except ValidationError as error:
            raise _failure(self._name, "INVALID_RESULT", "unknown", error) from error
        except (PydanticSerializationError, ValueError) as error:
            raise Failure(
                f"{self._name}: the result is not JSON: {error}",
                code="INVALID_RESULT",
                outcome="unknown",
            ) from error


def _arguments(
    name: str, parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any]
) -> TypeAdapter[Any]:
    """What checks the keyword arguments: a closed TypedDict of the parameters."""
    from pydantic import ConfigDict, with_config
    from typing_extensions import TypedDict

    fields: dict[str, Any] = {}
    extra: Any = "forbid"
    for parameter in parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            extra = "allow"
        elif parameter.kind in KEYWORD and parameter.name != "call":
            hint = hints.get(parameter.name, Any)
            optional = parameter.default is not inspect.Parameter.empty
            fields[parameter.name] = NotRequired[hint] if optional else hint
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise TypeError(f"{name}: parameter {parameter.name!r} cannot be given by name")
    config = ConfigDict(extra=extra, arbitrary_types_allowed=True)
    arguments: Any = TypedDict("arguments", fields)  # type: ignore[misc]
    return _adapter(with_config(config)(arguments))


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:
        # A type with a configuration of its own takes none from outside.
        return TypeAdapter(annotation)


def _failure(name: str, code: str, outcome: Any, error: ValidationError) -> Failure:
    problems = [
        {"path": ".".join(map(str, problem["loc"])), "message": problem["msg"]}
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = problems[0]
    where = first["path"] or ("the result" if code == "INVALID_RESULT" else "the inputs")
    return Failure(
        f"{name}: {where}: {first['message']}", code=code, outcome=outcome, data=problems
    )
