"""The Python code behind a kind: found by name, and called as its signature says.

A controller is a class, which is constructed with the resource's fields, or a function. There is
no base class: the kernel reads once from the signature which arguments the controller takes
(language.md, Kernel.Definition).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kernel.errors import UsageError
from kernel.registry.modules import import_module, own_name
from kernel.registry.origin import place_of
from kernel.structs import struct

MARK = "__invocable__"
"""What ``@invocable`` sets on a function: an object with the ``controller`` to call."""


@struct
class Method:
    """A function of a controller, and the arguments that it takes."""

    function: Callable[..., Any]
    takes_call: bool
    takes_inputs: bool
    asynchronous: bool


def import_attribute(reference: str, folder: Path | None = None) -> Any:
    """What ``package.module:attribute`` names, from the installed packages or ``folder``.

    Raises :class:`UsageError` that says what is missing; what the module itself raises while it
    is imported comes as the cause.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        raise UsageError(f"`{reference}` is not of the form `package.module:attribute`")
    found = import_named(module_name, folder)
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UsageError(f"module `{module_name}` has no attribute `{attribute}`") from None
    return found


def import_named(module_name: str, folder: Path | None = None) -> Any:
    """The Python module of a name, from the installed packages or ``folder``.

    Raises :class:`UsageError`, as :func:`import_attribute` does.
    """
    try:
        return import_module(module_name, folder)
    except ModuleNotFoundError as error:
        where = f" or in {folder.name or folder}/" if folder else ""
        raise UsageError(
            f"there is no module `{own_name(error.name)}` among the installed packages{where}"
        ) from error
    except (Exception, SystemExit) as error:
        place = place_of(error)
        at = f", at {place}" if place else ""
        raise UsageError(
            f"importing `{module_name}` failed: {type(error).__name__}: {error}{at}"
        ) from error


def construct(attribute: Any, fields: Mapping[str, Any], folder: Path | None = None) -> Any:
    """The controller: a class is constructed, with the fields if it takes them.

    A parameter that is named ``folder`` gets the folder of the resource's manifest. A function that
    is decorated with ``@invocable`` has a controller.
    """
    if not inspect.isclass(attribute):
        marked = getattr(attribute, MARK, None)
        return attribute if marked is None else marked.controller
    has_folder = any(parameter.name == "folder" for parameter in _parameters(attribute) or ())
    named = {"folder": folder} if has_folder else {}
    return attribute(*((fields,) if _positional(attribute) else ()), **named)


def method(controller: Any, name: str) -> Method | None:
    """The function ``name`` of a controller; a plain function is its own ``invoke`` or ``run``."""
    function = getattr(controller, name, None)
    if function is None and name in ("invoke", "run") and callable(controller):
        function = controller
    if function is None or not callable(function):
        return None
    positional = _positional(function)
    takes = 2 if positional is None else positional
    # A method without inputs of its own (`run`, `start`, `provide`) takes the call at most.
    return Method(
        function=function,
        takes_call=takes >= (2 if name == "invoke" else 1),
        takes_inputs=takes >= 1,
        asynchronous=_is_asynchronous(function),
    )


def _positional(function: Any) -> int | None:
    """How many positional arguments a callable takes; None when its signature cannot be read."""
    parameters = _parameters(function)
    if parameters is None:
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _parameters(function: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def _is_asynchronous(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asks how it is called, not whether
    )
