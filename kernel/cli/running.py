"""What ``apply`` and ``invoke`` share: values in, a run with its progress, an answer out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import click

from kernel import Kernel, RunResult, load
from kernel.cli import app
from kernel.cli.asking import asker
from kernel.cli.debug import show_traceback
from kernel.cli.endings import explain, explain_unknown, where_kept
from kernel.cli.journals import person
from kernel.cli.options import read_inputs, variables
from kernel.cli.progress import Lines, LogLines, Printed, queued, retried
from kernel.cli.render import show, use_color
from kernel.cli.streams import answer_is_kept
from kernel.errors import Cancelled, InvocationError, KernelError, UsageError
from kernel.events.sinks import JsonLines
from kernel.journal import Damaged
from kernel.manifest import Manifest
from kernel.runtime.given_inputs import check_inputs, input_schemas
from kernel.runtime.starts import starts
from kernel.structs import field, struct
from kernel.threads import shared

_WIND_UP_SECONDS = 1.0

_POLL_SECONDS = 0.1  # between two looks at the runs that earlier processes began
_MAX_REST_SECONDS = 10.0
"""A run that an earlier process began is waited for, unless it rests for longer."""

_STATUS = {
    "succeeded": app.SUCCEEDED,
    "deduplicated": app.SUCCEEDED,
    "parked": app.PARKED,
    "cancelled": app.INTERRUPTED,
}


@struct
class Request:
    """What the command line asks for."""

    path: Path
    vars: tuple[str, ...]
    var_files: tuple[Path, ...]
    input: tuple[str, ...]
    inputs_file: Path | None
    events: Path | None
    no_check: bool
    journal: str
    principal: str | None
    environment: str
    form: str
    run_id: str | None = None
    migrate: bool = False
    began_with: Mapping[str, Any] = field(default_factory=dict)
    """The variables that the run began with, where it is one of a journal."""

    def values(self) -> dict[str, Any]:
        """The values of the variables and secrets of the manifest."""
        return {**self.began_with, **variables(self.var_files, self.vars)}


Tell = Callable[[RunResult], None]
"""Prints the answer, once: the first result that it is called with."""

Work = Callable[[Kernel, Tell], Coroutine[Any, Any, RunResult]]

Prepare = Callable[[Kernel], None]
"""Looks at what was given before anything of the manifest is brought up."""


def apply(request: Request, target: str | None) -> int:
    """Run ``target``, or what the manifest is for. Returns the exit status."""

    inputs: dict[str, Any] = {}

    def prepare(kernel: Kernel) -> None:
        found = starts(kernel.manifest, kernel.registry, target)
        calls = [start for start in found if not start.instance.is_shared]
        given = read_inputs(request.inputs_file, request.input, input_schemas(calls))
        for sentence in check_inputs(calls, given):
            click.echo(sentence, err=True)
        inputs.update(given)

    async def work(kernel: Kernel, tell: Tell) -> RunResult:
        lost = await kernel.lost(request.run_id)
        going_on = asyncio.ensure_future(_recover(kernel, lost))
        try:
            result = await kernel.apply(
                target, inputs, run_id=request.run_id, migrate=request.migrate
            )
            if not going_on.done():
                tell(result)
                await _see_through(kernel, lost, going_on)
        finally:
            if not going_on.done():
                going_on.cancel()
                await asyncio.wait((going_on,))
        return result

    return run(request, work, prepare)


async def _recover(kernel: Kernel, lost: list[str]) -> None:
    """Resume the runs that earlier processes of this manifest left, and print how they ended."""
    for result in await kernel.recover(lost):
        click.echo(f"the run {result.run}, which was interrupted, {_said(result)}", err=True)


async def _see_through(kernel: Kernel, lost: list[str], going_on: asyncio.Future[None]) -> None:
    """Wait for the resumed runs; hand over those that rest for long, and all of them at Ctrl-C."""
    runs = ", ".join(lost)
    click.echo(f"resuming interrupted runs: {runs} (Ctrl-C leaves them interrupted)", err=True)
    try:
        while not going_on.done():
            kernel.let_go(resting=_MAX_REST_SECONDS)
            await asyncio.wait((going_on,), timeout=_POLL_SECONDS)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def _said(result: RunResult) -> str:
    if result.error is not None and result.error.code == "LEFT":
        return f"is left where it was; `kernel resume {result.run}` goes on with it"
    return f"is {result.outcome}" if result.error is None else f"{result.outcome}: {result.error}"


def run(request: Request, work: Work, prepare: Prepare) -> int:
    """Load, check, bring up, work, answer. Returns the exit status."""
    manifest = load(request.path) if request.no_check else _checked(request)
    return app.INVALID if manifest is None else bring_up(request, manifest, work, prepare)


def bring_up(
    request: Request, manifest: Manifest, work: Work, prepare: Prepare = lambda _: None
) -> int:
    """Bring a manifest up, work, answer. Returns the exit status."""
    printed = Printed()
    with _own_stdout(printed) as stdout:
        told: list[RunResult] = []

        def tell(result: RunResult) -> None:
            if not told:
                told.append(result)
                _answer(result, request.form, request.journal, stdout)

        result = _execute(request, manifest, work, prepare, printed, tell)
        tell(result)
        explain_unknown(result, request.journal)
    return _status(result)


def print_result(result: RunResult, form: str, journal: str) -> int:
    """Print a result that is there already. Returns the exit status."""
    _answer(result, form, journal, sys.stdout)
    return _status(result)


def _status(result: RunResult) -> int:
    if result.error is not None and result.error.code == "LEFT":
        return app.INTERRUPTED
    return _STATUS.get(result.outcome, app.FAILED)


def _checked(request: Request) -> Manifest | None:
    """The manifest, if the analyzer finds no error; else None, and the errors are shown."""
    from kernel.runtime.gate import examine  # for start-up time: imports the analyzer

    manifest, report, sound = examine(request.path)
    if sound and report.ok:
        return manifest
    from analyzer.report import Report, as_json, as_text  # for start-up time

    errors = [one for one in report.findings if one.weight == "error" or not sound]
    report = Report.of(errors, report.sources)
    if request.form != "text":
        show(json.loads(as_json(report)), request.form)
    click.echo(as_text(report, color=use_color(sys.stderr)), err=True)
    way = "; `--no-check` runs it all the same" if sound else ""
    click.echo(f"nothing was run{way}", err=True)
    return None


@contextlib.contextmanager
def _own_stdout(printed: Printed) -> Iterator[IO[str]]:
    """Standard output for the answer alone: what a controller prints goes elsewhere.

    What it writes to standard error, or logs there, is without secrets as well.

    It goes there to the end of the process, if a controller is left behind.
    """
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = printed, printed.beside
    try:
        yield stdout
    finally:
        printed.close_line()
        if not shared.busy:
            sys.stdout, sys.stderr = stdout, stderr


def _execute(
    request: Request,
    manifest: Manifest,
    work: Work,
    prepare: Prepare,
    printed: Printed,
    tell: Tell,
) -> RunResult:
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(_display())
        stack.enter_context(_logging(LogLines(shown.say)))
        kernel = Kernel(
            manifest,
            values=request.values(),
            watch=shown,
            journal=request.journal,
            principal=request.principal or person(),
            environment=request.environment,
            ask=asker(shown.aside),
            place=str(request.path.resolve()),
        )
        printed.redact = printed.beside.redact = kernel.runtime.redactor.said
        prepare(kernel)
        kernel.subscribe(retried(shown.say), "*.Retried")
        kernel.subscribe(queued(shown.say), "*.Queued")
        if request.events is not None:
            kernel.subscribe(stack.enter_context(_sink(request.events)))
        result = _run_until_answered(_interruptible(kernel, work, tell))
        if result.error is not None:
            show_traceback(result.error, kernel.runtime.redactor)
        return result


def _display() -> Lines:
    """The live display where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        return Lines()
    from kernel.cli.live import Live  # for start-up time

    return Live()


def _run_until_answered(work: Coroutine[Any, Any, RunResult]) -> RunResult:
    """Like ``asyncio.run``, but work that refuses to be cancelled is not waited for for ever.

    What is left behind then (a controller that swallows its cancellation) ends with the process.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        _wind_up(loop)
        asyncio.set_event_loop(None)


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    late = asyncio.all_tasks(loop)
    for task in late:
        task.cancel()
    if late:
        loop.run_until_complete(asyncio.wait(late, timeout=_WIND_UP_SECONDS))
    if shared.busy:
        app.end_without_waiting()
    if any(not task.done() for task in late):
        app.end_without_waiting()
    else:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _sink(path: Path) -> JsonLines:
    try:
        return JsonLines(path)
    except OSError as error:
        raise UsageError(f"--events {path}: {error.strerror or error}") from None


async def _interruptible(kernel: Kernel, work: Work, tell: Tell) -> RunResult:
    """The work, which SIGINT cancels; everything is taken down in any case.

    SIGTERM leaves a run that is recorded to another process, and cancels any other.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(_alive(kernel, work, tell))
    interrupted = False

    def interrupt(leave: bool) -> None:
        nonlocal interrupted
        if interrupted:
            click.echo("interrupted again: leaving at once", err=True)
            sys.stderr.flush()
            os._exit(app.INTERRUPTED)
        interrupted = True
        click.echo("interrupted: stopping (once more to leave at once)", err=True)
        if leave:
            kernel.let_go()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, interrupt, number == signal.SIGTERM)
    try:
        return await task
    except asyncio.CancelledError:
        if not interrupted:
            raise
        return RunResult(kernel.first_run, "cancelled", None, Cancelled("the run was interrupted"))


async def _alive(kernel: Kernel, work: Work, tell: Tell) -> RunResult:
    try:
        async with kernel:
            return await work(kernel, tell)
    except InvocationError as error:
        # A resource could not be started: that is an outcome like another.
        return RunResult(kernel.first_run, error.outcome, None, error)
    except KernelError as error:
        if error.category != "Journal" or isinstance(error, Damaged):
            raise  # what is damaged names its own way out
        way_out = "`--journal ADDRESS` names another one, `--journal memory:` keeps none"
        raise KernelError(f"{error}; {way_out}") from error
    except Exception as error:
        show_traceback(error, kernel.runtime.redactor)
        raise KernelError(
            f"the run stopped at an unexpected {type(error).__name__}; KERNEL_DEBUG=1 tells where, "
            "and `kernel trace --verify` whether the journal is damaged"
        ) from None


@contextlib.contextmanager
def _logging(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("kernel")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _answer(result: RunResult, form: str, journal: str, stdout: IO[str]) -> None:
    answer_is_kept(where_kept(result, journal))
    if form != "text":
        show(result.to_dict(), form, stdout)
    elif result.outcome in ("succeeded", "deduplicated"):
        show(result.shown, "json", stdout)
    if result.error is not None:
        explain(result.error, result.outcome)
