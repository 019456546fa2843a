"""The command line: which commands there are, and what their exit status means."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from kernel.cli.version import show
from kernel.errors import KernelError, ManifestError, UsageError, ValuesError

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
    "deny": "Deny a pending approval.",
    "escalations": "List the unknown outcomes that wait for a person.",
    "explain": "Explain a kind, a field of it, or a rule.",
    "get": "List what a manifest declares.",
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
def _version() -> None:
    show()


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 succeeded, 1 the run failed, 2 usage, 3 the manifest is invalid, "
    "4 parked, 130 interrupted.",
)
@click.version_option(
    package_name="invocable-kernel", prog_name="kernel", message="%(prog)s %(version)s"
)
def application() -> None:
    """Runs work that is declared in YAML."""


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit status. Errors go to standard error, as sentences."""
    try:
        status: Any = application.main(arguments, prog_name="kernel", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except ManifestError as error:
        from kernel.cli.render import show_faults  # for start-up time

        values = isinstance(error, ValuesError)
        show_faults(error.faults, "the values that were given" if values else "the manifest")
        return USAGE if values else INVALID
    except UsageError as error:
        click.echo(f"Error: {error}", err=True)
        return USAGE
    except KernelError as error:
        click.echo(f"Error: {error}", err=True)
        return FAILED
    except BrokenPipeError:
        # The reader of the output is gone: discard what the buffer still holds.
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.__stdout__ or sys.stdout).fileno())
        return FAILED
    return status if isinstance(status, int) else SUCCEEDED
