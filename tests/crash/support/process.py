"""A process that runs topologies on request, each in a child that may be killed.

It is warm: the kernel is imported and the manifests are read before it forks. A line of JSON comes
in for each run; one goes out with the child's process id, another when the child has ended.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  (one who is nobody may not read it later)
import contextlib
import faulthandler
import importlib
import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import kernel.cli.app
import kernel.invocation.invocation
import kernel.invocation.recovery.reconcile
import kernel.journal.postgresql
import kernel.journal.sqlite
from kernel import Kernel, Manifest, load
from kernel.errors import KernelError
from kernel.journal import Journal, JournalError, open_journal
from kernel.runtime import open_and_resume
from tests.crash.support import points

FOLDER = Path(__file__).parents[1] / "manifests"
manifests: dict[str, Manifest] = {}


def manifest_of(name: str) -> Manifest:
    if name not in manifests:
        file = FOLDER / f"{name}.yaml" if "/" not in name else Path(name)
        manifests[name] = load(FOLDER / "kinds.yaml", file)
    return manifests[name]


async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Open a run or go on with it, and say how it ended."""
    journal = await open_journal(job["journal"], busy=job.get("busy", 10.0))
    try:
        return await _apply(job, journal)
    finally:
        await journal.close()


async def _apply(job: dict[str, Any], journal: Journal) -> dict[str, Any]:
    manifest = manifest_of(job["manifest"])
    main = f"{manifest.root.resources['Main'].kind}/Main"
    async with Kernel(manifest, journal=journal) as kernel:
        if job.get("resume") and await journal.run(job["run"]) is not None:
            result = await kernel.resume(job["run"])
        else:
            result = await kernel.apply(main, run_id=job["run"])
        error = None if result.error is None else result.error.to_cel()
        return {"outcome": result.outcome, "result": result.result, "error": error}


def prepare(job: dict[str, Any]) -> None:
    """What is to be different in this child."""
    os.environ["EFFECTS_SCOPE"] = job["scope"]
    points.arm(job.get("at"), getattr(signal, job.get("signal", "SIGKILL")))
    patience = job.get("patience", 10.0)
    open_and_resume.PATIENCE_SECONDS = patience
    open_and_resume.HEARTBEAT_SECONDS = job.get("beat", patience / 5)
    kernel.invocation.recovery.reconcile._FIRST_PAUSE_SECONDS = 0.005
    if "most" in job:  # bytes that a file may have: a disk that is full then
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["most"], job["most"]))
    if job.get("clock") == "jumps":
        _let_the_clock_jump()
    if job.get("nobody"):
        os.setgid(65534)
        os.setuid(65534)


def _let_the_clock_jump() -> None:
    real, hour, looks = time.time_ns, 3600 * 10**9, 0

    def now() -> int:
        nonlocal looks
        looks += 1
        return real() + (-hour, hour, 0)[looks % 3]

    time.time_ns = now
    kernel.invocation.invocation.time_ns = now  # type: ignore[attr-defined]
    time.time = lambda: now() / 1e9


async def _watched(job: dict[str, Any]) -> dict[str, Any]:
    """The run; on SIGUSR1 it tells where each of its tasks is."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell_tasks)
    return await run(job)


def _tell_tasks() -> None:
    for task in asyncio.all_tasks():
        print(task.get_name(), file=sys.stderr)
        awaited: Any = task.get_coro()
        while (frame := getattr(awaited, "cr_frame", None)) is not None:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            print(f"  {frame.f_code.co_qualname} {place}", file=sys.stderr)
            awaited = getattr(awaited, "cr_await", None)


def command(arguments: list[str]) -> dict[str, Any]:
    """Run the command ``kernel``; its exit status, and what it prints."""
    faulthandler.register(signal.SIGUSR1)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = kernel.cli.app.run(arguments)
    said = {"status": status, "out": out.getvalue(), "err": err.getvalue()}
    return {"outcome": None, "result": said, "error": None}


def child(job: dict[str, Any], out: int) -> None:
    try:
        prepare(job)
        answer = command(job["command"]) if "command" in job else asyncio.run(_watched(job))
    except (KernelError, JournalError) as error:
        answer = {"outcome": None, "error": {"message": str(error), "kind": type(error).__name__}}
    answer["points"] = points.reached()
    os.write(out, json.dumps(answer).encode())


def main() -> None:
    points.watch(kernel.journal.sqlite.SqliteSession)
    points.watch(kernel.journal.postgresql.PostgresqlSession)
    with contextlib.suppress(ImportError):
        importlib.import_module("psycopg")  # once, not in each child
    for name in ("few", "all", "groups"):
        manifest_of(name)
    faulthandler.enable()  # says where a process is that does not end
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        if "command" not in job:
            manifest_of(job["manifest"])
        source, out = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(source)
            status = 1
            try:
                child(job, out)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(out)
        print(json.dumps({"pid": pid}), flush=True)
        with open(source, "rb") as said:
            text = said.read()
        _, status = os.waitpid(pid, 0)
        ended = {"killed": os.WIFSIGNALED(status), "status": status}
        print(json.dumps({**(json.loads(text) if text else {}), **ended}), flush=True)


if __name__ == "__main__":
    main()
