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
from kernel.errors import UsageError
from kernel.manifest import Definition, Module, library_module, library_names, load, resolve_kind
from kernel.manifest.suggest import did_you_mean, nearest
from kernel.manifest.system_kinds import SYSTEM_KINDS
from kernel.schema.bundle import local
from kernel.schema.keywords import traits

_CODE = re.compile(r"[Kk]\d\w*")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


@click.command("explain")
@click.argument("what", metavar="KIND[.FIELD]|RULE")
@click.option(
    "--path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A manifest whose own kinds can be explained too.",
)
@output()
def command(what: str, path: Path | None, form: str) -> None:
    """Explain a kind, a field of it, a CEL function, or a rule of `kernel check`.

    \b
    kernel explain Http.Request              the kind: fields, inputs, outputs, errors
    kernel explain Http.Request.baseUrl      one field of its resources
    kernel explain Http.Request.inputs.url   one field of its contract
    kernel explain Orders.Charge --path .    a kind of the manifest in this folder
    kernel explain cel                       all CEL functions
    kernel explain cel.startsWith            one of them
    kernel explain K503                      a rule, also by its name: step-unavailable
    """
    head, _, rest = what.partition(".")
    if _is_rule(what):
        explained = _rule(what)
    elif head == "cel":
        explained = _functions(rest)
    else:
        explained = _functions(what) if what in _FUNCTIONS else _kind(what, path)
    if form == "text":
        click.echo("\n".join(_page(explained) if _is_rule(what) else _text(explained)))
    else:
        show(explained, form)


# Rules


def _is_rule(word: str) -> bool:
    """Whether a word means a rule, and no kind: a code, or a name or what looks like one."""
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
        return {"kind": what, "fields": list(_properties(system))}
    definition = _definition(words, path)
    if len(words) == 2:
        return _whole(definition)
    schema, words = _section(definition, words[2:])
    if words == ["errors"]:
        return {"kind": definition.kind, "errors": list(_errors(definition))}
    return _field(schema, words, what)


def _section(definition: Definition, words: list[str]) -> tuple[Any, list[str]]:
    """The schema that a path of fields begins in: the resource's, or one of the contract's."""
    own = (definition.schema or {}).get("properties", {})
    if words[0] in ("inputs", "outputs") and words[0] not in own:
        return getattr(definition, words[0]), words[1:]
    return definition.schema, words


def _definition(words: list[str], path: Path | None) -> Definition:
    kind = ".".join(words[:2])
    module: Module | None = load(path).root if path is not None else library_module(words[0])
    definition = resolve_kind(module, kind) if module is not None and len(words) > 1 else None
    if definition is None:
        raise UsageError(_unknown(kind, words[0], module))
    return definition


def _unknown(kind: str, head: str, module: Module | None) -> str:
    if module is not None and module.definitions:
        kinds = ", ".join(sorted(module.definitions))
        return f"there is no kind `{kind}`; there are: {kinds}"
    modules = ", ".join(sorted(library_names()))
    near = nearest(head, library_names())
    hint = f"did you mean `{kind.replace(head, near, 1)}`? " if near else ""
    return f"there is no kind `{kind}`; {hint}library modules: {modules}; others with --path"


def _whole(definition: Definition) -> dict[str, Any]:
    explained: dict[str, Any] = {
        "kind": definition.kind,
        "capability": definition.capability,
        "description": definition.description,
    }
    if definition.safety:
        explained["safety"] = definition.safety
    explained["fields"] = list(_properties(definition.schema))
    for section in ("inputs", "outputs"):
        schema = getattr(definition, section)
        if schema is not None:
            explained[section] = list(_properties(schema))
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
        if keyword in node:
            explained[keyword] = node[keyword]
    explained["fields"] = list(_properties(_element(root, node), root))
    return explained


def _inside(root: Any, schema: Any, word: str) -> Any:
    node = _element(root, _local(root, schema))
    found = node.get("properties", {}).get(word)
    if found is None:
        for keyword in ("anyOf", "oneOf", "allOf"):
            for part in node.get(keyword, ()):
                found = found or _inside(root, part, word)
    return found


def _element(root: Any, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a list is a list of; anything else is itself."""
    items = node.get("items")
    return _local(root, items) if isinstance(items, Mapping) and "properties" not in node else node


def _local(root: Any, schema: Any) -> Mapping[str, Any]:
    node = local(schema, root)
    return node if isinstance(node, Mapping) else {}


def _properties(schema: Any, root: Any = None) -> Iterator[dict[str, Any]]:
    root = schema if root is None else root
    node = _local(root, schema)
    required = node.get("required", ())
    for name, inner in node.get("properties", {}).items():
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
