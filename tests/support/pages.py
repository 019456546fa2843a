"""The examples of a page, and how those for a shell are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.warm import warm

FENCE = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_console(text: str, folder: Path, *, installed: bool = False) -> None:
    """Run what a block shows; with the installed command, or with one that is there at once."""
    commands = None if installed else warm().bin
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        printed = run(["bash", "-c", command], folder, commands)
        pattern = re.escape(expected.rstrip("\n")).replace("…", ".*")
        assert re.fullmatch(pattern, printed.rstrip("\n")), f"$ {command}\n{printed}"


def run(command: list[str], folder: Path, commands: Path | None = None) -> str:
    """What a command prints. ``commands`` is a folder in which the shell looks for it first."""
    installed = Path(sys.executable).parent
    path = os.pathsep.join(map(str, (commands or installed, installed, os.environ["PATH"])))
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
