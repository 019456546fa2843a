"""``kernel cancel``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.deciding import cancel_run
from kernel.cli.options import DECIDING


@click.command("cancel")
@click.argument("run", metavar="RUN")
@DECIDING
def command(**given: Any) -> None:
    """Cancel a run: parked, interrupted, one that waits to hear what became of a call, or one that
    another process works on, which stops then.

    Its pending approvals are denied. Of what was in flight a person has to say whether it took
    effect (`kernel escalations`). Nothing that it did is undone.
    """
    cancel_run(**given)
