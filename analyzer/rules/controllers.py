"""K209: controllers whose Python module, or whose function in it, is not there.

Nothing is imported: modules are looked for as at run time, and those beside the manifest are read.
What a module makes while it is imported (``__getattr__``, ``import *``, ``globals()``) is not
known, and then nothing is said.
"""

from __future__ import annotations

import ast
import re
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.message import Message
from analyzer.findings.messages import k2_contracts
from analyzer.program.program import Program
from kernel.manifest import Definition
from kernel.manifest.python_modules import find_in, find_own, is_installed
from kernel.manifest.suggest import nearest
from kernel.structs import field, struct

MAX_BYTES: Final = 1_000_000
"""Of a module beside a manifest; a longer one is not read."""

_DYNAMIC: Final = frozenset(
    ("__getattr__", "__dict__", "globals", "vars", "locals", "exec", "eval", "setattr", "modules")
)
"""Where a module uses one of these names, it may have other names than it writes."""


def check_controller(check: UnitCheck) -> None:
    """The module and the attribute that a definition names as its controller."""
    definition, folder = check.unit.owner, check.unit.module.folder
    if not isinstance(definition, Definition) or definition.controller is None or folder is None:
        return
    name, _, attribute = str(definition.controller.get("python")).partition(":")
    if not attribute or not all((*name.split("."), *attribute.split("."))):
        return  # the schema of a definition says what is wrong with it
    known = check.program.once(_modules)
    found = known.get((folder, name))
    if found is None:
        found = known[folder, name] = _look_up(folder, name)
    message = found.message or _missing(found, name, attribute.partition(".")[0])
    if message is not None:
        check.add(message, ("controller", "python"))


@struct
class _Found:
    """What is known of a module: what is wrong with it, or the names that it has, if all are known.

    ``text`` is the module as it is written, ``names`` are read from it when they are asked for;
    ``folder`` is that of a package, whose modules may be names of it.
    """

    message: Message | None = None
    text: bytes | None = None
    folder: str | None = None
    names: list[frozenset[str] | None] = field(default_factory=list)


_NOTHING_KNOWN: Final = _Found()


def _modules(program: Program) -> dict[tuple[Path, str], _Found]:
    """The modules that were looked up, by the folder of a manifest and their name."""
    return {}


def _look_up(folder: Path, name: str) -> _Found:
    top, *rest = name.split(".")
    spec = find_own(str(folder), top)
    if spec is not None:
        return _look_inside(spec, name, rest)
    if not is_installed(top):
        return _Found(k2_contracts.no_module(top, _shown(folder)))
    hidden = find_in(str(folder), top) if rest else None
    if hidden is not None and _look_inside(hidden, name, rest).message is None:
        return _Found(k2_contracts.hidden_module(name, top))
    return _NOTHING_KNOWN


def _look_inside(spec: ModuleSpec, name: str, rest: list[str]) -> _Found:
    """The module ``name`` of a folder, from the spec of its first part on."""
    done = spec.name
    for part in rest:
        if spec.submodule_search_locations is None:
            hides = "." not in done and is_installed(done)
            return _Found(k2_contracts.no_package(name, done, _file_of(spec), hides=hides))
        if (text := _text_of(spec)) is not None and b"__path__" in text:
            return _NOTHING_KNOWN
        inner = find_in(spec.submodule_search_locations[0], part)
        if inner is None:
            return _Found(k2_contracts.no_submodule(name, done, part))
        spec, done = inner, f"{done}.{part}"
    places = spec.submodule_search_locations
    return _Found(text=_text_of(spec), folder=places[0] if places else None)


def _text_of(spec: ModuleSpec) -> bytes | None:
    """The source of a module, if it has one that is not too long."""
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None
    try:
        with open(spec.origin, "rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return text if len(text) <= MAX_BYTES else None


def _missing(found: _Found, module: str, name: str) -> Message | None:
    """What is wrong with a name that a module is to have; None where it has it, or may have it."""
    if found.text is None or name.startswith("__") or _is_defined(found.text, name):
        return None
    if not found.names:
        try:
            found.names.append(_names_of(ast.parse(found.text)))
        except SyntaxError as error:
            return k2_contracts.broken_module(module, error.msg, error.lineno)
        except (ValueError, RecursionError, MemoryError):
            found.names.append(None)
    known = found.names[0]
    is_module = found.folder is not None and find_in(found.folder, name) is not None
    if known is None or name in known or is_module:
        return None
    return k2_contracts.no_attribute(module, name, nearest(name, known))


def _is_defined(text: bytes, name: str) -> bool:
    """Whether a line begins with the definition of a function or a class of that name."""
    pattern = rf"^(?:async[ \t]+def|def|class)[ \t]+{name}\b"
    return re.search(pattern.encode(), text, re.MULTILINE) is not None


def _names_of(tree: ast.Module) -> frozenset[str] | None:
    """All names that are bound anywhere in a module; None where there may be others."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name):
                names.add(name)
            case ast.alias(name="*"):
                return None
            case ast.alias(name=name, asname=alias):
                names.update((alias or name).split("."))
            case ast.Attribute(attr=name) if name in _DYNAMIC:
                return None
            case ast.Global(names=listed):
                names.update(listed)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
    return None if names & _DYNAMIC else frozenset(names)


def _shown(folder: Path) -> str:
    return folder.name or str(folder)


def _file_of(spec: ModuleSpec) -> str:
    return Path(spec.origin or "").name
