"""Rehearsal: whether the finished part of a run is the same under a changed manifest (--migrate).

The run is walked with what is recorded, and nothing is called: where it would call what is not
concluded it stays. All that is concluded must have been met, with the same target and inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kernel.errors import InvocationError, UsageError
from kernel.run_paths import enclosing

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.run import Run, RunBody

_QUIET = 1_000
"""So many turns of the loop without meeting anything new: the walk stays everywhere."""


async def rehearse(run: Run, history: History, work: RunBody) -> None:
    """Raises :class:`UsageError` when the finished part is not the same."""
    history.met = {}
    watch, run.watch = run.watch, None
    walk = asyncio.ensure_future(work())
    seen, quiet = -1, 0
    while not walk.done() and quiet < _QUIET:
        await asyncio.sleep(0)
        quiet = quiet + 1 if len(history.met) == seen else 0
        seen = len(history.met)
    history.suspended = True
    walk.cancel()
    with contextlib.suppress(InvocationError, asyncio.CancelledError):
        await walk
    history.suspended = False
    run.watch = watch
    met, history.met = history.met, None
    history.active = 0
    known = {**history.concluded, **history.in_flight}
    missing = [path for path in known if not _is_met(path, met)]
    # What stands behind a difference need not be met.
    problems = history.differences or [f"{path} is not in it" for path in missing]
    if problems:
        await history.journal.finish_run(history.lease, "running")
        raise UsageError(
            f"the run {run.id} cannot go on with this manifest, because its finished part is "
            f"another: {'; '.join(problems[:5])}"
        )


def _is_met(path: str, met: Mapping[str, bool]) -> bool:
    """Whether the walk came by the path, or by one around it that answers for it."""
    return path in met or any(met.get(outer, False) for outer in enclosing(path))
