"""Manifests: YAML with places, modules and imports, kinds, variables and secrets."""

from kernel.manifest.build import inline_resource
from kernel.manifest.data import read_data
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
    PolicyRule,
    Resource,
    Target,
    Threshold,
)
from kernel.manifest.resolve import (
    check_kinds,
    find_kind,
    find_resource,
    resolve_kind,
    unknown_kind,
)
from kernel.manifest.schemas import schemas_of
from kernel.manifest.values import Values, from_text, resolve_values

__all__ = [
    "ApprovalTerms",
    "Declaration",
    "Definition",
    "Document",
    "Effect",
    "Manifest",
    "Module",
    "Policy",
    "PolicyRule",
    "Resource",
    "Shared",
    "Target",
    "Threshold",
    "Values",
    "check_fields",
    "check_kinds",
    "find_kind",
    "find_resource",
    "from_text",
    "inline_resource",
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
