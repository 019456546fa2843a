"""K901: what nothing uses: values that nobody reads, variables, secrets, definitions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from analyzer.findings.finding import Finding
from analyzer.findings.messages import k9_hygiene
from analyzer.program.linking import Linked, Unit
from analyzer.program.program import Program
from analyzer.program.variables import ELSEWHERE
from kernel.cel import CelSyntaxError, references, scan
from kernel.manifest import Declaration, Document, Module, Resource
from kernel.structs import struct
from kernel.topology.forms import Step, Steps, all_steps
from kernel.topology.step_names import steps_read
from kernel.topology.topology import Topology

Reference = tuple[str | int, ...]
"""What an expression reads: a name and the fields of it."""

_MAY_BE_MEANT: Final = frozenset(("environment", "principal", "resources", "target"))
"""Variables with the names that people give to their own."""


def find_unused(program: Program) -> Iterator[Finding]:
    """What nothing uses, in every module of a manifest.

    Nothing is said of documents whose reading found mistakes: what is wrong there may be the use.
    """
    linked = program.linked
    faulty: dict[str, list[int]] = {}
    for one in program.of_reading:
        if one.span is not None:
            faulty.setdefault(one.span.file, []).append(one.span.line)
    for lines in faulty.values():
        lines.sort()
    documents = _documents(linked)
    wrong = {
        one
        for several in documents.values()
        for one in several
        if _holds(one, faulty.get(one.file))
    }
    for unit in linked.units.values():
        if unit.document not in wrong:
            yield from unread_values(unit)
    for module, several in documents.items():
        if wrong.isdisjoint(several):
            yield from unread_variables(module, several)
    if not wrong:
        yield from unused_definitions(linked)


def _holds(document: Document, lines: list[int] | None) -> bool:
    """Whether one of some lines of its file, which are sorted, is in a document."""
    if lines is None:
        return False
    whole = document.span()
    return bisect_left(lines, whole.line) < bisect_right(lines, whole.end_line)


# Values


def unread_values(unit: Unit) -> Iterator[Finding]:
    """The ``value`` steps of a topology whose result goes nowhere."""
    topology = unit.topology
    if topology is None or not any(map(_is_value, all_steps(topology.steps))):
        return
    read = _steps_read(topology)
    if read is None or not {step.name for step in all_steps(topology.steps)}.issuperset(read):
        return  # a name that no step has may be meant for any of them
    answers = topology.result is None
    steps = topology.steps
    if topology.is_one_form:
        steps = tuple(step for one in steps for part in one.parts for step in part.steps)
    for step in _Reading(read).idle(steps, answers):
        path = (*step.path, "name") if step.name else (*step.path, "value")
        yield k9_hygiene.unread_value(step.name).at(unit.document.span(path), path)


@struct
class _Reading:
    """Which ``value`` steps nobody reads; ``read`` are the names of those that somebody does."""

    read: Collection[str]

    def idle(self, steps: Steps, answers: bool) -> Iterator[Step]:
        """The unused steps at the top. ``answers``: the results by name are read from outside."""
        for step in steps:
            yield from self.step(step, False, answers)

    def inner(self, steps: Steps, wanted: bool, answers: bool) -> Iterator[Step]:
        """The unused steps in a form. ``wanted``: its result, that of the last step, is read.

        The last one without a name says what comes of it, if only to whoever reads the manifest.
        """
        for number, step in enumerate(steps, 1):
            last = number == len(steps)
            yield from self.step(step, last and (wanted or step.name is None), answers)

    def step(self, step: Step, wanted: bool, answers: bool) -> Iterator[Step]:
        named = step.name is not None and (answers or step.name in self.read)
        here = wanted or named
        if _is_value(step) and not here:
            yield step
        for part in step.parts:
            if not part.is_caught:  # a value that is tried may be there to fail
                wanted = here and part.gives_result
                yield from self.inner(part.steps, wanted, answers and not part.is_isolated)


def _is_value(step: Step) -> bool:
    return step.form.gives == "value"


def _steps_read(topology: Topology) -> Collection[str] | None:
    """The steps that a topology reads by name; None where it reads ``steps`` as a whole."""
    fields = (field.template for step in all_steps(topology.steps) for field in step.fields)
    found: set[str] = set()
    for template in (*fields, *([] if topology.result is None else [topology.result])):
        read = steps_read(template)
        if read is None:
            return None
        found |= read
    return found


# Variables and secrets


def _documents(linked: Linked) -> dict[Module, dict[Document, None]]:
    """The documents of each module; those that are of none, since they are wrong, are of all."""
    found: dict[Module, dict[Document, None]] = {}
    for unit in linked.units.values():
        found.setdefault(unit.module, {})[unit.document] = None
    placed = {document for documents in found.values() for document in documents}
    for document in linked.manifest.documents:
        if document not in placed:
            for documents in found.values():
                documents[document] = None
    return found


def unread_variables(module: Module, documents: Collection[Document]) -> Iterator[Finding]:
    """The variables and secrets of a module that none of its expressions reads."""
    declared = {"vars": module.vars, "secrets": module.secrets}
    unread = {(root, name): one for root, all_ in declared.items() for name, one in all_.items()}
    for document in documents:
        if not unread:
            return
        try:
            read = _references(document.data)
        except CelSyntaxError:
            return  # what does not parse may read anything
        for reference in read:
            for key in list(_read_by(reference, declared)):
                unread.pop(key, None)
    for (root, name), one in unread.items():
        what = "variable" if root == "vars" else "secret"
        yield k9_hygiene.unread_variable(what, name).at(one.span, one.path)


def _references(data: Any) -> set[Reference]:
    """What the expressions in a document read; ``CelSyntaxError`` where one does not parse."""
    texts: set[str] = set()
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            if "${{" in value:
                texts.add(value)
        elif type(value) is dict:
            waiting += value.values()
        elif type(value) is list:
            waiting += value
    embedded = (one for text in texts for one in scan(text) if not isinstance(one, str))
    return {reference for one in embedded for reference in references(one.expr)}


def _read_by(
    reference: Reference, declared: Mapping[str, Mapping[str, Declaration]]
) -> Iterator[tuple[str, str]]:
    """What a reference reads; a name that nothing has may be meant for any of them."""
    root, *rest = reference
    if root in declared:
        names = declared[str(root)]
        read = [name for name in rest[:1] if name in names] or names
        yield from ((str(root), str(name)) for name in read)
    elif root not in ELSEWHERE or root in _MAY_BE_MEANT:
        for kind, names in declared.items():
            yield from ((kind, name) for name in names if name in reference[:2])


# Definitions


def unused_definitions(linked: Linked) -> Iterator[Finding]:
    """The definitions of a module that is run by itself, of which it has no resource.

    What other modules import, or what is exported, is for others to use; a controller may call what
    its inputs name.
    """
    root = linked.manifest.root
    if not root.definitions or not _is_run(linked, root):
        return
    used = frozenset(_named(document.data for document in linked.manifest.documents))
    for definition in root.definitions.values():
        if definition.name in (root.exports or ()):
            continue
        if used.isdisjoint((definition.kind, definition.name)):
            path = ("metadata", "name")
            message = k9_hygiene.unused_kind(definition.kind)
            yield message.at(definition.document.span(path), path)


def _is_run(linked: Linked, module: Module) -> bool:
    """Whether a module has something to run, and is not for others only."""
    if module.targets is not None:
        return True
    units = (unit for unit in linked.units.values() if unit.module is module)
    return any(isinstance(one.owner, Resource) and one.topology is not None for one in units)


def _named(values: Iterable[Any]) -> Iterator[str]:
    """What the texts of some documents may name: a kind, one with a resource, one in a schema."""
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            yield value.partition("#" if "#" in value else "/")[0]
        elif type(value) is dict or isinstance(value, Mapping):
            waiting += [item for key, item in value.items() if key != "metadata"]
        elif isinstance(value, list):
            waiting += value
