"""What comes in: a request as the CEL variable ``request``, typed by the schemas of its route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from definitions.failures import failed
from kernel import schema as json_schema

from .codings import ACCEPTED, BrokenCoding, TooLarge, UnknownCoding, codings, unpacked
from .media import UnknownCharset, decoded, is_json, media_type, text_of

if TYPE_CHECKING:
    from starlette.requests import Request

FORM = "application/x-www-form-urlencoded"
BODY_SECONDS = 30
MAX_FIELDS = 1_000
# So much more is read and dropped: a client that is cut off while it sends may miss the answer.
MAX_DROPPED_BYTES = 1 << 20
INTEGER = re.compile(r"-?[0-9]{1,19}")
NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")


class Refused(Exception):
    """A request that is answered with a problem document and goes no further."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


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

    def takes(self, value: Any) -> bool:
        """Whether a value of the type of ``value`` may fit the schema."""
        try:
            if self.schema is not None:
                self.schema.conform(value)
        except json_schema.SchemaError as error:
            return not any(each.keyword == "type" and not each.path for each in error.problems)
        return True

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
            "path": _unquoted(request.scope["path"]),
            "params": self.params.typed(
                (name, _unquoted(str(value))) for name, value in request.path_params.items()
            ),
            "query": self.query.typed(_pairs(request.url.query, "query")),
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
        written = ", ".join(request.headers.getlist("content-type"))
        kind, charset = media_type(written or "application/json")
        if content:
            self._check_type(kind, written)
        try:
            if content and kind == FORM:
                return self.body.typed(_pairs(text_of(content, charset), "body"))
            body = decoded(content, written or "application/json")
        except UnknownCharset as error:
            raise Refused(415, f"body: {error}") from error
        except ValueError as error:
            what = "not valid JSON: " if is_json(kind) else ""
            raise Refused(400, f"body: {what}{error}") from error
        return self.body.conform(body)

    def _check_type(self, kind: str, written: str) -> None:
        """Raise ``Refused`` (415) for a content type of which no body fits the schema."""
        fits = {
            "application/json": True,
            FORM: self.body.takes({}),
            "text/plain": self.body.takes(""),
        }
        if is_json(kind) or fits.get(kind, fits["text/plain"]):
            return
        expected = ", ".join(name for name, takes in fits.items() if takes)
        detail = f"body: the content type is {written[:100]!r}; expected is {expected}"
        raise Refused(415, detail, headers={"accept": expected})


async def _content(request: Request, most: int) -> bytes:
    """The body without its content codings; what is refused is read and dropped, up to a limit."""
    stream = request.stream()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            try:
                names = codings(", ".join(request.headers.getlist("content-encoding")))
                length = request.headers.get("content-length", "")
                return await unpacked(stream, names, most, length)
            except (BrokenCoding, TooLarge, UnknownCoding):
                await _drop(request, stream)
                raise
    except TimeoutError as error:
        raise Refused(408, f"the body did not come within {BODY_SECONDS} seconds") from error
    except TooLarge as error:
        raise Refused(413, f"the body is larger than {most} bytes") from error
    except UnknownCoding as error:
        raise Refused(415, f"body: {error}", headers={"accept-encoding": ACCEPTED}) from error
    except BrokenCoding as error:
        raise Refused(400, f"body: {error}") from error


async def _drop(request: Request, stream: AsyncIterator[bytes]) -> None:
    """Read on, so that the client is not cut off while it sends; one that waits is answered."""
    dropped = 0
    if "expect" in request.headers:
        return
    async for chunk in stream:
        dropped += len(chunk)
        if dropped > MAX_DROPPED_BYTES:
            return


def _pairs(text: str, where: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError as error:
        raise Refused(400, f"{where}: not UTF-8 where its percent-encoding is undone") from error
    except ValueError as error:
        raise Refused(400, f"{where}: more than {MAX_FIELDS} fields") from error


def _unquoted(text: str) -> str:
    """A part of a path, of which slashes and percent signs are still to be decoded."""
    try:
        found = unquote(text)
        found.encode()
        return found
    except UnicodeEncodeError as error:
        raise Refused(400, "path: not UTF-8 where its percent-encoding is undone") from error


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
