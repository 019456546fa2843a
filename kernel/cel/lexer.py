"""Text to tokens, and literals to values (CEL specification, Syntax)."""

from __future__ import annotations

import re
from typing import Final

from kernel.cel.errors import CelSyntaxError
from kernel.cel.values import INT_MAX, UINT_MAX, UInt

MAX_LENGTH: Final = 100_000
"""The longest text of one expression, or of one scalar with expressions in it, in code points."""

Token = tuple[str, str, int, int]
"""Kind, text, offset, end. The kind of an operator or a word of the language is its text."""

_SPACE = r"[ \t\n\f\r]*+(?://[^\n]*+[ \t\n\f\r]*+)*+"

# Raw strings come first; the bodies are possessive, so that a missing quote costs linear time.
_STRING = r"""
    [bB]?[rR](?: \"{3}(?:(?!\"{3})[\s\S])*+\"{3} | '{3}(?:(?!'{3})[\s\S])*+'{3}
               | \"[^\"\n\r]*+\" | '[^'\n\r]*+' )
  | [bB]?(?: \"{3}(?:[^\\"]|\\[\s\S]|\"(?!\""))*+\"{3} | '{3}(?:[^\\']|\\[\s\S]|'(?!''))*+'{3}
           | \"(?:[^\\"\n\r]|\\.)*+\" | '(?:[^\\'\n\r]|\\.)*+' )
"""

_TOKEN = re.compile(
    rf"""
    {_SPACE}(?:
    ((?![bB]?[rR]?['"])[A-Za-z_][A-Za-z0-9_]*+)
  | ([0-9]*\.[0-9]++(?:[eE][+-]?[0-9]++)?+|[0-9]++[eE][+-]?[0-9]++)
  | (0x[0-9a-fA-F]++[uU]?|[0-9]++[uU]?)
  | (&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{{}}])
  | ({_STRING})
  | (`[A-Za-z0-9_./\ -]++`)
  | (\Z)
  | ([\s\S])
    )""",
    re.VERBOSE,
)

_IDENT, _FLOAT, _INT, _OPERATOR, _STRING_TOKEN, _QUOTED, _END, _BAD = range(1, 9)
_KINDS: Final = ("", "name", "float", "int", "", "string", "quoted", "end", "")

WORDS: Final = frozenset({"true", "false", "null", "in"})
RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)


def tokenize(text: str, start: int = 0, embedded: bool = False) -> list[Token]:
    """The tokens of ``text`` from ``start``, the last one of kind ``end``.

    ``embedded``: stop at the ``}`` that closes no ``{``: the end of an embedded expression.
    Raises ``CelSyntaxError`` for a character or a literal that is not of the language.
    """
    limit = start + MAX_LENGTH
    tokens: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(text, start, limit):
        group = match.lastindex or _BAD
        offset, end = match.span(group)
        word = match[group]
        if group == _OPERATOR:
            if embedded and word in "{}":
                depth += 1 if word == "{" else -1
                if depth < 0:
                    tokens.append(("end", "", offset, offset))
                    break
            tokens.append((word, word, offset, end))
        elif group == _IDENT:
            tokens.append((word if word in WORDS else "name", word, offset, end))
        elif group == _BAD:
            raise CelSyntaxError(_complaint(text, offset), offset, end, text)
        else:
            tokens.append((_KINDS[group], word, offset, end))
            if group == _END:
                break
    if tokens[-1][2] == limit < len(text):
        message = f"an expression is at most {MAX_LENGTH:,} characters long"
        raise CelSyntaxError(message, start, limit, text)
    return tokens


def _complaint(text: str, offset: int) -> str:
    character = text[offset]
    if character in "\"'":
        return "the string is not closed"
    if text[offset : offset + 2] == "=>":
        return "a function of an element is written 'list.map(x, x + 1)'"
    hints = {
        "=": "; equality is '=='",
        "&": "; and is '&&'",
        "|": "; or is '||'",
        "`": "; texts are put together with '+'",
    }
    return f"unexpected character {character!r}{hints.get(character, '')}"


def number(token: Token, negative: bool, text: str) -> int | float | UInt:
    """The value of a number token; ``CelSyntaxError`` when it is out of range."""
    kind, word, offset, end = token
    if kind == "float":
        return -float(word) if negative else float(word)
    # Python refuses to read thousands of digits, and they are too large anyway.
    digits = word.rstrip("uU")
    base = 16 if digits.startswith("0x") else 10
    value = int(digits, base) if len(digits) < 40 else UINT_MAX + 1
    if word[-1] in "uU":
        if value > UINT_MAX:
            raise CelSyntaxError("a uint literal is in 0 .. 2**64 - 1", offset, end, text)
        return UInt(value)
    if value > INT_MAX + negative:
        raise CelSyntaxError("an int literal fits in 64 bits", offset, end, text)
    return -value if negative else value


_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|)"
)
_SIMPLE: Final = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def string(token: Token, text: str) -> str | bytes:
    """The value of a string or bytes token; ``CelSyntaxError`` for a bad escape."""
    word, offset = token[1], token[2]
    start = min(position for quote in "\"'" if (position := word.find(quote)) >= 0)
    prefix = word[:start].lower()
    width = 3 if word[start : start + 3] in ('"""', "'''") and len(word) >= start + 6 else 1
    body = word[start + width : -width]
    if "\\" not in body or "r" in prefix:
        return body.encode("utf-8", "surrogatepass") if "b" in prefix else body
    if "b" in prefix:
        return _unescaped_bytes(body, offset + start + width, text)
    return _ESCAPE.sub(lambda m: _character(m, offset + start + width, text), body)


def _unescaped_bytes(body: str, base: int, text: str) -> bytes:
    parts: list[bytes] = []
    position = 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[position : match.start()].encode())
        position = match.end()
        if match[3] or match[4]:
            raise _bad_escape(match, base, text)
        character = _character(match, base, text)
        parts.append(bytes([ord(character)]))
    parts.append(body[position:].encode())
    return b"".join(parts)


def _character(match: re.Match[str], base: int, text: str) -> str:
    simple, hexadecimal, short, long, octal = match.groups()
    if simple:
        return _SIMPLE.get(simple, simple)
    if octal:
        return chr(int(octal, 8))
    digits = hexadecimal or short or long
    code = int(digits, 16) if digits else -1
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _bad_escape(match, base, text)
    return chr(code)


def _bad_escape(match: re.Match[str], base: int, text: str) -> CelSyntaxError:
    offset, end = base + match.start(), base + match.end()
    return CelSyntaxError("the escape sequence is not valid", offset, max(end, offset + 2), text)
