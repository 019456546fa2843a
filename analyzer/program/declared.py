"""A schema of a contract, and where it is declared."""

from __future__ import annotations

from typing import Any, Literal

from kernel.errors import Path
from kernel.manifest import Document, Module, schemas_of
from kernel.schema import Schemas
from kernel.structs import struct

Part = Literal["inputs", "outputs"]
"""The two schemas of a contract."""


@struct
class DeclaredSchema:
    """A schema at a path of a document; its references lead to other schemas of ``module``."""

    schema: Any
    module: Module
    document: Document
    path: Path = ()

    @property
    def schemas(self) -> Schemas:
        """Where the references lead."""
        return schemas_of(self.module)
