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
from analyzer.findings.told_once import told_once
from analyzer.findings.trials import Try, held_fixes, without_fixes
from analyzer.pipeline import check_manifest, findings, overlay
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.types import Type
from kernel.manifest import Manifest, Module, Shared, inspect
from kernel.manifest.loading import Stream, without_collection
from kernel.manifest.source import Source

More = Callable[[Path, Manifest], Iterable[Finding]]
"""What else is to be found out about the manifest at a path."""


def check_each(
    paths: Sequence[Path],
    configurations: Sequence[Configuration] | None = None,
    texts: Mapping[str, bytes] | None = None,
    more: More | None = None,
    begin: Callable[[int, Path], None] | None = None,
    fixes: bool = True,
) -> Checked:
    """Check each path as the manifest that it is, by its configuration.

    A path is a file or a folder, as for ``load``; configurations that are not given are looked for,
    which raises UsageError where one is wrong. ``texts`` stand in place of files, by their real
    path. ``begin`` is told the number of a path, from 0, before it is checked. ``fixes``: they are
    tried, and those that do not hold are left out.
    """
    shared = Shared(texts or {})
    known = _ImportedUnits()
    sources: dict[str, Source] = {}
    owners: dict[str, int] = {}
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
                    found.setdefault(configuration.weighed(finding), configuration)
        for finding in more(path, manifest) if more else ():
            found.setdefault(configuration.weighed(finding), configuration)
        for source in manifest.sources:
            sources[source.name] = source
            owners.setdefault(source.name, number)
        if not manifest.sources and not faults:
            empty.append(path)
    report = suppressed(Report.of(found, sources.values()))
    usual = configurations[0] if configurations else Configuration()
    wanted = [
        kept for finding in report.findings for kept in found.get(finding, usual).apply((finding,))
    ]
    done = told_once(Report.of(wanted, report.sources))
    if fixes:
        done = _with_tried_fixes(done, owners, paths, configurations, texts or {})
    return Checked(
        done,
        strictest(configurations),
        frozenset(shared.places),
        tuple(empty),
    )


def _with_tried_fixes(
    report: Report,
    owners: Mapping[str, int],
    paths: Sequence[Path],
    configurations: Sequence[Configuration],
    texts: Mapping[str, bytes],
) -> Report:
    """The report with the fixes that hold in the first manifest that their file is part of."""
    numbers = {one: owners.get(one.fix.span.file) for one in report.findings if one.fix is not None}
    held: set[Finding] = set()
    for number in sorted({one for one in numbers.values() if one is not None}):
        attempt = _attempts(paths[number], configurations[number], texts)
        wanted = [one for one, owner in numbers.items() if owner == number]
        held |= held_fixes(wanted, attempt({}), attempt)
    return without_fixes(report, numbers.keys() - held)


def _attempts(path: Path, configuration: Configuration, texts: Mapping[str, bytes]) -> Try:
    """How the manifest at a path is checked again with other texts of its files."""
    streams: dict[tuple[str, str], Stream] = {}

    def attempt(changed: Mapping[str, str]) -> Report:
        known = {**streams} if changed else streams
        shared = Shared({**texts, **overlay(changed)}, streams=known)
        report = check_manifest(*inspect(path, shared=shared))
        return told_once(Report.of(configuration.apply(report.findings), report.sources))

    return attempt


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
