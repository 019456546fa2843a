"""The command as a person uses it: a process of its own."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.warm import PIPE, Forked, Process, environment

COMMAND = [sys.executable, "-c", "from kernel.cli import main; main()"]
"""The command in an interpreter of its own, for the tests of what happens at its start."""


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document."""
        return json.loads(self.out)


def kernel(
    *arguments: str | Path,
    folder: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: str | None = None,
    memory: int | None = None,
    fresh: bool = False,
) -> Answer:
    """Run the command. ``memory`` bounds its address space, in bytes.

    It prints no traceback unless that is asked for.
    """
    asked = "--debug" in arguments or (env or {}).get("KERNEL_DEBUG") == "1"
    process = start(
        *arguments,
        folder=folder,
        env=environment(**(env or {})),
        stdin=None if stdin is None else PIPE,
        limits={} if memory is None else {resource.RLIMIT_AS: memory},
        fresh=fresh,
    )
    try:
        out, err = process.communicate(stdin, timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert asked or "Traceback" not in err, err
    return Answer(process.wait(), out, err)


def start(
    *arguments: str | Path,
    folder: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: int | None = None,
    stdout: int = PIPE,
    stderr: int = PIPE,
    text: bool = True,
    limits: Mapping[int, int] | None = None,
    fresh: bool = False,
) -> Process:
    """The command, still running.

    The process is forked from a warm one, unless an interpreter of its own is wanted (``fresh``) or
    needed: what Python reads from the environment it reads at its start.
    """
    given = list(map(str, arguments))
    env = environment() if env is None else env
    if not fresh and not any(name.startswith("PYTHON") for name in env.keys() - environment()):
        argv = ["kernel", *given]
        return Forked(argv, folder, env, stdin, stdout, stderr, text=text, limits=limits or {})
    assert not limits
    return subprocess.Popen(
        [*COMMAND, *given],
        cwd=folder,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=text,
        preexec_fn=_hear_interruptions,
    )


def _hear_interruptions() -> None:
    """As at a terminal: tests in the background ignore SIGINT, and so would the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def said(folder: Path, *arguments: str) -> Any:
    answer = kernel(*arguments, "-o", "json", folder=folder)
    return json.loads(answer.out)
