"""The public API: what `docs/python.md` lists is what there is, described, typed and shipped."""

from __future__ import annotations

import inspect
import re
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kernel

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")


def listed() -> list[str]:
    """The names in the first column of the table of public names."""
    section = PAGE.partition("## The public names")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]


def test_the_page_lists_the_public_names_each_once() -> None:
    assert sorted(listed()) == kernel.__all__ == sorted(set(kernel.__all__))
    assert set(dir(kernel)) == set(kernel.__all__)


@pytest.mark.parametrize("name", kernel.__all__)
def test_a_public_name_can_be_imported_and_is_described(name: str) -> None:
    found = getattr(kernel, name)
    if inspect.isclass(found) or inspect.isfunction(found) or inspect.ismodule(found):
        assert len(inspect.getdoc(found) or "") > 10, name


def functions() -> Iterator[tuple[str, Any]]:
    """All public functions, and the public methods of the public classes."""
    for name in kernel.__all__:
        found = getattr(kernel, name)
        if inspect.isfunction(found):
            yield name, found
        elif inspect.isclass(found):
            # A class of plain data declares its fields; its __init__ is made of them.
            is_made = "__struct_fields__" in vars(found)
            for method, value in vars(found).items():
                value = value.fget if isinstance(value, property) else value
                is_public = not method.startswith("_") or (method == "__init__" and not is_made)
                if is_public and isinstance(value, types.FunctionType):
                    yield f"{name}.{method}", value


@pytest.mark.parametrize(("name", "function"), [*functions()])
def test_public_functions_are_annotated_and_described(name: str, function: Any) -> None:
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            assert parameter.annotation is not parameter.empty, f"{name}({parameter.name})"
    if not name.endswith(".__init__"):
        assert signature.return_annotation is not signature.empty, name
        assert inspect.getdoc(function), name


def test_the_marks_of_typed_packages_are_shipped() -> None:
    """The wheel holds whole packages; each has the mark of PEP 561."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {"kernel", "definitions", "analyzer"} == set(packages)
    for package in packages:
        assert (ROOT / package / "py.typed").is_file()
    assert "Typing :: Typed" in project["project"]["classifiers"]


def test_the_synchronous_facade_has_what_the_kernel_has() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in vars(cls) if not name.startswith("_")}

    own = {"references"}  # of the journal, for the command
    assert public(kernel.Kernel) - own <= public(kernel.SyncKernel)
    for name in ("invoke", "apply", "resume", "recover", "lost", "subscribe", "let_go"):
        facade = list(inspect.signature(getattr(kernel.SyncKernel, name)).parameters.values())
        assert facade == list(inspect.signature(getattr(kernel.Kernel, name)).parameters.values())
