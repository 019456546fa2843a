"""``kernel get``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel import load
from kernel.cli.options import MANIFEST, output
from kernel.cli.render import show
from kernel.manifest import resolve_kind


@click.command("get")
@MANIFEST
@output()
def command(path: Path, form: str) -> None:
    """List what a manifest declares: its kinds, its resources and its policies."""
    manifest = load(path)
    rows = list(_rows(manifest))
    if form != "text":
        show(rows, form)
        return
    if not rows:
        click.echo(f"{path} declares nothing", err=True)
        return
    table = [("KIND", "NAME", "CAPABILITY", "PLACE", "DESCRIPTION")]
    table += [tuple(str(row[key]) for key in _COLUMNS) for row in rows]  # type: ignore[misc]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


_COLUMNS = ("kind", "name", "capability", "place", "description")


def _rows(manifest: Any) -> Any:
    module = manifest.root
    for definition in module.definitions.values():
        yield _row("Kernel.Definition", definition.kind, definition.capability, definition)
    for resource in module.resources.values():
        definition = resolve_kind(module, resource.kind)
        capability = definition.capability if definition else ""
        yield _row(resource.kind, resource.name, capability, resource)
    for policy in module.policies.values():
        yield _row("Kernel.Policy", policy.name, "", policy)


def _row(kind: str, name: str, capability: str, declared: Any) -> dict[str, Any]:
    span = declared.document.span()
    return {
        "kind": kind,
        "name": name,
        "capability": capability,
        "place": f"{span.file}:{span.line}",
        "description": declared.description.split("\n")[0],
    }
