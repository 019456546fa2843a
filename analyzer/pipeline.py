"""``check(path) -> Report``: everything that can be proven about a manifest without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, overload

from analyzer.checks.collector import Collector
from analyzer.checks.fields import check_fields, check_safety
from analyzer.checks.steps import check_topology
from analyzer.findings.finding import Finding, Report
from analyzer.findings.root_causes import follows_from
from analyzer.findings.suggestions import with_suggested_fix
from analyzer.findings.suppression import suppressed
from analyzer.program.linking import Linked, Unit
from analyzer.program.program import Program
from analyzer.rules.cycles import cycles, in_order
from analyzer.rules.effects.effects import effect_findings
from analyzer.rules.schema.schemas import schema_findings
from analyzer.rules.unused import hygiene_findings
from analyzer.rules.yaml_text import text_findings
from analyzer.taint.walk import taint_findings
from kernel.errors import Fault
from kernel.manifest import Manifest, Module, Resource, inspect, inspect_text
from kernel.manifest.load import without_collection
from kernel.topology.verify import verify

OfUnit = Callable[[Program, Unit], Iterable[Finding]]
OfResource = Callable[[Module, Resource], Iterable[Fault]]


@overload
def check(manifest: Manifest, /) -> Report: ...


@overload
def check(*paths: str | Path) -> Report: ...


def check(*of: Any) -> Report:
    """The report on the manifest that files and folders make together, or on a loaded one.

    Nothing of it runs: no controller is imported, and no network is used.
    """
    if len(of) == 1 and isinstance(of[0], Manifest):
        return check_manifest(of[0])
    return check_manifest(*inspect(*of))


def check_text(
    text: str | bytes, name: str = "<string>", folder: str | Path | None = None
) -> Report:
    """The report on a manifest given as text; relative imports start from ``folder``."""
    return check_manifest(*inspect_text(text, name, folder))


def check_manifest(manifest: Manifest, faults: tuple[Fault, ...] = ()) -> Report:
    """The report on a manifest that was read already, with the ``faults`` of its reading."""
    with without_collection():
        return suppressed(Report.of(findings(manifest, faults), manifest.sources))


def findings(
    manifest: Manifest,
    faults: tuple[Fault, ...] = (),
    of_unit: OfUnit | None = None,
    of_resource: OfResource | None = None,
) -> Iterator[Finding]:
    """All that is found, without regard to the comments that suppress some of it.

    ``of_unit`` and ``of_resource`` stand in for `check_unit` and `verify_resource`, for who knows
    already what they would find.
    """
    told = [
        with_suggested_fix(Finding.of(fault), manifest)
        for fault in (*faults, *verify(manifest, of_resource))
    ]
    follows = follows_from(told, manifest)
    for one in chain(told, _analysed(manifest, told, of_unit or check_unit)):
        if not follows(one):
            yield one


def _analysed(manifest: Manifest, told: list[Finding], of_unit: OfUnit) -> Iterator[Finding]:
    """What is found besides what was told when the manifest was read."""
    linked = Linked(manifest)
    yield from text_findings(manifest, told)
    for module in manifest.modules.values():
        units = [unit for unit in linked.units.values() if unit.module is module]
        yield from schema_findings(module, _in_place(units), units)
    program = Program(linked)
    ordered, circles = in_order(linked)
    yield from cycles(linked, circles)
    for unit in ordered:
        yield from of_unit(program, unit)
    yield from effect_findings(program)
    yield from taint_findings(program, ordered)
    yield from hygiene_findings(linked, told)


def _in_place(units: Iterable[Unit]) -> Iterator[Resource]:
    """The resources that stand in place of a reference."""
    for unit in units:
        if unit.path and isinstance(unit.owner, Resource):
            yield unit.owner


def check_unit(program: Program, unit: Unit) -> Iterator[Finding]:
    """What is wrong with one unit; the result of its topology is known to those after it."""
    collector = Collector(unit.document)
    if unit.sequence is not None:
        program.contracts.results[unit.owner] = check_topology(program, unit, collector)
    check_safety(program, unit, collector)
    check_fields(program, unit, collector)
    yield from collector.findings
