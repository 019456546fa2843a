"""A process that forks others: all that they need is imported before the first of them starts.

``python -m tests.support.warm_process SOCKET`` listens on SOCKET for jobs, each a line of JSON that
comes with the three standard streams. It answers with a line that holds the process id, and with
another that holds the exit status when the process has ended. It ends when its input ends.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

MANIFEST = """\
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { who: { type: string, default: you } } }
steps:
  - { name: One, value: "${{ 'to ' + inputs.who }}" }
  - { name: Two, invoke: { kind: Log.Print }, inputs: { message: "${{ steps.One.result }}" } }
"""


def warm_up() -> None:
    """Import everything, and fill what the kernel keeps for a whole process: its own library."""
    for package in ("kernel", "analyzer", "definitions"):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            importlib.import_module(module.name)
    for name in ("psycopg", "pygls.lsp.server"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from kernel.cli.app import run

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        manifest = Path(folder) / "main.yaml"
        manifest.write_text(MANIFEST)
        for command in (["check", "--no-cache"], ["apply", "--journal", f"{folder}/journal.db"]):
            with contextlib.redirect_stdout(io.StringIO()):
                assert run([*command, str(manifest)]) == 0
    gc.collect()
    gc.freeze()


class Server:
    """Forks a process for each connection, and tells there how the process ends."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(64)
        self.ended, wakes = os.pipe()
        for end in (self.ended, wakes):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakes)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.callers: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Until the input of this process ends; then nothing that it started goes on."""
        with selectors.DefaultSelector() as selector:
            for source in (sys.stdin, self.ended, self.listener):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self.ended in ready:
                    self._tell()
                if self.listener in ready:
                    self._start()
                if sys.stdin in ready:
                    break
        for pid in self.callers:
            os.kill(pid, signal.SIGKILL)

    def _start(self) -> None:
        caller, _ = self.listener.accept()
        text, streams, _, _ = socket.recv_fds(caller, 65536, 3)
        while not text.endswith(b"\n"):
            text += caller.recv(65536)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for other in (self.listener, caller, *self.callers.values()):
                other.close()
            become(json.loads(text), streams)
        for stream in streams:
            os.close(stream)
        self.callers[pid] = caller
        caller.sendall(b'{"pid": %d}\n' % pid)

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.ended, 65536)
        while self.callers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self.callers.pop(pid) as caller, contextlib.suppress(BrokenPipeError):
                caller.sendall(b'{"status": %d}\n' % os.waitstatus_to_exitcode(status))


def become(job: dict[str, Any], streams: list[int]) -> NoReturn:
    """Do a job as a process would that was started with these streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()  # the terminal of the tests is not the terminal of this process
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["env"])
    for kind, most in job["limits"]:
        resource.setrlimit(kind, (most, most))
    _open_streams()
    sys.argv = job["argv"]
    _leave(_status_of(job["argv"][0]))


def _open_streams() -> None:
    kept = [(one.encoding, one.errors) for one in (sys.stdin, sys.stdout, sys.stderr)]
    (coding, errors), *_ = kept
    sys.stdin = sys.__stdin__ = open(0, encoding=coding, errors=errors)  # noqa: SIM115
    for number, name in ((1, "stdout"), (2, "stderr")):
        coding, errors = kept[number]
        buffering = 1 if number == 2 or os.isatty(number) else -1
        stream = open(number, "w", buffering, encoding=coding, errors=errors)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _status_of(program: str) -> int:
    """The exit status of a program: ``kernel``, or the path of a file of Python."""
    try:
        if program == "kernel":
            from kernel.cli import main

            main()
        else:
            sys.path[0] = os.path.dirname(program)
            runpy.run_path(program, run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(status: int) -> NoReturn:
    """End as the interpreter does, but do not take down what was there before the fork."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        gc.collect()  # tells what was never closed or awaited
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
    except BaseException:
        traceback.print_exc()
        status = 120
    os._exit(status)


if __name__ == "__main__":
    warm_up()
    server = Server(sys.argv[1])
    print("ready", flush=True)
    server.serve()
