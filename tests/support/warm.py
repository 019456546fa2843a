"""Starts processes that need not import the kernel: they are forked from a warm one."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, TimeoutExpired
from types import MappingProxyType
from typing import IO, Any

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that a test starts: little of ours, and ``more``."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "error", **more}


class _Warm:
    """The warm process of this one, and the socket on which it takes jobs."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="warm"))
        self.socket = str(self.folder / "socket")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_process", self.socket],
            cwd=ROOT,
            env=environment(),
            stdin=PIPE,
            stdout=PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        atexit.register(self.close)

    @functools.cached_property
    def bin(self) -> Path:
        """A folder with a command ``kernel`` for shells."""
        made = self.folder / "bin"
        made.mkdir()
        script = (
            f'exec {sys.executable} -IS {ROOT}/tests/support/warm_command.py {self.socket} "$@"'
        )
        (made / "kernel").write_text(f"#!/bin/sh\n{script}\n")
        (made / "kernel").chmod(0o755)
        return made

    def close(self) -> None:
        self.process.communicate(timeout=30)
        shutil.rmtree(self.folder)


warm = functools.cache(_Warm)


class Forked:
    """A process that was forked from the warm one; to be used as ``subprocess.Popen`` is."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path | None,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        *,
        text: bool = True,
        limits: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._text = text
        self._theirs: list[int] = []
        self.stdin = self._open(stdin, 0)
        self.stdout = self._open(stdout, 1)
        self.stderr = self._open(stderr, 2)
        job = {
            "argv": self.args,
            "folder": str(folder or Path.cwd()),
            "env": dict(env),
            "limits": list(limits.items()),
        }
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(warm().socket)
        given = [one if one >= 0 else number for number, one in enumerate(self._theirs)]
        data = json.dumps(job).encode() + b"\n"
        sent = socket.send_fds(self._socket, [data], given)
        if rest := data[sent:]:  # else the job may be done already, and nobody reads
            self._socket.sendall(rest)
        for number, one in enumerate((stdin, stdout, stderr)):
            if one in (PIPE, DEVNULL):
                os.close(self._theirs[number])
        self.pid = int(self._told(None)["pid"])

    def _open(self, wanted: int | None, number: int) -> IO[Any] | None:
        """Our end of a stream, if it is a pipe; theirs is kept until it is sent."""
        if wanted != PIPE:
            theirs = os.open(os.devnull, os.O_RDWR) if wanted == DEVNULL else wanted
            if wanted == subprocess.STDOUT:
                theirs = self._theirs[1]
            self._theirs.append(number if theirs is None else theirs)
            return None
        source, sink = os.pipe()
        ours, theirs = (sink, source) if number == 0 else (source, sink)
        self._theirs.append(theirs)
        mode = "w" if number == 0 else "r"
        return open(ours, mode) if self._text else open(ours, f"{mode}b")

    def _told(self, timeout: float | None) -> dict[str, int]:
        self._socket.settimeout(timeout)
        line = b""
        while not line.endswith(b"\n"):
            part = self._socket.recv(1)
            assert part, "the warm process is gone"
            line += part
        told: dict[str, int] = json.loads(line)
        return told

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; the number of the signal, negative, that ended the process."""
        if self.returncode is None:
            try:
                self.returncode = self._told(timeout)["status"]
            except TimeoutError:
                raise TimeoutExpired(self.args, timeout or 0.0) from None
            self._socket.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit status, or None while the process lives."""
        try:
            return self.wait(1e-6)
        except TimeoutExpired:
            return None

    def communicate(self, given: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write the input, read the outputs to their ends, and wait."""
        said: dict[str, Any] = {"stdout": None, "stderr": None}

        def read(name: str) -> None:
            with getattr(self, name) as stream:
                said[name] = stream.read()

        readers = [
            threading.Thread(target=read, args=(name,), daemon=True)
            for name in said
            if getattr(self, name) is not None
        ]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            try:
                if given:
                    self.stdin.write(given)
                self.stdin.close()
            except BrokenPipeError:
                pass
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise TimeoutExpired(self.args, timeout or 0.0)
        self.wait(timeout)
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        """As to any process: nothing once it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[Any] | Forked
