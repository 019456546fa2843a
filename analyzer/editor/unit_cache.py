"""What is known of the units of a manifest from the check before: a change costs what it changes.

The findings of a unit depend on its own document, on those of the units that it calls or refers to,
and on what declares names and contracts: modules, definitions, and the resources that publish
values. Where all of these are the same text as before, so are the findings, but for their lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

from analyzer.checks.unit import check_unit
from analyzer.findings.finding import Finding
from analyzer.program.call_order import calls_of
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.types import Type
from kernel.errors import Fault, Span
from kernel.manifest import Document, Manifest, Module, Policy, Resource, resolve_kind
from kernel.structs import field, struct
from kernel.topology.verify import verify_resource

MAX_NUMBERS: Final = 50_000
"""With more versions of units than that, all is forgotten."""

Place = tuple[str, int, int]
"""A file, and the lines that a document begins and ends at."""

Told = TypeVar("Told", Finding, Fault)


@struct
class _Known(Generic[Told]):
    """Findings or faults of a document that stood at a place; ``result`` is its topology's type."""

    place: Place
    told: tuple[Told, ...]
    result: Type | None = None

    def is_within(self) -> bool:
        """Whether no finding or fault is about another document."""
        file, first, last = self.place
        spans = (span for one in self.told for span in _spans(one) if span is not None)
        return all(s.file == file and first <= s.line and s.end_line <= last for s in spans)

    def at(self, place: Place) -> Iterable[Told]:
        """The findings or faults, moved to where the document stands now."""
        lines = place[1] - self.place[1]
        return [_moved(one, lines) for one in self.told] if lines else self.told


@struct(frozen=False)
class UnitCache:
    """The findings of the units of one manifest, through its versions.

    ``checked`` counts the units that were looked at anew.
    """

    checked: int = 0
    _before: dict[Hashable, _Known[Any]] = field(default_factory=dict)
    _now: dict[Hashable, _Known[Any]] = field(default_factory=dict)
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _signatures: dict[Unit, int] = field(default_factory=dict)
    _shared: int = 0

    def begin(self, manifest: Manifest) -> None:
        """A check of a version of the manifest begins; the one before may not have ended."""
        self._before.update(self._now)
        if len(self._numbers) > MAX_NUMBERS:
            self._numbers = {}
            self.forget()
        self._now, self._signatures, self.checked = {}, {}, 0
        self._shared = self._number(("shared", *_shared(manifest)))

    def end(self) -> None:
        """The check has ended: units that it did not meet are forgotten."""
        self._before, self._now, self._signatures = self._now, {}, {}

    def branch(self) -> UnitCache:
        """Another with what is known here, for a version that is only tried."""
        return UnitCache(_before={**self._before, **self._now}, _numbers=self._numbers)

    def forget(self) -> None:
        """Forget all findings and faults."""
        self._before, self._now = {}, {}

    def of_resource(self, module: Module, resource: Resource) -> Iterable[Fault]:
        """The faults for which the run time would refuse a resource."""
        document = resource.document
        place = place_of(document)
        key = (_identity(module), document.file, self._shared, _written(document), resource.path)
        known = self._before.get(key)
        if known is None:
            known = _Known(place, tuple(verify_resource(module, resource)))
            if not known.is_within():
                return known.told
        self._now[key] = known
        return known.at(place)

    def of_unit(self, program: Program, unit: Unit) -> Iterable[Finding]:
        """The findings in a unit."""
        key = self._signature(program, unit)
        place = place_of(unit.document)
        known = None if key is None else self._before.get(key)
        if known is None:
            self.checked += 1
            found = tuple(check_unit(program, unit))
            known = _Known(place, found, program.contracts.results.get(unit.owner))
            if not known.is_within():
                return known.told
        if key is not None:
            self._now[key] = known
        if known.result is not None:
            program.contracts.results[unit.owner] = known.result
        return known.at(place)

    def _signature(self, program: Program, unit: Unit) -> Hashable | None:
        """The key of all that the findings of a unit depend on; None where that is not known.

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
    """The column that a document begins at, and a digest of its text."""
    _, column = document.source.position(document.start)
    text = document.source.text[document.start : document.end]
    return column, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _shared(manifest: Manifest) -> Iterable[Hashable]:
    """The parts of a manifest that every unit may depend on."""
    for name, module in manifest.modules.items():
        yield name
        yield None if module.document is None else _written(module.document)
        for definition in module.definitions.values():
            yield _written(definition.document)
        for resource in module.resources.values():
            yield (resource.kind, resource.name)
            kind = resolve_kind(module, resource.kind)
            if kind is None or kind.capability in ("Provider", "Service"):
                yield _written(resource.document)
        yield tuple((alias, _identity(imported)) for alias, imported in module.imports.items())


def _identity(module: Module) -> str:
    return f"{module.name} {module.folder}"


def _spans(told: Finding | Fault) -> Iterator[Span | None]:
    yield told.span
    if isinstance(told, Finding):
        yield from (note.span for note in told.related)
        yield None if told.fix is None else told.fix.span


def _moved(told: Told, lines: int) -> Told:
    span = None if told.span is None else _lower(told.span, lines)
    if isinstance(told, Fault):
        return replace(told, span=span)
    fix = told.fix and replace(told.fix, span=_lower(told.fix.span, lines))
    related = tuple(replace(one, span=_lower(one.span, lines)) for one in told.related)
    return replace(told, span=span, related=related, fix=fix)


def _lower(span: Span, lines: int) -> Span:
    return replace(span, line=span.line + lines, end_line=span.end_line + lines)
