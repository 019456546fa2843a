"""``kernel apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import CALLING, MANIFEST, RUNNING
from kernel.cli.running import Request, apply


@click.command("apply")
@MANIFEST
@click.option("--target", metavar="KIND/NAME", help="What to start, if that is not clear.")
@RUNNING
@click.option(
    "--run-id",
    metavar="ID",
    help="Make the run with this id once: start it, resume it, or print the result that it had.",
)
@click.option(
    "--migrate",
    is_flag=True,
    help="With --run-id: go on with a manifest that has changed, if its finished part is the same.",
)
@CALLING
def command(path: Path, target: str | None, **options: Any) -> int:
    """Run what a manifest is for.

    PATH is a manifest or a folder of manifests. Services are started first; then the `targets` of
    Kernel.Module run in order, or the one topology that nothing else refers to.

    The result is printed on standard output as JSON; with -o json or yaml one document
    {run, outcome, result, error} is printed, also when the run failed. A manifest with errors
    is not run: they are told, with -o json or yaml as `kernel check` does.

    The run is recorded in the journal. What needs an approval is asked for on a terminal; elsewhere
    the run is parked with exit status 4, and says how it goes on. Runs of the same manifest that an
    earlier process left unfinished when it died are gone on with too.
    """
    if options["migrate"] and options["run_id"] is None:
        raise click.UsageError("--migrate goes on with a run: say which, with --run-id")
    return apply(Request(path=path, **options), target)
