"""``kernel resume``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.options import ENVIRONMENT, EVENTS, JOURNAL, VAR_FILE, VARS, output
from kernel.cli.resuming import resume


@click.command("resume")
@click.argument("run", metavar="RUN")
@JOURNAL
@VARS
@VAR_FILE
@EVENTS
@ENVIRONMENT
@output()
def command(run: str, **options: Any) -> int:
    """Go on with a run that was parked or interrupted.

    It goes on with the manifest, the inputs and the variables that it began with; secrets are given
    as for `kernel apply`. What it has concluded is not done again. A run that has ended answers.
    The beginning of its id is enough.
    """
    return resume(run, **options)
