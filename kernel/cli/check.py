"""``kernel check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import output
from kernel.errors import UsageError


@click.command("check")
@click.argument(
    "paths",
    nargs=-1,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    metavar="[PATH]...",
)
@output("text", "json", "sarif", "github")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="The lowest severity that gives exit status 1.  [default: as configured, else error]",
)
@click.option("--fix", is_flag=True, help="Apply the fixes, and report what is left.")
@click.option("--dry-run", is_flag=True, help="With --fix: print the changes, and make none.")
@click.option(
    "--against",
    metavar="REV|PATH",
    help="Report contracts that are narrower than in a git revision, or in another manifest.",
)
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache of reports.")
def command(paths: tuple[Path, ...], **options: Any) -> int:
    """Prove what can be known of manifests without running them.

    Each PATH is a manifest, or a folder of manifests, on its own; the default is the folder that
    you are in, and - is standard input. A folder without a manifest stands for the folders below
    it that hold one, as at the root of a repository. Nothing is run, no controller is imported,
    and no network is used.

    Exit status: 0 nothing at or above --fail-on was found, 1 something was, 2 usage, 3 the check
    itself could not be done.
    """
    if options["dry_run"] and not options["fix"]:
        raise UsageError("--dry-run goes with --fix")
    if options["watch"] and Path("-") in paths:
        raise UsageError("--watch looks at files, and standard input is none")
    # For start-up time: `kernel check --help` needs no analyzer.
    from kernel.cli.checking import Request, once, watch

    watched = options.pop("watch")
    request = Request(paths=paths or (Path(),), **options)
    return watch(request) if watched else once(request)[0]
