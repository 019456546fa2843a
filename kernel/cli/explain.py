"""``kernel explain``: a kind, a field, a CEL function or a rule, from its own documentation."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import find_rule, page
from kernel.cel import MACROS, TABLE
from kernel.cli.options import output
from kernel.cli.render import show
from kernel.cli.words import Word, entries, groups, names
from kernel.errors import UsageError
from kernel.manifest import (
    Definition,
    Module,
    find_kind,
    library_module,
    library_names,
    load,
    schemas_of,
)
from kernel.manifest.common_fields import with_common_fields
from kernel.manifest.suggest import did_you_mean, nearest
from kernel.manifest.system_kinds import SYSTEM_KINDS
from kernel.schema import InvalidSchema
from kernel.schema.bundle import INT64, bundle, local
from kernel.schema.keywords import traits
from kernel.schema.resources import MAX_DEPTH, Schemas

_CODE = re.compile(r"[Kk]\d\w*")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


@click.command("explain")
@click.argument("what", metavar="[KIND[.FIELD]|WORD|RULE]", required=False)
@click.option(
    "--path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A manifest whose own kinds can be explained too.",
)
@output()
def command(what: str | None, path: Path | None, form: str) -> None:
    """Explain a kind, a field of it, a word of the language, a CEL function, or a rule.

    \b
    kernel explain                           all kinds, by module; all words
    kernel explain Http.Request              the kind: fields, inputs, outputs, errors
    kernel explain Http.Request.baseUrl      one field of its resources
    kernel explain Http.Request.inputs.url   one field of its contract
    kernel explain Orders.Charge --path .    a kind of the manifest in this folder
    kernel explain retry                     a word of the language: error, step, forEach, …
    kernel explain cel                       all CEL functions
    kernel explain cel.startsWith            one of them
    kernel explain K503                      a rule, also by its name: step-unavailable
    """
    explained = overview(path) if what is None else _explained(what, path)
    if form != "text":
        show(explained, form)
    elif what is not None and _is_rule(what):
        click.echo("\n".join(_page(explained)))
    elif "modules" in explained:
        click.echo("\n".join(overview_text(explained)))
    elif "meanings" in explained:
        click.echo("\n".join(_meanings(explained)))
    else:
        click.echo("\n".join(_text(explained)))


def _explained(what: str, path: Path | None) -> dict[str, Any]:
    head, _, rest = what.partition(".")
    if _is_rule(what):
        return _rule(what)
    if head == "cel":
        return _functions(rest)
    if found := entries(what):
        return {
            "word": what,
            "meanings": [
                {
                    "name": one.group,
                    "description": one.word.says,
                    "fields": [_inner(each) for each in one.word.inside],
                }
                for one in found
            ],
        }
    return _functions(what) if what in _FUNCTIONS else _kind(what, path)


def _inner(word: Word) -> dict[str, Any]:
    return {"name": word.name, "description": word.says}


def overview(path: Path | None = None) -> dict[str, Any]:
    """The kinds by their modules: the kernel's, those of the library, and those at a path."""
    modules = {"Kernel": [_short(kind, schema) for kind, schema in SYSTEM_KINDS.items()]}
    loaded = [library_module(name) for name in library_names()]
    if path is not None:
        loaded.append(load(path).root)
    for module in loaded:
        if module is not None and module.definitions:
            modules[module.name] = [
                {"name": one.kind, "capability": one.capability, "description": one.description}
                for one in module.definitions.values()
            ]
    words = {group.name: [word.name for word in group.words] for group in groups()}
    return {"modules": modules, "words": words}


def _short(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": kind, "description": schema["description"]}


# Rules


def _is_rule(word: str) -> bool:
    """Whether a word means a rule, and no kind: a code, or a name or what looks like one."""
    if entries(word):
        return False
    return bool(_CODE.fullmatch(word)) or "-" in word or find_rule(word) is not None


def _rule(word: str) -> dict[str, Any]:
    """Code, name, severity and page of a rule. Raises UsageError where there is none."""
    rule = find_rule(word)
    if rule is None:
        names = {each.name: each.name for each in RULES.values()} | {code: code for code in RULES}
        near = nearest(word.upper() if _CODE.fullmatch(word) else word.lower(), names)
        hint = f"did you mean `{near}`?" if near else "docs/check.md lists them"
        raise UsageError(f"there is no rule `{word}`; {hint}")
    told = {name: getattr(rule, name) for name in ("code", "name", "severity")}
    return {**told, "page": page(rule.code)}


def _page(explained: dict[str, Any]) -> Iterator[str]:
    """The page as a terminal shows it: headings in capitals, examples indented."""
    title = f"{explained['code']} {explained['name']} ({explained['severity']})"
    fenced = False
    for line in (explained["page"] or f"# {title}\n").rstrip("\n").split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            yield f"    {line}" if line else ""
        elif line.startswith("## "):
            yield line.removeprefix("## ").upper()
        else:
            yield _LINK.sub(r"\1 (\2)", line.removeprefix("# "))


# Kinds


def _kind(what: str, path: Path | None) -> dict[str, Any]:
    words = what.split(".")
    system = SYSTEM_KINDS.get(".".join(words[:2]))
    if system is not None:
        if len(words) > 2:
            return _field(system, words[2:], what)
        said = {"kind": what, "description": system["description"]}
        return {**said, "fields": list(_properties(system))}
    definition, schemas = _definition(words, path)
    if len(words) == 2:
        return _whole(definition, schemas)
    schema, words = _section(definition, words[2:])
    schema = _self_contained(schema, schemas)
    if words == ["errors"]:
        return {"kind": definition.kind, "errors": list(_errors(definition))}
    return _field(schema, words, what)


def _section(definition: Definition, words: list[str]) -> tuple[Any, list[str]]:
    """The schema that a path of fields begins in: the resource's, or one of the contract's."""
    own = (definition.schema or {}).get("properties", {})
    if words[0] in ("inputs", "outputs") and words[0] not in own:
        return getattr(definition, words[0]), words[1:]
    return with_common_fields(definition, definition.schema), words


def _self_contained(schema: Any, schemas: Schemas) -> Any:
    """The schema with what it refers to in other definitions; as it is, where that is wrong."""
    try:
        return bundle(schema, schemas)
    except InvalidSchema:
        return schema


def _definition(words: list[str], path: Path | None) -> tuple[Definition, Schemas]:
    """A kind, and where the references in its schemas lead."""
    kind = ".".join(words[:2])
    module: Module | None = load(path).root if path is not None else library_module(words[0])
    found = find_kind(module, kind) if module is not None and len(words) > 1 else None
    if found is None:
        raise UsageError(_unknown(kind, words[0], module))
    definition, home = found
    return definition, schemas_of(home)


def _unknown(kind: str, head: str, module: Module | None) -> str:
    if module is not None and module.definitions:
        kinds = ", ".join(sorted(module.definitions))
        return f"there is no kind `{kind}`; there are: {kinds}"
    modules = ", ".join(sorted(library_names()))
    near = nearest(head, library_names())
    found = kind.replace(head, near, 1) if near else nearest(kind, names())
    hint = f"did you mean `{found}`? " if found else ""
    what = "kind" if "." in kind else "kind or word"
    more = "`kernel explain` lists all, with --path those of a manifest too"
    return f"there is no {what} `{kind}`; {hint}library modules: {modules}; {more}"


def _whole(definition: Definition, schemas: Schemas) -> dict[str, Any]:
    explained: dict[str, Any] = {
        "kind": definition.kind,
        "capability": definition.capability,
        "description": definition.description,
    }
    if definition.safety:
        explained["safety"] = definition.safety
    fields = with_common_fields(definition, definition.schema)
    explained["fields"] = list(_properties(_self_contained(fields, schemas)))
    for section in ("inputs", "outputs"):
        schema = getattr(definition, section)
        if schema is not None:
            explained[section] = list(_properties(_self_contained(schema, schemas)))
    explained["errors"] = list(_errors(definition))
    return explained


def _errors(definition: Definition) -> Iterator[dict[str, Any]]:
    for code, details in (definition.errors or {}).items():
        yield {"code": code, **(details or {})}


def _field(schema: Any, words: list[str], what: str) -> dict[str, Any]:
    root = schema
    for word in words:
        found = _inside(root, schema, word)
        if found is None:
            known = ", ".join(row["name"] for row in _properties(schema, root)) or "none"
            raise UsageError(f"`{what}`: there is no field `{word}`; there are: {known}")
        schema = found
    node = _local(root, schema)
    explained = {"field": what, "type": _type(node), "description": node.get("description", "")}
    for keyword in ("default", "enum", "format", "minimum", "maximum", "pattern"):
        if keyword in node and node[keyword] not in INT64:  # the bounds of every integer
            explained[keyword] = node[keyword]
    explained["fields"] = list(_properties(_element(root, node), root))
    return explained


def _inside(root: Any, schema: Any, word: str) -> Any:
    node = _element(root, _local(root, schema))
    found = _declared(root, node).get(word)
    if found is None:
        for keyword in ("anyOf", "oneOf", "allOf"):
            for part in node.get(keyword, ()):
                found = found or _inside(root, part, word)
    return found


def _element(root: Any, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a list is a list of; anything else is itself."""
    items = node.get("items")
    return items if isinstance(items, Mapping) and "properties" not in node else node


def _declared(root: Any, node: Any, depth: int = MAX_DEPTH) -> Mapping[str, Any]:
    """The properties of a node, and before them those of what its ``$ref`` and ``allOf`` name."""
    if not isinstance(node, Mapping) or not depth:
        return {}
    found: dict[str, Any] = {}
    reference = node.get("$ref")
    parts = node.get("allOf", ())
    for part in (local({"$ref": reference}, root), *parts) if reference else parts:
        found |= _declared(root, part, depth - 1)
    return {**found, **node.get("properties", {})}


def _local(root: Any, schema: Any) -> Mapping[str, Any]:
    node = local(schema, root)
    return node if isinstance(node, Mapping) else {}


def _properties(schema: Any, root: Any = None) -> Iterator[dict[str, Any]]:
    root = schema if root is None else root
    node = _local(root, schema)
    required = node.get("required", ())
    for name, inner in _declared(root, schema).items():
        inside = _local(root, inner)
        row = {
            "name": name,
            "type": _type(inside),
            "required": name in required,
            "description": inside.get("description", ""),
        }
        if "default" in inside:
            row["default"] = inside["default"]
        yield row


def _type(node: Mapping[str, Any]) -> str:
    own = traits(node)
    if own.ref:
        return f"reference to {own.ref}"
    if own.call:
        return "call site"
    if "enum" in node:
        return " | ".join(str(value) for value in node["enum"])
    if "const" in node:
        return str(node["const"])
    kinds = node.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    items = node.get("items")
    inner = f" of {_type(items)}" if isinstance(items, Mapping) and "type" in items else ""
    return " | ".join(f"{kind}{inner if kind == 'array' else ''}" for kind in kinds)


# CEL


_FUNCTIONS: Mapping[str, Any] = {**TABLE, **MACROS}


def _functions(name: str) -> dict[str, Any]:
    if name:
        found = _FUNCTIONS.get(name)
        if found is None:
            hint = did_you_mean(name, _FUNCTIONS) or "`kernel explain cel` lists them"
            raise UsageError(f"there is no CEL function `{name}`; {hint}")
        return {"function": name, "description": found.doc, "example": found.example}
    return {
        "functions": [
            {"name": each, "library": one.library, "description": one.doc}
            for each, one in sorted(_FUNCTIONS.items())
        ]
    }


# Text


def overview_text(explained: Mapping[str, Any]) -> Iterator[str]:
    """The kinds by module, and the words of the language by group, as lines of 80 columns."""
    for module, kinds in explained["modules"].items():
        yield module.upper()
        for row in kinds:
            capability = f"  <{row['capability']}>" if row.get("capability") else ""
            yield f"  {row['name']}{capability}"
            yield from _wrapped(row["description"], "      ")
        yield ""
    for group, listed in explained.get("words", {}).items():
        yield group.upper()
        yield from _wrapped(", ".join(listed), "  ")
        yield ""
    yield "`kernel explain NAME` explains a kind, a field of it, or a word."
    yield "`kernel explain cel` lists the functions of CEL, docs/check.md the rules."


def _meanings(explained: Mapping[str, Any]) -> Iterator[str]:
    for number, one in enumerate(explained["meanings"]):
        if number:
            yield ""
        yield f"{explained['word']}  ({one['name']})"
        yield from _wrapped(one["description"], "  ")
        if one["fields"]:
            yield "\nFIELDS:"
        for field in one["fields"]:
            yield f"  {field['name']}"
            yield from _wrapped(field["description"], "      ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 78, initial_indent=indent, subsequent_indent=indent)


def _text(explained: Mapping[str, Any]) -> Iterator[str]:
    for name, value in explained.items():
        if isinstance(value, list) and (not value or isinstance(value[0], Mapping)):
            if value:
                yield f"\n{name.upper()}:"
                for row in value:
                    yield from _row(row)
        elif name == "description":
            if value:
                yield ""
                yield from textwrap.wrap(
                    str(value), 96, initial_indent="  ", subsequent_indent="  "
                )
        else:
            yield f"{name.upper() + ':':<12} {_plain(value)}"


_RETRIED = {True: "retryable", False: "never retried"}


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    name = row.get("name", row.get("code"))
    said = [str(row["type"])] if "type" in row else []
    said += [row["library"]] if "library" in row else []
    said += ["required"] if row.get("required") else []
    said += [f"default {_plain(row['default'])}"] if "default" in row else []
    said += [_RETRIED[row["retryable"]]] if row.get("retryable") in (True, False) else []
    said += [f"outcome {row['outcome']}"] if row.get("outcome") else []
    yield f"  {name}" + (f"  <{', '.join(said)}>" if said else "")
    if row.get("description"):
        yield from textwrap.wrap(
            str(row["description"]), 96, initial_indent="      ", subsequent_indent="      "
        )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
