"""Content codings: any chain of them comes off, within limits and without holding up the loop."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.http.codings import (
    BrokenCoding,
    TooLarge,
    UnknownCoding,
    codings,
    unpacked,
)

LIMIT = 1 << 20
MANY = 1 << 26


def raw_deflate(content: bytes) -> bytes:
    bare = zlib.compressobj(wbits=-15)
    return bare.compress(content) + bare.flush()


PACK = {
    "gzip": gzip.compress,
    "X-GZip": lambda content: (
        gzip.compress(content[:3], mtime=0) + gzip.compress(content[3:], mtime=0)
    ),
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "identity": lambda content: content,
}


def packed(content: bytes, names: Sequence[str]) -> bytes:
    for name in names:
        content = PACK[name](content)
    return content


def unpack(
    data: bytes, header: str, most: int = LIMIT, size: int = 1000, length: str = ""
) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return asyncio.run(unpacked(chunks(), codings(header), most, length))


@given(st.binary(max_size=300), st.lists(st.sampled_from(sorted(PACK)), max_size=5), st.data())
def test_any_content_comes_out_of_any_chain(
    content: bytes, names: list[str], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 100))
    whole, header = packed(content, names), " , ".join(names)
    assert unpack(whole, header, size=size) == content
    assert unpack(whole, header, most=len(content), size=size, length=str(len(whole))) == content
    if content:
        with pytest.raises(TooLarge) as caught:
            unpack(whole, header, most=len(content) - 1, size=size)
        assert content.startswith(caught.value.content)
    cut = data.draw(st.integers(1, max(1, len(whole) - 1)))
    if set(names) - {"identity"} and cut < len(whole):
        # Cut between two members of gzip, or within padding, it is a whole body as well.
        try:
            found = unpack(whole[:cut], header)
        except BrokenCoding:
            pass
        else:
            assert "X-GZip" in names
            assert content.startswith(found)


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate", "gzip, deflate"]))
def test_anything_is_unpacked_or_refused(data: bytes, header: str) -> None:
    for start in (b"", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"x\x9c"):
        with suppress(BrokenCoding, TooLarge):
            assert len(unpack(start + data, header, most=1000)) <= 1000


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ()),
        ("gzip", ("gzip",)),
        ("GZIP", ("gzip",)),
        ("x-gzip", ("gzip",)),
        (" , gzip ,, deflate,", ("gzip", "deflate")),
        ("identity", ()),
        ("gzip, identity", ("gzip",)),
    ],
)
def test_names_and_aliases(header: str, wanted: tuple[str, ...]) -> None:
    assert codings(header) == wanted


@pytest.mark.parametrize(
    "header", ["br", "zstd", "compress", "x-compress", "gzip, br", "gzip;q=1", "none", "é"]
)
def test_a_coding_that_is_not_known_is_named(header: str) -> None:
    with pytest.raises(UnknownCoding, match="is not known"):
        codings(header)


def test_chains_have_an_end() -> None:
    with pytest.raises(UnknownCoding, match="more than 5"):
        codings(", ".join(["gzip"] * 6))


def zeros(depth: int) -> bytes:
    data = bytes(MANY)
    for _ in range(depth):
        data = gzip.compress(data, 9, mtime=0)
    return data


def empty_members() -> bytes:
    return gzip.compress(gzip.compress(b"") * 500_000, mtime=0)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (zeros(1), "gzip"),
        (zeros(2), "gzip, gzip"),
        (zeros(3), "gzip, x-gzip, gzip"),
        (raw_deflate(bytes(MANY)), "deflate"),
        (empty_members(), "gzip, gzip"),
    ],
)
def test_a_bomb_is_refused_in_little_time_and_memory(data: bytes, header: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    async def main() -> float:
        """The longest time for which nothing else could be done."""
        work = asyncio.ensure_future(unpacked(chunks(), codings(header), LIMIT))
        longest, last = 0.0, time.monotonic()
        while not work.done():
            await asyncio.sleep(0)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert isinstance(work.exception(), TooLarge)
        return longest

    tracemalloc.start()
    try:
        assert asyncio.run(main()) < 0.5
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", ["1048577", "9" * 5000, "0" * 50 + "2000000"])
def test_what_is_said_to_be_too_large_is_not_read(length: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(TooLarge):
        asyncio.run(unpacked(chunks(), (), LIMIT, length))


@pytest.mark.parametrize("length", ["1048576", "000", "", "x", "-1", "٣" * 40])
def test_other_lengths_are_left_to_the_connection(length: str) -> None:
    assert unpack(b"x", "", length=length) == b"x"


def test_what_follows_a_member() -> None:
    member = gzip.compress(b"a", mtime=0)
    assert unpack(member + bytes(600), "gzip") == b"a"
    assert unpack(member + bytes(9) + member, "gzip", size=1) == b"aa"
    for data, header in ((member + b"x", "gzip"), (zlib.compress(b"a") + b"x", "deflate")):
        with pytest.raises(BrokenCoding):
            unpack(data, header)
    assert unpack(b"", "gzip") == b""
