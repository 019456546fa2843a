"""Single mutations of correct manifests: the slips that people make, each at one place.

A mutation is ``sure`` to change the meaning where its construction alone says so: a name that is
nowhere, a step that runs before the one it reads, a guard that is gone. The others are judged by
running: their meaning has changed if the run has another outcome, or another result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.cel import Expr, compile_template
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Ident,
    Literal,
    Logical,
    Macro,
    Select,
    walk,
)
from kernel.manifest import Manifest, find_kind, inspect
from kernel.manifest.document import Document
from kernel.manifest.nodes import Node
from kernel.manifest.offsets import offsets

Edit = tuple[int, int, str]
DataPath = tuple[Any, ...]

FORMS = ("steps", "stages", "do", "then", "else", "try", "catch", "finally", "default")
"""Fields that hold a list of steps."""

NOT_OURS = ("inputs", "outputs", "schema", "properties", "value", "result", "errors", "yields")
"""Fields whose keys are the author's own."""


@dataclass(frozen=True)
class Mutation:
    """Edits of one file; ``what`` they do, for people."""

    operator: str
    what: str
    file: Path
    line: int
    edits: tuple[Edit, ...]
    sure: bool = True

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}: {self.operator}: {self.what}"

    def applied(self, text: str) -> str:
        """The text with the edits."""
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


@dataclass(frozen=True)
class Entry:
    """A value in a document: under a key of a mapping, or in a sequence."""

    document: Document
    path: DataPath
    parent: Node
    number: int

    @property
    def key(self) -> Node | None:
        return self.parent.keys[self.number] if self.parent.kind == "mapping" else None

    @property
    def node(self) -> Node:
        return self.parent.items[self.number]

    @property
    def data(self) -> Any:
        return at(self.document, self.path)

    @property
    def text(self) -> str:
        return self.document.source.text

    def made(self, operator: str, what: str, *edits: Edit, sure: bool = True) -> Mutation:
        source = self.document.source
        line, _ = source.position(self.node.start)
        return Mutation(operator, what, Path(source.name), line, edits, sure)


@dataclass(frozen=True)
class Place:
    """An expression in a scalar of a document."""

    entry: Entry
    root: Expr
    value: str
    places: list[int]
    whole: bool

    def source(self, expr: Expr) -> str:
        """The expression as it stands in the file, with the escapes of its scalar."""
        return self.entry.text[self.places[expr.offset] : self.places[expr.end]].rstrip()

    def edit(self, start: int, end: int, new: str) -> Edit:
        return self.places[start], self.places[end], new

    def replace(self, operator: str, expr: Expr, new: str, sure: bool = True) -> Mutation:
        what = f"{self.source(expr)} → {new}"
        return self.entry.made(operator, what, self.edit(expr.offset, expr.end, new), sure=sure)

    def named(self, operator: str, expr: Expr, name: str, sure: bool = True) -> Mutation:
        """The name with which an expression ends is misspelt."""
        new = misspelt(name)
        what = f"{self.source(expr)}: {name} → {new}"
        edit = self.edit(expr.end - len(name), expr.end, new)
        return self.entry.made(operator, what, edit, sure=sure)


def mutations(*paths: Path) -> Iterator[Mutation]:
    """All mutations of the manifest that the paths make together."""
    manifest, faults = inspect(*paths)
    assert not faults
    for document in manifest.documents:
        for entry in entries(document):
            for of_entry in OF_ENTRIES:
                yield from of_entry(manifest, entry)
            for place in expressions(entry):
                for of_place in OF_EXPRESSIONS:
                    yield from of_place(manifest, place)


def entries(document: Document) -> Iterator[Entry]:
    """Every value of a document but the root, outer before inner."""
    waiting: list[tuple[DataPath, Node]] = [((), document.root())]
    while waiting:
        path, node = waiting.pop()
        for number, item in enumerate(node.items):
            step = number if node.kind == "sequence" else node.keys[number].value
            yield Entry(document, (*path, step), node, number)
            waiting.append(((*path, step), item))


def expressions(entry: Entry) -> Iterator[Place]:
    """The expressions of a scalar."""
    value = entry.node.value
    if not isinstance(value, str) or "${{" not in value:
        return
    places = offsets(entry.text, entry.node)
    assert places is not None, f"{entry.document.file}: {value}"
    tree = compile_template(value).tree
    for _, embedded in tree.expressions():
        yield Place(entry, embedded.expr, value, places, tree.scalars[()].whole is not None)


def at(document: Document, path: DataPath) -> Any:
    data = document.data
    for step in path:
        data = data[step]
    return data


def misspelt(name: str) -> str:
    """A slip: the letter in the middle is left out."""
    middle = len(name) // 2
    return name[:middle] + name[middle + 1 :] if len(name) > 2 else f"{name}x"


def end_of(text: str, node: Node) -> int:
    """Where a node really ends: a block of YAML ends where the next thing begins."""
    return node.start + len(text[node.start : node.end].rstrip())


def without(entry: Entry) -> Edit:
    """The edit that takes an entry out of its mapping or sequence."""
    parent, number, text = entry.parent, entry.number, entry.text
    starts = parent.keys if parent.kind == "mapping" else parent.items
    if number + 1 < len(starts):
        return starts[number].start, starts[number + 1].start, ""
    if number:
        return end_of(text, parent.items[number - 1]), end_of(text, entry.node), ""
    return parent.start, end_of(text, parent), "{}" if parent.kind == "mapping" else "[]"


# Expressions -------------------------------------------------------------------------------------


def misspell_name(_: Manifest, place: Place) -> Iterator[Mutation]:
    """A variable, a step, an input, a declared value: what is nowhere is always wrong."""
    macros = [one for one in walk(place.root) if isinstance(one, Macro)]
    bound = {name for macro in macros for name in macro.variables}
    for expr in walk(place.root):
        match expr:
            case Ident(name=name) if name not in bound:
                yield place.named("misspell a variable", expr, name)
            case Select(operand=Ident(name="steps"), field=name):
                yield place.named("misspell a step", expr, name)
            case Select(operand=Ident(name="vars" | "secrets" | "resources"), field=name):
                yield place.named("misspell a declared value", expr, name)
            case Select(operand=Ident(name="inputs"), field=name):
                if declares_input(place.entry, name):
                    yield place.named("misspell an input", expr, name)
            case Select(field=name):
                yield place.named("misspell a member", expr, name, sure=False)


def declares_input(entry: Entry, name: str) -> bool:
    """Whether the topology around an expression declares its inputs, this one among them."""
    for length in range(len(entry.path), -1, -1):
        above = at(entry.document, entry.path[:length])
        schema = above.get("inputs") if isinstance(above, dict) else None
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            return name in schema["properties"]
    return False


def misspell_function(_: Manifest, place: Place) -> Iterator[Mutation]:
    for expr in walk(place.root):
        if isinstance(expr, Call | Macro):
            name = expr.function if isinstance(expr, Call) else expr.name
            last = name.rpartition(".")[2]
            start = place.value.find(f"{last}(", expr.offset)
            if start >= 0:
                edit = place.edit(start, start + len(last), misspelt(last))
                what = f"{place.source(expr)}: {last} → {misspelt(last)}"
                yield place.entry.made("misspell a function", what, edit)


def retype_literal(_: Manifest, place: Place) -> Iterator[Mutation]:
    """A number that becomes text, where it is calculated or compared with; a text, a number."""
    for expr in walk(place.root):
        if isinstance(expr, Binary) and expr.operator not in ("in", "==", "!="):
            for side in (expr.left, expr.right):
                if isinstance(side, Literal) and type(side.value) in (int, float, str):
                    old = place.source(side)
                    new = "5" if isinstance(side.value, str) else f"'{old}'"
                    edit = place.edit(side.offset, side.end, new)
                    what = f"{place.source(expr)}: {old} → {new}"
                    yield place.entry.made("retype a literal", what, edit)


def swap_arguments(_: Manifest, place: Place) -> Iterator[Mutation]:
    """The sides of ``in``; the receiver and the argument of a function of two types."""
    for expr in walk(place.root):
        if isinstance(expr, Binary) and expr.operator == "in":
            new = f"{place.source(expr.right)} in {place.source(expr.left)}"
            yield place.replace("swap two arguments", expr, new)
        if isinstance(expr, Call) and expr.target is not None and len(expr.args) == 1:
            function = expr.function
            if function == "join":
                one, other = place.source(expr.target), place.source(expr.args[0])
                yield place.replace("swap two arguments", expr, f"{other}.{function}({one})")


def is_guard(expr: Expr) -> bool:
    """Whether a condition asks for presence, for null, or for a size."""
    if isinstance(expr, Macro) and expr.name == "has":
        return True
    if isinstance(expr, Binary) and expr.operator == "!=":
        return any(isinstance(s, Literal) and s.value is None for s in (expr.left, expr.right))
    return isinstance(expr, Logical) and any(map(is_guard, expr.operands))


def asked(condition: Expr, place: Place) -> list[str]:
    """What a guard asks for, as it is written."""
    found = []
    for expr in walk(condition):
        if isinstance(expr, Macro) and expr.name == "has":
            inner = place.source(expr).partition("(")[2].rstrip(")").strip()
            found.append(inner)
        elif isinstance(expr, Binary) and expr.operator == "!=":
            found.append(place.source(expr.left).strip())
    return found


def unguard(_: Manifest, place: Place) -> Iterator[Mutation]:
    """A guard is taken out, or turned around, although what it guards is still read."""
    for expr in walk(place.root):
        if isinstance(expr, Conditional) and is_guard(expr.condition):
            then, other = place.source(expr.then), place.source(expr.otherwise)
            if any(path in then for path in asked(expr.condition, place)):
                # Null may stand in a text; what is not there may not.
                sure = place.whole or "null" not in place.source(expr.condition)
                yield place.replace("take a guard out", expr, then, sure)
                new = f"{place.source(expr.condition)} ? {other} : {then}"
                yield place.replace("swap the ways of a guard", expr, new, sure)
        if isinstance(expr, Logical) and expr.operator == "&&" and is_guard(expr.operands[0]):
            rest = " && ".join(place.source(one) for one in expr.operands[1:])
            # Equality with null is as good as a comparison: nothing fails.
            used = any(
                f"{path}." in rest or f"{path} <" in rest or f"{path} >" in rest
                for path in asked(expr.operands[0], place)
            )
            if used:
                # A guard of what a step gave is one of the step as well.
                asks = "has(steps." in rest
                yield place.replace("take a guard out", expr, rest, not asks)


# Entries -----------------------------------------------------------------------------------------


def reads_of(data: Any) -> Iterator[tuple[str, bool]]:
    """The steps that CEL in some data reads, each with whether a guard asks for it."""
    if isinstance(data, str) and "${{" in data:
        for _, embedded in compile_template(data).tree.expressions():
            guarded = {
                name
                for macro in walk(embedded.expr)
                if isinstance(macro, Macro) and macro.name == "has"
                for name in step_names(macro)
            }
            yield from ((name, name in guarded) for name in step_names(embedded.expr))
    elif isinstance(data, dict | list):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from reads_of(inner)


def step_names(expr: Expr) -> Iterator[str]:
    for one in walk(expr):
        if (
            isinstance(one, Select)
            and isinstance(one.operand, Ident)
            and one.operand.name == "steps"
        ):
            yield one.field


def is_step(entry: Entry) -> bool:
    return (
        entry.parent.kind == "sequence"
        and isinstance(entry.data, dict)
        and any(step in FORMS for step in entry.path[-2:-1])
    )


def topology_of(entry: Entry) -> Any:
    """What stands around a step: the nearest mapping with a list of all steps."""
    for length in range(len(entry.path), -1, -1):
        above = at(entry.document, entry.path[:length])
        if isinstance(above, dict) and {"steps", "stages"} & above.keys():
            return above
    return None


def is_read(entry: Entry) -> bool:
    """Whether another step, or the result, reads a step without asking whether it is there."""
    name = entry.data.get("name")
    read = [guarded for found, guarded in reads_of(topology_of(entry)) if found == name]
    return name is not None and False in read


def drop_step(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    if is_step(entry) and is_read(entry):
        yield entry.made("drop a step", f"step {entry.data['name']}", without(entry))


def misspell_step(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    if is_step(entry) and is_read(entry):
        node = entry.node.child("name")
        assert node is not None
        name = entry.data["name"]
        edit = (node[1].start, node[1].end, misspelt(name))
        yield entry.made("misspell a step", f"name: {name} → {misspelt(name)}", edit)


def reorder_steps(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A step goes before the one above it, which it reads."""
    if not is_step(entry) or not entry.number:
        return
    before, here = entry.parent.items[entry.number - 1], entry.node
    first = at(entry.document, (*entry.path[:-1], entry.number - 1))
    inside = set(names_in(first))
    if not any(name in inside and not guarded for name, guarded in reads_of(entry.data)):
        return
    text = entry.text
    one, other = (before.start, end_of(text, before)), (here.start, end_of(text, here))
    edits = ((*one, text[slice(*other)]), (*other, text[slice(*one)]))
    yield entry.made("reorder two steps", f"what reads {', '.join(sorted(inside))}", *edits)


def names_in(step: Any) -> Iterator[str]:
    """The names of a step and of those inside."""
    if isinstance(step, dict):
        if isinstance(step.get("name"), str) and not {"kind", "metadata"} & step.keys():
            yield step["name"]
        for field, inner in step.items():
            if field not in ("value", "inputs", "invoke"):
                yield from names_in(inner)
    elif isinstance(step, list):
        for inner in step:
            yield from names_in(inner)


def swap_names(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """Two steps, of which the second reads the first, with each other's names."""
    if not is_step(entry) or not entry.number:
        return
    path = (*entry.path[:-1], entry.number - 1)
    first, second = at(entry.document, path), entry.data
    if not isinstance(first, dict) or not first.get("name") or not second.get("name"):
        return
    if (first["name"], False) in set(reads_of(second)):
        before = entry.parent.items[entry.number - 1].child("name")
        here = entry.node.child("name")
        assert before is not None
        assert here is not None
        edits = (
            (before[1].start, before[1].end, second["name"]),
            (here[1].start, here[1].end, first["name"]),
        )
        yield entry.made("swap two names", f"{first['name']}, {second['name']}", *edits)


def references(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """The kind of a resource, and what a reference names."""
    key = entry.path[-1]
    above = at(entry.document, entry.path[:-1])
    if not isinstance(above, dict) or not isinstance(entry.data, str):
        return
    if any(step in NOT_OURS for step in entry.path[:-1]):
        return
    if key == "kind" and "." in entry.data and "${{" not in entry.data:
        new = misspelt(entry.data)
        edit = (entry.node.start, entry.node.end, new)
        yield entry.made("misspell a kind", f"{entry.data} → {new}", edit)
    if key == "name" and "kind" in above and len(entry.path) > 2:
        new = misspelt(entry.data)
        edit = (entry.node.start, entry.node.end, new)
        yield entry.made("misspell a reference", f"{entry.data} → {new}", edit)


def misspell_field(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A field of a resource, a definition, the module, a step or a call site."""
    key = entry.key
    if key is None or any(step in NOT_OURS for step in entry.path[:-1]) or "vars" in entry.path:
        return
    name = str(entry.path[-1])
    top = len(entry.path) == 1 and name != "kind"
    step = len(entry.path) > 2 and entry.path[-3] in FORMS and isinstance(entry.path[-2], int)
    if (top and closed(entry)) or step:
        edit = (key.start, key.end, misspelt(name))
        yield entry.made("misspell a field", f"{name} → {misspelt(name)}", edit)


def closed(entry: Entry) -> bool:
    """Whether a resource is of a kind that takes no other fields: those of the library, say."""
    kind = str(entry.document.data.get("kind"))
    return kind.partition(".")[0] in (
        "Kernel",
        "Run",
        "Sql",
        "File",
        "Http",
        "Python",
        "Log",
        "Time",
    )


def drop_field(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A field that a resource needs."""
    if entry.key is None or len(entry.path) != 1:
        return
    for module in manifest.modules.values():
        for resource in module.resources.values():
            if resource.document is entry.document:
                found = find_kind(module, resource.kind)
                schema = None if found is None else found[0].schema
                if entry.path[0] in (schema or {}).get("required", ()):
                    yield entry.made("drop a field", str(entry.path[0]), without(entry))


def change_input(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """An input of a call site is not given, or under another name."""
    if not is_input(entry) or entry.key is None:
        return
    name = str(entry.path[-1])
    schema = contract_of(manifest, entry)
    required = name in schema.get("required", ())
    if required:
        yield entry.made("drop an input", name, without(entry))
    if required or schema.get("additionalProperties") is False:
        edit = (entry.key.start, entry.key.end, misspelt(name))
        yield entry.made("misspell an input", f"{name} → {misspelt(name)}", edit)


def contract_of(manifest: Manifest, entry: Entry) -> dict[str, Any]:
    """The inputs that are declared by what a call site calls."""
    target = at(entry.document, entry.path[:-2])["invoke"]
    name = str(target.get("name", "")).rpartition(".")[2]
    for module in manifest.modules.values():
        if isinstance(target.get("inputs"), dict):
            return dict(target["inputs"])
        if name in module.resources and "properties" in module.resources[name].fields.get(
            "inputs", {}
        ):
            return dict(module.resources[name].fields["inputs"])
        found = find_kind(module, target["kind"])
        if found is not None and found[0].inputs is not None:
            return dict(found[0].inputs)
    return {}


def is_input(entry: Entry) -> bool:
    """Whether an entry is an input that a call site writes out."""
    if len(entry.path) < 3 or entry.path[-2] != "inputs" or entry.key is None:
        return False
    site = at(entry.document, entry.path[:-2])
    return isinstance(site, dict) and "invoke" in site


def retype_input(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A literal that a call site passes, where the contract says what it is."""
    if not is_input(entry) or entry.node.kind != "scalar" or "${{" in str(entry.data):
        return
    if "type" not in contract_of(manifest, entry).get("properties", {}).get(entry.path[-1], {}):
        return
    new = '"a text"' if not isinstance(entry.data, str) else "12"
    edit = (entry.node.start, entry.node.end, new)
    yield entry.made(
        "retype a literal", f"{entry.path[-1]}: {entry.data} → {new}", edit, sure=False
    )


UNFIT = {"when": '"${{ 1 }}"', "approval": '"${{ 1 }}"', "idempotencyKey": '""'}


def unfit_field(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A field of a call site gets what it never takes."""
    name, new = str(entry.path[-1]), UNFIT.get(str(entry.path[-1]))
    site = at(entry.document, entry.path[:-1])
    if new is not None and isinstance(site, dict) and "invoke" in site:
        edit = (entry.node.start, end_of(entry.text, entry.node), new)
        yield entry.made("unfit a field", f"{name}: {entry.data} → {new}", edit)


def swap_inputs(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """Two inputs of different types with each other's values."""
    if not is_input(entry) or not entry.number:
        return
    before, here, text = entry.parent.items[entry.number - 1], entry.node, entry.text
    types = contract_of(manifest, entry).get("properties", {})
    one, other = (
        types.get(entry.parent.keys[number].value, {}).get("type")
        for number in (entry.number - 1, entry.number)
    )
    if one and other and one != other and before.kind == here.kind == "scalar":
        edits = (
            (before.start, before.end, text[here.start : here.end]),
            (here.start, here.end, text[before.start : before.end]),
        )
        yield entry.made("swap two inputs", str(entry.path[-1]), *edits, sure=False)


def retype_schema(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """The type of an input, of which there is a call site that writes it out."""
    path = entry.path
    if path[-1] != "type" or path[-4:-2] != ("inputs", "properties"):
        return
    if isinstance(entry.data, str) and entry.data in OTHER and path[-2] in written_out(manifest):
        edit = (entry.node.start, entry.node.end, OTHER[entry.data])
        what = f"{path[-2]}: {entry.data} → {OTHER[entry.data]}"
        yield entry.made("retype a schema", what, edit, sure=False)


def written_out(manifest: Manifest) -> set[str]:
    """The names of all inputs that call sites write out."""
    return {
        str(entry.path[-1])
        for document in manifest.documents
        for entry in entries(document)
        if is_input(entry)
    }


OTHER = {
    "string": "integer",
    "integer": "string",
    "number": "string",
    "boolean": "string",
    "array": "string",
}


def drop_required(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """An input is no longer required, although it is read without a guard, and has no default."""
    if len(entry.path) < 3 or entry.path[-2] != "required" or entry.path[-3] != "inputs":
        return
    owner = at(entry.document, entry.path[:-3])
    declared = at(entry.document, entry.path[:-2]).get("properties", {}).get(entry.data)
    has_default = isinstance(declared, dict) and "default" in declared
    if entry.data in set(inputs_read(owner)) and not has_default:
        edit = (entry.parent.start, entry.parent.end, "[]")
        if len(entry.parent.items) > 1:
            edit = without(entry)
        yield entry.made("drop a requirement", f"required: {entry.data}", edit)


def inputs_read(data: Any) -> Iterator[str]:
    """The inputs that CEL in some data reads where nothing in the expression asks for them."""
    if isinstance(data, str) and "${{" in data:
        for _, embedded in compile_template(data).tree.expressions():
            if not any(isinstance(one, Macro) and one.name == "has" for one in walk(embedded.expr)):
                for one in walk(embedded.expr):
                    match one:
                        case Select(operand=Ident(name="inputs"), field=name):
                            if f"?{name}" not in data:
                                yield name
    elif isinstance(data, dict | list):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from inputs_read(inner)


def misspell_property(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """An input is declared by another name than it is read by."""
    if entry.key is None or entry.path[-3:-1] != ("inputs", "properties"):
        return
    owner = at(entry.document, entry.path[:-3])
    if entry.path[-1] in set(inputs_read(owner)):
        new = misspelt(entry.path[-1])
        edit = (entry.key.start, entry.key.end, new)
        # Without it in `required` as well, nothing says what it is: any value, but it is there.
        closed = at(entry.document, entry.path[:-2]).get("additionalProperties") is False
        yield entry.made("misspell a property", f"{entry.path[-1]} → {new}", edit, sure=closed)
        yield entry.made("drop a property", entry.path[-1], without(entry), sure=closed)


def drop_variable(manifest: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A declaration of the module that something reads."""
    if entry.path[:-1] in (("vars",), ("secrets",)):
        word = f"{entry.path[0]}.{entry.path[-1]}"
        if any(
            word in source.text.replace(f"# {word}", "") for source in of_module(manifest, entry)
        ):
            yield entry.made("drop a declaration", word, without(entry))


def of_module(manifest: Manifest, entry: Entry) -> Iterator[Any]:
    folder = Path(entry.document.file).parent
    return (source for source in manifest.sources if Path(source.name).parent == folder)


def drop_when(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A condition that guards what its step reads."""
    if entry.path[-1] != "when" or entry.key is None or not isinstance(entry.data, str):
        return
    step = at(entry.document, entry.path[:-1])
    for place in expressions(entry):
        rest = str({key: value for key, value in step.items() if key != "when"})
        if is_guard(place.root) and any(path in rest for path in asked(place.root, place)):
            yield entry.made("drop a condition", entry.data, without(entry))


def drop_case(_: Manifest, entry: Entry) -> Iterator[Mutation]:
    """A case of a switch; it may be left to a default, but not under another name."""
    if entry.key is None or len(entry.path) < 3 or entry.path[-2] != "cases":
        return
    if len(entry.parent.items) > 1 and "default" not in at(entry.document, entry.path[:-2]):
        yield entry.made("drop a case", str(entry.path[-1]), without(entry), sure=False)
    if isinstance(entry.path[-1], str):
        new = misspelt(entry.path[-1])
        rename = (entry.key.start, entry.key.end, new)
        yield entry.made("misspell a case", f"{entry.path[-1]} → {new}", rename, sure=False)


OF_EXPRESSIONS: list[Callable[[Manifest, Place], Iterator[Mutation]]] = [
    misspell_name,
    misspell_function,
    retype_literal,
    swap_arguments,
    unguard,
]

OF_ENTRIES: list[Callable[[Manifest, Entry], Iterator[Mutation]]] = [
    drop_step,
    misspell_step,
    reorder_steps,
    swap_names,
    references,
    misspell_field,
    drop_field,
    change_input,
    retype_input,
    unfit_field,
    swap_inputs,
    retype_schema,
    drop_required,
    misspell_property,
    drop_variable,
    drop_when,
    drop_case,
]
