"""docs/language.md is made by :func:`reference`, from the definitions and the tables of the code.

After a change of a definition or a table, ``python -m tests.test_language`` writes the page anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from analyzer.editor.cursor import vocabulary
from analyzer.program import variables
from kernel.cli.words import Word, groups, own_fields
from kernel.errors import InvocationError
from kernel.manifest import Definition, library_module, library_names
from kernel.manifest.system_kinds import SYSTEM_KINDS
from kernel.schema.keywords import _VALUES as OWN_KEYWORDS
from kernel.schema.keywords import traits
from kernel.topology.steps import FORMS

PAGE = Path(__file__).parent.parent / "docs" / "language.md"

HEAD = """\
# The language

A reference of all that a manifest can say. It is made from the definitions and the tables that the
kernel itself reads, by `python -m tests.test_language`; a test holds the two together. The README
explains the language on one page, [cel.md](cel.md) has the functions of CEL,
[check.md](check.md) the rules of `kernel check`, [safety.md](safety.md) the safety classes,
[policy.md](policy.md) the policies, [modules.md](modules.md) the imports.
`kernel explain Http.Request` prints the entry of a kind.

In the tables `a.b` is the field `b` of the object `a`, `a[]` an element of the list `a`, `a.*` the
value of any key of `a`. A field in **bold** must be there. Types are those of JSON; "CEL" is an
expression in `${{ … }}`.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip("\n") + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield "## The words\n"
    yield from _said("The words")
    yield "\n### Capabilities\n"
    yield from _said("Capabilities")
    yield "\n## A resource\n\nEvery document of a manifest is one, and begins with these fields.\n"
    yield from _fields(vocabulary.HEAD)
    for kind, more in vocabulary.MORE_METADATA.items():
        yield f"`metadata` of a `{kind}` also has:\n"
        yield from _fields({"properties": more})
    yield "## A reference\n\nA resource may also stand in place of a reference, without a name.\n"
    yield from _fields(vocabulary.REFERENCE)
    yield "## The kinds of the kernel\n"
    for kind, schema in SYSTEM_KINDS.items():
        yield f"### {kind}\n"
        yield from _fields(schema)
    yield "### A variable or a secret of Kernel.Module\n\nA JSON Schema, which may also say:\n"
    of_schemas = vocabulary.SCHEMA["properties"]
    declared = vocabulary.DECLARATION["properties"].items()
    yield from _fields({"properties": {k: v for k, v in declared if k not in of_schemas}})
    yield "### The body of a Kernel.Definition\n"
    yield from _fields(vocabulary.TOPOLOGY)
    yield "### How many invocations of a topology go on at a time\n"
    yield "The field `concurrency` of every topology: see [concurrency.md](concurrency.md).\n"
    yield from _fields(vocabulary.CONCURRENCY)
    yield "## A call site\n\nThe same fields wherever something is called.\n"
    yield from _fields(vocabulary.CALL_SITE)
    yield "## Steps\n\nA step has one of these fields, its form, and may have those beside it."
    yield "`name`, `description` and `when` go with every form.\n"
    for name, form in FORMS.items():
        others = sorted(form.fields - {name})
        said = f", with {', '.join(f'`{other}`' for other in others)}" if others else ""
        yield f"- `{name}`{said}"
    yield "\nThe forms by their names, and what each gives:\n"
    yield from _said("Forms of a step")
    yield "\nWhat the fields mean, but for those that are the same as at every call site:\n"
    site = vocabulary.CALL_SITE["properties"]
    own = {
        name: node
        for name, node in vocabulary.STEP["properties"].items()
        if node is not site.get(name)
    }
    yield from _fields({"properties": own})
    yield "### Nodes of a workflow\n\nA node is a step that may also have:\n"
    yield from _fields({"properties": own_fields(vocabulary.NODE, vocabulary.STEP)})
    yield "### Entries of a router\n\nAn entry is a call site that also has:\n"
    yield from _fields({"properties": own_fields(vocabulary.ENTRY, vocabulary.CALL_SITE)})
    yield "## Variables of CEL\n"
    yield "| variable | where |\n|---|---|"
    yield "| `vars` | everywhere in the module |"
    for name, where in variables.ELSEWHERE.items():
        yield f"| `{name}` | {_cell(where)} |"
    records = (
        ("invocation", variables.INVOCATION), ("error", variables.ERROR), ("event", variables.EVENT)
    )  # fmt: skip
    for name, record in records:
        inside = next((word.inside for word in _group("Names in scope") if word.name == name), ())
        says = {word.name: word.says for word in inside}
        yield f"\nThe fields of `{name}`:\n\n| field | type | |\n|---|---|---|"
        for field, entry in record.fields:
            yield f"| `{field}` | {_cell(str(entry.type))} | {_cell(says.get(field, ''))} |"
    yield "\n## Errors of the kernel\n"
    yield (
        "`error.kind` is the category. `error.code` is the code that a definition declares or "
        "that a controller gives;\nan error of the kernel has that of the table, or another. It is "
        "text or an int: where a `try` can fail with\neither, `string(error.code)` joins it, and "
        "`type(error.code) == int` asks before it is compared.\n"
    )
    yield "| kind | code | outcome | what happened |\n|---|---|---|---|"
    for error in (InvocationError, *_errors(InvocationError)):
        said = (error.__doc__ or "").strip().split("\n\n")[0].replace("``", "`")
        code = getattr(error, "default_code", error.category)
        yield f"| `{error.category}` | `{code}` | {error.default_outcome} | {_cell(said)} |"
    yield "\n### Codes of the kernel (`error.code`)\n"
    yield from _said("Codes of the kernel (`error.code`)")
    yield "\n## Safety classes\n\nFrom the least to the most strict:\n"
    yield from _said("Safety classes")
    for name in ("Outcomes of invocations and runs", "States of a run", "States of an approval"):
        yield f"\n## {name}\n"
        yield from _said(name)
    yield "\n## Events\n\nThe type of an event is `<Kind>.<Name>.<word>`.\n"
    yield from _said("Events")
    yield "\n## Keywords of schemas\n\nJSON Schema 2020-12, and our own keywords.\n"
    yield from _fields({"properties": vocabulary.SCHEMA["properties"]}, depth=0)
    yield "## The library\n"
    for module in library_names():
        loaded = library_module(module)
        assert loaded is not None
        for definition in loaded.definitions.values():
            yield from _kind(definition)


def _said(name: str) -> Iterator[str]:
    """A list of the words of a group, with what `kernel explain` says of them."""
    for word in _group(name):
        yield f"- `{word.name}`: {word.says}"


def _group(name: str) -> tuple[Word, ...]:
    return next(group.words for group in groups() if group.name == name)


def _errors(above: type[InvocationError]) -> Iterator[type[InvocationError]]:
    for error in above.__subclasses__():
        if "category" in vars(error):  # one without is reported as what it is derived from
            yield error
            yield from _errors(error)


def _kind(definition: Definition) -> Iterator[str]:
    yield f"### {definition.kind}\n"
    yield f"{definition.description}\n"
    safety = definition.safety or "none declared"
    what = "Published" if definition.capability in ("Provider", "Service") else "Outputs"
    yield f"Capability: {definition.capability}. Safety class: `{safety}`.\n"
    for title, schema in (
        ("Fields of a resource", definition.schema),
        ("Inputs of a call", definition.inputs),
        (what, definition.outputs),
    ):
        rows = list(_rows(schema or {}, schema or {}))
        if rows:
            yield f"{title}:\n"
            yield from _table(rows)
    if definition.errors:
        yield "Errors:\n\n| code | retryable | outcome | |\n|---|---|---|---|"
        for code, details in definition.errors.items():
            details = details or {}
            retryable = {True: "yes", False: "never", None: ""}[details.get("retryable")]
            outcome, said = details.get("outcome", ""), _cell(details.get("description", ""))
            yield f"| `{code}` | {retryable} | {outcome} | {said} |"
        yield ""


def _fields(schema: Mapping[str, Any], depth: int = 3) -> Iterator[str]:
    return _table(_rows(schema, schema, depth=depth))


def _table(rows: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    yield "| field | type | default | |\n|---|---|---|---|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _rows(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: str = "", depth: int = 3
) -> Iterator[tuple[str, str, str, str]]:
    """The fields of a schema, the outer before the inner."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        node = inner if isinstance(inner, Mapping) else {}
        shown = f"`{path}{name}`"
        default = f"`{json.dumps(node['default'])}`" if "default" in node else ""
        yield (
            f"**{shown}**" if name in required else shown,
            _cell(_type(node)), default, _cell(node.get("description", "")),
        )  # fmt: skip
        if depth:
            for part, below in _parts(node):
                yield from _rows(below, root, f"{path}{name}{part}.", depth - 1)


def _parts(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "", node
    for keyword, part in (("items", "[]"), ("additionalProperties", ".*")):
        below = node.get(keyword)
        if isinstance(below, Mapping) and ("$ref" not in below or "properties" in below):
            yield part, below


def _type(node: Mapping[str, Any]) -> str:
    own = traits(node)
    if own.ref:
        return f"reference to `{own.ref}`"
    if own.call:
        return "call site"
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kernel-role") == "steps":
        return "steps"
    if own.eval and "type" not in node:
        return "CEL"
    kinds = node.get("type", "any")
    return " or ".join(kinds if isinstance(kinds, list) else [kinds])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def test_the_page_is_made_from_the_definitions_and_the_tables() -> None:
    assert PAGE.read_text("utf-8") == reference()


def test_the_page_is_complete() -> None:
    page = PAGE.read_text("utf-8")
    for module in library_names():
        loaded = library_module(module)
        assert loaded is not None
        for definition in loaded.definitions.values():
            assert f"### {definition.kind}\n" in page
            section = page.partition(f"### {definition.kind}\n")[2].partition("\n### ")[0]
            for schema in (definition.schema, definition.inputs, definition.outputs):
                for name in (schema or {}).get("properties", {}):
                    assert f"`{name}`" in section, (definition.kind, name)
            for code in definition.errors or {}:
                assert f"`{code}`" in section
    for form in FORMS.values():
        assert all(f"`{field}`" in page for field in form.fields)
    assert all(f"`{keyword}`" in page for keyword in OWN_KEYWORDS)
    assert [word.name for group in groups() for word in group.words if not _is_on(page, word)] == []


def _is_on(page: str, word: Word) -> bool:
    return f"`{word.name}`" in page or f"`{word.name}[" in page


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
