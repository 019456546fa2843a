"""``--against``: the manifest as it was, from a path or from a revision of git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from analyzer.batch import More
from analyzer.report import Finding
from analyzer.rules.breaking_changes import breaking_changes
from kernel.errors import UsageError
from kernel.manifest import Manifest, inspect

_MAX_GIT_SECONDS = 120
_SUFFIXES = (".yaml", ".yml")
_FILES = (b"100644", b"100755")
# What a hook of git sets for the repository that it runs in; ours is found from the path.
_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


@contextmanager
def comparison(against: str, paths: Sequence[Path]) -> Iterator[More]:
    """What finds the contracts that are narrower than they were. Raises UsageError.

    ``against`` is an existing file or folder, for one path, or else a revision of git.
    """
    with tempfile.TemporaryDirectory(prefix="kernel-check-") as folder:
        if against and Path(against).exists():
            if len(paths) != 1:
                raise UsageError("--against a file or a folder goes with one PATH")
            yield lambda path, manifest: _narrower(Path(against), manifest)
        else:
            yield _Revision(against, Path(folder)).narrower


def _narrower(old: Path, manifest: Manifest) -> Iterable[Finding]:
    return breaking_changes(inspect(old)[0], manifest)


class _Revision:
    """The manifests of a revision, laid out in a temporary folder for each repository."""

    def __init__(self, name: str, folder: Path) -> None:
        if not name or name.startswith("-") or "\0" in name:
            raise UsageError(f"`{name}` is no revision, file or folder")
        self._name = name
        self._folder = folder.resolve()
        self._laid: dict[Path, Path] = {}

    def narrower(self, path: Path, manifest: Manifest) -> Iterator[Finding]:
        """The breaking changes of what is at ``path``; none where it is new."""
        root = self._root(path)
        if root not in self._laid:
            self._laid[root] = self._folder / str(len(self._laid))
            self._lay_out(root, self._laid[root])
        old = self._laid[root] / Path(os.path.realpath(path)).relative_to(root)
        if old.exists():
            for finding in _narrower(old, manifest):
                yield self._named(finding, self._laid[root])

    def _root(self, path: Path) -> Path:
        folder = path if path.is_dir() else path.parent
        found = _git(Path(os.path.realpath(folder)), "rev-parse", "--show-toplevel")
        if found is None:
            message = f"`{self._name}` is no file or folder, and {path} is in no git repository"
            raise UsageError(message)
        return Path(os.path.realpath(os.fsdecode(found.removesuffix(b"\n"))))

    def _lay_out(self, root: Path, folder: Path) -> None:
        folder.mkdir()
        found = _git(root, "rev-parse", "--verify", "--quiet", f"{self._name}^{{commit}}")
        if found is None:
            hint = "a shallow clone may lack it"
            raise UsageError(f"there is no revision `{self._name}` in {root}; {hint}")
        listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", found.decode().strip()) or b""
        blobs = dict(_blobs(listed))
        for (file, _), data in zip(
            blobs.items(), _contents(root, list(blobs.values())), strict=True
        ):
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def _named(self, finding: Finding, folder: Path) -> Finding:
        """The finding with the places of the revision named as git names them."""
        notes = tuple(
            replace(note, span=replace(note.span, file=self._name_of(note.span.file, folder)))
            for note in finding.related
        )
        return replace(finding, related=notes)

    def _name_of(self, file: str, folder: Path) -> str:
        place = Path(file)
        if not place.is_relative_to(folder):
            return file
        return f"{self._name}:{place.relative_to(folder).as_posix()}"


def _blobs(listed: bytes) -> Iterator[tuple[str, bytes]]:
    """The manifests among the entries of a tree, with the names of their contents."""
    for entry in listed.split(b"\0"):
        head, _, name = entry.partition(b"\t")
        file = os.fsdecode(name)
        parts = PurePosixPath(file).parts
        if head[:6] in _FILES and file.endswith(_SUFFIXES) and not {"..", "/"} & set(parts):
            yield file, head.split(b" ")[2]


def _contents(root: Path, blobs: Sequence[bytes]) -> Iterator[bytes]:
    found = _git(root, "cat-file", "--batch", given=b"".join(blob + b"\n" for blob in blobs)) or b""
    here = 0
    for _ in blobs:
        line = found.index(b"\n", here)
        size = int(found[here:line].split(b" ")[2])
        yield found[line + 1 : line + 1 + size]
        here = line + size + 2


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git prints, or None where it fails. It runs no hook and asks nobody."""
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        done = subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", "--no-pager", *arguments],
            cwd=folder,
            env={**environment, **quiet},
            input=given,
            capture_output=True,
            timeout=_MAX_GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("--against a revision needs git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git took longer than {_MAX_GIT_SECONDS} s") from None
    return done.stdout if done.returncode == 0 else None
