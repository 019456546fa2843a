"""Loading a manifest that can be run, or all faults that it has."""

from __future__ import annotations

from pathlib import Path

from kernel.errors import Fault, ManifestError
from kernel.manifest import Manifest, inspect, inspect_text
from kernel.topology.verify import verify


def load(*paths: str | Path) -> Manifest:
    """Load files and folders as one manifest and verify it.

    Raises :class:`ManifestError` with all faults of all files.
    """
    return _sound(*inspect(*paths))


def loads(text: str | bytes, name: str = "<string>", folder: str | Path | None = None) -> Manifest:
    """Load a manifest from its text; imports and controllers are found from ``folder``.

    Raises :class:`ManifestError` with all faults.
    """
    return _sound(*inspect_text(text, name, folder))


def _sound(manifest: Manifest, faults: tuple[Fault, ...]) -> Manifest:
    found = [*faults, *verify(manifest)]
    if found:
        raise ManifestError(dict.fromkeys(found))
    return manifest
