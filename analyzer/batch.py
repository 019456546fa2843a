"""Several manifests checked in one go: they share what they import, and make one report."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from analyzer.checks.unit import check_unit
from analyzer.findings.checked import Checked
from analyzer.findings.configuration import Configuration, configuration_of, strictest
from analyzer.findings.finding import Finding, Report
from analyzer.findings.suppression import suppressed
from analyzer.pipeline import findings
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.types import Type
from kernel.manifest import Manifest, Module, Shared, inspect
from kernel.manifest.loading import without_collection
from kernel.manifest.source import Source

More = Callable[[Path, Manifest], Iterable[Finding]]
"""What else is to be found out about the manifest at a path."""


def check_each(
    paths: Sequence[Path],
    configurations: Sequence[Configuration] | None = None,
    texts: Mapping[str, bytes] | None = None,
    more: More | None = None,
    begin: Callable[[int, Path], None] | None = None,
) -> Checked:
    """Check each path as the manifest that it is, by its configuration.

    A path is a file or a folder, as for ``load``; configurations that are not given are looked for,
    which raises UsageError where one is wrong. ``texts`` stand in place of files, by their real
    path. ``begin`` is told the number of a path, from 0, before it is checked.
    """
    shared = Shared(texts or {})
    known = _ImportedUnits()
    sources: dict[str, Source] = {}
    found: dict[Finding, Configuration] = {}
    empty: list[Path] = []
    if configurations is None:
        configurations = [configuration_of(path) for path in paths]
    for number, (path, configuration) in enumerate(zip(paths, configurations, strict=True)):
        if begin is not None:
            begin(number, path)
        manifest, faults = inspect(path, shared=shared)
        known.meet(manifest)
        with without_collection():
            for finding in findings(manifest, faults, known.of_unit):
                if known.is_new(finding):
                    found.setdefault(finding, configuration)
        for finding in more(path, manifest) if more else ():
            found.setdefault(finding, configuration)
        sources.update((source.name, source) for source in manifest.sources)
        if not manifest.sources and not faults:
            empty.append(path)
    report = suppressed(Report.of(found, sources.values()))
    usual = configurations[0] if configurations else Configuration()
    wanted = [
        kept for finding in report.findings for kept in found.get(finding, usual).apply((finding,))
    ]
    return Checked(
        Report.of(wanted, report.sources),
        strictest(configurations),
        frozenset(shared.places),
        tuple(empty),
    )


class _ImportedUnits:
    """The findings in units of imported modules, so that no module is checked twice."""

    def __init__(self) -> None:
        self._told: set[Finding] = set()
        self._imported: dict[int, Module] = {}
        self._kept: dict[Hashable, tuple[tuple[Finding, ...], Type | None]] = {}

    def meet(self, manifest: Manifest) -> None:
        """The units of this manifest are next."""
        imported = (module for module in manifest.modules.values() if module is not manifest.root)
        self._imported.update((id(module), module) for module in imported)

    def is_new(self, finding: Finding) -> bool:
        """Whether the finding is reported for the first time: repeated ones need no fix."""
        bare = replace(finding, fix=None)
        if bare in self._told:
            return False
        self._told.add(bare)
        return True

    def of_unit(self, program: Program, unit: Unit) -> Iterable[Finding]:
        """The findings in a unit; units after it know the type of its result."""
        if id(unit.module) not in self._imported:
            return check_unit(program, unit)
        key = (id(unit.document), unit.path, type(unit.owner))
        if key not in self._kept:
            found = tuple(check_unit(program, unit))
            self._kept[key] = found, program.contracts.results.get(unit.owner)
        found, result = self._kept[key]
        if result is not None:
            program.contracts.results[unit.owner] = result
        return found
