"""The texts that are open in an editor, the manifests that they are part of, and their findings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from analyzer.editor.unit_cache import UnitCache
from analyzer.findings.catalogue import codes
from analyzer.findings.configuration import Configuration, configuration_of
from analyzer.findings.finding import Finding, Report
from analyzer.findings.suppression import suppressed
from analyzer.pipeline import findings
from analyzer.program.linking import Linked
from analyzer.program.program import Program
from kernel.errors import Fault, ManifestError, UsageError
from kernel.manifest import Document, Manifest, Module, Shared, inspect, inspect_text
from kernel.manifest.import_places import is_beside
from kernel.manifest.loading import Stream, without_collection
from kernel.manifest.source import read_source
from kernel.structs import field, struct

MAX_STREAMS: Final = 1000
"""With more texts of files than that, what was read of them is forgotten."""

_SYNTAX: Final = codes("yaml-syntax")
_OURS: Final = re.compile(
    r"""(?:^|[{,]|^---)[ \t]*["']?kind["']?[ \t]*:[ \t]*["']?[A-Za-z_]\w*\.""", re.MULTILINE
)


@struct(eq=False, slots=False)
class Analysis:
    """A manifest from open texts and files; ``places``: the files and folders it depends on."""

    manifest: Manifest
    faults: tuple[Fault, ...]
    places: frozenset[str]

    @cached_property
    def program(self) -> Program:
        """The linked manifest, for the checks of its units."""
        return Program(Linked(self.manifest))

    def text_of(self, file: str) -> str | None:
        """The text of one of its files."""
        return next((one.text for one in self.manifest.sources if one.name == file), None)

    def documents_of(self, file: str) -> list[Document]:
        """The sound documents of a file, in order."""
        return [one for one in self.manifest.documents if one.file == file]

    def document_at(self, file: str, offset: int) -> Document | None:
        """The document that an offset of a file lies in."""
        for document in reversed(self.documents_of(file)):
            if document.start <= offset:
                return document if offset <= document.end else None
        return None

    def module_of(self, document: Document) -> Module:
        """The module that a document is part of."""
        for module in self.manifest.modules.values():
            held: tuple[Any, ...] = (*module.definitions.values(), *module.resources.values())
            if any(one.document is document for one in (module, *held)):
                return module
        return self.manifest.root

    def is_sound(self, file: str) -> bool:
        """Whether all of a file could be read."""
        return not any(
            fault.code in _SYNTAX and fault.span is not None and fault.span.file == file
            for fault in self.faults
        )


@struct(frozen=False)
class Workspace:
    """The open texts by path, and the analyses of the manifests that they belong to.

    A path is the absolute name of a file, or any name for a text that is in no file. A file is
    checked with the others of its folder, as ``kernel check FOLDER`` does, unless the folder
    holds several manifests, each with a Kernel.Module of its own.
    """

    texts: dict[str, str] = field(default_factory=dict)
    _analyses: dict[tuple[str, ...], Analysis] = field(default_factory=dict)
    _sound: dict[str, Analysis] = field(default_factory=dict)
    _known: dict[tuple[str, ...], UnitCache] = field(default_factory=dict)
    _places: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    _streams: dict[tuple[str, str], Stream] = field(default_factory=dict)
    _alone: dict[str, bool] = field(default_factory=dict)

    def put(self, path: str, text: str) -> None:
        """Take a text that was opened, or has changed."""
        if self.texts.get(path) != text:
            self.texts[path] = text
            self._drop(path)

    def close(self, path: str) -> None:
        """Drop a text that was closed: from now on the file counts."""
        self.texts.pop(path, None)
        self._sound.pop(path, None)
        self.forget(path)

    def forget(self, path: str) -> None:
        """Read again what depends on a file, which may have changed."""
        self._alone.pop(os.path.dirname(path), None)
        self._drop(path)

    def _drop(self, path: str) -> None:
        for key, analysis in list(self._analyses.items()):
            if _is_among(path, analysis.places) or path in key:
                del self._analyses[key]

    def text(self, path: str) -> str:
        """The text of a file in its manifest; empty where there is none."""
        if path in self.texts:
            return self.texts[path]
        return self.analysis(path).text_of(path) or ""

    def analysis(self, path: str) -> Analysis:
        """The manifest that a file is part of, with all open texts."""
        key = self._key(path)
        if key not in self._analyses:
            self._analyses[key] = made = self._read(path, key[0], self.texts)
            self._places[key] = made.places
            if key[0] != path and self._holds_several(path, made):
                return self.analysis(path)
            for file in self.texts:
                if made.text_of(file) is not None and made.is_sound(file):
                    self._sound[file] = made
        return self._analyses[key]

    def last_sound(self, path: str) -> Analysis:
        """The last analysis in which the file could be read."""
        here = self.analysis(path)
        return here if here.is_sound(path) else self._sound.get(path, here)

    def analysis_with(self, path: str, text: str) -> Analysis:
        """The manifest with another text in the place of a file; it is not kept."""
        return self._read(path, self._key(path)[0], {**self.texts, path: text})

    def report_with(self, path: str, texts: Mapping[str, str]) -> Report:
        """The report on the manifest with other texts in the place of files; it is not kept."""
        key = self._key(path)
        analysis = self.analysis(path)
        if texts:
            analysis = self._read(path, key[0], {**self.texts, **texts})
        known = self._known.get(key, UnitCache()).branch()
        known.begin(analysis.manifest)
        manifest, faults = analysis.manifest, analysis.faults
        with without_collection():
            found = findings(manifest, faults, known.of_unit, known.of_resource)
            return _report(path, found, manifest)

    def affected(self, path: str) -> list[str]:
        """The open files whose findings may depend on a file; first the file, if it is open."""
        return [
            file
            for file in sorted(self.texts, key=lambda one: (one != path, one))
            if file == path
            or (places := self._places.get(self._key(file))) is None
            or _is_among(path, places)
        ]

    def one_per_manifest(self, paths: Iterable[str]) -> list[str]:
        """Of some files one for each manifest that they are part of."""
        found: dict[tuple[str, ...], str] = {}
        for path in paths:
            self.analysis(path)
            found.setdefault(self._key(path), path)
        return [*found.values()]

    def source(self, file: str) -> str:
        """The text of any file: as it is open, or as it is saved; empty where there is none."""
        if file in self.texts:
            return self.texts[file]
        try:
            return read_source(Path(file)).text
        except ManifestError:
            return ""

    def analyses_with(self, file: str) -> list[Analysis]:
        """The manifests with an open text that a file is part of."""
        found = {id(one): one for one in map(self.analysis, self.texts)}
        return [one for one in found.values() if one.text_of(file) is not None]

    def is_manifest(self, path: str) -> bool:
        """Whether an open text is a manifest, and not YAML of another sort."""
        return _OURS.search(self.texts.get(path, "")) is not None

    def diagnose(self, path: str) -> tuple[Finding, ...]:
        """The findings in one open text, as the check reports them."""
        with without_collection():
            for found in self.diagnosing(path):
                if found is not None:
                    return found[path]
        raise AssertionError

    def diagnosing(
        self, path: str, *, afresh: bool = False
    ) -> Iterator[Mapping[str, tuple[Finding, ...]] | None]:
        """The findings in the open texts of a manifest: None after each small step, then all.

        ``afresh``: no findings of the version before are taken over.
        """
        analysis = self.analysis(path)
        key = self._key(path)
        files = [one for one in self.texts if self._key(one) == key]
        known = self._known.setdefault(key, UnitCache())
        yield None
        found: list[Finding] = []
        if afresh:
            known.forget()
        known.begin(analysis.manifest)
        if any(map(self.is_manifest, files)):
            manifest, faults = analysis.manifest, analysis.faults
            for finding in findings(manifest, faults, known.of_unit, known.of_resource):
                found.append(finding)
                yield None
        known.end()
        report = _report(path, found, analysis.manifest)
        yield None
        yield {
            file: tuple(one for one in report.findings if one.span is None or one.span.file == file)
            if self.is_manifest(file)
            else ()
            for file in files
        }

    def _key(self, path: str) -> tuple[str, ...]:
        """The folder that is read for a file, or the file itself where it stands alone."""
        folder = os.path.dirname(path)
        in_file = os.path.isabs(path) and path.endswith((".yaml", ".yml"))
        if not in_file or self._alone.get(folder, False):
            return (path,)
        return (folder,)

    def _holds_several(self, path: str, analysis: Analysis) -> bool:
        """Whether a folder has several manifests: more than one Kernel.Module, an imported file."""
        folder = os.path.dirname(path)
        modules = [
            document
            for document in analysis.manifest.documents
            if document.data["kind"] == "Kernel.Module" and os.path.dirname(document.file) == folder
        ]
        self._alone[folder] = len(modules) > 1 or any(_imports_beside(one) for one in modules)
        if self._alone[folder]:
            self._analyses.pop((folder,), None)
        return self._alone[folder]

    def _read(self, path: str, place: str, texts: Mapping[str, str]) -> Analysis:
        if not os.path.isabs(path):
            manifest, faults = inspect_text(_bytes(texts.get(path, "")), path)
            return Analysis(manifest, faults, frozenset((path,)))
        if len(self._streams) > MAX_STREAMS:
            self._streams.clear()
        overlay = {os.path.realpath(one): _bytes(text) for one, text in texts.items()}
        shared = Shared(overlay, streams=self._streams)
        places = [place] if place == path or os.path.isdir(place) else []
        if path != place and not os.path.exists(path):
            places.append(path)  # it was not saved yet
        manifest, faults = inspect(*places, shared=shared)
        return Analysis(manifest, faults, frozenset((*shared.places, path)))


def _imports_beside(document: Document) -> bool:
    """Whether a Kernel.Module imports a file of its own folder, which is no part of it then."""
    imports = document.data.get("imports")
    written = imports.values() if isinstance(imports, Mapping) else ()
    sources = (one.get("source") if isinstance(one, Mapping) else one for one in written)
    folder = os.path.realpath(os.path.dirname(document.file))
    return any(isinstance(one, str) and is_beside(one, folder) for one in sources)


def _bytes(text: str) -> bytes:
    """The bytes of a text; half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace")


def _is_among(path: str, places: frozenset[str]) -> bool:
    return path in places or os.path.dirname(path) in places


def _report(path: str, found: Iterable[Finding], manifest: Manifest) -> Report:
    """The report with the severities of the project's configuration, if that can be read."""
    try:
        configuration = configuration_of(Path(path))
    except UsageError:
        configuration = Configuration()
    weighed = Report.of(map(configuration.weighed, found), manifest.sources)
    report = suppressed(weighed)
    return Report.of(configuration.apply(report.findings), report.sources)
