"""Bodies by their content type."""

from __future__ import annotations

import base64
import re
from email.message import Message
from typing import Any

from definitions.jsontext import parse_json

TEXT = re.compile(r"text/.*|application/(.*\+)?(xml|yaml|javascript)|application/x-www-form-.*")


def media_type(content_type: str) -> tuple[str, str]:
    """The type without parameters in lower case, and the charset (``utf-8``)."""
    header = Message()
    header["content-type"] = content_type or "application/octet-stream"
    return header.get_content_type(), str(header.get_content_charset("utf-8"))


def is_json(kind: str) -> bool:
    """Whether a media type is JSON (RFC 6839, 3.1 for ``+json``)."""
    return kind == "application/json" or kind.endswith("+json")


def decoded(content: bytes, content_type: str) -> Any:
    """The body as a JSON value, text, or base64 text; raises ``ValueError`` for broken JSON."""
    if not content:
        return None
    kind, charset = media_type(content_type)
    if is_json(kind):
        return parse_json(content)
    if TEXT.fullmatch(kind):
        return _text(content, charset)
    return base64.b64encode(content).decode("ascii")


def _text(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")
