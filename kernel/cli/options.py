"""Options that several commands share, and the values that they read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from kernel.errors import ManifestError, UsageError
from kernel.json_text import JsonError, JsonValueError, read_json

F = TypeVar("F", bound=Callable[..., Any])

MANIFEST = click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="PATH")


def output(*forms: str) -> Callable[[F], F]:
    """The option ``-o``: text, which is the default, or a document."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(forms or ("text", "json", "yaml")),
        default="text",
        show_default=True,
        help="How the answer is printed.",
    )


VARS = click.option(
    "--var",
    "vars",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for a declared variable or secret. May be repeated.",
)
VAR_FILE = click.option(
    "--var-file",
    "var_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Values from a YAML or JSON file. May be repeated; --var comes first.",
)
INPUT = click.option(
    "--input",
    multiple=True,
    metavar="NAME=VALUE",
    help="One input of the target. May be repeated; goes over --inputs.",
)
INPUTS = click.option(
    "--inputs",
    "inputs_file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="The inputs of the target, from a YAML or JSON file; - is standard input.",
)
EVENTS = click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Append every event to FILE, as CloudEvents, one line of JSON each.",
)


def _ask_for_tracebacks(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[_DEBUG] = "1"


_DEBUG = "KERNEL_DEBUG"

DEBUG = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_ask_for_tracebacks,
    help=f"Print the Python traceback of an error, without secrets. {_DEBUG}=1 does the same.",
)


def wants_traceback() -> bool:
    """Whether the person wants to see tracebacks."""
    return os.environ.get(_DEBUG, "") not in ("", "0")


DEFAULT_JOURNAL = ".kernel/journal.db"


def _journal(help: str) -> Callable[[F], F]:
    return click.option(
        "--journal",
        default=DEFAULT_JOURNAL,
        show_default=True,
        envvar="KERNEL_JOURNAL",
        show_envvar=True,
        metavar="PLACE",
        help=help,
    )


JOURNAL = _journal("The journal: a file, or postgresql://…")
RECORDED = _journal("Where the run is recorded: a file, postgresql://…, or memory: for nowhere.")
CALLER = click.option(
    "--principal", metavar="NAME", help="The caller, for policies.  [default: user:<login name>]"
)
ENVIRONMENT = click.option(
    "--environment",
    default="",
    envvar="KERNEL_ENVIRONMENT",
    show_envvar=True,
    metavar="NAME",
    help="Where this runs, for the policies: production, …",
)
REASON = click.option("--reason", metavar="TEXT", help="The reason; it is recorded.")
PRINCIPAL = click.option(
    "--principal", metavar="NAME", help="Who decides.  [default: user:<login name>]"
)
NO_CHECK = click.option(
    "--no-check",
    is_flag=True,
    help="Run without `kernel check` before it: mistakes are then found when part of the work is "
    "done.",
)


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator; the help shows them in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


RUNNING = together(VARS, VAR_FILE, INPUT, INPUTS, EVENTS, NO_CHECK, RECORDED, DEBUG)
CALLING = together(CALLER, ENVIRONMENT, output())
DECIDING = together(JOURNAL, REASON, PRINCIPAL, output())


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping. Raises ``click.UsageError``."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE, got {name!r}")
        found[name] = value
    return found


def variables(files: tuple[Path, ...], given: tuple[str, ...]) -> dict[str, Any]:
    """The values of ``--var-file`` and, above them, ``--var``."""
    read = (read_mapping(file, "--var-file") for file in files)
    found = {name: value for mapping in read for name, value in mapping.items()}
    return {**found, **pairs("--var", given)}


def read_mapping(path: Path, option: str) -> dict[str, Any]:
    """The mapping that a YAML or JSON file holds. Raises :class:`UsageError`."""
    from kernel.schema import SchemaError, check_json  # for start-up time

    try:
        octets = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = octets.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {path} cannot be read: {error}") from None
    try:
        data = check_json(_read_data(text, path))
    except (ManifestError, JsonError, SchemaError) as error:
        more = "\n" if isinstance(error, ManifestError) else " "
        raise UsageError(f"{option} {path} does not parse:{more}{error}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UsageError(f"{option} {path} holds no mapping of names to values")
    return data


def _read_data(text: str, path: Path) -> Any:
    """The value of a text: JSON is read as JSON, anything else as YAML."""
    is_json = path.suffix.lower() == ".json"
    if is_json or text.lstrip()[:1] in ("{", "["):
        try:
            return read_json(text)
        except JsonValueError:
            raise
        except JsonError:
            if is_json:
                raise
    from kernel.manifest import read_data  # for start-up time

    return read_data(text, str(path))


def read_inputs(
    file: Path | None, given: tuple[str, ...], schemas: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of ``--inputs`` and, above them, ``--input``, typed by these schemas."""
    found = {} if file is None else read_mapping(file, "--inputs")
    for name, text in pairs("--input", given).items():
        try:
            found[name] = _typed(text, schemas.get(name))
        except ValueError as error:
            raise UsageError(f"--input {name}=…: {error}") from None
    return found


def _typed(text: str, schema: Mapping[str, Any] | bool | None) -> Any:
    """The value that ``text`` stands for at a place with this schema.

    Raises ValueError for one that cannot be of the type that the schema names.
    """
    from kernel.manifest import from_text, types_of  # for start-up time

    types = types_of(schema) if isinstance(schema, Mapping) else set()
    if types:
        assert isinstance(schema, Mapping)
        value = from_text(text, schema)
        if isinstance(value, str) and "string" not in types:
            _read(text)  # says what is wrong, if it is JSON
            raise ValueError(f"it must be of type {' or '.join(sorted(types))}")
        return value
    if text.strip() in ("NaN", "Infinity", "-Infinity"):
        return text
    return _read(text)


def _read(text: str) -> Any:
    """A text read as JSON; a text that is not JSON stays a text. Raises :class:`JsonValueError`."""
    try:
        return read_json(text)
    except JsonValueError:
        raise
    except JsonError:
        return text
