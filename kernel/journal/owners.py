"""Names of processes that hold leases; leases of the dead are taken over."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from functools import lru_cache
from pathlib import Path

from kernel.journal.interface import Journal
from kernel.journal.rows import Held, Lease


def this_process() -> str:
    """``machine/pid/start``: no two processes have the same, not even after a restart."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid) or _nonce(pid)}"


def is_dead(owner: str) -> bool:
    """Whether the named process has certainly ended; False where this machine cannot know."""
    machine, pid, start = ("", "", "", *owner.rsplit("/", 2))[-3:]
    if machine != _machine() or not pid.isdigit():
        return False
    found = _started(int(pid))
    return not _alive(int(pid)) if found is None else found != start


async def take_over(journal: Journal, run: str, patience: float) -> Lease | Held:
    """Take the lease of a run; :class:`Held` when its holder is alive.

    A holder on this machine is dead when its process has ended; any other when it has given no sign
    of life for ``patience`` seconds of a clock that never jumps. Raises :class:`Refused` when there
    is no such run.
    """
    answer = await journal.acquire(run)
    if not isinstance(answer, Held):
        return answer
    seen = answer.lease
    if seen.owner is None or not is_dead(seen.owner):
        await asyncio.sleep(patience)
    return await journal.take_over(seen)


@lru_cache(maxsize=1)
def _machine() -> str:
    """The id of this boot of the machine, and its namespace of process ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return socket.gethostname()
    return f"{boot}:{space}"


@lru_cache(maxsize=4)
def _nonce(pid: int) -> str:
    return secrets.token_hex(8)


def _started(pid: int) -> str | None:
    """When a process began, in ticks since boot; None if it has ended or cannot be read about."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _alive(pid: int) -> bool:
    if (state := Path(f"/proc/{pid}/stat")).exists():
        return state.read_text("utf-8", "replace").rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
