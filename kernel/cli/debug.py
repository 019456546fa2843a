"""The traceback of an error, for a person who asked for it (``--debug``, ``KERNEL_DEBUG=1``)."""

from __future__ import annotations

import os
from collections.abc import Iterable

import click

from kernel.cli.options import wants_traceback
from kernel.events import Redactor
from kernel.events.forms import credentials
from kernel.registry.origin import traceback_of


def show_traceback(error: BaseException, redactor: Redactor) -> None:
    """Print a traceback without secrets to standard error, if it is wanted."""
    if wants_traceback():
        click.echo(redactor.said(traceback_of(error)).rstrip(), err=True)


def of_addresses(arguments: Iterable[str]) -> Redactor:
    """What hides the passwords of the addresses that a command was given."""
    given = (*arguments, os.environ.get("KERNEL_JOURNAL", ""))
    return Redactor([password for one in given for password in credentials(one)])
