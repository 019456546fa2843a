"""The gate before a run: a manifest that the analyzer proves wrong is not run.

Only what needs the analyzer imports this file, for start-up time.
"""

from __future__ import annotations

from pathlib import Path

from analyzer import check_manifest
from analyzer.findings.configuration import configuration_of
from analyzer.report import Report
from kernel.manifest import Manifest, inspect
from kernel.topology.verify import verify


def examine(path: str | Path) -> tuple[Manifest, Report, bool]:
    """A manifest, the report on it as it is configured, and whether the manifest could run at all.

    Raises :class:`UsageError` where the configuration of the check is wrong.
    """
    manifest, faults = inspect(path)
    report = check_manifest(manifest, faults)
    wanted = configuration_of(Path(path)).apply(report.findings)
    sound = not faults and not verify(manifest)
    return manifest, Report.of(wanted, report.sources), sound
