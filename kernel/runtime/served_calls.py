"""Calls out of Services and other controllers from outside of an invocation: runs of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kernel.invocation.handles import BoundCallSite
from kernel.runtime.execution import execute_served_call

if TYPE_CHECKING:
    from kernel.invocation.run import Run, RunBody
    from kernel.registry.scope import ModuleScope
    from kernel.runtime.recorded_runs import RecordedRuns
    from kernel.topology.callsite import CallSite


class ServedCalls:
    """Makes the call sites that controllers get, and executes the runs that they begin."""

    def __init__(self, new_run: Callable[[], Run]) -> None:
        self._new_run = new_run
        self.recorded: RecordedRuns | None = None
        """The runs in the journal, where there is one."""
        self._open: set[Run] = set()

    def bind(
        self,
        site: CallSite,
        own: Mapping[str, Any],
        scope: ModuleScope,
        takes_inputs: bool,
        is_atomic: bool,
    ) -> BoundCallSite:
        """What a controller gets for a call site (:data:`kernel.registry.prepare.Bind`)."""
        return BoundCallSite(
            site,
            own,
            scope,
            site.target.document,
            self._new_run,
            execute=self._execute,
            takes_inputs=takes_inputs,
            is_atomic=is_atomic,
        )

    async def _execute(self, run: Run, body: RunBody) -> Any:
        if self.recorded is None:
            return await body()
        self._open.add(run)
        try:
            self.recorded.begin_served_call(run)
            return await execute_served_call(run, body)
        finally:
            self._open.discard(run)

    async def wait_until_recorded(self, seconds: float) -> None:
        """Wait until the ends of cancelled calls are recorded, for so long at most."""
        until = time.monotonic() + seconds
        while self._open and time.monotonic() < until:
            await asyncio.sleep(0.01)
