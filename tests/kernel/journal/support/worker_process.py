"""A process that works on one journal and says on its output what it was told: for the tests.

``python worker_process.py ADDRESS RUN claims|leases WORKERS``: each line is written when the await
that it tells of has ended.
"""

from __future__ import annotations

import asyncio
import os
import sys

from kernel.journal import Conclusion, Intent, Lease, NewRun, Opened, Won, open_journal


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def claims(address: str, run: str, workers: int) -> None:
    """Claim and conclude without an end, so many at a time."""
    journal = await open_journal(address)
    opened = await journal.open_run(NewRun(run, "Main", "digest"))
    assert isinstance(opened, Opened)
    say("opened", run)
    numbers = iter(range(10**9))

    async def work() -> None:
        for number in numbers:
            path = f"steps.Each[{number}]"
            if number % 3 == 0:
                intent = Intent(f"{run}/{path}", run, path, "T", "h", 1, "idempotent")
                await journal.record(intent, Conclusion("succeeded", number))
                say("concluded", path)
                continue
            won = await journal.claim(Intent(f"{run}/{path}", run, path, "T", "h", 1))
            assert isinstance(won, Won)
            say("claimed", path)
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", number))
            say("concluded", path)

    await asyncio.gather(*(work() for _ in range(workers)))


async def leases(address: str, run: str, workers: int) -> None:
    """Try to win each of so many parked runs, and every path of a run that is shared."""
    journal = await open_journal(address)
    say("ready")
    sys.stdin.readline()
    for number in range(workers):
        if isinstance(await journal.acquire(f"p{number}"), Lease):
            say("run", number)
    for number in range(workers):
        path = f"steps.Each[{number}]"
        if isinstance(await journal.claim(Intent(f"{run}/{path}", run, path, "T", "h", 1)), Won):
            say("path", number)
    await journal.close()


if __name__ == "__main__":
    what = {"claims": claims, "leases": leases}[sys.argv[3]]
    asyncio.run(what(sys.argv[1], sys.argv[2], int(sys.argv[4])))
