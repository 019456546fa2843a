"""``kernel resolve``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.deciding import read_outputs, resolve
from kernel.cli.options import JOURNAL, PRINCIPAL, REASON, output


@click.command("resolve")
@click.argument("execution", metavar="EXECUTION|RUN")
@JOURNAL
@click.option("--landed", is_flag=True, help="The effect took place.")
@click.option("--not-landed", is_flag=True, help="It did not: it may be attempted again.")
@click.option(
    "--outputs", metavar="JSON|@FILE", help="With --landed: what the call would have returned."
)
@REASON
@PRINCIPAL
@output()
def command(landed: bool, not_landed: bool, outputs: str | None, **given: Any) -> None:
    """Say what has become of an unknown outcome (`kernel escalations` lists them).

    Landed, the invocation has succeeded with the outputs given; not landed, it is attempted again
    when `kernel resume RUN` goes on with the run. The beginning of an id is enough, or of the id of
    the run where it is the only one.
    """
    if landed == not_landed:
        raise click.UsageError("one of --landed and --not-landed is needed")
    if not_landed and outputs is not None:
        raise click.UsageError("what has not landed has no --outputs")
    resolve(landed, read_outputs(outputs), **given)
