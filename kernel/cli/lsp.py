"""``kernel lsp``: what editors ask while a manifest is written."""

from __future__ import annotations

import click

from kernel.cli.app import leave
from kernel.errors import UsageError


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="Accepted for editors that pass it.")
def command(stdio: bool) -> None:
    """Answer an editor on standard input, by the Language Server Protocol.

    Diagnostics while you type, completion, hover, go to definition, references, rename, quick
    fixes. docs/editor.md says how editors are set up.
    """
    try:
        from analyzer.lsp import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError(
            f"`kernel lsp` needs the package {error.name.partition('.')[0]}; "
            "install it with: pip install 'invocable-kernel[lsp]'"
        ) from None
    leave(serve())
