"""Manifests: YAML with places, modules and imports, kinds, variables and secrets."""

from kernel.manifest.document import Document
from kernel.manifest.fields import check_fields
from kernel.manifest.library import library_names
from kernel.manifest.load import Shared, inspect, inspect_text, library_module, load, loads
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
from kernel.manifest.resolve import (
    find_kind,
    find_resource,
    resolve_kind,
    unknown_kind,
)
from kernel.manifest.schemas import schemas_of
from kernel.manifest.stream import read_data
from kernel.manifest.values import from_text, resolve_values

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
    "unknown_kind",
]
