"""Content codings (RFC 9110, 8.4): taken off a body in small steps, within limits."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, Iterator, Sequence

ACCEPTED = "gzip, deflate"
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""Those that are taken off, by their names and aliases (RFC 9110, 8.4.1)."""

MAX_CODINGS = 5
STEP_BYTES = 1 << 16
"""So much comes out of a coding at once; the event loop goes on after each step."""

SLICE_BYTES = 1 << 13
"""So much goes in at once: what one member of many leaves over is copied."""

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class UnknownCoding(ValueError):
    """A body is packed in a way that is not known here."""


class BrokenCoding(ValueError):
    """A body is not what its content codings say."""


class TooLarge(Exception):
    """A body is larger than it may be: packed, unpacked, or in between.

    ``content`` is what was unpacked until that was known.
    """

    def __init__(self, content: bytes = b"") -> None:
        super().__init__("the body is too large")
        self.content = content


def codings(header: str) -> tuple[str, ...]:
    """The codings that ``Content-Encoding`` names, in the order in which they were applied.

    Raises ``UnknownCoding``, for too many as well.
    """
    names = [name for part in header.split(",") if (name := part.strip().lower())]
    packed = [name for name in names if name != "identity"]
    for name in packed:
        if name not in CODINGS:
            raise UnknownCoding(f"the content coding {name[:40]!r} is not known")
    if len(packed) > MAX_CODINGS:
        raise UnknownCoding(f"more than {MAX_CODINGS} content codings")
    return tuple(CODINGS[name] for name in packed)


async def unpacked(
    chunks: AsyncIterable[bytes], names: Sequence[str], most: int, length: str = ""
) -> bytes:
    """The content of a body of ``most`` bytes at most, whose ``Content-Length`` is ``length``.

    Raises ``TooLarge`` as soon as that is known, ``BrokenCoding`` for what is not as its codings
    say, or ends too early.
    """
    content = bytearray()
    # What is packed is a little larger than its content where nothing can be saved.
    most_packed = most + most // 64 + STEP_BYTES if names else most
    layers = [_Layer(name, most_packed) for name in reversed(names)]
    if length.isdigit() and length.isascii() and _exceeds(length, most_packed):
        raise TooLarge
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most_packed:
            raise TooLarge(bytes(content))
        for piece in _through(layers, chunk):
            content += piece[: most + 1 - len(content)]
            if len(content) > most:
                raise TooLarge(bytes(content[:most]))
            if layers:
                await asyncio.sleep(0)
    if size and not all(layer.has_ended for layer in layers):
        raise BrokenCoding("the packed body ends too early")
    return bytes(content)


def _exceeds(digits: str, most: int) -> bool:
    digits = digits.lstrip("0")
    return len(digits) > len(str(most)) or int(digits or "0") > most


def _through(layers: Sequence[_Layer], data: bytes) -> Iterator[bytes]:
    """What comes out at the end, in steps; many of them may be empty."""
    if not layers or not data:
        yield data
        return
    for piece in layers[0].pieces(data):
        yield from _through(layers[1:], piece)


class _Layer:
    """One coding that is taken off, of which ``most`` bytes may come out."""

    def __init__(self, coding: str, most: int) -> None:
        self._coding = coding
        self._left = most
        self._head = b""  # too little to tell the format by
        self._inflater: zlib._Decompress | None = None
        self._members = 0  # that have ended

    @property
    def has_ended(self) -> bool:
        """Whether the packed data is complete."""
        return self._members > 0 and self._inflater is None and not self._head

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What comes out of more data, in pieces of at most ``STEP_BYTES``."""
        for start in range(0, len(data), SLICE_BYTES):
            yield from self._pieces(data[start : start + SLICE_BYTES])

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        data = self._head + data
        self._head = b""
        is_full = False  # then more may come out, also when all data have gone in
        while data or is_full:
            if self._inflater is None:
                data = self._begun(data)
                if self._inflater is None:
                    return
            try:
                piece = self._inflater.decompress(data, STEP_BYTES)
            except zlib.error as error:
                raise BrokenCoding(f"the body is not {self._coding}: {error}") from error
            self._left -= len(piece)
            if self._left < 0:
                raise TooLarge
            data, is_full = self._inflater.unconsumed_tail, len(piece) == STEP_BYTES
            if self._inflater.eof:
                data, is_full, self._inflater = self._inflater.unused_data, False, None
                self._members += 1
            yield piece

    def _begun(self, data: bytes) -> bytes:
        """Begin a member (RFC 1952, 2.2: gzip has several); what is left is its data."""
        if self._members:
            data = data.lstrip(b"\0")  # padding, as of tapes
        if not data:
            return data
        if self._members and self._coding != "gzip":
            raise BrokenCoding(f"the body goes on after its {self._coding}")
        if self._coding == "gzip":
            self._inflater = zlib.decompressobj(GZIP)
            return data
        if len(data) < 2:
            self._head = data
            return b""
        # It is zlib's format (RFC 9110, 8.4.1.2); some send the bare data in it.
        is_zlib = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        self._inflater = zlib.decompressobj(ZLIB if is_zlib else RAW)
        return data
