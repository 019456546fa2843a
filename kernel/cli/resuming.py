"""Going on with a run: its manifest and its values come from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel import Kernel, RunResult
from kernel.cli.app import FAILED, SUCCEEDED
from kernel.cli.journals import find_id, with_journal
from kernel.cli.render import in_red, show
from kernel.cli.running import Request, Tell, bring_up, print_result
from kernel.errors import UsageError
from kernel.events import Redactor
from kernel.events.references import References
from kernel.invocation.history import error_from_json
from kernel.journal import Invocation as Execution
from kernel.journal import Journal
from kernel.journal import Run as Row
from kernel.journal.rows import UNFINISHED
from kernel.manifest import Manifest
from kernel.runtime.manifest_texts import content_of, manifest_of
from kernel.runtime.run_request import RunRequest
from kernel.runtime.targets import address_of


@dataclass(frozen=True, slots=True)
class Kept:
    """A run of a journal, and the text of the manifest that it began with."""

    run: Row
    content: str | None


def resume(prefix: str, journal: str, form: str, **options: Any) -> int:
    """Go on with a run. Returns the exit status."""
    kept = kept_run(journal, prefix)
    run = kept.run
    if run.state not in UNFINISHED:
        return print_result(_ended(run), form)

    async def work(kernel: Kernel, _: Tell) -> RunResult:
        return await kernel.resume(run.run)

    request = _request(kept, journal=journal, form=form, principal=run.principal, **options)
    return bring_up(request, kept_manifest(kept), work)


def _ended(run: Row) -> RunResult:
    """The recorded result of a run that has ended; no secret is needed to show it."""
    error = None if run.error is None else error_from_json(run.error)
    return RunResult(run.run, run.state, None, error, shown=run.result)  # type: ignore[arg-type]


def _request(kept: Kept, environment: str, **options: Any) -> KeptRequest:
    """``options`` are what the command line gives, by the fields of a :class:`Request`."""
    asked = RunRequest.from_json(kept.run.inputs) if kept.run.inputs else None
    return KeptRequest(
        path=Path(asked.place or ".") if asked else Path(),
        input=(),
        inputs_file=None,
        no_check=True,
        environment=environment or (asked.environment if asked else ""),
        began_with=asked.vars if asked else {},
        **options,
    )


def answer(prefix: str, journal: str, form: str) -> int:
    """Print what an execution gave, as it is recorded. Returns the exit status."""
    row = _execution(journal, prefix)
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


def call_again(prefix: str, journal: str, **options: Any) -> int:
    """Call the target of an execution anew, with its inputs. Returns the exit status."""
    row = _execution(journal, prefix)
    if row.safety != "idempotent":
        told = "declares no safety class" if row.safety is None else f"is {row.safety}"
        raise UsageError(f"{row.target} {told}: only what is idempotent is called anew")
    kept = kept_run(journal, row.run)
    request = _request(kept, journal=journal, **options)

    async def work(kernel: Kernel, _: Tell) -> RunResult:
        return await kernel.apply(
            address_of(kernel.manifest, kernel.registry, row), kernel.references.show(row.inputs)
        )

    return bring_up(request, kept_manifest(kept), work)


def _execution(journal: str, prefix: str) -> Execution:
    async def work(open_one: Journal) -> Execution:
        _, execution = await find_id(open_one, prefix, "execution")
        found = await open_one.invocation(execution)
        assert found is not None
        return found

    return with_journal(journal, work)


def kept_run(journal: str, prefix: str) -> Kept:
    """The run whose id begins so. Raises :class:`UsageError`."""

    async def work(open_one: Journal) -> Kept:
        _, run = await find_id(open_one, prefix, "run")
        found = await open_one.run(run)
        assert found is not None
        return Kept(found, await open_one.kept(found.digest) if found.digest else None)

    return with_journal(journal, work)


def kept_manifest(kept: Kept) -> Manifest:
    """The manifest that a run began with. Raises :class:`UsageError`."""
    asked = RunRequest.from_json(kept.run.inputs) if kept.run.inputs else None
    if asked is None or asked.place is None or kept.content is None:
        raise UsageError(
            f"the run {kept.run.run} was not begun by `kernel apply`: the program that began it "
            "goes on with it"
        )
    manifest = manifest_of(kept.content, Path(asked.place))
    if content_of(manifest) != kept.content:
        raise UsageError(
            f"{asked.place} does not hold the same files any more as when the run {kept.run.run} "
            f"began; `kernel apply PATH --run-id {kept.run.run} --migrate` goes on with others, if "
            "the finished part is the same"
        )
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest(Request):
    """A request with the variables that the run began with, beside those given now."""

    began_with: Any = None

    def values(self) -> dict[str, Any]:
        """The variables that the run began with; secrets and the like are given anew."""
        began_with = References(Redactor()).show(dict(self.began_with))
        return {**began_with, **Request.values(self)}
