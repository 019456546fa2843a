"""JSON in and out of the journal, its digests, and the size that a value may have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn

from kernel.journal.errors import Refused, TooLarge

Text = str | None
"""A value as JSON; None for None."""

MAX_VALUE_BYTES = 64 * 1024 * 1024  # the most bytes of JSON that one value may have
MAX_KEY_BYTES = 1024  # the most bytes of UTF-8 that an idempotency key may have


def encoder(*, sort_keys: bool = False) -> Callable[[Any], str]:
    """A function that makes compact ASCII JSON; raises ValueError, TypeError, RecursionError.

    The standard library makes a new encoder in C for each value; this function keeps one.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    plain = json.JSONEncoder(separators=(",", ":"), sort_keys=sort_keys, allow_nan=False)
    if make is None:
        return plain.encode
    text = json.encoder.encode_basestring_ascii
    chunks = make(None, plain.default, text, None, ":", ",", sort_keys, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = encoder()
_encode_sorted = encoder(sort_keys=True)


def to_text(value: Any, what: str, largest: int = MAX_VALUE_BYTES) -> Text:
    """The JSON of a value; None for None. Raises :class:`TooLarge`."""
    if value is None:
        return None
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TooLarge(
            f"the {what} cannot be recorded, because they are not JSON: {error}"
        ) from None
    if len(text) > largest:
        raise TooLarge(
            f"the {what} have {len(text):,} bytes of JSON; the journal keeps at most {largest:,}"
        )
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def from_text(text: Text) -> Any:
    """The value of a JSON text; None for None. Raises ValueError, or RecursionError."""
    return None if text is None else _decode(text)


def digest_of(value: Any) -> str:
    """The digest of a JSON value, which does not depend on the order of members (inputs hash)."""
    return hashlib.sha256(_encode_sorted(value).encode()).hexdigest()


def digest_of_text(text: str) -> str:
    """The digest of a text, under which ``Journal.keep`` keeps it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def checked_key(key: str | None) -> str | None:
    """The idempotency key. Raises :class:`Refused` for one that a store cannot hold."""
    if key is None:
        return None
    if "\0" in key or any("\ud800" <= one <= "\udfff" for one in key):
        raise Refused("an idempotency key holds a character that cannot be recorded")
    length = len(key.encode())
    if not 0 < length <= MAX_KEY_BYTES:
        raise Refused(
            f"an idempotency key has 1 to {MAX_KEY_BYTES:,} bytes of UTF-8, this one {length:,}"
        )
    return key
