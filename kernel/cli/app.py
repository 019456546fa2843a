"""The command line: which commands there are, and what their exit status means."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import click

from kernel.cli.options import output, wants_traceback
from kernel.cli.version import show
from kernel.errors import Fault, KernelError, ManifestError, UsageError, ValuesError
from kernel.version import VERSION

SUCCEEDED, FAILED, USAGE, INVALID, PARKED, INTERRUPTED = 0, 1, 2, 3, 4, 130

_ends_without_waiting = False


def end_without_waiting() -> None:
    """End the process without waiting for its threads and tasks: some will not end."""
    global _ends_without_waiting
    _ends_without_waiting = True


def leave(status: int) -> NoReturn:
    """End the process."""
    if _ends_without_waiting:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


_COMMANDS = {
    "approvals": "List the approvals that were asked for.",
    "approve": "Approve a pending approval.",
    "apply": "Run what a manifest is for.",
    "cancel": "Cancel a run.",
    "check": "Prove what can be known of manifests without running them.",
    "completion": "Print the set-up of shell completion.",
    "define": "Print the definitions of decorated Python functions.",
    "deny": "Deny a pending approval.",
    "escalations": "List the unknown outcomes that wait for a person.",
    "explain": "Explain a kind, a field of it, a word of the language, or a rule.",
    "get": "List what a manifest declares, or the kinds that there are.",
    "invoke": "Invoke one resource of a manifest.",
    "lsp": "Answer an editor: diagnostics, completion, hover, rename.",
    "policy": "Look at what the policies of a manifest decide.",
    "replay": "Answer an execution from the journal.",
    "resolve": "Say what has become of an unknown outcome.",
    "resume": "Go on with a run that was parked or interrupted.",
    "runs": "List the runs of a journal.",
    "trace": "Show what a run did, or all that is recorded of an execution.",
    "version": "Print the version.",
}


class _Commands(click.Group):
    """Each command's module is imported when the command is used, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        if cmd_name == "version":
            return _version
        module = importlib.import_module(f"kernel.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kernel.manifest.suggest import did_you_mean  # for start-up time

            hint = did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(f"{error.message} {hint or ''}".strip(), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.command("version", help=_COMMANDS["version"])
@output()
def _version(form: str) -> None:
    if form == "text":
        show()
        return
    from kernel.cli import render  # for start-up time

    render.show({"version": VERSION}, form)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 succeeded, 1 the run failed, 2 usage, 3 the manifest is invalid, "
    "4 parked, 5 done, but the answer could not be written, 130 interrupted.",
)
@click.version_option(
    package_name="invocable-kernel", prog_name="kernel", message="%(prog)s %(version)s"
)
def application() -> None:
    """Runs work that is declared in YAML."""


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit status.

    Errors go to standard error, as sentences; where ``-o`` asks for a document, they are one on
    standard output as well.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status: Any = application.main(arguments, prog_name="kernel", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        show_error(given, error.format_message(), "Usage")
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except ManifestError as error:
        from kernel.cli.render import show_faults  # for start-up time

        values = isinstance(error, ValuesError)
        show_faults(error.faults, "the values that were given" if values else "the manifest")
        show_error(given, str(error), error.category, error.faults)
        return USAGE if values else INVALID
    except KernelError as error:
        if error.__cause__ is not None and wants_traceback():
            from kernel.cli.debug import of_addresses, show_traceback  # for start-up time

            show_traceback(error, of_addresses(given))
        click.echo(f"Error: {error}", err=True)
        show_error(given, str(error), error.category)
        return USAGE if isinstance(error, UsageError) else FAILED
    return status if isinstance(status, int) else SUCCEEDED


def show_error(
    arguments: Sequence[str], message: str, kind: str, faults: Iterable[Fault] = ()
) -> None:
    """Print an error that left no other answer as a document, where the arguments ask for one."""
    form = _form(arguments)
    if form is None:
        return
    from kernel.cli.render import show  # for start-up time

    error: dict[str, Any] = {"message": message, "code": kind, "step": None, "kind": kind}
    if faults:
        error["faults"] = [fault.to_dict() for fault in faults]
    show({"error": error}, form)


def _form(arguments: Sequence[str]) -> str | None:
    """The form of document that ``-o`` asks for, also where the arguments are wrong."""
    found = None
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if argument in ("-o", "--output"):
            value = arguments[index + 1] if index + 1 < len(arguments) else ""
        elif argument.startswith("-o"):
            value = argument[2:]
        elif name != "--output" or not equals:
            continue
        found = value
    return found if found in ("json", "yaml") else None
