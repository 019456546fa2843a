"""The forms in which a secret turns up, each with a name by which it is found again.

A form is a text that shows the secret: its lines, its base64, the password of an address. The name
of a form and the secret give the form; the name alone tells nothing of the secret.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from urllib.parse import quote, quote_plus

from kernel.events.notations import canonical

MIN_LENGTH = 4
"""A secret of fewer characters is hidden where a schema or the flow says so, and nowhere else."""

_MIN_OCTETS_WITHIN = 6
"""A secret of fewer octets is not looked for within the base64 of something longer."""

_MIN_TOKEN_LENGTH = 16
"""A part of an address of fewer characters is a name, and hides nothing."""

_MAX_LINES = 1_000
_PASSWORD = re.compile(r"(?i)\b(?:password|passwd|pwd)\s*=\s*('[^']*'|[^\s;&']+)")

Encode = Callable[[str], str]


def plain_forms(secret: str) -> Iterator[tuple[str, str]]:
    """The names and texts of the forms of any secret: itself, its parts, its octets, its base64.

    A secret that is too short has none.
    """
    if len(secret) < MIN_LENGTH:
        return
    yield "", secret
    parts = dict(_parts(secret))
    yield from parts.items()
    for name, text in ("", secret), *parts.items():
        octets = text.encode("utf-8", "surrogatepass")
        if not (octets.isascii() and text.isprintable()):
            yield f"octets.{name}".rstrip("."), repr(octets)[2:-1]
    octets = secret.encode("utf-8", "surrogatepass")
    yield "base64", b64encode(octets).decode()
    yield "base64url", urlsafe_b64encode(octets).decode()


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """The names and texts of all forms: also in hexadecimal, and within base64.

    The part of the base64 of ``name:secret`` that the secret alone decides stands for the secret.
    """
    yield from plain_forms(secret)
    octets = secret.encode("utf-8", "surrogatepass")
    if len(octets) < _MIN_OCTETS_WITHIN:
        return
    yield "hex", octets.hex()
    yield "HEX", octets.hex().upper()
    for before, begin in enumerate((0, 2, 3)):
        end = (before + len(octets)) * 8 // 6
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            yield f"{name}.{before}", encode(bytes(before) + octets)[begin:end].decode()


def _parts(secret: str) -> Iterator[tuple[str, str]]:
    """The parts of a secret that are secret by themselves, and long enough to be told apart."""
    read = canonical(secret)
    found = chain(
        (("strip", secret.strip()), ("read", read), ("read.strip", read.strip())),
        _lines(read),
        _parts_of_address(secret.strip()),
    )
    return (
        (name, text) for name, text in found if len(text.strip()) >= MIN_LENGTH and text != secret
    )


def credentials(address: str) -> list[str]:
    """The passwords in an address, as whoever reads it may take it apart."""
    found = _parts_of_address(address)
    return [text for name, text in found if "token" not in name and len(text) >= MIN_LENGTH]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    if len(lines) > 1:
        for number, line in enumerate(lines[:_MAX_LINES]):
            yield f"line.{number}", line.strip()


def _parts_of_address(secret: str) -> Iterator[tuple[str, str]]:
    """The password of an address or of a text ``password=…``, and what may be a token in it."""
    if (password := _PASSWORD.search(secret)) is not None:
        yield "password", password.group(1).strip("'")
    _, is_address, rest = secret.partition("://")
    if not is_address or any(letter.isspace() for letter in secret):
        return
    user, colon, word = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[0].partition(":")
    if colon:
        yield "userinfo", f"{user}:{word}"
        yield "word", word
        yield "read.word", canonical(word)
    # A password with a `/` that is not escaped ends the host for who reads the address.
    for number, piece in enumerate(re.split("[/?#@:]", rest.rpartition("@")[0])[1:]):
        yield f"word.{number}", piece
    tokens = (user, *re.split(r"[/?&=;#]", rest.partition("/")[2]))
    for number, token in enumerate(tokens):
        if len(token) >= _MIN_TOKEN_LENGTH:
            yield f"token.{number}", token
            yield f"read.token.{number}", canonical(token)


# Spellings

_GO = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
_MARKUP = str.maketrans({'"': "&#34;", "'": "&#39;"})
_SAFE = {"part": "", "path": "/", "component": "!'()*", "address": ";,/?:@&=+$!'()*#", "star": "*"}


def _json(text: str, *, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _then(first: Encode, second: Encode, text: str) -> str:
    return second(first(text))


def _lower(text: str) -> str:
    """With the percent escapes in lower case."""
    return re.sub("%..", lambda found: found.group().lower(), text)


def _upper(text: str) -> str:
    """With the numbers behind ``\\u`` in upper case."""
    return re.sub(r"\\(?:u....|.)", lambda one: one.group()[:2] + one.group()[2:].upper(), text)


def _each(form: str, text: str) -> str:
    return "".join(form.format(ord(letter)) for letter in text)


def _octet(form: str, text: str) -> str:
    return "".join(form.format(octet) for octet in text.encode("utf-8", "surrogatepass"))


def _base64(encode: Callable[[bytes], bytes], text: str) -> str:
    return encode(text.encode("utf-8", "surrogatepass")).decode()


def _spellings() -> Iterator[tuple[str, Encode]]:
    for name, ascii_only in (("json", True), ("json-utf8", False)):
        dumps = partial(_json, ascii_only=ascii_only)
        yield name, dumps
        yield f"{name}-go", partial(_then, dumps, lambda made: made.translate(_GO))
        yield f"{name}-slash", partial(_then, dumps, lambda made: made.replace("/", r"\/"))
        yield f"{name}-upper", partial(_then, dumps, _upper)
    yield "python", lambda text: repr(text)[1:-1]
    yield "html", html.escape
    yield "html-text", partial(html.escape, quote=False)
    yield "html-go", lambda text: html.escape(text, quote=False).translate(_MARKUP)
    for name, form in ("decimal", "&#{};"), ("hexadecimal", "&#x{:x};"), ("upper", "&#X{:X};"):
        yield f"html-{name}", partial(_each, form)
    for name, safe in _SAFE.items():
        for way, escape in ("percent", quote), ("form", quote_plus):
            encode = partial(escape, safe=safe, errors="surrogatepass")
            yield f"{way}-{name}", encode
            yield f"{way}-{name}-lower", partial(_then, encode, _lower)
    yield "percent-all", partial(_octet, "%{:02X}")
    yield "plus", lambda text: text.replace(" ", "+")
    yield "crlf", lambda text: text.replace("\n", "\r\n")
    yield "cr", lambda text: text.replace("\n", "\r")
    yield "hex", partial(_octet, "{:02x}")
    yield "HEX", partial(_octet, "{:02X}")
    for name, in_octets in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
        yield name, partial(_base64, in_octets)
        yield (
            f"{name}-bare",
            partial(_then, partial(_base64, in_octets), lambda made: made.rstrip("=")),
        )


SPELLINGS: Mapping[str, Encode] = dict(_spellings())
"""The notations in which programs write a text, by names of one word."""

_MAX_SPELT = 20_000


def spelling(text: str, spelt: str) -> tuple[str, ...] | None:
    """The names of the notations, the outermost first, that make ``spelt`` of a text.

    None where no two of them do.
    """
    if len(spelt) > _MAX_SPELT:
        return None
    inner: dict[str, str] = {}
    for name, encode in SPELLINGS.items():
        once = encode(text)
        if once == spelt:
            return (name,)
        inner.setdefault(once, name)
    for once, name in inner.items():
        for outer, encode in SPELLINGS.items():
            if encode(once) == spelt:
                return outer, name
    return None
