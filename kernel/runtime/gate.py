"""The gate before a run: what the analyzer proves wrong is not started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kernel.manifest import Manifest, inspect
from kernel.topology.verify import verify

if TYPE_CHECKING:
    from analyzer import Report


def examine(path: str | Path) -> tuple[Manifest, Report, bool]:
    """A manifest, the report on it with its severities, and whether it could run at all.

    Raises :class:`UsageError` where the configuration of the check is wrong.
    """
    from analyzer import check_manifest
    from analyzer.findings.configuration import configuration_of
    from analyzer.report import Report

    manifest, faults = inspect(path)
    report = check_manifest(manifest, faults)
    wanted = configuration_of(Path(path)).apply(report.findings)
    sound = not faults and not verify(manifest)
    return manifest, Report.of(wanted, report.sources), sound
