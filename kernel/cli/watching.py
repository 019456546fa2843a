"""``kernel check --watch``: again whenever something changes that the report depends on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import NoReturn

import click

from analyzer.findings.cache import stamp, state
from kernel.cli.checking import Request, once
from kernel.errors import KernelError

_POLL_SECONDS = 0.3


def watch(request: Request) -> NoReturn:
    """Check, wait for a change, and so on until it is interrupted."""
    places: tuple[str, ...] = tuple(map(str, request.paths))
    while True:
        began = time.time_ns()
        known = _look(places)
        if sys.stdout.isatty():
            click.echo("\x1b[2J\x1b[3J\x1b[H", nl=False)
        try:
            _, places = once(request)
        except KernelError as error:
            click.echo(f"Error: {error}", err=True)
        known = {
            place: known.get(place, None if max(stamp(place)[:1], default=0) > began else now)
            for place, now in _look(places).items()
        }
        click.echo("waiting for changes; Ctrl-C ends", err=True)
        while _look(places) == known:
            time.sleep(_POLL_SECONDS)


def _look(places: Iterable[str]) -> dict[str, object]:
    return {
        place: state(place)
        if os.path.isdir(place) or place.startswith("package:")
        else stamp(place)
        for place in places
    }
