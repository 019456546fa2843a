"""``kernel trace``."""

from __future__ import annotations

import click

from kernel.cli.options import JOURNAL, output
from kernel.cli.tracing import trace, verify_runs


@click.command("trace")
@click.argument("name", metavar="[RUN|EXECUTION]", required=False)
@JOURNAL
@click.option("--verify", is_flag=True, help="Prove that nothing recorded was altered.")
@click.option("--all", "whole", is_flag=True, help="Each round of each loop.")
@output("text", "json", "yaml", "otlp")
def command(name: str | None, journal: str, verify: bool, whole: bool, form: str) -> int:
    """Show what a run did, or all that is recorded of one execution.

    The beginning of an id is enough. A run is shown as a tree of its invocations, where rounds of
    a loop beyond 20 are summed up; those that went wrong are shown all the same.

    \b
    kernel trace 5d0c                 a run, or one execution of it
    kernel trace 5d0c -o otlp         the run as OpenTelemetry spans, in OTLP/JSON
    kernel trace --verify             prove the hash chain of every run
    kernel trace --verify 5d0c        that of one

    Exit status of --verify: 0 nothing was altered, 1 something was.
    """
    if verify:
        if form == "otlp":
            raise click.UsageError("--verify has no form otlp")
        return verify_runs(journal, name, form)
    if name is None:
        raise click.UsageError("the id of a run or an execution is needed; `kernel runs` lists")
    trace(journal, name, form, whole)
    return 0
