"""The forms of a step, as frozen data (language.md, Topologies).

The same tree is what the engine of a topology walks and what the analyzer reasons about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernel.cel import Template
from kernel.errors import Path
from kernel.topology.callsite import CallSite

Steps = tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """Calls something. Its result is what the call returned."""

    site: CallSite


@dataclass(frozen=True, slots=True)
class Value:
    """Computes a value and calls nothing."""

    value: Template


@dataclass(frozen=True, slots=True)
class If:
    """``if``/``then``/``elseif``/``else``: the first arm whose condition is true."""

    arms: tuple[tuple[Template, Steps], ...]
    otherwise: Steps


@dataclass(frozen=True, slots=True)
class Switch:
    """``switch``/``cases``/``default``: the case whose key equals the subject, by CEL equality."""

    subject: Template
    cases: tuple[tuple[Any, Steps], ...]
    default: Steps | None


@dataclass(frozen=True, slots=True)
class Loop:
    """``do`` with ``while`` (asked before each round) or ``until`` (asked after each)."""

    body: Steps
    condition: Template
    before: bool
    max_iterations: int | None


@dataclass(frozen=True, slots=True)
class ForEach:
    """``forEach``: the body once for each item, ``concurrency`` of them at a time."""

    items: Template
    body: Steps
    result: Template | None
    concurrency: int


@dataclass(frozen=True, slots=True)
class Parallel:
    """``parallel``: named lists of steps at the same time; the first failure cancels the rest."""

    branches: tuple[tuple[str, Steps], ...]


@dataclass(frozen=True, slots=True)
class Try:
    """``try``/``catch``/``finally``. ``handler`` and ``ending`` are None where not written."""

    body: Steps
    handler: Steps | None
    ending: Steps | None


@dataclass(frozen=True, slots=True)
class Throw:
    """``throw``: the template of ``{code, message, data}``."""

    error: Template


@dataclass(frozen=True, slots=True)
class Sleep:
    """``sleep``: the template of the milliseconds that pass."""

    duration: Template


@dataclass(frozen=True, slots=True)
class WaitFor:
    """``waitFor``: the template of the pattern of an event, and of the milliseconds at most."""

    pattern: Template
    timeout: Template | None


Form = Call | Value | If | Switch | Loop | ForEach | Parallel | Try | Throw | Sleep | WaitFor


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A named call site or control form. ``path`` is where it stands in its document.

    ``label`` names it in the path of a run: ``steps.Fetch``, or its place where it has no name.
    """

    name: str | None
    when: Template | None
    form: Form
    path: Path
    label: str


def all_steps(steps: Steps) -> Iterator[Step]:
    """All steps of a tree, outer before inner, in reading order."""
    for step in steps:
        yield step
        for inner in inner_steps(step.form):
            yield from all_steps(inner)


def inner_steps(form: Form) -> tuple[Steps, ...]:
    """The lists of steps that a form holds, in reading order."""
    match form:
        case If(arms, otherwise):
            return (*(steps for _, steps in arms), otherwise)
        case Switch(_, cases, default):
            return (*(steps for _, steps in cases), default or ())
        case Loop() | ForEach():
            return (form.body,)
        case Parallel(branches):
            return tuple(steps for _, steps in branches)
        case Try(body, handler, ending):
            return (body, handler or (), ending or ())
        case _:
            return ()
