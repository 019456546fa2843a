"""``kernel define``: the definitions that the decorated functions of a Python module describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel.cli.streams import carried
from kernel.errors import Fault, ManifestError, UsageError
from kernel.manifest import Definition, inspect, inspect_text, read_data
from kernel.registry.controllers import import_named

if TYPE_CHECKING:
    from kernel.typed.decorator import Invocable

_MAX_SHOWN = 5
"""So many differences of one definition are shown at most."""

_NOTHING = object()


@click.command("define")
@click.argument("module", metavar="MODULE")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="The folder of the manifest, whose Python modules come before those installed. Without "
    "it, the working directory.",
)
@click.option(
    "--check",
    "written",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="Compare with the definitions in this manifest instead: status 1 if they differ.",
)
def command(module: str, folder: Path, written: Path | None) -> int:
    """Print the definitions of the functions in a Python module that are @invocable.

    The module is imported, which `kernel check` never does: so the definitions are written to a
    file, and every command reads that.

    \b
    kernel define shop.payments > payments.yaml
    kernel define shop.payments --check payments.yaml     in CI: is the file up to date?
    """
    found = _invocables(module, folder)
    if written is None:
        click.echo(carried("---\n".join(one.text for one in found)), nl=False)
        return 0
    problems = list(_problems(module, found, written))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo(f"`kernel define {module}` prints them as they are now", err=True)
    return 1 if problems else 0


def _invocables(module: str, folder: Path) -> list[Invocable]:
    """The decorated functions of a module. Raises UsageError, or ManifestError for a wrong one."""
    imported = import_named(module, folder)
    # Here for start-up time: it needs pydantic.
    from kernel.typed.decorator import own_invocables

    try:
        found = list(own_invocables(imported))
        faults = [fault for one in found for fault in _faults(one)]
    except TypeError as error:
        raise UsageError(str(error)) from error
    if faults:
        raise ManifestError(faults)
    if not found:
        raise UsageError(f"no function of `{module}` is decorated with @invocable")
    return found


def _faults(one: Invocable) -> tuple[Fault, ...]:
    return inspect_text(one.text, one.text_name)[1]


def _problems(module: str, found: list[Invocable], path: Path) -> Iterator[str]:
    """How the definitions in a manifest differ from those of the functions."""
    manifest, faults = inspect(path)
    definitions = manifest.root.definitions
    missing = [one.kind for one in found if one.kind not in definitions]
    if missing and faults:
        raise ManifestError(faults)
    for kind in missing:
        yield f"{kind} is not in {path}"
    for one in found:
        if one.kind in definitions:
            yield from _differences(one, definitions[one.kind])
    kinds = {one.kind for one in found}
    for kind, definition in definitions.items():
        name = str((definition.controller or {}).get("python")).partition(":")[0]
        if name == module and kind not in kinds:
            yield f"{definition.document.span()}: {kind} is no function of `{module}` any more"


def _differences(one: Invocable, definition: Definition) -> Iterator[str]:
    data: Any = read_data(one.text)
    told = list(_different(data, definition.document.data, ()))
    for path, now, then in told[:_MAX_SHOWN]:
        place = definition.document.span(path)
        name = ".".join(map(str, path)) or "the definition"
        yield f"{place}: {one.kind}: {name} is {_shown(then)}, and {_shown(now)} in the function"
    if len(told) > _MAX_SHOWN:
        yield f"{definition.document.span()}: {one.kind}: {len(told) - _MAX_SHOWN} more differences"


def _different(now: Any, then: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, Any, Any]]:
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        for key in dict.fromkeys((*now, *then)):
            yield from _different(now.get(key, _NOTHING), then.get(key, _NOTHING), (*path, key))
    elif type(now) is not type(then) or now != then:
        yield path, now, then


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "not there"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
