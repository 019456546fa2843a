"""``kernel resolve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.deciding import print_next
from kernel.cli.execution import recorded, show_execution
from kernel.cli.journals import find_waiting, person, with_journal
from kernel.cli.options import JOURNAL, PRINCIPAL, REASON, output
from kernel.cli.render import show
from kernel.errors import UsageError
from kernel.journal import Journal
from kernel.json_text import JsonError, read_json


@click.command("resolve")
@click.argument("execution", metavar="EXECUTION|RUN")
@JOURNAL
@click.option("--landed", is_flag=True, help="The effect took place.")
@click.option("--not-landed", is_flag=True, help="The effect did not take place.")
@click.option(
    "--outputs", metavar="JSON|@FILE", help="With --landed: what the call would have returned."
)
@REASON
@PRINCIPAL
@output()
def command(
    landed: bool,
    not_landed: bool,
    outputs: str | None,
    *,
    journal: str,
    execution: str,
    principal: str | None,
    reason: str | None,
    form: str,
) -> int:
    """Say what has become of an unknown outcome (`kernel escalations` lists them).

    Landed, the invocation has succeeded with the outputs given; not landed, it is attempted again
    when `kernel resume RUN` goes on with the run. The beginning of an id is enough, or of the id of
    the run where it is the only one.
    """
    if landed == not_landed:
        raise click.UsageError("one of --landed and --not-landed is needed")
    if not_landed and outputs is not None:
        raise click.UsageError("what has not landed has no --outputs")
    said = _read(outputs)
    from kernel.cli.landed import conformed_outputs  # for start-up time: knows all that runs

    async def work(opened: Journal) -> int:
        waiting = await find_waiting(opened, execution, "execution")
        who = principal or person()
        kept = await conformed_outputs(opened, waiting, said) if landed else None
        await opened.resolve(waiting, landed, who, outputs=kept, reason=reason or "")
        found = await recorded(opened, waiting)
        run = await opened.run(found.invocation.run)
        if form != "text":
            show(found.as_fields(), form)
        else:
            show_execution(found)
            print_next(found.invocation.run, None if run is None else run.state)
        return found.unread.say()

    return with_journal(journal, work)


def _read(text: str | None) -> Any:
    """The outputs that a person gives: JSON, or ``@FILE``. Raises :class:`UsageError`."""
    if text is None:
        return None
    try:
        given = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--outputs {text} cannot be read: {error}") from None
    try:
        return read_json(given)
    except JsonError as error:
        raise UsageError(f"--outputs is not JSON: {error}") from None
