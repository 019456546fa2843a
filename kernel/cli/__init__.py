"""The ``kernel`` command: thin, one file a command."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the command.

    ``kernel version`` is answered before anything is imported: scripts ask it often.
    """
    from kernel.cli import streams

    streams.prepare()
    if sys.argv[1:] in (["version"], ["--version"]):
        from kernel.cli.version import show

        show()
        sys.exit(streams.settled(0))
    from kernel.cli.app import leave, run

    leave(streams.settled(run()))
