"""``kernel approve``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.deciding import decide
from kernel.cli.options import DECIDING


@click.command("approve")
@click.argument("approval", metavar="APPROVAL|RUN")
@DECIDING
def command(**given: Any) -> None:
    """Approve a pending approval; what was frozen when it was asked for is shown.

    The beginning of its id is enough, or of the id of the run that waits for it. `kernel resume
    RUN` goes on with the run.
    """
    decide("approved", **given)
