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


async def is_gone(journal: Journal, owner: str | None) -> bool:
    """Whether nobody is there any more: the process has ended, or somebody has recorded that."""
    return owner is None or is_dead(owner) or await journal.is_recorded_dead(owner)


def is_dead(owner: str) -> bool:
    """Whether the named process has certainly ended; False where this machine cannot know."""
    machine, pid, start = ("", "", "", *owner.rsplit("/", 2))[-3:]
    if machine != _machine() or not pid.isdigit():
        return False
    found = _started(int(pid))
    return not _is_there(int(pid)) if found is None else found != start


async def take_over(
    journal: Journal, run: str, patience: float, who: str | None = None
) -> Lease | Held:
    """Take the lease of a run; :class:`Held` when its holder is alive, or the run has ended.

    From a holder that is known to be dead it is taken at once; from any other, when it has given no
    sign of life for ``patience`` seconds of a clock that never jumps. Such a holder is silent, and
    keeps what it has in flight, unless a person (``who``) says that it is dead. Raises
    :class:`Refused` when there is no such run.
    """
    answer = await journal.acquire(run)
    if not isinstance(answer, Held) or answer.lease.owner is None:
        return answer
    seen = answer.lease
    is_known = await is_gone(journal, seen.owner)
    if not is_known:
        await asyncio.sleep(patience)
    taken = await journal.take_over(seen, is_dead=is_known or who is not None)
    if isinstance(taken, Lease) and who is not None and seen.owner is not None and not is_known:
        await journal.record_death(seen.owner, who)
    return taken


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
    fields = _status(pid)
    return None if not fields or fields[0] in "ZX" else fields[19]


def _status(pid: int) -> list[str]:
    """The state of a process, and what Linux tells after it; nothing where that cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _is_there(pid: int) -> bool:
    """Whether a process runs, by its id alone; True where that cannot be known."""
    if fields := _status(pid):
        return fields[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
