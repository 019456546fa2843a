"""Manifests: YAML with places, modules and imports, kinds, variables and secrets."""

from kernel.manifest.build import inline_resource
from kernel.manifest.document import Document
from kernel.manifest.fields import check_fields
from kernel.manifest.library import library_module
from kernel.manifest.load import inspect, inspect_text, load, loads
from kernel.manifest.model import Declaration, Definition, Manifest, Module, Resource, Target
from kernel.manifest.resolve import check_kinds, resolve_kind

__all__ = [
    "Declaration",
    "Definition",
    "Document",
    "Manifest",
    "Module",
    "Resource",
    "Target",
    "check_fields",
    "check_kinds",
    "inline_resource",
    "inspect",
    "inspect_text",
    "library_module",
    "load",
    "loads",
    "resolve_kind",
]
