"""Who may know whom: the import directions of the house, kept."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_args

import pytest

from kernel.topology import forms

ROOT = Path(__file__).parent.parent
PACKAGES = ("kernel", "analyzer", "definitions")

LAYERS = (
    {
        "errors",
        "json_text",
        "lazy_names",
        "run_paths",
        "safety",
        "sql_text",
        "structs",
        "threads",
        "version",
    },
    {"manifest", "schema", "cel", "events"},
    {"policy"},
    {"registry", "topology"},
    {"journal"},
    {"invocation"},
    {"typed"},
    {"runtime"},
    {"triggers", "drivers"},
    {"server"},
    {"cli"},
)
"""From low to high: a module knows its own layer and those below."""

INVOCATION = (
    "values flow invoker replay_order atomic lease around queue",
    "activity",
    "history",
    "runtime",
    "run",
    "context",
    "invocation time_limits",
    "slots",
    "calls.call calls.starting",
    "calls.bound_site calls.controller",
    "calls.one_attempt",
    "recovery.answers recovery.endings recovery.retry recovery.reconcile recovery.silent",
    "recovery.attempts",
    "recovery.interrupted",
    "recovery.claims",
    "stages.expect",
    "stages.authorise",
    "stages.*",
    "recorded",
    "decisions pauses",
    "pipeline",
    "rehearsal",
)
"""From low to high: a file of ``kernel.invocation`` knows those below its own line only.

So there is no circle among them. Imports for types alone, and within functions, count.
"""

ANALYZER = (
    "types",
    "findings",
    "lowering report",
    "expressions program",
    "flow",
    "checks taint",
    "rules",
    "pipeline",
    "batch editor",
    "lsp",
)
"""From low to high: a wing of the analyzer knows itself and those on lines above its own."""

HEAVY = {"httpx", "starlette", "uvicorn", "sqlalchemy", "psycopg"}
"""Packages of the extras: nothing in the core may know them."""


def level(package: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if package in layer)


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Each imported module and the line, also imports for the type checker and in functions."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                continue  # stays within its own folder
            names = [node.module or ""]
            if node.module in ("kernel", "definitions", "analyzer"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                yield name, node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno


def imported_files(file: Path) -> set[str]:
    """The modules that a file imports anywhere, also those that it imports from a folder."""
    found: set[str] = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            folder = file.parents[node.level - 1].relative_to(ROOT).parts if node.level else ()
            source = ".".join([*folder, *filter(None, [node.module])])
            for alias in node.names:
                name = f"{source}.{alias.name}"
                path = ROOT / name.replace(".", "/")
                is_file = path.with_suffix(".py").exists() or (path / "__init__.py").exists()
                found.add(name if is_file else source)
    return found


@functools.cache
def public_homes() -> dict[str, str]:
    """Where the names of the public API really are: ``runtime.kernel`` for ``Kernel``."""
    import kernel

    homes = {name: getattr(getattr(kernel, name), "__module__", "") for name in kernel.__all__}
    return {
        name: home.removeprefix("kernel.")
        for name, home in homes.items()
        if home.startswith("kernel.")
    }


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("file", files("kernel"), ids=lambda f: str(f.relative_to(ROOT)))
def test_kernel_modules_know_only_what_lies_below(file: Path) -> None:
    own = file.relative_to(ROOT / "kernel").parts[0].removesuffix(".py")
    if own == "__init__":
        return  # the public API names all of them, and imports them when they are used
    for name, line in imports(file):
        package, _, rest = name.partition(".")
        if package == "analyzer":
            is_gate = file == ROOT / "kernel/runtime/gate.py"
            assert own == "cli" or is_gate, f"{file}:{line} knows the analyzer"
        assert package != "definitions", f"{file}:{line} knows the standard library"
        assert package not in HEAVY, f"{file}:{line} knows {package}, which is an extra"
        target = public_homes().get(rest, rest).partition(".")[0]
        if package == "kernel" and target:
            assert level(target) <= level(own), f"{file}:{line}: {own} knows {name}"


def invocation_level(module: str) -> int:
    """The line of ``INVOCATION`` on which a module stands."""
    found = {name: at for at, line in enumerate(INVOCATION) for name in line.split()}
    folder = module.partition(".")[0]
    return found[module] if module in found else found[f"{folder}.*"]


@pytest.mark.parametrize(
    "file", files("kernel/invocation"), ids=lambda f: str(f.relative_to(ROOT / "kernel/invocation"))
)
def test_the_files_of_an_invocation_stand_in_an_order(file: Path) -> None:
    if file.name == "__init__.py":
        assert not list(imports(file))
        return
    folder = ROOT / "kernel/invocation"
    own = ".".join(file.relative_to(folder).with_suffix("").parts)
    for name in imported_files(file):
        target = name.removeprefix("kernel.invocation.")
        if target != name:
            assert invocation_level(target) < invocation_level(own), f"{file} knows {name}"


@pytest.mark.parametrize("file", files("analyzer"), ids=lambda f: str(f.relative_to(ROOT)))
def test_the_wings_of_the_analyzer_stand_in_an_order(file: Path) -> None:
    levels = {wing: at for at, line in enumerate(ANALYZER) for wing in line.split()}
    own = file.relative_to(ROOT / "analyzer").parts[0].removesuffix(".py")
    if own == "__init__":
        return  # the public API names what it imports when it is used
    for name in imported_files(file):
        package, _, rest = name.partition(".")
        wing = rest.partition(".")[0]
        if package == "analyzer" and wing != own:
            assert levels[wing] < levels[own], f"{file}: {own} knows {name}"


def test_no_files_know_each_other_in_a_circle() -> None:
    """Imports for types alone, and within functions, count."""
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for package in PACKAGES
        for file in files(package)
    }
    graph = {
        name: (imported_files(file) & modules.keys()) - {name} for name, file in modules.items()
    }
    TopologicalSorter(graph).prepare()


def test_few_imports_stand_within_functions() -> None:
    """Such an import is for the time of a start, or of a package that need not be there."""
    within = {
        (file, node.lineno)
        for package in PACKAGES
        for file in files(package)
        for function in ast.walk(parsed(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert len(within) < 100


@pytest.mark.parametrize("package", ["kernel", "analyzer"])
def test_no_file_and_no_class_is_too_long(package: str) -> None:
    for file in files(package):
        assert file.read_text("utf-8").count("\n") <= 450, file
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.ClassDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                assert length <= 250, f"{file}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("file", files("definitions"), ids=lambda f: str(f.relative_to(ROOT)))
def test_definitions_know_the_public_api_only(file: Path) -> None:
    import kernel

    for name, line in imports(file):
        package, _, rest = name.partition(".")
        assert package != "analyzer", f"{file}:{line} knows the analyzer"
        if package == "kernel" and rest:
            assert rest in kernel.__all__, f"{file}:{line}: {name} is not public"


def test_nothing_in_the_kernel_knows_a_kind_by_its_name() -> None:
    kinds = {
        f"{match.group('module')}.{match.group('name')}"
        for file in (ROOT / "definitions").rglob("*.yaml")
        if "examples" not in file.parts
        for match in re.finditer(
            r"^metadata:\s*\{?\s*name: (?P<name>\w+)[,\s]+module: (?P<module>\w+)",
            file.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    assert len(kinds) >= 12
    for file in [*files("kernel"), *files("analyzer")]:
        tree = parsed(file)
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert id(node) in documentation or node.value not in kinds, f"{file}:{node.lineno}"


def test_the_analyzer_walks_the_forms_of_steps_and_knows_none_by_its_name() -> None:
    names = {form.__name__ for form in get_args(forms.Form)}
    assert len(names) >= 11
    for file in files("analyzer"):
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.ImportFrom) and node.module == "kernel.topology.forms":
                assert not names & {alias.name for alias in node.names}, f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                named = node.value.id == "forms" and node.attr in names
                assert not named, f"{file}:{node.lineno}"


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import kernel", {"pydantic", "ruamel", "asyncio", "jsonschema", "click", "rich"}),
        ("import kernel.cel", {"pydantic", "ruamel", "asyncio", "jsonschema", "re2"}),
        ("import kernel.cli", {"click", "rich", "asyncio"}),
        ("import kernel.cli.app", {"rich", "asyncio", "pydantic", "ruamel"}),
        (
            "import kernel.cli.check",
            {"analyzer", "rich", "asyncio", "pydantic", "ruamel", "jsonschema", "jsonschema_rs"},
        ),
        (
            "import kernel.cli.checking",
            {"_ruamel_yaml", "ruamel", "rich", "asyncio", "pydantic", "jsonschema_rs", "rpds"},
        ),
        ("import kernel.manifest", {"pydantic", "jsonschema", "asyncio", "rich", "networkx"}),
        ("import kernel.runtime.kernel", {"jsonschema", "rich", "networkx", "sqlalchemy", "httpx"}),
    ],
)
def test_start_up_imports_nothing_that_is_not_needed(statement: str, heavy: set[str]) -> None:
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not heavy & set(loaded)


def test_the_public_api_is_sorted_and_complete() -> None:
    import kernel

    assert kernel.__all__ == sorted(kernel.__all__)
    for name in kernel.__all__:
        assert getattr(kernel, name) is not None
