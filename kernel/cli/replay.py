"""``kernel replay``."""

from __future__ import annotations

from typing import Any

import click

from kernel import Kernel, RunResult
from kernel.cli.app import FAILED, SUCCEEDED
from kernel.cli.journals import find_id, with_journal
from kernel.cli.options import CALLING, EVENTS, JOURNAL, VAR_FILE, VARS
from kernel.cli.render import in_red, show
from kernel.cli.resuming import bring_up_again, kept_run
from kernel.cli.running import Tell
from kernel.errors import UsageError
from kernel.journal import Invocation, Journal
from kernel.runtime.targets import address_of


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
    row = with_journal(journal, lambda opened: _recorded(opened, execution))
    if fresh:
        return _call_again(row, journal, form=form, **options)
    return _answer(row, form)


async def _recorded(journal: Journal, prefix: str) -> Invocation:
    _, execution = await find_id(journal, prefix, "execution")
    found = await journal.invocation(execution)
    if found is None:
        raise UsageError(f"there is no execution {execution} in this journal")
    return found


def _answer(row: Invocation, form: str) -> int:
    """Print what an execution gave, as it is recorded. Returns the exit status."""
    if row.outcome is None:
        raise UsageError(f"the execution {row.execution} has no outcome: it is in flight")
    if form != "text":
        fields = {"execution": row.execution, "outcome": row.outcome, "result": row.outputs}
        show({**fields, "error": row.error}, form)
    elif row.error is None:
        show(row.outputs, "json")
    else:
        in_red(f"{row.outcome}: {row.error.get('message')} (code {row.error.get('code')})")
    return SUCCEEDED if row.outcome in ("succeeded", "deduplicated") else FAILED


def _call_again(row: Invocation, journal: str, **options: Any) -> int:
    """Call the target of an execution anew, with its inputs. Returns the exit status."""
    if row.safety != "idempotent":
        told = "declares no safety class" if row.safety is None else f"is {row.safety}"
        raise UsageError(f"{row.target} {told}: only what is idempotent is called anew")

    async def work(kernel: Kernel, _: Tell) -> RunResult:
        return await kernel.apply(
            address_of(kernel.manifest, kernel.registry, row), kernel.references.show(row.inputs)
        )

    run, content = kept_run(journal, row.run)
    return bring_up_again(run, content, work, journal=journal, **options)
