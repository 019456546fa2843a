"""Pictures by number; every 41st cannot be read.

A file `crash` with a number ends the process at that picture, once.
"""

import os
import signal
from pathlib import Path

from kernel import Failure, invocable

HERE = Path(__file__).parent
DONE = HERE / "done.txt"
CRASH = HERE / "crash"


@invocable("Pictures.List", safety="idempotent")
def pictures(count: int) -> list[int]:
    """The pictures of the catalogue."""
    return list(range(count))


@invocable("Pictures.Shrink", safety="idempotent", errors={"BROKEN": {"retryable": False}})
async def shrink(picture: int) -> int:
    """Make a picture smaller; how many bytes it has then."""
    if CRASH.exists() and CRASH.read_text() == str(picture):
        CRASH.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    with DONE.open("a") as done:
        done.write(f"{picture}\n")
    if picture % 41 == 0:
        raise Failure("it cannot be read", code="BROKEN")
    return 100
