"""What is known of the units of a manifest from the check before: a change costs what it changes.

The findings of a unit depend on its own document, on those of the units that it calls or refers to,
and on what declares names and contracts: modules, definitions, and the resources that publish
values. Where all of these are the same text as before, so are the findings, but for their lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

from analyzer.checks.unit import check_unit
from analyzer.findings.finding import Edit, Finding
from analyzer.program.call_order import calls_of
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.types import Type
from kernel.errors import Fault, Span
from kernel.manifest import Definition, Document, Manifest, Module, Policy, Resource, resolve_kind
from kernel.topology.verify import verify_resource

MAX_NUMBERS: Final = 50_000
"""With more versions of units than that, all is forgotten."""

Place = tuple[str, int, int]
"""A file, and the lines that a document begins and ends at."""


@dataclass(frozen=True, slots=True)
class _KnownFindings:
    place: Place
    findings: tuple[Finding, ...]
    result: Type | None


@dataclass(frozen=True, slots=True)
class _KnownFaults:
    place: Place
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class UnitCache:
    """The findings of the units of one manifest, through its versions.

    ``checked`` counts the units that were looked at anew.
    """

    checked: int = 0
    _before: dict[Hashable, _KnownFindings] = field(default_factory=dict)
    _now: dict[Hashable, _KnownFindings] = field(default_factory=dict)
    _verified: dict[Hashable, _KnownFaults] = field(default_factory=dict)
    _verified_now: dict[Hashable, _KnownFaults] = field(default_factory=dict)
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _signatures: dict[Unit, int] = field(default_factory=dict)
    _shared: int = 0

    def begin(self, manifest: Manifest) -> None:
        """A check of a version of the manifest begins; the one before may not have ended."""
        self._before.update(self._now)
        self._verified.update(self._verified_now)
        if len(self._numbers) > MAX_NUMBERS:
            self._numbers = {}
            self.forget()
        self._verified_now = {}
        self._now, self._signatures, self.checked = {}, {}, 0
        self._shared = self._number(("shared", *_shared(manifest)))

    def end(self) -> None:
        """The check came to its end: what it did not meet is of the past."""
        self._before, self._now, self._signatures = self._now, {}, {}
        self._verified, self._verified_now = self._verified_now, {}

    def forget(self) -> None:
        """Nothing is known any more."""
        self._before, self._now, self._verified, self._verified_now = {}, {}, {}, {}

    def of_resource(self, module: Module, resource: Resource) -> Iterable[Fault]:
        """What the run time itself could not do with a resource."""
        document = resource.document
        place = place_of(document)
        key = (_identity(module), document.file, self._shared, _written(document), resource.path)
        kept = self._verified.get(key)
        if kept is None:
            kept = _KnownFaults(place, tuple(verify_resource(module, resource)))
            if not all(_is_within(one.span, place) for one in kept.faults):
                return kept.faults
        self._verified_now[key] = kept
        lines = place[1] - kept.place[1]
        if not lines:
            return kept.faults
        return [
            replace(one, span=None if one.span is None else _lower(one.span, lines))
            for one in kept.faults
        ]

    def of_unit(self, program: Program, unit: Unit) -> Iterable[Finding]:
        """What is wrong with a unit."""
        key = self._signature(program, unit)
        place = place_of(unit.document)
        kept = None if key is None else self._before.get(key)
        if kept is None:
            self.checked += 1
            found = tuple(check_unit(program, unit))
            kept = _KnownFindings(place, found, program.contracts.results.get(unit.owner))
            if not all(_stays_within(one, place) for one in kept.findings):
                return kept.findings
        if key is not None:
            self._now[key] = kept
        if kept.result is not None:
            program.contracts.results[unit.owner] = kept.result
        lines = place[1] - kept.place[1]
        return [_moved(one, lines) for one in kept.findings] if lines else kept.findings

    def _signature(self, program: Program, unit: Unit) -> Hashable | None:
        """What the findings of a unit depend on; None where that is not known.

        A policy may depend on all that it names.
        """
        if isinstance(unit.owner, Policy):
            return None
        number = self._depends(program, unit)
        document = unit.document
        return None if number < 0 else (document.file, number)

    def _depends(self, program: Program, unit: Unit) -> int:
        """A number for all that a unit depends on; -1 for a unit in a circle."""
        if unit not in self._signatures:
            self._signatures[unit] = -1
            below = [self._depends(program, called) for _, called in calls_of(program.linked, unit)]
            if -1 not in below:
                own = (_identity(unit.module), _written(unit.document), unit.path, unit.label)
                number = self._number((self._shared, own, tuple(below)))
                self._signatures[unit] = number
        return self._signatures[unit]

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def place_of(document: Document) -> Place:
    """Where a document stands."""
    first, _ = document.source.position(document.start)
    last, _ = document.source.position(document.end)
    return document.file, first, last


def _written(document: Document) -> tuple[int, bytes]:
    """What stands for the text of a document, and the column that it begins at."""
    _, column = document.source.position(document.start)
    text = document.source.text[document.start : document.end]
    return column, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _shared(manifest: Manifest) -> Iterable[Hashable]:
    """What every unit may depend on."""
    for name, module in manifest.modules.items():
        yield name
        yield None if module.document is None else _written(module.document)
        for definition in module.definitions.values():
            yield _written(definition.document)
        for resource in module.resources.values():
            yield (resource.kind, resource.name)
            if _publishes(resolve_kind(module, resource.kind)):
                yield _written(resource.document)
        yield tuple((alias, _identity(imported)) for alias, imported in module.imports.items())


def _publishes(definition: Definition | None) -> bool:
    return definition is None or definition.capability in ("Provider", "Service")


def _identity(module: Module) -> str:
    return f"{module.name} {module.folder}"


def _stays_within(finding: Finding, place: Place) -> bool:
    spans = [finding.span, *(note.span for note in finding.related)]
    if finding.fix is not None:
        spans.append(finding.fix.span)
    return all(_is_within(span, place) for span in spans)


def _is_within(span: Span | None, place: Place) -> bool:
    file, first, last = place
    return span is None or (span.file == file and first <= span.line and span.end_line <= last)


def _moved(finding: Finding, lines: int) -> Finding:
    fix = finding.fix
    return replace(
        finding,
        span=None if finding.span is None else _lower(finding.span, lines),
        related=tuple(replace(one, span=_lower(one.span, lines)) for one in finding.related),
        fix=None if fix is None else Edit(fix.title, _lower(fix.span, lines), fix.text),
    )


def _lower(span: Span, lines: int) -> Span:
    return replace(span, line=span.line + lines, end_line=span.end_line + lines)
