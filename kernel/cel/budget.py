"""What one evaluation may cost, so that no expression can hang or fill the process."""

from __future__ import annotations

from typing import Final

from kernel.cel.errors import Problem
from kernel.structs import struct

ELEMENT_SIZE: Final = 16
ENTRY_SIZE: Final = 32
CHARACTERS_PER_STEP: Final = 256


@struct
class Limits:
    """The limits of one evaluation.

    ``steps`` counts operations, rounds of macros, compared elements and, by the
    ``CHARACTERS_PER_STEP``, text that is read. ``size`` counts what is built: one for a character
    or byte, ``ELEMENT_SIZE`` for an element of a list, ``ENTRY_SIZE`` for an entry of a map.
    """

    steps: int = 1_000_000
    size: int = 10_000_000


DEFAULT_LIMITS: Final = Limits()


class Budget:
    """The steps and the size that one evaluation may still spend."""

    __slots__ = ("size", "steps")

    def __init__(self, limits: Limits) -> None:
        self.steps = limits.steps
        self.size = limits.size

    def spend(self, steps: int) -> None:
        """Take steps; ``Problem`` when there are none left."""
        self.steps -= steps
        if self.steps < 0:
            raise Problem("budget", "the evaluation takes too many steps")

    def read(self, characters: int) -> None:
        """Take the steps of reading that much text."""
        self.spend(1 + characters // CHARACTERS_PER_STEP)

    def build(self, size: int) -> None:
        """Take room for something of this size, before it is built."""
        self.size -= size
        if self.size < 0:
            raise Problem("budget", "the evaluation builds too large values")

    def copy(self, characters: int) -> None:
        """Take the room and the steps for text that is read, and built anew."""
        self.build(characters)
        self.read(characters)

    def build_elements(self, count: int) -> None:
        """Take room, and the steps, for a list of that many elements."""
        self.build(count * ELEMENT_SIZE)
        self.spend(count)
