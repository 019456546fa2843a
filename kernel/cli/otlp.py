"""A run as OpenTelemetry spans, in OTLP/JSON: an ExportTraceServiceRequest.

Ids are hexadecimal, 64-bit numbers are text (OpenTelemetry protocol specification, OTLP/HTTP).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import click

from kernel.cli.paths import outer
from kernel.cli.streams import is_lost
from kernel.cli.tree import IN_FLIGHT, times
from kernel.journal import Damaged, Invocation, Journal, Note, Run
from kernel.journal.interface import OnDamage
from kernel.version import VERSION

_PAGE_SIZE = 500
_INTERNAL = 1
_UNSET, _OK, _ERROR = 0, 1, 2
_FACTS_OF_RUN = ("run", "topology", "state", "source", "principal", "correlation_id")
_FACTS_OF_INVOCATION = ("run", "execution", "path", "target")


def trace_id(run: str) -> str:
    """The trace of a run: its UUID."""
    return _uuid(run).hex


def span_id(name: str) -> str:
    """The span of an execution or of a run: the first half of its UUID."""
    return _uuid(name).hex[:16]


def _uuid(name: str) -> UUID:
    """The UUID that an id is, or one that is derived from it; no half of it is zero."""
    try:
        found = UUID(name)
    except ValueError:
        found = None
    if found is None or str(found) != name or not found.int >> 64:
        return uuid5(NAMESPACE_URL, name)
    return found


async def show_spans(journal: Journal, run: Run, damaged: OnDamage) -> None:
    """Print the spans of a run while they are read."""
    resource = {"attributes": _attributes({"service.name": "kernel"})}
    scope = {"name": "kernel", "version": VERSION}
    click.echo(f'{{"resourceSpans": [{{"resource": {json.dumps(resource)},')
    click.echo(f' "scopeSpans": [{{"scope": {json.dumps(scope)}, "spans": [')
    before = ""
    async for span in spans(journal, run, damaged):
        click.echo(f"{before}  {json.dumps(span)}", nl=False)
        before = ",\n"
        if is_lost():
            return
    click.echo("\n]}]}]}")


async def spans(journal: Journal, run: Run, damaged: OnDamage) -> AsyncIterator[dict[str, Any]]:
    """The span of the run, then one for each invocation."""
    paths: dict[str, str] = {}
    first: dict[str, int] = {}
    last = run.opened_at
    async for one in journal.invocations(run.run, damaged=damaged):
        paths[one.path] = one.execution
        began, ended = times(one)
        last = max(last, began, ended or began)
        for path in outer(one.path):
            first[path] = min(began, first.get(path, began))
    yield _of_run(run, last)
    async for page in _pages(journal.invocations(run.run, damaged=_ignore)):
        notes = await journal.traces([one.execution for one in page], damaged=damaged)
        for one in page:
            around = next((paths[path] for path in outer(one.path) if path in paths), run.run)
            yield _of_invocation(one, around, notes[one.execution], first.get(one.path))


def _ignore(_: Damaged) -> None:
    """It was told of at the first walk."""


async def _pages(invocations: AsyncIterator[Invocation]) -> AsyncIterator[list[Invocation]]:
    page: list[Invocation] = []
    async for one in invocations:
        page.append(one)
        if len(page) == _PAGE_SIZE:
            yield page
            page = []
    yield page


def _of_run(run: Run, last: int) -> dict[str, Any]:
    facts = {f"kernel.{name}": getattr(run, name) for name in _FACTS_OF_RUN}
    return {
        "traceId": trace_id(run.run),
        "spanId": span_id(run.run),
        **_times(run.topology, run.opened_at, run.finished_at or last),
        "attributes": _attributes(facts),
        "status": _status(run.state, run.error),
    }


def _of_invocation(
    one: Invocation, parent: str, notes: list[Note], first: int | None
) -> dict[str, Any]:
    """``first`` is when the first call within began, maybe in an earlier process."""
    began, ended = times(one)
    began = began if first is None else min(began, first)
    facts = {
        f"kernel.{name}": getattr(one, name) for name in ("run", "execution", "path", "target")
    }
    how = {"kernel.class": one.safety, "kernel.outcome": one.outcome or IN_FLIGHT}
    return {
        "traceId": trace_id(one.run),
        "spanId": span_id(one.execution),
        "parentSpanId": span_id(parent),
        **_times(one.target, began, ended or max([began, *(note.at for note in notes)])),
        "attributes": _attributes({**facts, **how, "kernel.attempts": one.attempts}),
        "events": [_event(note) for note in notes],
        "status": _status(one.outcome, one.error),
    }


def _times(name: str, began: int, ended: int) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(began), "endTimeUnixNano": str(ended)}
    return {"name": name, "kind": _INTERNAL, **times}


def _event(note: Note) -> dict[str, Any]:
    detail = None if note.detail is None else json.dumps(note.detail)
    return {
        "timeUnixNano": str(note.at),
        "name": note.step,
        "attributes": _attributes({"kernel.status": note.status, "kernel.detail": detail}),
    }


def _status(outcome: str | None, error: Any) -> dict[str, Any]:
    if outcome in ("succeeded", "deduplicated"):
        return {"code": _OK}
    if outcome in (None, "running", "parked"):
        return {"code": _UNSET}
    message = error.get("message") if isinstance(error, Mapping) else None
    return {"code": _ERROR, "message": message if isinstance(message, str) else str(outcome)}


def _attributes(facts: Mapping[str, str | int | None]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in facts.items()
        if value is not None
    ]
