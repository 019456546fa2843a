"""``kernel deny``."""

from __future__ import annotations

import click

from kernel.cli.options import JOURNAL, PRINCIPAL, REASON, output


@click.command("deny")
@click.argument("approval", metavar="APPROVAL|RUN")
@JOURNAL
@REASON
@PRINCIPAL
@output("text", "json", "yaml")
def command(
    approval: str, journal: str, reason: str | None, principal: str | None, form: str
) -> None:
    """Deny a pending approval; what was frozen when it was asked for is shown.

    The beginning of its id is enough, or of the id of the run that waits for it. `kernel resume
    RUN` goes on with the run, and the call is rejected.
    """
    from kernel.cli.deciding import decide

    decide(journal, approval, "denied", principal, reason, form)
