"""Standard output and standard error as the command writes them: any text, and no error.

A character that the encoding of a stream lacks is written as JSON escapes it. A stream that takes
no more (its device is full, its reader has gone) swallows what follows, so that the command does
all that it was asked for and keeps its exit status; :func:`settled` then says what was not written.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import IO, Any, TextIO

UNWRITTEN = 5
"""The exit status of a command that did what it was asked for and could not write its answer."""

_ESCAPE = "kernel.escape"
_ASCII = "kernel_ascii"
"""ASCII by another name: click writes UTF-8 to a stream that has the name ASCII itself."""


class _Raw(io.FileIO):
    """A file descriptor whose first failure is kept, and after which nothing is written."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        while self.failure is None:
            try:
                written = super().write(view)
            except OSError as error:
                self.failure = error
            else:
                if written is not None:
                    return written
                _wait_until_writable(self.fileno())
        return len(view)


_stdout: io.TextIOWrapper | None = None
_kept = ""
"""Says where the answer that has been printed can be read."""


def prepare() -> None:
    """Put streams that raise no error in the place of standard output and standard error."""
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:  # closed: no file of ours may get the number; output to it is not lost
            os.open(os.devnull, mode)
    codecs.register_error(_ESCAPE, _escaped)
    codecs.register(_ascii)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    global _stdout, _kept
    _kept = ""
    sys.stdout = _stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, given: TextIO | None) -> io.TextIOWrapper:
    raw = _Raw(number, "w", closefd=False)
    encoding = "utf-8" if given is None else given.encoding
    encoding = _ASCII if codecs.lookup(encoding).name == "ascii" else encoding
    by_line = number == 2 or raw.isatty()
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding=encoding, errors=_ESCAPE, line_buffering=by_line)


def _ascii(name: str) -> codecs.CodecInfo | None:
    known = codecs.lookup("ascii") if name == _ASCII else None
    if known is None:
        return None
    whole = (known.streamreader, known.streamwriter)
    steps = (known.incrementalencoder, known.incrementaldecoder)
    return codecs.CodecInfo(known.encode, known.decode, *whole, *steps, name=_ASCII)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    units = memoryview(text.encode("utf-16", "surrogatepass"))[2:].cast("H")
    return "".join(f"\\u{unit:04x}" for unit in units), error.end


def _wait_until_writable(number: int) -> None:
    import select  # rarely needed: only what is not blocking has to be waited for

    select.select((), (number,), ())


def is_utf8(file: IO[str] | None = None) -> bool:
    """Whether a stream, else standard output, carries all of Unicode as programs expect it."""
    encoding = getattr(file or sys.stdout, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name == "utf-8"


def carried(json: str, file: IO[str] | None = None) -> str:
    """A JSON text as a stream carries it: where that is not in UTF-8, in ASCII (RFC 8259, 8.1)."""
    return json if is_utf8(file) else json.encode("ascii", _ESCAPE).decode("ascii")


def is_lost() -> bool:
    """Whether standard output takes no more."""
    return _failure() is not None


def answer_is_kept(place: str) -> None:
    """Say ``place`` if the answer, which has been printed now, could not be written."""
    global _kept
    _kept = place


def _failure() -> OSError | None:
    raw = None if _stdout is None else getattr(_stdout.buffer, "raw", None)
    return raw.failure if isinstance(raw, _Raw) else None


def settled(status: int) -> int:
    """Say what could not be written. The exit status: that of the command, or ``UNWRITTEN``.

    A reader that has gone has read what it wanted. Where it misses the answer of a run, this says
    where it is kept.
    """
    if _stdout is not None:
        _stdout.flush()
    failure = _failure()
    if failure is None:
        return status
    is_gone = isinstance(failure, BrokenPipeError)
    if _kept or not is_gone:
        why = failure.strerror or str(failure)
        sys.stderr.write(f"Error: the answer could not be written to standard output: {why}\n")
    if _kept:
        sys.stderr.write(f"{_kept}\n")
    return status or (0 if is_gone else UNWRITTEN)
