"""``kernel get``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kernel import load
from kernel.cli.options import output
from kernel.cli.render import show
from kernel.cli.tables import show_columns
from kernel.manifest import Module, resolve_kind


@click.command("get")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH|kinds")
@output()
def command(path: Path, form: str) -> None:
    """List what a manifest declares: its kinds, its resources and its policies.

    `kernel get kinds` lists the kinds that are there for every manifest, by module.
    """
    if not path.exists():
        if str(path) != "kinds":
            raise click.UsageError(f"the path '{path}' does not exist")
        _show_kinds(form)
        return
    rows = list(_rows(load(path).root))
    if form != "text":
        show(rows, form)
        return
    if not rows:
        click.echo(f"{path} declares nothing", err=True)
        return
    show_columns([[key.upper() for key in rows[0]], *([*row.values()] for row in rows)])


def _show_kinds(form: str) -> None:
    from kernel.cli.explain import overview, overview_text  # for start-up time

    modules = overview()["modules"]
    if form != "text":
        show(modules, form)
    else:
        click.echo("\n".join(overview_text({"modules": modules})))


def _rows(module: Module) -> Iterator[dict[str, str]]:
    for definition in module.definitions.values():
        yield _row("Kernel.Definition", definition.kind, definition.capability, definition)
    for resource in module.resources.values():
        kind = resolve_kind(module, resource.kind)
        yield _row(resource.kind, resource.name, kind.capability if kind else "", resource)
    for policy in module.policies.values():
        yield _row("Kernel.Policy", policy.name, "", policy)


def _row(kind: str, name: str, capability: str, declared: Any) -> dict[str, str]:
    span = declared.document.span()
    return {
        "kind": kind,
        "name": name,
        "capability": capability,
        "place": f"{span.file}:{span.line}",
        "description": declared.description.split("\n")[0],
    }
