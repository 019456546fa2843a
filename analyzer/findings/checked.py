"""The outcome of a check: the report, and what it depends on."""

from __future__ import annotations

from pathlib import Path

from analyzer.findings.configuration import FailOn
from analyzer.findings.finding import Report
from kernel.structs import struct


@struct
class Checked:
    """A report on several paths.

    ``fail_on`` is what the configuration says; ``places`` are the files and folders that the report
    depends on; ``empty`` are the paths with no manifest in them.
    """

    report: Report
    fail_on: FailOn
    places: frozenset[str]
    empty: tuple[Path, ...] = ()
