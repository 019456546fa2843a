"""Manifests: YAML with places, modules and imports, kinds, variables and secrets.

What is named here is imported when it is first used: a check whose report is kept reads no
manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.lazy_names import lazy_names

if TYPE_CHECKING:
    from kernel.manifest.document import Document
    from kernel.manifest.fields import check_fields
    from kernel.manifest.library import library_names
    from kernel.manifest.loading import Shared, inspect, inspect_text, library_module, load, loads
    from kernel.manifest.model import (
        ApprovalTerms,
        Declaration,
        Definition,
        Effect,
        Manifest,
        Module,
        Policy,
        Resource,
    )
    from kernel.manifest.resolve import find_kind, find_resource, resolve_kind, unknown_kind
    from kernel.manifest.schemas import schemas_of
    from kernel.manifest.stream import read_data
    from kernel.manifest.values import from_text, resolve_values, types_of

__all__ = [
    "ApprovalTerms",
    "Declaration",
    "Definition",
    "Document",
    "Effect",
    "Manifest",
    "Module",
    "Policy",
    "Resource",
    "Shared",
    "check_fields",
    "find_kind",
    "find_resource",
    "from_text",
    "inspect",
    "inspect_text",
    "library_module",
    "library_names",
    "load",
    "loads",
    "read_data",
    "resolve_kind",
    "resolve_values",
    "schemas_of",
    "types_of",
    "unknown_kind",
]

__getattr__ = lazy_names(
    __name__,
    {
        "document": "Document",
        "fields": "check_fields",
        "library": "library_names",
        "loading": "Shared inspect inspect_text library_module load loads",
        "model": "ApprovalTerms Declaration Definition Effect Manifest Module Policy Resource",
        "resolve": "find_kind find_resource resolve_kind unknown_kind",
        "schemas": "schemas_of",
        "stream": "read_data",
        "values": "from_text resolve_values types_of",
    },
)
