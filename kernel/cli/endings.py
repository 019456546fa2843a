"""Says how a run without a result ended, and what is to be done about it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from kernel import RunResult
from kernel.cli.journals import with_journal
from kernel.cli.options import DEFAULT_JOURNAL
from kernel.cli.render import in_red
from kernel.errors import InvocationError, KernelError, Parked


def _explain_parked(error: Parked) -> None:
    """What the run waits for, and how it goes on."""
    click.echo(f"parked: {error.message}", err=True)
    for approval, path in zip(error.data["approvals"], error.data["paths"], strict=True):
        place = f" for {path}" if path else ""
        click.echo(f"  kernel approve {approval}   (or kernel deny){place}", err=True)
    for execution in error.data["silent"]:
        click.echo(
            f"  kernel resolve {execution} --landed --outputs JSON   (or --not-landed)", err=True
        )
    run = error.data["run"]
    click.echo(f"  kernel resume {run}   goes on with the run", err=True)
    if error.data["silent"]:
        click.echo(f"  kernel resume {run} --owner-is-dead   once that process has ended", err=True)


def explain_unknown(result: RunResult, journal: str) -> None:
    """Say what is to be done about a call whose outcome is unknown."""
    is_over = result.outcome == "cancelled"
    if journal == "memory:" or not (is_over or result.outcome == "unknown"):
        return
    when = "when that is known"
    if _escalations(result.run, journal):
        when = "with the run"
        click.echo("somebody has to find out what became of it (kernel escalations):", err=True)
        way = f"kernel resolve {result.run} --landed --outputs JSON   (or --not-landed)"
        click.echo(f"  {way}", err=True)
    if not is_over:
        click.echo(f"  kernel resume {result.run}   goes on {when}", err=True)


def _escalations(run: str, journal: str) -> Sequence[object]:
    try:
        return with_journal(journal, lambda opened: opened.escalations(run))
    except KernelError:  # it was interrupted before there was a journal
        return ()


def explain(error: InvocationError, outcome: str) -> None:
    """What went wrong, where, and of what category."""
    if outcome == "cancelled":
        click.echo(f"cancelled: {error.message}", err=True)
        return
    if isinstance(error, Parked):
        _explain_parked(error)
        return
    if error.code == "LEFT":
        click.echo(f"interrupted: {error.message}", err=True)
        return
    where = f" in step {error.step}" if error.step else ""
    place = f"{error.span}: " if error.span else ""
    in_red(f"{outcome}{where}: ", bold=True, nl=False)
    at = f", at {error.place}" if error.place else ""
    click.echo(f"{place}{error.category}: {error.message} (code {error.code}{at})", err=True)


def where_kept(result: RunResult, journal: str) -> str:
    """Where the answer of a run can be read again."""
    ended = f"the outcome of the run {result.run} is `{result.outcome}`"
    if journal == "memory:":
        return f"{ended}; its answer is not kept, because of --journal memory:"
    verb = "trace" if result.outcome in ("parked", "unknown") else "resume"
    is_named = journal not in (DEFAULT_JOURNAL, os.environ.get("KERNEL_JOURNAL"))
    same = " with the same --journal" if is_named else ""
    return f"{ended}; `kernel {verb} {result.run}`{same} prints what is recorded of it"
