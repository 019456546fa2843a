"""Bodies by their content type."""

from __future__ import annotations

import base64
import re
from email.message import Message
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Any

from kernel import read_json

TEXT = re.compile(r"text/.*|application/(.*\+)?(xml|yaml|javascript)|application/x-www-form-.*")
MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
BYTES = "application/octet-stream"
NO_CHARSETS = ("_codec", "rot_13", "mbcs", "utf_7")
"""What Python calls encodings and is no charset, or one that no text on the web may have."""

MORE = {"koi8_u": "koi8_u", "utf_8_sig": "utf_8", "windows_874": "cp874"}

_BY_ALIAS = {
    name: codec
    for alias, codec in {**aliases, **MORE}.items()
    if not codec.endswith(NO_CHARSETS)
    for name in (alias, codec)
}


class UnknownCharset(ValueError):
    """A text is said to be in a charset that is not known here."""


def media_type(content_type: str) -> tuple[str, str]:
    """The type without parameters in lower case, and the charset (``utf-8``).

    What is not a content type by RFC 9110, 8.3.1 says nothing: its body is bytes.
    """
    header = Message()
    header["content-type"] = content_type
    written = content_type.partition(";")[0].strip().lower()
    # For a malformed type the library says text/plain (RFC 2045, 5.2), as is right in mail only.
    kind = header.get_content_type() if MEDIA_TYPE.fullmatch(written) else BYTES
    return kind, str(header.get_content_charset("utf-8"))


def is_json(kind: str) -> bool:
    """Whether a media type is JSON (RFC 6839, 3.1 for ``+json``)."""
    return kind == "application/json" or kind.endswith("+json")


def decoded(content: bytes, content_type: str) -> Any:
    """The body as a JSON value, text, or base64 text.

    Raises ``ValueError`` for broken JSON and for what is no text in its charset.
    """
    if not content:
        return None
    kind, charset = media_type(content_type)
    if is_json(kind):
        return read_json(content)
    if TEXT.fullmatch(kind):
        return text_of(content, charset)
    return base64.b64encode(content).decode("ascii")


def text_of(content: bytes, charset: str) -> str:
    """The text that bytes are in a charset, without a byte order mark; raises ``ValueError``."""
    codec = _codec(charset)
    try:
        return content.decode("utf-8-sig" if codec == "utf_8" else codec)
    except UnicodeDecodeError as error:
        raise ValueError(f"not {charset}: {error.reason} at byte {error.start}") from error


def encoded(text: str, content_type: str) -> bytes:
    """A text as bytes in the charset that its content type names; raises ``ValueError``."""
    charset = media_type(content_type)[1]
    try:
        return text.encode(_codec(charset))
    except UnicodeEncodeError as error:
        raise ValueError(f"`{error.object[error.start]}` is not in {charset}") from error


def _codec(charset: str) -> str:
    codec = _BY_ALIAS.get(normalize_encoding(charset).lower())
    if codec is None:
        raise UnknownCharset(f"the charset {charset[:40]!r} is not known")
    return codec
