"""The formats of file content: from bytes to JSON values and back."""

from __future__ import annotations

import base64
import json
from typing import Any

from kernel import read_json


def decode(data: bytes, form: str) -> Any:
    """``data`` as the format ``form``; raises ``ValueError`` if it is not.

    A byte order mark is no part of a text, whatever its format.
    """
    if form == "base64":
        return base64.b64encode(data).decode("ascii")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {data[error.start]:#04x} at {error.start}") from error
    if form == "json":
        return read_json(text)
    return _lines(text) if form == "lines" else text


def encode(content: Any, form: str) -> bytes:
    """The bytes of ``content``; raises ``ValueError`` when it is not what ``form`` says."""
    if form == "json":
        return (json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
    if form == "lines":
        return b"".join(_text(line, "a list of strings") + b"\n" for line in _list(content))
    text = _text(content, "a string")
    return base64.b64decode(text, validate=True) if form == "base64" else text


def _lines(text: str) -> list[str]:
    # Not splitlines, which also ends a line at form feeds and at U+2028.
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _list(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    raise ValueError("the content must be a list of strings")


def _text(content: Any, wanted: str) -> bytes:
    if isinstance(content, str):
        return content.encode()
    raise ValueError(f"the content must be {wanted}")
