"""``kernel cancel``."""

from __future__ import annotations

import click

from kernel.cli.options import JOURNAL, PRINCIPAL, REASON, output


@click.command("cancel")
@click.argument("run", metavar="RUN")
@JOURNAL
@REASON
@PRINCIPAL
@output("text", "json", "yaml")
def command(run: str, journal: str, reason: str | None, principal: str | None, form: str) -> None:
    """Cancel a run: parked, interrupted, one that waits to hear what became of a call, or one that
    another process works on, which stops then.

    Its pending approvals are denied. Of what was in flight a person has to say whether it took
    effect (`kernel escalations`). Nothing that it did is undone.
    """
    from kernel.cli.deciding import go_nowhere

    go_nowhere(run, journal, principal, reason, form)
