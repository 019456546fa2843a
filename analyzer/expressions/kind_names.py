"""The types that ``type(x) == …`` names."""

from __future__ import annotations

from typing import Final

from analyzer import types
from analyzer.types import Type

OF_KIND: Final[dict[str, Type]] = {
    "null": types.NULL,
    "bool": types.Bool(),
    "int": types.Int(),
    "uint": types.UInt(),
    "double": types.Double(),
    "string": types.String(),
    "list": types.List(types.DYN),
    "map": types.Map(types.DYN, types.DYN),
}
