"""``kernel invoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import CALLING, MANIFEST, RUNNING
from kernel.cli.running import Request, apply


@click.command("invoke")
@MANIFEST
@click.argument("target", metavar="KIND/NAME")
@RUNNING
@CALLING
def command(path: Path, target: str, **options: Any) -> int:
    """Invoke one resource of a manifest.

    Services and Providers of the manifest are up meanwhile. The answer is printed as by
    `kernel apply`.

    The call is recorded in the journal as a run of its own. Runs of the same manifest that an
    earlier process left unfinished when it died are gone on with too.
    """
    return apply(Request(path=path, **options), target)
