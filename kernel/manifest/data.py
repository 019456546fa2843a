"""Data files: YAML or JSON that is no manifest, such as that of ``--var-file``."""

from __future__ import annotations

from typing import Any

from kernel.errors import Fault, ManifestError
from kernel.manifest.source import Source
from kernel.manifest.stream import read_stream


def read_data(text: str, name: str = "<string>") -> Any:
    """The value that one YAML document holds; None for an empty text. Raises ManifestError."""
    source = Source(name, text)
    documents, faults = read_stream(source)
    if not faults and len(documents) > 1:
        span = source.span(documents[1].start, documents[1].start)
        faults.append(Fault("K001", "a data file holds one document", span))
    if faults:
        raise ManifestError(faults)
    return documents[0].data if documents else None
