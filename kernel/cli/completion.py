"""``kernel completion``: what a shell must evaluate to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kernel.cli.app import application


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the set-up of shell completion.

    Put `eval "$(kernel completion bash)"` into ~/.bashrc (zsh: ~/.zshrc), or for fish save the
    output as ~/.config/fish/completions/kernel.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(application, {}, "kernel", "_KERNEL_COMPLETE").source())
