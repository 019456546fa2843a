"""``kernel invoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import (
    CALLER,
    ENVIRONMENT,
    EVENTS,
    INPUT,
    INPUTS,
    MANIFEST,
    NO_CHECK,
    RECORDED,
    VAR_FILE,
    VARS,
    output,
)


@click.command("invoke")
@MANIFEST
@click.argument("target", metavar="KIND/NAME")
@VARS
@VAR_FILE
@INPUT
@INPUTS
@EVENTS
@NO_CHECK
@RECORDED
@CALLER
@ENVIRONMENT
@output("text", "json", "yaml")
def command(path: Path, target: str, **options: Any) -> int:
    """Invoke one resource of a manifest.

    Services and Providers of the manifest are up meanwhile. The answer is printed as by
    `kernel apply`.

    The call is recorded in the journal as a run of its own. Runs of the same manifest that an
    earlier process left unfinished when it died are gone on with too.
    """
    from kernel.cli.running import Request, apply

    return apply(Request(path=path, **options), target)
