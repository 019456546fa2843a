"""Words of other drafts of JSON Schema, and of OpenAPI: here they say nothing (K011)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.findings.finding import Edit, Finding
from analyzer.findings.messages import k0_text
from kernel.errors import Path
from kernel.manifest import Document
from kernel.schema.keywords import OTHER_DRAFTS, all_schemas


def other_drafts(schema: Any, document: Document, path: Path) -> Iterator[Finding]:
    """Each word of another draft in a schema that stands at a path of a document."""
    for _, place, node in all_schemas(schema):
        for word in node:
            if word in OTHER_DRAFTS:
                at = (*path, *place)
                message = k0_text.other_draft(word, OTHER_DRAFTS[word], _instead(word, node))
                span = document.span((*at, word), True)
                yield message.at(span, (*at, word), fix=_fix(word, node, document, at))


def _instead(word: str, node: Mapping[str, Any]) -> str:
    """What is written here for what the word means there."""
    match word:
        case "nullable":
            return 'write `"null"` into `type`, as in `type: [string, "null"]`'
        case "dependencies":
            meant = _dependent(node)
            return (
                f"write `{meant}`" if meant else "write `dependentRequired` and `dependentSchemas`"
            )
        case "additionalItems":
            return "write `items`, which says what comes after the `prefixItems`"
        case "disallow":
            return "write `not`"
        case _:
            return f"write `{_RENAMED[word]}`"


_RENAMED = {"divisibleBy": "multipleOf", "id": "$id", "$recursiveRef": "$ref"}
"""Words that have another name here, and the same value."""


def _fix(word: str, node: Mapping[str, Any], document: Document, at: Path) -> Edit | None:
    """The edit that says the same in the words of 2020-12, where one edit can."""
    meant = _RENAMED.get(word)
    if word == "dependencies":
        meant = _dependent(node)
    elif word == "additionalItems" and "prefixItems" in node:
        meant = "items"
    elif word == "nullable":
        return _with_null(node, document, at)
    if meant is None or meant in node:
        return None
    span = document.span((*at, word), True)
    written = document.source.text[slice(*document.source.extent(span))]
    quote = written[:1] if written[:1] in "'\"" else ""
    return Edit(f"write '{meant}'", span, f"{quote}{meant}{quote}")


def _dependent(node: Mapping[str, Any]) -> str | None:
    """The keyword for what `dependencies` says, where that is of one sort."""
    given = node.get("dependencies")
    values = list(given.values()) if isinstance(given, Mapping) else []
    if values and all(isinstance(value, list) for value in values):
        return "dependentRequired"
    if values and all(isinstance(value, Mapping | bool) for value in values):
        return "dependentSchemas"
    return None


def _with_null(node: Mapping[str, Any], document: Document, at: Path) -> Edit | None:
    """Null among the types, and no `nullable`, as one edit over both."""
    type_, is_null = node.get("type"), node.get("nullable")
    if type(is_null) is not bool or "enum" in node or "const" in node:
        return None  # there null would have to be among the values as well
    source = document.source
    cuts = [_cut(node, document, at)]
    start, end = source.extent(document.span((*at, "type")))
    written = source.text[start:end]
    if is_null and isinstance(type_, str) and type_ != "null":
        cuts.append((start, end, f'[{written}, "null"]'))
    elif is_null and isinstance(type_, list) and "null" not in type_ and written.endswith("]"):
        cuts.append((end - 1, end, ', "null"]'))
    elif is_null and not (isinstance(type_, list) and "null" in type_):
        return None
    if "#" in source.text[slice(*cuts[0][:2])]:
        return None  # a comment would be lost
    cuts.sort()
    text, last = "", cuts[0][0]
    for first, until, put in cuts:
        text, last = text + source.text[last:first] + put, until
    title = "allow null in `type`" if is_null else "remove `nullable`"
    return Edit(title, source.span(cuts[0][0], last), text)


def _cut(node: Mapping[str, Any], document: Document, at: Path) -> tuple[int, int, str]:
    """The place of the entry `nullable`, with what parts it from the entry beside it."""
    names = list(node)
    number = names.index("nullable")
    start, end = document.source.extent(document.span((*at, "nullable"), True))
    end = document.source.extent(document.span((*at, "nullable")))[1]
    if number:
        start = document.source.extent(document.span((*at, names[number - 1])))[1]
    elif len(names) > 1:
        end = document.source.extent(document.span((*at, names[1]), True))[0]
    return start, end, ""
