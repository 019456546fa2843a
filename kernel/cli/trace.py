"""``kernel trace``."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from kernel.cli.execution import recorded, show_execution
from kernel.cli.journals import Unread, as_fields, find_id, with_journal
from kernel.cli.options import JOURNAL, output
from kernel.cli.otlp import show_spans
from kernel.cli.render import show, to_json, to_yaml
from kernel.cli.runs import as_seen
from kernel.cli.streams import is_lost
from kernel.cli.tables import mark, plain, say
from kernel.cli.tree import show_run
from kernel.errors import UsageError
from kernel.journal import Broken, Damaged, Journal, JournalError, Run
from kernel.journal.interface import OnDamage, every_run


@click.command("trace")
@click.argument("name", metavar="[RUN|EXECUTION]", required=False)
@JOURNAL
@click.option("--verify", is_flag=True, help="Prove that nothing recorded was altered.")
@click.option("--all", "whole", is_flag=True, help="Show each iteration of each loop.")
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
        return _verify(journal, name, form)
    if name is None:
        raise click.UsageError("the id of a run or an execution is needed; `kernel runs` lists")
    return with_journal(journal, lambda opened: _trace(opened, name, form, whole))


async def _trace(journal: Journal, name: str, form: str, whole: bool) -> int:
    sort, found = await find_id(journal, name, "run", "execution")
    if sort == "execution":
        return await _execution(journal, found, form)
    unread = Unread()
    run = await journal.run(found)
    if run is None:
        raise UsageError(f"the run {found} is not whole in this journal")
    run = await as_seen(journal, run, unread.append)
    if form == "text":
        await show_run(journal, run, whole, unread.append)
    elif form == "otlp":
        await show_spans(journal, run, unread.append)
    else:
        await _document(journal, run, form, unread.append)
    return unread.say()


async def _execution(journal: Journal, execution: str, form: str) -> int:
    if form == "otlp":
        raise UsageError(f"{execution} is an execution; -o otlp prints a whole run")
    found = await recorded(journal, execution)
    if form == "text":
        show_execution(found)
    else:
        show(found.as_fields(), form)
    return found.unread.say()


async def _document(journal: Journal, run: Run, form: str, damaged: OnDamage) -> None:
    """The run with its invocations, printed while they are read."""
    head = {"run": as_fields(run)}
    if form == "yaml":
        click.echo(to_yaml(head), nl=False)
        begin, between, end = "invocations:\n", "", ""
    else:
        click.echo(to_json(head).removesuffix("\n}"), nl=False)
        begin, between, end = ',\n  "invocations": [\n', ",\n", "\n  ]\n}\n"
    before = begin
    async for one in journal.invocations(run.run, damaged=damaged):
        item = as_fields(one)
        text = to_yaml([item]) if form == "yaml" else textwrap.indent(to_json(item), "    ")
        click.echo(before + text, nl=False)
        before = between
        if is_lost():
            return
    if before == begin:
        begin = begin.rstrip("\n")
        end = " []\n" if form == "yaml" else "]\n}\n"
        click.echo(begin, nl=False)
    click.echo(end, nl=False)


# Verification


def _verify(address: str, name: str | None, form: str) -> int:
    """Follow the chain of a run, or of every run; 0 where all hold, else 1."""

    async def work(journal: Journal) -> list[dict[str, Any]]:
        if name is not None:
            _, run = await find_id(journal, name, "run")
            return [await _proof(journal, run)]
        unread = Unread()
        runs = every_run(journal, damaged=unread.append)
        found = [await _proof(journal, run.run) async for run in runs]
        return [*found, *map(_disproof, unread)]

    proofs = with_journal(address, work)
    if form == "text":
        _say_proofs(proofs)
    else:
        show(proofs, form)
    return 0 if all(proof["holds"] for proof in proofs) else 1


def _disproof(damaged: Damaged) -> dict[str, Any]:
    return {"run": damaged.id, "holds": False, "number": 0, "path": None, "why": damaged.why}


async def _proof(journal: Journal, run: str) -> dict[str, Any]:
    try:
        broken = await journal.verify(run)
    except JournalError as error:  # of the pages of the file that this run is on
        broken = Broken(0, None, str(error))
    if broken is None:
        return {"run": run, "holds": True}
    why = {"number": broken.number, "path": broken.path, "why": broken.why}
    return {"run": run, "holds": False, **why}


def _say_proofs(proofs: list[dict[str, Any]]) -> None:
    for proof in proofs:
        if proof["holds"]:
            say(f"{mark('succeeded')} {plain(proof['run'])}")
        else:
            where = f" at number {proof['number']}" if proof["number"] else ""
            why = f"broken{where}: {proof['why']}"
            name = proof["run"] or "a run without a readable id"
            say(f"{mark('failed')} {plain(name)}  {plain(why)}", "red")
    if not proofs:
        click.echo("there are no runs", err=True)
