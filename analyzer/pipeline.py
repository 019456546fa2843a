"""``check(path) -> Report``: everything that can be proven about a manifest without running it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, overload

from analyzer.checks.unit import check_unit
from analyzer.findings.finding import Finding, Report
from analyzer.findings.root_causes import definitions_at_fault, follows_from
from analyzer.findings.suggestions import with_suggested_fixes
from analyzer.findings.suppression import suppressed
from analyzer.findings.told_once import told_once
from analyzer.findings.trials import with_tried_fixes
from analyzer.program.linking import Linked, Unit
from analyzer.program.program import Program
from analyzer.rules import RULES
from kernel.errors import Fault
from kernel.manifest import Manifest, Module, Resource, Shared, inspect, inspect_text
from kernel.manifest.loading import Stream, without_collection
from kernel.topology.verify import verify

OfUnit = Callable[[Program, Unit], Iterable[Finding]]
OfResource = Callable[[Module, Resource], Iterable[Fault]]


@overload
def check(manifest: Manifest, /) -> Report: ...


@overload
def check(*paths: str | Path) -> Report: ...


def check(*of: Any) -> Report:
    """The report on the manifest that files and folders make together, or on a loaded one.

    Nothing of it runs: no controller is imported, and no network is used. The fixes were tried,
    but for those of a loaded manifest.
    """
    if len(of) == 1 and isinstance(of[0], Manifest):
        return check_manifest(of[0])

    def attempt(texts: Mapping[str, str]) -> Report:
        known = {**streams} if texts else streams
        return check_manifest(*inspect(*of, shared=Shared(overlay(texts), streams=known)))

    streams: dict[tuple[str, str], Stream] = {}
    return with_tried_fixes(attempt({}), attempt)


def check_text(
    text: str | bytes, name: str = "<string>", folder: str | Path | None = None
) -> Report:
    """The report on a manifest given as text; relative imports start from ``folder``."""

    def attempt(texts: Mapping[str, str]) -> Report:
        return check_manifest(*inspect_text(texts.get(name, text), name, folder))

    return with_tried_fixes(attempt({}), attempt)


def overlay(texts: Mapping[str, str]) -> dict[str, bytes]:
    """The bytes that stand in place of files, by real path, for texts by the names of files."""
    return {os.path.realpath(name): text.encode("utf-8", "replace") for name, text in texts.items()}


def check_manifest(manifest: Manifest, faults: tuple[Fault, ...] = ()) -> Report:
    """The report on a manifest that was read already, with the ``faults`` of its reading.

    Its fixes have not been tried.
    """
    with without_collection():
        found = Report.of(findings(manifest, faults), manifest.sources)
        return told_once(suppressed(found))


def findings(
    manifest: Manifest,
    faults: tuple[Fault, ...] = (),
    of_unit: OfUnit | None = None,
    of_resource: OfResource | None = None,
) -> Iterator[Finding]:
    """All findings, whether comments suppress them or not.

    ``of_unit`` and ``of_resource`` stand in for `check_unit` and `verify_resource`, for a caller
    that knows already what they would find.
    """
    told = map(Finding.of, (*faults, *verify(manifest, of_resource)))
    of_reading = list(with_suggested_fixes(told, manifest))
    analysed = list(_analysed(manifest, of_reading, of_unit or check_unit))
    follows = follows_from(chain(of_reading, definitions_at_fault(analysed)), manifest)
    for one in chain(of_reading, analysed):
        if not follows(one):
            yield one


def _analysed(manifest: Manifest, of_reading: list[Finding], of_unit: OfUnit) -> Iterator[Finding]:
    """The findings of the checks of the units and of the rules, after those of the reading."""
    program = Program(Linked(manifest), of_reading)
    for unit in program.call_order.units:
        yield from of_unit(program, unit)
    for rule in RULES:
        yield from rule.find(program)
