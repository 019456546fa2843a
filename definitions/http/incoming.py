"""What comes in: a request as the CEL variable ``request``, typed by the schemas of its route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from definitions.failures import failed
from kernel import schema as json_schema

from .media import decoded, media_type

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_SECONDS = 30
MAX_FIELDS = 1_000
# So much more is read and dropped: a client that is cut off while it sends may miss the answer.
MAX_DROPPED_BYTES = 1 << 20
INTEGER = re.compile(r"-?[0-9]{1,19}")
NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")


class Refused(Exception):
    """A request that is answered with a problem document and goes no further."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]] | None = None):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a request, ``query`` for example, and its schema; None takes anything."""

    name: str
    source: Any
    schema: json_schema.Schema | None

    @classmethod
    def of(cls, request: Mapping[str, Any], name: str) -> Part:
        """The part of a route's ``request``; raises ``Failure`` ``SCHEMA`` for a wrong schema."""
        source = request.get(name)
        if source is None:
            return cls(name, None, None)
        try:
            schema = json_schema.compile_schema(source)
            # What is wrong with a schema is told at its first use: now, not at a request.
            schema.is_valid(None)
        except json_schema.InvalidSchema as error:
            message = f"the schema of {name} of {request['path']}: {error}"
            raise failed("SCHEMA", message) from error
        return cls(name, source, schema)

    def conform(self, value: Any) -> Any:
        """The value with defaults and numbers as the schema says; raises ``Refused`` (400)."""
        if self.schema is None:
            return value
        try:
            return self.schema.conform(value)
        except json_schema.SchemaError as error:
            errors = [
                {"in": self.name, "path": "/".join(map(str, each.path)), "message": each.message}
                for each in error.problems[:20]
            ]
            first = f"{self.name} {errors[0]['path']}".strip()
            raise Refused(400, f"{first}: {errors[0]['message']}", errors) from error

    def typed(self, pairs: Iterable[tuple[str, str]]) -> Any:
        """Texts by name, turned into what the schema says that they are."""
        texts: dict[str, list[str]] = {}
        for name, text in pairs:
            texts.setdefault(name, []).append(text)
        known = _properties(self.source)
        return self.conform({name: _typed(known.get(name), each) for name, each in texts.items()})


@dataclass(frozen=True, slots=True)
class Incoming:
    """How the requests of one route are read."""

    params: Part
    query: Part
    headers: Part
    body: Part
    max_bytes: int

    @classmethod
    def of(cls, request: Mapping[str, Any], max_bytes: int) -> Incoming:
        return cls(
            params=Part.of(request, "params"),
            query=Part.of(request, "query"),
            headers=Part.of(request, "headers"),
            body=Part.of(request, "body"),
            max_bytes=max_bytes,
        )

    async def read(self, request: Request) -> dict[str, Any]:
        """The value of ``request``; raises ``Refused``."""
        return {
            "method": request.method,
            "path": request.url.path,
            "params": self.params.typed((name, str(v)) for name, v in request.path_params.items()),
            "query": self.query.typed(_pairs(request.url.query)),
            "headers": self.headers.typed(self._headers(request)),
            "body": await self._body(request),
        }

    def _headers(self, request: Request) -> Iterable[tuple[str, str]]:
        if self.headers.schema is None:
            return _joined(request.headers.items())
        names = {name.lower(): name for name in _properties(self.headers.source)}
        return ((names[name], v) for name, v in request.headers.items() if name in names)

    async def _body(self, request: Request) -> Any:
        content = await _content(request, self.max_bytes)
        content_type = request.headers.get("content-type", "")
        if content and media_type(content_type)[0] == "application/x-www-form-urlencoded":
            return self.body.typed(_pairs(content.decode("utf-8", "replace")))
        try:
            body = decoded(content, content_type or "application/json")
        except ValueError as error:
            raise Refused(400, f"body: not valid JSON: {error}") from error
        return self.body.conform(body)


async def _content(request: Request, most: int) -> bytes:
    content, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    content += chunk
                elif size > most + MAX_DROPPED_BYTES:
                    break
    except TimeoutError as error:
        raise Refused(408, f"the body did not come within {BODY_SECONDS} seconds") from error
    if size > most:
        raise Refused(413, f"the body is larger than {most} bytes")
    return bytes(content)


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Refused(400, f"more than {MAX_FIELDS} fields") from error


def _properties(source: Any) -> Mapping[str, Any]:
    properties = source.get("properties") if isinstance(source, Mapping) else None
    return properties if isinstance(properties, Mapping) else {}


def _joined(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Headers of one name as one (RFC 9110, 5.3)."""
    texts: dict[str, str] = {}
    for name, text in pairs:
        texts[name] = f"{texts[name]}, {text}" if name in texts else text
    return texts.items()


def _typed(schema: Any, texts: list[str]) -> Any:
    """Texts as their schema says; a text that does not fit stays, and the schema refuses it."""
    kinds = _kinds(schema)
    if "array" in kinds:
        items = _kinds(schema.get("items"))
        return [_scalar(text, items) for text in texts]
    return _scalar(texts[0], kinds) if len(texts) == 1 else texts


def _kinds(schema: Any) -> tuple[str, ...]:
    kinds = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def _scalar(text: str, kinds: tuple[str, ...]) -> Any:
    if "integer" in kinds and INTEGER.fullmatch(text):
        return int(text)
    if "number" in kinds and NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text
