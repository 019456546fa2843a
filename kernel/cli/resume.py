"""``kernel resume``."""

from __future__ import annotations

from typing import Any

import click

from kernel import Kernel, RunResult
from kernel.cli.options import DEBUG, ENVIRONMENT, EVENTS, JOURNAL, VAR_FILE, VARS, output
from kernel.cli.resuming import bring_up_again, kept_run
from kernel.cli.running import Tell, print_result
from kernel.invocation.history import error_from_json
from kernel.journal import Run
from kernel.journal.rows import UNFINISHED


@click.command("resume")
@click.argument("run", metavar="RUN")
@JOURNAL
@VARS
@VAR_FILE
@EVENTS
@DEBUG
@ENVIRONMENT
@click.option(
    "--owner-is-dead",
    is_flag=True,
    help="The process that gives no sign of life has ended: do not wait for what it had in flight.",
)
@output()
def command(run: str, journal: str, form: str, owner_is_dead: bool, **options: Any) -> int:
    """Go on with a run that was parked or interrupted.

    It goes on with the manifest, the inputs and the variables that it began with; secrets are given
    as for `kernel apply`. What it has concluded is not done again. A run that has ended answers.
    The beginning of its id is enough.
    """
    found, content = kept_run(journal, run)
    if found.state not in UNFINISHED:
        return print_result(_ended(found), form, journal)

    async def work(kernel: Kernel, _: Tell) -> RunResult:
        return await kernel.resume(found.run, owner_is_dead=owner_is_dead)

    options |= {"journal": journal, "form": form, "principal": found.principal}
    return bring_up_again(found, content, work, **options)


def _ended(run: Run) -> RunResult:
    """The recorded result of a run that has ended; no secret is needed to show it."""
    error = None if run.error is None else error_from_json(run.error)
    return RunResult(run.run, run.state, None, error, shown=run.result)  # type: ignore[arg-type]
