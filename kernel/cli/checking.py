"""What ``kernel check`` does: a check, or an earlier report; fixes; a report; watching."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from analyzer.findings.cache import Cache, stamp, state
from analyzer.findings.checked import Checked
from analyzer.findings.configuration import Configuration, FailOn, configuration_of, fails
from analyzer.report import Report, as_github, as_json, as_sarif, as_text
from analyzer.report.text import many, summary
from kernel.cli import app
from kernel.cli.patience import Patience
from kernel.cli.places import STANDARD_INPUT, found_at, standard_input
from kernel.cli.render import use_color
from kernel.cli.streams import carried, is_lost
from kernel.errors import KernelError, UsageError
from kernel.structs import struct

_POLL_SECONDS = 0.3


@struct
class Request:
    """What the command line asks for."""

    paths: tuple[Path, ...]
    form: str
    fail_on: FailOn | None
    fix: bool
    dry_run: bool
    against: str | None
    no_cache: bool


def once(request: Request) -> tuple[int, tuple[str, ...]]:
    """One check: its exit status, and the places to look at for changes."""
    try:
        return _once(request)
    except (KernelError, click.ClickException):
        raise
    except Exception as error:
        _failed(error)
        return app.INVALID, tuple(map(str, request.paths))


def _once(request: Request) -> tuple[int, tuple[str, ...]]:
    paths = _named(request.paths)
    texts = standard_input() if STANDARD_INPUT in paths else {}
    if texts and request.fix:
        raise UsageError("--fix changes files, and standard input is none")
    configurations = [configuration_of(path) for path in paths]
    checked = _mended(request, paths, configurations) if request.fix else None
    checked = checked or _checked(request, paths, configurations, texts)
    for path in checked.empty:
        click.echo(f"there is no manifest in {path}", err=True)
    status = app.FAILED if fails(checked.report, request.fail_on or checked.fail_on) else 0
    if len(checked.empty) == len(paths):
        status = app.USAGE
    if not request.dry_run and (status != app.USAGE or request.form != "text"):
        _answer(checked.report, request.form)
    files = (str(each.file) for each in configurations if each.file)
    return status, (*checked.places, *files)


def _named(paths: Sequence[Path]) -> list[Path]:
    """The manifests at the paths, each once; those below the working folder by the way from it."""
    here = Path.cwd()
    named = (
        path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path
        for path in paths
    )
    given = (STANDARD_INPUT if str(path) == "-" else path for path in named)
    return list(dict.fromkeys(found_at(list(given))))


def _checked(
    request: Request,
    paths: Sequence[Path],
    configurations: Sequence[Configuration],
    texts: Mapping[str, bytes],
) -> Checked:
    cache = None
    if not request.no_cache and request.against is None and not texts:
        cache = Cache(paths, configurations, time.time_ns())
        if (found := cache.find()) is not None:
            return found
    checked = _examined(request, paths, configurations, texts)
    if cache is not None:
        cache.keep(checked)
    return checked


def _examined(
    request: Request,
    paths: Sequence[Path],
    configurations: Sequence[Configuration],
    texts: Mapping[str, bytes] | None = None,
    fixes: bool = True,
) -> Checked:
    from analyzer.batch import check_each  # for start-up time

    with ExitStack() as stack:
        more = None
        if request.against is not None:
            from kernel.cli.revisions import comparison  # for start-up time

            more = stack.enter_context(comparison(request.against, paths))
        patience = stack.enter_context(Patience(len(paths)))
        return check_each(paths, configurations, texts, more, patience.begin, fixes)


def _mended(
    request: Request, paths: Sequence[Path], configurations: Sequence[Configuration]
) -> Checked | None:
    """Apply fixes; for a dry run print them, and give the report as it was."""
    from analyzer.findings.fixes import mend, write  # for start-up time

    last: list[Checked] = []

    def examine(texts: Mapping[str, bytes]) -> Report:
        checked = _examined(request, paths, configurations, texts, fixes=False)
        last.append(checked)
        return checked.report

    mended = mend(paths, examine)
    if request.dry_run:
        for change in mended.changes:
            click.echo(change.diff(), nl=False)
        would = f"would mend {many(mended.count, 'finding')} in {many(len(mended.changes), 'file')}"
        click.echo(f"{would}; nothing was changed", err=True)
        return last[0]
    done = 0
    for change in mended.changes:
        try:
            written = write(change)
        except OSError as error:
            click.echo(f"{change.name} cannot be written: {error.strerror}", err=True)
            continue
        done += written
        if not written:
            click.echo(f"{change.name} has changed meanwhile, and was left alone", err=True)
    if done:
        click.echo(f"mended {many(mended.count, 'finding')} in {many(done, 'file')}", err=True)
    return None


def _answer(report: Report, form: str) -> None:
    if form == "json":
        click.echo(carried(as_json(report)))
    elif form == "sarif":
        click.echo(carried(as_sarif(report, _base())))
    elif form == "github":
        if report.findings:
            click.echo(as_github(report, _base()))
        click.echo(summary(report), err=True)
    else:
        click.echo(as_text(report, color=use_color(sys.stdout)))


def _base() -> Path:
    """From where GitHub and SARIF name files: the workspace, else the root of the repository."""
    here = Path.cwd()
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or "/nowhere")
    if here.is_relative_to(workspace):
        return workspace
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), here)


def _failed(error: Exception) -> None:
    """Report an error of the kernel itself; its traceback is shown to developers only."""
    if os.environ.get("KERNEL_TRACEBACK"):
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    said = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    click.echo(
        f"Error: the check itself failed ({said}); this is a fault of the kernel, please report it "
        "with the manifest, and with what is printed when KERNEL_TRACEBACK=1 is set",
        err=True,
    )


def watch(request: Request) -> int:
    """Check again whenever something changes that the report depends on, as long as it is read."""
    places: tuple[str, ...] = tuple(map(str, request.paths))
    while not is_lost():
        began = time.time_ns()
        known = _look(places)
        if sys.stdout.isatty():
            click.echo("\x1b[2J\x1b[3J\x1b[H", nl=False)
        try:
            _, places = once(request)
        except KernelError as error:
            click.echo(f"Error: {error}", err=True)
        known = {
            place: known.get(place, None if max(stamp(place)[:1], default=0) > began else now)
            for place, now in _look(places).items()
        }
        click.echo("waiting for changes; Ctrl-C ends", err=True)
        while not is_lost() and _look(places) == known:
            time.sleep(_POLL_SECONDS)
    return app.SUCCEEDED


def _look(places: Iterable[str]) -> dict[str, object]:
    return {
        place: state(place)
        if os.path.isdir(place) or place.startswith("package:")
        else stamp(place)
        for place in places
    }
