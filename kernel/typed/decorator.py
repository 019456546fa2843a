"""``@invocable``: a typed function as a kind, described by its annotations and its docstring.

The definition is a ``Kernel.Definition`` as any other: :attr:`Invocable.text` writes its YAML, and
whatever reads a manifest reads that text.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kernel.registry.controllers import MARK
from kernel.registry.modules import own_name
from kernel.structs import struct
from kernel.typed.docstring import read_docstring
from kernel.typed.function import ERRORS, TypedFunction
from kernel.typed.schemas import check_types, inputs_schema, outputs_schema
from kernel.typed.signature import NOT_GIVEN, Signature, read_signature
from kernel.typed.yaml_text import yaml_text

_F = TypeVar("_F", bound=Callable[..., Any])
_KIND = re.compile(r"(?P<module>[A-Za-z_][A-Za-z0-9_]*)\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
_PATH = re.compile(r"[A-Za-z_][\w.]*")


@struct(eq=False)
class Invocable:
    """A function as a kind."""

    kind: str
    function: Callable[..., Any]
    definition: Mapping[str, Any]
    """The ``Kernel.Definition``, as JSON, without its ``controller``."""
    controller: TypedFunction

    @property
    def text_name(self) -> str:
        """How places in :attr:`text` name it: ``<shop.payments:charge>``."""
        return f"<{own_name(self.function.__module__)}:{self.function.__qualname__}>"

    @property
    def text(self) -> str:
        """The definition as a YAML document; raises ``TypeError`` where it is not JSON.

        It names the function as the controller, if that can be imported by its name.
        """
        reference = _reference(self.function)
        named = {} if reference is None else {"controller": {"python": reference}}
        try:
            return yaml_text({**self.definition, **named})
        except (TypeError, ValueError) as error:
            raise TypeError(f"{_place(self.function)}: not JSON: {error}") from error


def invocable(
    kind: str,
    *,
    description: str | None = None,
    safety: str | None = None,
    errors: Mapping[str | int, Mapping[str, Any] | None] | None = None,
    check: Mapping[str, Any] | None = None,
) -> Callable[[_F], _F]:
    """Make a typed function the controller of a kind, whose definition it describes.

    ::

        @invocable("Shop.Charge", safety="irreversible", errors={"DECLINED": {"retryable": False}})
        async def charge(customer: str, amount: Annotated[int, Field(gt=0)], call: Call) -> Receipt:
            \"\"\"Charge a customer.\"\"\"

    The parameters are the ``inputs``, the return annotation is the ``outputs``; pydantic makes the
    schemas. The docstring is the description, of the parameters too, where it describes them in
    Google's or Sphinx's style. A parameter that is annotated :class:`kernel.Call`, or named
    ``call``, gets the call and is no input. ``safety``, ``errors`` and ``check`` are those of a
    ``Kernel.Definition`` (docs/python.md); ``description`` stands above the docstring. The function
    itself is returned, and can be called as before.

    Raises ``TypeError`` that names the function, the parameter and the way out for what cannot be
    described: a missing annotation, ``*args``, a type that JSON has no form for.
    """
    matched = _KIND.fullmatch(kind)
    if matched is None or matched["module"] == "Kernel":
        raise TypeError(f'@invocable: {kind!r} is no kind; write "Module.Name"')
    local = sys._getframe(1).f_locals
    own = {"safety": safety, "errors": errors, "check": check}

    def decorate(function: _F) -> _F:
        name = _place(function)
        if not inspect.isfunction(function):
            raise TypeError(
                f"{name} is no function; the controller that is a class is named by a "
                "Kernel.Definition in YAML"
            )
        signature = read_signature(name, function, local)
        _check_described(signature, function)
        definition, controller = _described(matched, signature, function, description, own)
        setattr(function, MARK, Invocable(kind, function, definition, controller))
        return function

    return decorate


def _place(function: Any) -> str:
    """How messages name a function: ``charge (payments.py:12)``."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", None) or repr(function)
    if code is None:
        return f"@invocable: {name}"
    file = re.split(r"[\\/]", code.co_filename)[-1]
    return f"{name} ({file}:{code.co_firstlineno})"


def _check_described(signature: Signature, function: Callable[..., Any]) -> None:
    """Raise ``TypeError`` where the signature leaves something of the contract open."""
    name = signature.name
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{name} yields; an invocable returns one value, for example a list")
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.VAR_POSITIONAL or one.kind is one.VAR_KEYWORD:
            stars = "*" if one.kind is one.VAR_POSITIONAL else "**"
            raise TypeError(
                f"{name}: `{stars}{one.name}` has no name of an input for each value; take one "
                f"parameter, for example `{one.name}: {'list' if stars == '*' else 'dict'}[…]`"
            )
    for parameter in signature.parameters:
        if parameter.annotation is NOT_GIVEN:
            hint = f"write for example `{parameter.name}: str`"
            if parameter.name in ("self", "cls"):
                hint = "a method has no place in a manifest; decorate a function of the module"
            raise TypeError(f"{name}: parameter `{parameter.name}` has no annotation; {hint}")
    if signature.result is NOT_GIVEN:
        raise TypeError(
            f"{name}: the return value has no annotation; write what it returns, or `-> None`"
        )


def _described(
    kind: re.Match[str],
    signature: Signature,
    function: Callable[..., Any],
    description: str | None,
    own: Mapping[str, Any],
) -> tuple[dict[str, Any], TypedFunction]:
    """The definition of a function, and its controller."""
    check_types(signature)
    controller = TypedFunction(signature, function, only_json=True)
    said = read_docstring(function.__doc__)
    metadata = {"name": kind["name"], "module": kind["module"]}
    if told := description or said.description:
        metadata["description"] = told
    definition: dict[str, Any] = {
        "kind": "Kernel.Definition",
        "metadata": metadata,
        "capability": "Invocable",
        "schema": {"type": "object", "additionalProperties": False, "properties": {}},
        "inputs": inputs_schema(signature, controller, said.parameters),
        "outputs": outputs_schema(controller),
        "errors": {**ERRORS, **(own["errors"] or {})},
    }
    definition |= {name: own[name] for name in ("safety", "check") if own[name] is not None}
    return definition, controller


def invocable_of(function: Any) -> Invocable:
    """What ``@invocable`` made of a function. Raises ``TypeError`` where it made nothing of it."""
    made = getattr(function, MARK, None)
    name = getattr(function, "__qualname__", None) or repr(function)
    if not isinstance(made, Invocable):
        raise TypeError(f"{name} is not decorated with @invocable")
    if made.function is not function:
        raise TypeError(
            f"{name} is wrapped by a decorator that stands above @invocable, which would not be "
            "called; put @invocable on top"
        )
    return made


def own_invocables(module: Any) -> Iterable[Invocable]:
    """What ``@invocable`` made of the functions that a Python module defines, in their order."""
    for value in vars(module).values():
        made = getattr(value, MARK, None)
        if isinstance(made, Invocable) and made.function.__module__ == module.__name__:
            yield invocable_of(value)


def _reference(function: Callable[..., Any]) -> str | None:
    module, path = own_name(function.__module__), function.__qualname__
    found: Any = sys.modules.get(function.__module__)
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is not function or module == "__main__" or not _PATH.fullmatch(path):
        return None
    return f"{module}:{path}"
