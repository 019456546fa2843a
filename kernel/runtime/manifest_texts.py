"""The texts of a manifest, which the journal keeps so that a run goes on with the same manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from kernel.errors import ManifestError
from kernel.manifest import Manifest, inspect
from kernel.manifest.loading import Shared
from kernel.manifest.source import Source


def content_of(manifest: Manifest) -> str:
    """The texts of all files of a manifest, as JSON: its digest identifies the manifest.

    Files are named from the folder that holds them all, so that the folder may lie anywhere; a text
    that is no file keeps its name, ``<…>``.
    """
    texts = {s.name: s.text for s in manifest.sources if s.name.startswith("<")}
    sources = [source for source in manifest.sources if source.name not in texts]
    places = [os.path.realpath(source.name) for source in sources]
    above = os.path.commonpath([os.path.dirname(place) for place in places]) if places else ""
    files = {
        os.path.relpath(place, above): source.text
        for place, source in zip(places, sources, strict=True)
    }
    return json.dumps({**files, **texts}, sort_keys=True, ensure_ascii=False)


def manifest_of(content: str, place: Path) -> Manifest:
    """The manifest of kept texts, which are read instead of the files as they are now.

    ``place`` is the file or folder that the manifest was loaded from. Raises
    :class:`ManifestError`.
    """
    kept: Mapping[str, str] = json.loads(content)
    files = {name: text for name, text in kept.items() if not name.startswith("<")}
    given = [Source(name, text) for name, text in kept.items() if name not in files]
    above = place if place.is_dir() else place.parent
    texts = {os.path.realpath(above / name): text.encode() for name, text in files.items()}
    manifest, faults = inspect(place, shared=Shared(texts), given=given)
    if faults:
        raise ManifestError(faults)
    return manifest
