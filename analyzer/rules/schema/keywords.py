"""Misspelt keywords: JSON Schema ignores them, so that the schema lets anything pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.schema.keywords import KEYWORDS, OTHER_DRAFTS, all_schemas

_FOREIGN: Final = frozenset(("example", "comment", "schema", "anchor", "extends", "env"))
"""Words of other tools that say nothing wrong."""

_MIN_LENGTH: Final = 4


def misspelt(schema: Any) -> Iterator[tuple[Path, str, str]]:
    """Each key of a schema that is near to a keyword: its path, the key, the keyword."""
    for _, path, node in all_schemas(schema):
        for key in node:
            if type(key) is not str or key in KEYWORDS or key in OTHER_DRAFTS or key in _FOREIGN:
                continue
            if len(key) < _MIN_LENGTH or key.startswith("x-"):
                continue
            meant = nearest(key, KEYWORDS - node.keys())
            if meant is not None:
                yield (*path, key), key, meant
