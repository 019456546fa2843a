"""What a Kernel.Module says of names: its exports, the values for its imports, what it serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kernel.errors import Fault, Path
from kernel.manifest.document import Document
from kernel.manifest.model import Module
from kernel.manifest.suggest import did_you_mean


def module_faults(module: Module, document: Document) -> Iterator[Fault]:
    """The names of a Kernel.Module that nothing has (K201, K205)."""
    yield from _exports(module, document)
    for alias in module.passed:
        yield from _passed(module, alias)
    served = (document.data.get("serve") or {}).get("agent")
    if served is not None and served not in module.resources:
        help = did_you_mean(served, module.resources)
        path: Path = ("serve", "agent")
        yield Fault("K201", f"there is no resource `{served}`", document.span(path), help, path)


def _exports(module: Module, document: Document) -> Iterator[Fault]:
    known = {*module.resources, *(one.name for one in module.definitions.values())}
    known.update(name.rpartition(".")[2] for name in module.lost)
    for number, name in enumerate(module.exports or ()):
        if name not in known:
            help = did_you_mean(name, known - {*(module.exports or ())})
            path: Path = ("exports", number)
            message = f"there is no kind and no resource `{name}` to export"
            yield Fault("K201", message, document.span(path), help, path)


def _passed(module: Module, alias: str) -> Iterator[Fault]:
    """The values for which an imported module declares nothing."""
    passed, imported = module.passed[alias], module.imports[alias]
    groups = (
        ("vars", passed.vars, imported.vars, imported.secrets),
        ("secrets", passed.secrets, imported.secrets, imported.vars),
    )
    for group, values, declared, others in groups:
        for name in values:
            if name not in declared:
                path = (*passed.path, group, name)
                what = "variable" if group == "vars" else "secret"
                message = f"{imported.name} declares no {what} `{name}`"
                help = _meant(name, group, declared, others)
                yield Fault("K205", message, passed.document.span(path, key=True), help, path)


def _meant(name: str, group: str, declared: Iterable[str], others: Iterable[str]) -> str | None:
    if name in set(others):
        other = "secrets" if group == "vars" else "vars"
        return f"it is one of its {other}: write it in `{other}`"
    return did_you_mean(name, declared)
