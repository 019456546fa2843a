"""Reports kept on disk, by the content of all that they depend on.

An entry is named after the question: the paths, the configuration, the analyzer itself, the
installed packages. It holds the report, and the state of every file and folder that the report
depends on; it is valid while all of them are in that state. A damaged entry counts as none.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from analyzer.findings.catalogue import RULES
from analyzer.findings.checked import Checked
from analyzer.findings.configuration import Configuration
from analyzer.findings.finding import Edit, Finding, Note, Report
from kernel.errors import ManifestError, Span
from kernel.manifest.library import GROUP, installed_package, package_folder
from kernel.manifest.source import MAX_FILE_BYTES, Source, decode
from kernel.version import VERSION

MAX_ENTRIES: Final = 200
MAX_ENTRY_BYTES: Final = 8 * 1024 * 1024

_RECENT_NANOSECONDS: Final = 20_000_000
_ROOT = Path(__file__).parents[2]
_PACKAGES: Final = (_ROOT / "analyzer", _ROOT / "kernel")


class Cache:
    """The entry for one question, in the user's cache folder.

    ``began`` is when the check began, in nanoseconds since the epoch: what was changed after, or
    just before, may have been read in either state, so that its answer is not kept.
    """

    def __init__(
        self, paths: Sequence[Path], configurations: Sequence[Configuration], began: int
    ) -> None:
        self._folder = cache_folder()
        self._file = self._folder / f"{_key(paths, configurations)}.json"
        self._began = began

    def find(self) -> Checked | None:
        """The report, if there is a valid entry."""
        try:
            entry = json.loads(self._file.read_bytes())
            texts: dict[str, bytes] = {}
            if all(state(place, texts) == known for place, known in entry["places"].items()):
                found = _checked(entry, texts)
                os.utime(self._file)
                return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ManifestError):
            pass
        except RecursionError:
            pass
        return None

    def keep(self, checked: Checked) -> None:
        """Write the answer down, if that can be done."""
        places = {*checked.places, *_library_places()}
        texts: dict[str, bytes] = {}
        states = {place: state(place, texts) for place in sorted(places)}
        recent = self._began - _RECENT_NANOSECONDS
        if any(changed > recent for place in places for changed in stamp(place)[:1]):
            return
        if any(not _is_of(source, texts) for source in checked.report.sources):
            return
        entry = {
            "places": states,
            "fail_on": checked.fail_on,
            "empty": [str(path) for path in checked.empty],
            "sources": [source.name for source in checked.report.sources],
            "findings": [_plain(finding) for finding in checked.report.findings],
        }
        data = json.dumps(entry).encode()
        if len(data) <= MAX_ENTRY_BYTES:
            with contextlib.suppress(OSError):
                self._write(data)

    def _write(self, data: bytes) -> None:
        import tempfile

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, self._file)
        except OSError:
            os.unlink(name)
            raise
        _tidy(self._folder)


def cache_folder() -> Path:
    """Where entries are: below ``XDG_CACHE_HOME``, else ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path(os.path.expanduser("~"), ".cache")
    return base / "kernel" / "check"


def state(place: str, texts: dict[str, bytes] | None = None) -> str:
    """The state of a place: a digest of a file's bytes or a folder's manifests, or its absence.

    The bytes of a file are put into ``texts``, under the name of the file in reports.
    """
    if place.startswith("package:"):
        return f"package {installed_package(place.removeprefix('package:'))}"
    try:
        mode = os.stat(place).st_mode
        if stat.S_ISDIR(mode):
            return f"folder {_digest(json.dumps(_names(place)).encode())}"
        if not stat.S_ISREG(mode):
            return "neither file nor folder"
        with open(place, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        return f"not there: {getattr(error, 'errno', None)}"
    if texts is not None:
        texts[os.path.normpath(place)] = data
    return f"file {_digest(data)}"


def stamp(place: str) -> tuple[int, ...]:
    """When a place was changed, and what else tells its states apart; quick to look up."""
    try:
        found = os.stat(place)
    except (OSError, ValueError):
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _is_of(source: Source, texts: dict[str, bytes]) -> bool:
    """Whether a file has the text that was checked."""
    try:
        text = decode(texts[source.name], source.name)
    except (KeyError, ManifestError):
        return False
    return Source(source.name, text).text == source.text


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _manifests(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))


def _names(folder: str) -> list[str]:
    """The names in a folder that an import may mean: of manifests, and of folders."""
    found = (
        f"{entry.name}/" if entry.is_dir() else entry.name
        for entry in os.scandir(folder)
        if entry.name.endswith((".yaml", ".yml")) or entry.is_dir()
    )
    return sorted(name for name in found if not name.startswith((".", "__pycache__")))


def _key(paths: Sequence[Path], configurations: Sequence[Configuration]) -> str:
    question = [
        VERSION,
        sys.version,
        os.getcwd(),
        [str(path) for path in paths],
        [[sorted(each.severities.items()), each.fail_on] for each in configurations],
        [(entry, stamp(entry)) for entry in sys.path],
        list(_code()),
    ]
    return _digest(json.dumps(question).encode())


def _code() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The files that the analyzer is made of."""
    for package in _PACKAGES:
        for folder, folders, files in os.walk(package):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                file = os.path.join(folder, name)
                yield file, stamp(file)


def _library_places() -> Iterator[str]:
    """The manifests of the modules that are installed."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP):
        yield f"package:{entry.value}"
        folder = package_folder(entry.value)
        if folder is not None:
            yield str(folder)
            yield from (str(folder / name) for name in _manifests(str(folder)))


def _tidy(folder: Path) -> None:
    """Delete the entries that were not used for longest, and the remains of a crash."""
    entries = sorted(
        (entry for entry in os.scandir(folder) if entry.name.endswith((".json", ".part"))),
        key=lambda entry: entry.stat().st_mtime,
    )
    for entry in entries[: max(len(entries) - MAX_ENTRIES, 0)]:
        with contextlib.suppress(OSError):
            os.unlink(entry.path)


def _checked(entry: Any, texts: dict[str, bytes]) -> Checked:
    findings = tuple(map(_finding, entry["findings"]))
    shown = {finding.span.file for finding in findings if finding.span}
    # The text is needed only of files that findings are in.
    sources = tuple(
        Source(name, decode(texts[name], name) if name in shown else "")
        for name in entry["sources"]
    )
    places, empty = frozenset(entry["places"]), tuple(map(Path, entry["empty"]))
    return Checked(Report(findings, sources), entry["fail_on"], places, empty)


def _plain(finding: Finding) -> tuple[Any, ...]:
    span, fix = finding.span, finding.fix
    return (
        finding.code,
        finding.message,
        None if span is None else span.place,
        finding.path,
        [(note.message, note.span.place) for note in finding.related],
        None if fix is None else (fix.title, fix.span.place, fix.text),
        finding.help,
        finding.severity,
    )


def _finding(plain: Any) -> Finding:
    code, message, span, path, related, fix, *more = plain
    notes = tuple(Note(text, Span(*place)) for text, place in related)
    edit = None if fix is None else Edit(fix[0], Span(*fix[1]), fix[2])
    where = None if span is None else Span(*span)
    return Finding(RULES[code].code, message, where, tuple(path), notes, edit, *more)
