"""``kernel replay``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.options import CALLING, EVENTS, JOURNAL, VAR_FILE, VARS
from kernel.cli.resuming import answer, call_again


@click.command("replay")
@click.argument("execution", metavar="EXECUTION")
@JOURNAL
@click.option(
    "--fresh",
    is_flag=True,
    help="Call the target anew, with the same inputs, as a run of its own: for the class "
    "idempotent only.",
)
@VARS
@VAR_FILE
@EVENTS
@CALLING
def command(execution: str, journal: str, fresh: bool, form: str, **options: Any) -> int:
    """Answer an execution from the journal: the same target, inputs and key, and no call.

    The beginning of its id is enough.
    """
    if fresh:
        return call_again(execution, journal, form=form, **options)
    return answer(execution, journal, form)
