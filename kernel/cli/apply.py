"""``kernel apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import EVENTS, INPUT, INPUTS, MANIFEST, VAR_FILE, VARS, output


@click.command("apply")
@MANIFEST
@click.option("--target", metavar="KIND/NAME", help="What to start, when it is not clear.")
@VARS
@VAR_FILE
@INPUT
@INPUTS
@EVENTS
@output("text", "json", "yaml")
def command(path: Path, target: str | None, **options: Any) -> int:
    """Run what a manifest is for.

    PATH is a manifest or a folder of manifests. Services are started first; then the `targets` of
    Kernel.Module run in order, or the one topology that nothing else refers to.

    The result is printed on standard output as JSON; with -o json or yaml one document
    {run, outcome, result, error} is printed, also when the run failed.
    """
    from kernel.cli.running import Request, apply

    return apply(Request(path=path, **options), target)
