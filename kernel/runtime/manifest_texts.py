"""The texts of a manifest, which the journal keeps so that a run goes on with the same manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from kernel.errors import ManifestError
from kernel.manifest import Manifest, inspect
from kernel.manifest.loading import Shared


def content_of(manifest: Manifest) -> str:
    """The texts of all files of a manifest, as JSON: its digest identifies the manifest.

    Files are named from the folder that holds them all, so that the folder may lie anywhere.
    """
    places = [os.path.realpath(source.name) for source in manifest.sources]
    above = os.path.commonpath([os.path.dirname(place) for place in places]) if places else ""
    files = {
        os.path.relpath(place, above): source.text
        for place, source in zip(places, manifest.sources, strict=True)
    }
    return json.dumps(files, sort_keys=True, ensure_ascii=False)


def manifest_of(content: str, place: Path) -> Manifest:
    """The manifest of kept texts, which are read instead of the files as they are now.

    ``place`` is the file or folder that the manifest was loaded from. Raises
    :class:`ManifestError`.
    """
    files: Mapping[str, str] = json.loads(content)
    above = place if place.is_dir() else place.parent
    texts = {os.path.realpath(above / name): text.encode() for name, text in files.items()}
    manifest, faults = inspect(place, shared=Shared(texts))
    if faults:
        raise ManifestError(faults)
    return manifest
