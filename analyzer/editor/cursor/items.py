"""What an editor shows: a proposal for what can be written, and what is known of a place."""

from __future__ import annotations

from typing import Literal

from kernel.structs import struct

ItemKind = Literal["field", "value", "kind", "resource", "variable", "step", "member", "function"]


@struct
class Item:
    """Something that can be written in the place of the word at the cursor.

    ``insert`` is the text as it stands then. ``rank``: lower ones come first.
    """

    label: str
    kind: ItemKind
    insert: str
    detail: str = ""
    documentation: str = ""
    rank: int = 5


@struct
class Proposals:
    """The items for a place, and the word of the text that each of them replaces."""

    items: tuple[Item, ...] = ()
    start: int = 0
    end: int = 0


@struct
class Shown:
    """What is known of the word between two offsets, in Markdown."""

    text: str
    start: int
    end: int
