"""Files and folders to a manifest: sources, documents, modules and what they import."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from kernel.errors import Fault, ManifestError
from kernel.errors import Path as DataPath
from kernel.manifest import build
from kernel.manifest.document import Document
from kernel.manifest.expressions import check_expressions
from kernel.manifest.import_places import (
    BESIDE,
    ITSELF,
    OUTSIDE,
    ImportPlace,
    circle_of,
    folders_with_manifests,
    identity,
    import_place,
    is_package,
    is_there,
    project_root,
    way_to,
)
from kernel.manifest.library import library
from kernel.manifest.model import Manifest, Module, Passed
from kernel.manifest.module_names import by_name
from kernel.manifest.python_modules import places_of
from kernel.manifest.schemas import check_definitions
from kernel.manifest.source import MAX_FILE_BYTES, Source, decode, read_source, whole
from kernel.manifest.stream import Read, read_stream
from kernel.structs import field, struct

_KIND_LINE = re.compile(r"^kind[ \t]*:", re.MULTILINE)
MAX_FILES = 10_000  # a folder with more manifests is a fault
MAX_IMPORT_DEPTH = 50  # imports of imports of … beyond this are a fault
MAX_MODULES = 1_000  # a module that is imported with other values counts once more
MAX_READ_AGAIN = 16 * 1024 * 1024  # characters of modules that are imported with other values
MAX_SHOWN = 200  # characters of an import in a message

Stream = tuple[list[Read], list[Fault]]


@struct
class Shared:
    """What several loads have in common.

    ``texts`` are the bytes that stand in place of a file's own, by its real path. A module that one
    load imported is the same object in the next, by its identity in ``modules``; its faults are
    told by the load that read it. ``places`` are the files and folders that were looked at, whether
    they are there or not, and ``package:NAME`` for an import of a package. ``streams`` keeps what
    was read of each text, by the name of its file, for callers that load the same files often.
    """

    texts: Mapping[str, bytes] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    streams: dict[tuple[str, str], Stream] | None = None

    def read(self, source: Source) -> Stream:
        """The documents of a source, and what is wrong with its text."""
        if self.streams is None:
            return read_stream(source)
        key = (source.name, source.text)
        if key not in self.streams:
            self.streams[key] = read_stream(source)
        documents, faults = self.streams[key]
        return documents, [*faults]


def load(*paths: str | Path) -> Manifest:
    """Load a manifest from files and folders.

    A folder stands for its own ``*.yaml`` and ``*.yml`` in sorted order, without subfolders; a
    file of a folder in which no document has a ``kind`` is not a manifest and is left alone.
    Several paths make one manifest. Raises ManifestError with all faults of all files.
    """
    return _sound(*inspect(*paths))


def loads(text: str | bytes, name: str = "<string>", folder: str | Path | None = None) -> Manifest:
    """Load a manifest from its text; relative imports start from ``folder``.

    Raises ManifestError with all faults.
    """
    return _sound(*inspect_text(text, name, folder))


def inspect(
    *paths: str | Path, shared: Shared | None = None, given: Sequence[Source] = ()
) -> tuple[Manifest, tuple[Fault, ...]]:
    """Like `load`, for readers that want what is sound in a faulty manifest, and the faults.

    ``given`` are texts that belong to the manifest as its own files do.
    """
    with without_collection():
        loader = _Loader(shared)
        places = [Path(path) for path in paths]
        first = places[0] if places else Path()
        return loader.manifest(loader.open(places, default_name(first), given))


def inspect_text(
    text: str | bytes,
    name: str = "<string>",
    folder: str | Path | None = None,
    *,
    given: Sequence[Source] = (),
) -> tuple[Manifest, tuple[Fault, ...]]:
    """Like `loads`, for readers that want what is sound in a faulty manifest, and the faults.

    ``given`` are further texts of the manifest.
    """
    with without_collection():
        loader = _Loader()
        place = Path(folder) if folder is not None else None
        sources: list[tuple[Source, bool]] = []
        try:
            sources.append((Source(name, _text(text, name), place), True))
        except ManifestError as error:
            loader.faults.extend(error.faults)
        sources += ((source, True) for source in given)
        loader.start = place or Path()
        return loader.manifest(loader.module(sources, default_name(Path(name)), place))


def load_module(place: Path, name: str | None = None) -> Module:
    """Load one module from a file or folder. Raises ManifestError with all faults."""
    loader = _Loader()
    return _sound(*loader.manifest(loader.open([place], name or default_name(place)))).root


library_module = library(load_module)
"""The installed module of a name, loaded once in a process, or None.

Raises ManifestError if its manifest is wrong.
"""


def default_name(place: Path) -> str:
    """The name of a module without a Kernel.Module: that of its file or folder, made a name."""
    stem = place.resolve().name if not place.name else place.name
    name = re.sub(r"\W", "_", re.sub(r"\.ya?ml$", "", stem), flags=re.ASCII).strip("_")
    return name if build.IDENTIFIER.fullmatch(name) else f"_{name}"


@struct
class _Imports:
    """What a module imports, by alias, and the values that it passes there."""

    modules: dict[str, Module] = field(default_factory=dict)
    passed: dict[str, Passed] = field(default_factory=dict)


class _Loader:
    """One load: the faults so far, and the modules by the place that they came from."""

    def __init__(self, shared: Shared | None = None) -> None:
        self.shared = shared or Shared(streams={})
        self.faults: list[Fault] = []
        self.sources: dict[str, Source] = {}
        self.documents: list[Document] = []
        self.loaded: dict[str, Module] = {}
        self.begun = 0  # imported modules whose reading has begun
        self.read_again = 0  # characters of the files that were read before, for other values
        self.opening: list[str] = []
        self.keys: list[str] = []  # of the modules that are being read, the innermost last
        self.start: Path | None = None  # the folder of the manifest
        self.root: str | None = None  # what is imported lies inside this folder, by its real path

    def manifest(self, root: Module) -> tuple[Manifest, tuple[Fault, ...]]:
        modules = by_name(root, self.loaded.values())
        for module in modules.values():
            self.faults += check_definitions(module)
            self.shared.places.update(_python_places(module))
        self.faults += check_expressions(self.documents)
        manifest = Manifest(root, modules, tuple(self.sources.values()), tuple(self.documents))
        return manifest, ManifestError(dict.fromkeys(self.faults)).faults

    def open(self, places: list[Path], name: str, given: Sequence[Source] = ()) -> Module:
        """The module that the files and folders at ``places`` make, and texts that are given."""
        before = len(self.opening)
        self.opening += map(identity, places)
        if not self.keys:
            self.keys.append("\n".join(self.opening))
        folder = next((place if place.is_dir() else place.parent for place in places), None)
        if self.start is None:
            self.start = folder or Path()
        sources = [source for place in places for source in self.sources_of(place)]
        sources += ((source, True) for source in given)
        module = self.module(sources, name, folder)
        del self.opening[before:]
        return module

    def is_inside(self, place: Path) -> bool:
        """Whether a place lies in the project, by its path and by where its links lead."""
        if self.root is None:
            self.root = project_root(self.start or Path(), self.shared.places)
        ends = (identity(place), identity(place.parent))
        is_root = ends[0] == self.root
        return is_root or all(os.path.commonpath([self.root, end]) == self.root for end in ends)

    def sources_of(self, path: Path) -> list[tuple[Source, bool]]:
        """The files of a path; with each, whether it must be a manifest."""
        name = os.path.normpath(path)
        self.shared.places.add(str(path))
        if not path.is_dir():
            return self._read(path, name, True)
        try:
            names = sorted(n for n in os.listdir(path) if n.endswith((".yaml", ".yml")))
        except OSError as error:
            self.faults.append(Fault("K001", f"{name} cannot be read: {error.strerror}"))
            return []
        if len(names) > MAX_FILES:
            message = f"more than {MAX_FILES} manifests in the folder {name}"
            self.faults.append(Fault("K001", message))
            return []
        return [
            source
            for file in names
            if len(self.opening) < 2 or self.is_inside(path / file)
            for source in self._read(path / file, os.path.normpath(path / file), False)
        ]

    def _read(self, path: Path, name: str, explicit: bool) -> list[tuple[Source, bool]]:
        self.shared.places.add(str(path))
        try:
            if self.shared.texts and (text := self.shared.texts.get(identity(path))) is not None:
                return [(Source(name, decode(text, name), path.parent), explicit)]
            if path.exists() and not path.is_file():
                raise ManifestError([Fault("K001", f"{name} is not a regular file")])
            return [(read_source(path, name), explicit)]
        except ManifestError as error:
            self.faults.extend(error.faults)
            return []

    def module(self, sources: list[tuple[Source, bool]], name: str, folder: Path | None) -> Module:
        documents = [d for source, explicit in sources for d in self._documents(source, explicit)]
        parts = build.build_parts(documents, name, self.faults)
        document = parts.module
        metadata = document.data["metadata"] if document else {}
        imports = self._imports(document, folder)
        return Module(
            parts.name,
            folder,
            metadata.get("version", ""),
            metadata.get("description", ""),
            imports.modules,
            build.declarations(document, "vars"),
            build.declarations(document, "secrets"),
            build.targets(document),
            parts.definitions,
            parts.resources,
            document,
            parts.policies,
            imports.passed,
            build.exports(document),
            library_module,
            parts.lost,
        )

    def _documents(self, source: Source, explicit: bool) -> list[tuple[Document, bool]]:
        read, faults = self.shared.read(source)
        documents = [Document(source, item) for item in read]
        if not explicit and not any(type(d.data) is dict and "kind" in d.data for d in documents):
            if not faults or not _KIND_LINE.search(source.text):
                return []
        elif not documents and not faults:
            faults.append(Fault("K001", "there is no resource in this file", source.span(0, 0)))
        self.faults += faults
        checked = [(one, build.check_head(one, self.faults)) for one in documents]
        if source.name not in self.sources:  # else a module is read again, for other values
            self.sources[source.name] = source
            self.documents += [one for one, is_sound in checked if is_sound]
        else:
            self.read_again += len(source.text)
        return checked

    def _imports(self, document: Document | None, folder: Path | None) -> _Imports:
        found = _Imports()
        declared = document.data.get("imports") or {} if document else {}
        for alias, written in declared.items():
            assert document is not None
            path: DataPath = ("imports", alias)
            passed = build.passed_values(document, alias)
            if not isinstance(written, str):
                path = (*path, "source")
            module = self._import(build.import_source(written), folder, document, path, passed)
            if module is not None:
                found.modules[alias] = module
                if passed is not None:
                    found.passed[alias] = passed
        return found

    def _import(
        self,
        source: str,
        folder: Path | None,
        document: Document,
        path: DataPath,
        passed: Passed | None,
    ) -> Module | None:
        """The module that an import leads to; None, with a fault, where it cannot be read."""
        place = self._import_place(source, folder)
        shown = repr(source if len(source) <= MAX_SHOWN else f"{source[:MAX_SHOWN]}…")
        if place is not None and place.root is None and not self.is_inside(place.place):
            message = f"the import {shown} leads out of the project"
            self._fault(message, document, path, "K201", OUTSIDE)
            return None
        if place is None or not is_there(place.place):
            help = way_to(source, folder, self.shared.places)
            self._fault(f"the import {shown} is not there", document, path, "K201", help)
            return None
        where = identity(place.place)
        circle = [Path(step).name for step in circle_of(where, self.opening)]
        if circle:
            itself = len(circle) == 2
            what = "the manifest imports itself" if itself else "imports in a circle"
            message = f"{what}: {' → '.join(circle)}"
            beside = self.opening[-1] != where and where.endswith((".yaml", ".yml"))
            help = BESIDE if beside else ITSELF
            self._fault(message, document, path, "K203", help if itself else None)
            return None
        if len(self.opening) > MAX_IMPORT_DEPTH:
            message = f"imports nested more than {MAX_IMPORT_DEPTH} deep"
            self._fault(message, document, path, "K201")
            return None
        key = self._key(where, passed)
        if key not in self.loaded:
            known = self.shared.modules.get(key)
            if known is not None:
                self._reuse(known)
            elif self.begun >= MAX_MODULES:
                message = f"more than {MAX_MODULES} modules; with other values one counts again"
                self._fault(message, document, path, "K201")
                return None
            elif self.read_again > MAX_READ_AGAIN:
                limit = MAX_READ_AGAIN // (1024 * 1024)
                message = f"more than {limit} MB of modules that are imported with other values"
                self._fault(message, document, path, "K201")
                return None
            else:
                self._read_import(place, key, source, document, path)
        return self.loaded[key]

    def _read_import(
        self, place: ImportPlace, key: str, source: str, document: Document, path: DataPath
    ) -> None:
        self.begun += 1
        before, self.root = self.root, place.root or self.root
        faults = len(self.faults)
        self.keys.append(key)
        module = self.open([place.place], default_name(place.place))
        self.keys.pop()
        self.root = before
        self.loaded[key] = self.shared.modules[key] = module
        if _is_empty(module) and len(self.faults) == faults:
            names = islice(folders_with_manifests(place.place, self.shared.places), 3)
            inner = ", ".join(f"{source.rstrip('/')}/{name}" for name in names)
            help = f"a folder is read without its folders; there is {inner}" if inner else None
            self._fault(f"there is no manifest in {source!r}", document, path, "K201", help)

    def _key(self, where: str, passed: Passed | None) -> str:
        """What is the same for two imports that share a module.

        The same place is one module, unless other values are passed to it; expressions may have
        other values in another importer.
        """
        if passed is None:
            return where
        written = repr((sorted(passed.vars.items()), sorted(passed.secrets.items())))
        importer = self.keys[-1] if "${{" in written else ""
        return "\n".join((where, written, importer))

    def _reuse(self, module: Module) -> None:
        """Take over a module that another load has read, with all that it imports."""
        keys = {id(other): key for key, other in self.shared.modules.items()}
        waiting = [module]
        while waiting:
            here = waiting.pop()
            if keys[id(here)] not in self.loaded:
                self.loaded[keys[id(here)]] = here
                waiting.extend(here.imports.values())

    def _import_place(self, source: str, folder: Path | None) -> ImportPlace | None:
        found = import_place(source, folder)
        if is_package(source):
            self.shared.places.add(f"package:{source}")
        elif found is not None:
            self.shared.places.add(str(found.place))
        return found

    def _fault(
        self,
        message: str,
        document: Document,
        path: DataPath,
        code: str,
        help: str | None = None,
    ) -> None:
        self.faults.append(Fault(code, message, document.span(path), help, path))


def _python_places(module: Module) -> set[str]:
    """Where the modules of a module's controllers are looked for."""
    names = {
        str(definition.controller.get("python")).partition(":")[0]
        for definition in module.definitions.values()
        if definition.controller is not None
    }
    folder = module.folder
    return {place for name in names if folder for place in places_of(name, folder)}


def _is_empty(module: Module) -> bool:
    parts = (module.document, module.definitions, module.resources, module.policies)
    return not any(parts)


def _text(text: str | bytes, name: str) -> str:
    if isinstance(text, bytes):
        return decode(text, name)
    if len(text) > MAX_FILE_BYTES:
        raise ManifestError([Fault("K001", "the text is too large", whole(name))])
    return text


def _sound(manifest: Manifest, faults: tuple[Fault, ...]) -> Manifest:
    if faults:
        raise ManifestError(faults)
    return manifest


@contextmanager
def without_collection() -> Iterator[None]:
    """For work that makes much and drops little: the collector would walk over it for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
