"""Going on with a run: its manifest and its values come from the journal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from kernel.cli.journals import find_id, with_journal
from kernel.cli.running import Request, Work, bring_up
from kernel.errors import UsageError
from kernel.journal import Damaged, Journal, Run
from kernel.runtime.manifest_texts import content_of, manifest_of
from kernel.runtime.run_request import RunRequest
from kernel.runtime.values import variables_as_given


def kept_run(journal: str, prefix: str) -> tuple[Run, str | None]:
    """The run whose id begins so, and the text of its manifest. Raises :class:`UsageError`."""

    async def work(opened: Journal) -> tuple[Run, str | None]:
        _, name = await find_id(opened, prefix, "run")
        run = await opened.run(name)
        if run is None:
            raise UsageError(f"there is no run {name} in this journal")
        return run, await opened.kept(run.digest) if run.digest else None

    return with_journal(journal, work)


def bring_up_again(
    run: Run, content: str | None, work: Work, environment: str, **options: Any
) -> int:
    """Bring up the manifest that a run began with, and work. Returns the exit status.

    The variables are those that the run began with; secrets and the like are given anew, with the
    other ``options`` of a :class:`Request`. Raises :class:`UsageError`.
    """
    asked = RunRequest.of(run)
    if content is None and asked is not None and asked.place is not None:
        raise Damaged(f"the manifest of the run {run.run}", "it is not in the journal any more")
    if asked is None or asked.place is None or content is None:
        raise UsageError(
            f"the run {run.run} was not begun by `kernel apply`: the program that began it "
            "goes on with it"
        )
    place = Path(asked.place)
    manifest = manifest_of(content, place)
    if content_of(manifest) != content:
        raise UsageError(
            f"{asked.place} does not hold the same files any more as when the run {run.run} "
            f"began; `kernel apply PATH --run-id {run.run} --migrate` goes on with others, if "
            "the finished part is the same"
        )
    request = Request(
        path=place,
        input=(),
        inputs_file=None,
        no_check=True,
        environment=environment or asked.environment,
        **options,
    )
    values = variables_as_given(manifest, asked.vars, request.values())
    return bring_up(replace(request, began_with=values), manifest, work)
