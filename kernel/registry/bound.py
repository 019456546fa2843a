"""Whether a controller can be called as the kernel calls it, told before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kernel.errors import UsageError
from kernel.manifest import Definition, Manifest, find_kind
from kernel.manifest.suggest import did_you_mean
from kernel.registry.controllers import MARK, method

METHODS: Final = {
    "Invocable": "invoke",
    "Runnable": "run",
    "Service": "start",
    "Provider": "provide",
}
"""The method that the kernel calls of a controller, by the capability of its kind."""

_SCALARS: Final = (str, int, float, bool, bytes, "str", "int", "float", "bool", "bytes")


def check_bound(manifest: Manifest, bound: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` for kinds that are not there, and for what cannot be called.

    ``bound`` are the controllers of the embedding program by kind. All that is wrong is told.
    """
    problems = list(_problems(manifest, bound))
    if problems:
        raise UsageError("\n".join(problems))


def _problems(manifest: Manifest, bound: Mapping[str, Any]) -> Iterator[str]:
    for kind, attribute in bound.items():
        definition = _definition(manifest, kind)
        if definition is None:
            known = {one for module in manifest.modules.values() for one in module.definitions}
            hint = did_you_mean(kind, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            yield f"a controller is bound to {kind}, but there is no such kind; {hint}"
            continue
        why = _unfit_class(attribute, definition) if inspect.isclass(attribute) else None
        if not inspect.isclass(attribute):
            marked = getattr(attribute, MARK, None)
            controller = attribute if marked is None else marked.controller
            why = unfit(controller, definition)
        if why is not None:
            yield f"the controller that is bound to {kind} cannot be used: {why}"


def _definition(manifest: Manifest, kind: str) -> Definition | None:
    for module in manifest.modules.values():
        found = find_kind(module, kind)
        if found is not None and found[0].kind == kind:
            return found[0]
    return None


def unfit(controller: Any, definition: Definition) -> str | None:
    """Why a controller cannot be called for a kind, or None."""
    name = METHODS[definition.capability]
    found = method(controller, name)
    if found is None:
        article = "an" if definition.capability == "Invocable" else "a"
        return f"the controller of {article} {definition.capability} has `{name}`; this has none"
    shown = name if hasattr(controller, name) else getattr(controller, "__name__", name)
    return _unfit_signature(
        found.function, shown, ("inputs", "call") if name == "invoke" else ("call",)
    )


def _unfit_class(attribute: type, definition: Definition) -> str | None:
    why = _unfit_signature(attribute, attribute.__name__, ("fields",), {"folder"})
    function = inspect.getattr_static(attribute, METHODS[definition.capability], None)
    if why is not None or not inspect.isfunction(function):
        return why  # an instance may have the method that its class has not
    names = ("self", "inputs", "call") if definition.capability == "Invocable" else ("self", "call")
    return _unfit_signature(function, function.__name__, names)


def _unfit_signature(
    function: Any, shown: str, given: tuple[str, ...], by_name: set[str] | None = None
) -> str | None:
    """Why a function cannot be called with arguments of the names that are given."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    needed = [one for one in parameters if one.default is one.empty]
    for one in needed:
        if one.kind is one.KEYWORD_ONLY and one.name not in (by_name or ()):
            return f"`{shown}` needs the argument `{one.name}` by name, which nothing gives"
    by_place = [
        one
        for one in needed
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        and one.name not in (by_name or ())
    ]
    if len(by_place) > len(given):
        forms = f"`{shown}({', '.join(given)})`"
        named = ", ".join(one.name for one in by_place)
        return f"`{shown}({named})` takes more than it gets: {forms}{_way_out(given)}"
    first = next(iter(parameters), None)
    if given[:1] == ("inputs",) and first is not None and first.annotation in _SCALARS:
        return (
            f"`{shown}` takes `{first.name}` first, and gets all inputs there, as one "
            f"mapping{_way_out(given)}"
        )
    return None


def _way_out(given: tuple[str, ...]) -> str:
    way_out = "; decorate it with @invocable to get one argument for each input"
    return way_out if "inputs" in given else ""
