"""What is sent: from the fields of a resource and the inputs of a call to one request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from definitions.failures import failed
from kernel import Failure

from .media import encoded

SAFE = ("GET", "HEAD", "OPTIONS")
REPEATABLE = (*SAFE, "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request. ``personal`` headers go to this origin only, ``headers`` go everywhere."""

    method: str
    url: str
    headers: Mapping[str, str]
    personal: Mapping[str, str]
    content: bytes | None

    @property
    def safe(self) -> bool:
        """Whether it only reads (RFC 9110, 9.2.1)."""
        return self.method in SAFE


def outgoing(
    fields: Mapping[str, Any], inputs: Mapping[str, Any], idempotency_key: str | None
) -> Outgoing:
    """The request of a call; raises ``Failure`` when it cannot be made."""
    method = allowed_method(fields.get("method", "GET"), inputs.get("method"))
    base: str | None = fields.get("baseUrl")
    url = _url(base, inputs)
    own = fields.get("headers", {}) if base is None or origin(base) == origin(url) else {}
    personal = _lower(own) | _lower(inputs.get("headers", {}))
    kind, content = _content(inputs, personal.pop("content-type", None))
    headers = {} if kind is None else {"content-type": kind}
    if idempotency_key is not None and method not in SAFE:
        headers["idempotency-key"] = idempotency_key
    return Outgoing(method, url, headers, personal, content)


def allowed_method(declared: str, asked: str | None) -> str:
    """``asked``, unless it is riskier than ``declared``: the safety class was chosen by that."""
    if asked is None or _risk(asked) <= _risk(declared):
        return asked or declared
    raise failed(
        "METHOD_NOT_ALLOWED",
        f"a call may not choose {asked} where the resource says {declared}:"
        f" declare `method: {asked}` on the resource",
    )


def _risk(method: str) -> int:
    return 0 if method in SAFE else 1 if method in REPEATABLE else 2


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454); raises ``Failure`` for what is not an HTTP URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError as error:
        raise _invalid(f"the URL is not valid: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid("the URL must be absolute, http or https: give the resource a `baseUrl`")
    return parts.scheme, parts.hostname, port


def without_user(url: str) -> str:
    """The URL without a user and a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_query(url: str) -> str:
    """The URL without what may be secret in it: user, query and fragment."""
    return urlunsplit(urlsplit(without_user(url))._replace(query="", fragment=""))


def joined(base: str | None, url: str) -> str:
    """``url``, resolved against ``base`` (RFC 3986, 5); raises ``Failure`` for what is no URL."""
    try:
        whole = urljoin(base, url) if base else url
        urlsplit(whole)
    except ValueError as error:
        raise _invalid(f"the URL is not valid: {error}") from error
    return whole


def _url(base: str | None, inputs: Mapping[str, Any]) -> str:
    url = joined(base, inputs["url"])
    parts = urlsplit(url)
    origin(url)
    query = "&".join(filter(None, (parts.query, _encoded(inputs.get("query", {})))))
    return urlunsplit(parts._replace(query=query, fragment=""))


def _content(inputs: Mapping[str, Any], kind: str | None) -> tuple[str | None, bytes | None]:
    """The content type, ``kind`` if a header says one, and the bytes of the body."""
    given = [name for name in ("body", "text", "form") if name in inputs]
    if len(given) > 1:
        raise _invalid(f"{' and '.join(given)} are given; a request has one body")
    if "body" in inputs:
        return kind or "application/json", _json(inputs["body"])
    if "text" in inputs:
        kind = kind or "text/plain; charset=utf-8"
        try:
            return kind, encoded(inputs["text"], kind)
        except ValueError as error:
            raise _invalid(f"`text` cannot be sent as {kind}: {error}") from error
    if "form" in inputs:
        return kind or "application/x-www-form-urlencoded", _encoded(inputs["form"]).encode()
    return kind, None


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid(f"the body is not JSON: {error}") from error


def _encoded(fields: Mapping[str, Any]) -> str:
    pairs = (
        (name, _plain(each))
        for name, value in fields.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    )
    return urlencode(list(pairs))


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in _sound(headers.items())}


def _sound(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Refuse what would end a header early and begin another (RFC 9110, 5.5)."""
    for name, value in headers:
        if not name.isascii() or not value.isprintable() or not name.strip().isprintable():
            raise _invalid(f"the header {name!r} holds a character that a header cannot hold")
        yield name, value


def _invalid(message: str) -> Failure:
    return failed("INVALID_REQUEST", message)
