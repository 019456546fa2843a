"""Documents to the parts of a module: definitions, resources, policies, declarations, targets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from kernel.errors import Fault, Path
from kernel.manifest import model
from kernel.manifest.document import Document
from kernel.manifest.fields import check_system
from kernel.manifest.suggest import did_you_mean
from kernel.manifest.system_kinds import SYSTEM_KINDS
from kernel.structs import field, struct

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KIND = re.compile(rf"{IDENTIFIER.pattern}\.{IDENTIFIER.pattern}")
_EXPRESSION = re.compile(r"\$\{\{.*\}\}\n?", re.DOTALL)
Named = TypeVar("Named", model.Definition, model.Resource, model.Policy)
_METADATA = ("name", "description", "labels", "annotations", "module", "version")


@struct(frozen=False)
class Parts:
    """What the documents of one module hold; ``faults`` is everything that is wrong with them."""

    faults: list[Fault]
    name: str = ""
    """The name of the module."""
    module: Document | None = None
    definitions: dict[str, model.Definition] = field(default_factory=dict)
    resources: dict[str, model.Resource] = field(default_factory=dict)
    policies: dict[str, model.Policy] = field(default_factory=dict)
    lost: dict[str, Document] = field(default_factory=dict)
    """Documents with faults, by the names under which others refer to them."""

    def fault(
        self,
        code: str,
        message: str,
        document: Document,
        path: Path = (),
        *,
        key: bool = False,
        help: str | None = None,
    ) -> None:
        """Note a fault at a path of a document."""
        self.faults.append(Fault(code, message, document.span(path, key), help, path))


def build_parts(
    documents: Iterable[tuple[Document, bool]], module: str, faults: list[Fault]
) -> Parts:
    """Sort documents by kind. ``module`` is the name of a manifest without a Kernel.Module.

    With each document comes whether it begins as a resource must: of another only the name counts.
    """
    parts = Parts(faults)
    rest: list[tuple[Document, bool]] = []
    for document, is_sound in documents:
        if not is_sound and _is_module(document):
            _lose(document, module, parts)
        elif not is_sound or not _take_module(document, parts):
            rest.append((document, is_sound))
    head = parts.module or parts.lost.get("Kernel.Module")
    name = parts.name = module_name(head) or module
    for document, is_sound in rest:
        if not is_sound:
            _lose(document, name, parts)
            continue
        kind = document.data["kind"]
        if kind == "Kernel.Definition":
            _add_definition(document, name, parts)
        elif kind == "Kernel.Policy":
            _add_policy(document, parts)
        elif kind.startswith("Kernel."):
            help = did_you_mean(kind, SYSTEM_KINDS)
            parts.fault("K004", f"there is no kind {kind}", document, ("kind",), help=help)
        else:
            _add_resource(document, name, parts)
    return parts


def _is_module(document: Document) -> bool:
    return type(document.data) is dict and document.data.get("kind") == "Kernel.Module"


def _lose(document: Document, module: str, parts: Parts) -> None:
    """Note the name of a document that has faults, as far as it can be told."""
    data = document.data if type(document.data) is dict else {}
    metadata = data.get("metadata")
    if type(metadata) is not dict:
        metadata = {}
    kind, name = data.get("kind"), metadata.get("name")
    if kind == "Kernel.Module":
        parts.lost[kind] = document
    elif kind == "Kernel.Definition":
        parts.lost[f"{metadata.get('module', module)}.{name}"] = document
    elif type(name) is str:
        parts.lost[name] = document


def module_name(document: Document | None) -> str | None:
    """The name that a Kernel.Module document gives to its manifest."""
    metadata = document.data.get("metadata") if document else None
    name = metadata.get("name") if type(metadata) is dict else None
    return name if type(name) is str and IDENTIFIER.fullmatch(name) else None


def declarations(document: Document | None, field: str) -> dict[str, model.Declaration]:
    """The ``vars`` or ``secrets`` of a Kernel.Module document that was found to be in order."""
    declared = document.data.get(field) or {} if document else {}
    return {
        name: model.Declaration(
            name,
            {k: v for k, v in schema.items() if k not in _SOURCES},
            schema.get("env"),
            schema.get("file"),
            document,
            (field, name),
        )
        for name, schema in declared.items()
        if document is not None
    }


def targets(document: Document | None) -> tuple[model.Target, ...] | None:
    """The ``targets`` of a Kernel.Module document, or None where it has no such field."""
    if document is None or document.data.get("targets") is None:
        return None
    return tuple(
        model.Target(site, document, ("targets", index), site.get("start") == "manual")
        for index, site in enumerate(document.data["targets"])
    )


_SOURCES = ("env", "file")
"""The fields of a declaration that are no keywords of its schema."""


def import_source(written: str | Mapping[str, Any]) -> str:
    """Where an import leads: it is written as a text, or as a mapping with ``source``."""
    return written if isinstance(written, str) else str(written["source"])


def passed_values(document: Document, alias: str) -> model.Passed | None:
    """The values that an import of a Kernel.Module document passes on, None where it has none."""
    written = document.data["imports"][alias]
    if isinstance(written, str) or not (written.get("vars") or written.get("secrets")):
        return None
    vars, secrets = written.get("vars") or {}, written.get("secrets") or {}
    return model.Passed(vars, secrets, document, ("imports", alias))


def exports(document: Document | None) -> tuple[str, ...] | None:
    """The ``exports`` of a Kernel.Module document, or None where it has no such field."""
    named = None if document is None else document.data.get("exports")
    return None if named is None else tuple(named)


def check_head(document: Document, faults: list[Fault]) -> bool:
    """Whether a document begins as a resource must; reports what is missing."""
    parts = Parts(faults)
    data = document.data
    if type(data) is not dict:
        parts.fault("K007", f"a resource is a mapping, this is {_named(data)}", document)
        return False
    if (kind := data.get("kind")) is None:
        if not _is_misspelt("kind", document, parts):
            parts.fault("K003", "a resource needs a `kind`", document)
        return False
    if type(kind) is not str or not _KIND.fullmatch(kind):
        message = f"a kind is written Module.Name, this is {_shown(kind)}"
        parts.fault("K007", message, document, ("kind",))
        return False
    return _check_metadata(document, parts)


def _is_misspelt(wanted: str, document: Document, parts: Parts) -> bool:
    """Whether a missing field stands there under a name that is near, which is reported."""
    for key in document.data:
        if type(key) is str and (help := did_you_mean(key, [wanted])) is not None:
            parts.fault("K003", f"unknown field `{key}`", document, (key,), key=True, help=help)
            return True
    return False


def _check_metadata(document: Document, parts: Parts) -> bool:
    metadata = document.data.get("metadata")
    if type(metadata) is not dict:
        missing = "metadata" not in document.data
        if missing and _is_misspelt("metadata", document, parts):
            return False
        what = "is missing" if missing else f"is {_named(metadata)}, not a mapping"
        path: Path = ("kind",) if missing else ("metadata",)
        parts.fault("K007", f"`metadata` {what}", document, path, help="metadata: { name: … }")
        return False
    before = len(parts.faults)
    for key, value in metadata.items():
        if key not in _METADATA:
            help = did_you_mean(str(key), _METADATA)
            place: Path = ("metadata", key)
            parts.fault("K003", f"unknown field `{key}`", document, place, key=True, help=help)
        else:
            _check_metadata_field(key, value, document, parts)
    if "name" not in metadata:
        parts.fault("K202", "`metadata.name` is missing", document, ("metadata",))
    for part in ("name", "module"):
        name = metadata.get(part, "name")
        if type(name) is str and not IDENTIFIER.fullmatch(name):
            help = "letters, digits and _, not beginning with a digit"
            parts.fault(
                "K202", f"{name[:60]!r} is no name", document, ("metadata", part), help=help
            )
    if metadata.get("module") == "Kernel":
        message = "the module Kernel is the kernel's own"
        parts.fault("K202", message, document, ("metadata", "module"))
    return len(parts.faults) == before


def _check_metadata_field(key: str, value: Any, document: Document, parts: Parts) -> None:
    if key in ("labels", "annotations"):
        fits = type(value) is dict and all(
            type(k) is str and type(v) is str for k, v in value.items()
        )
        expected = "a mapping of strings"
    else:
        fits, expected = type(value) is str, "a string"
    if not fits:
        message = f"`{key}` must be {expected}, this is {_named(value)}"
        parts.fault("K007", message, document, ("metadata", key))


def _take_module(document: Document, parts: Parts) -> bool:
    if not _is_module(document):
        return False
    if parts.module is not None:
        message = "a manifest has one Kernel.Module"
        help = f"the first is at {parts.module.span()}"
        parts.fault("K202", message, document, ("kind",), help=help)
    elif check_system(document, parts.faults):
        parts.module = document
    else:
        _lose(document, "", parts)
    return True


def _add_definition(document: Document, module: str, parts: Parts) -> None:
    if not check_system(document, parts.faults):
        _lose(document, module, parts)
        return
    data, metadata = document.data, document.data["metadata"]
    if "controller" in data and "body" in data:
        message = "a kind has a `controller` or a `body`, not both"
        parts.fault("K209", message, document, ("body",), key=True)
    owner = metadata.get("module", module)
    definition = model.Definition(
        owner,
        metadata["name"],
        data["capability"],
        document,
        metadata.get("description", ""),
        **{name: data.get(name) for name in _DEFINITION_FIELDS},
    )
    _add(parts.definitions, definition.kind, definition, parts)


_DEFINITION_FIELDS = (
    "schema", "inputs", "outputs", "errors", "safety", "check", "controller", "body", "topology",
)  # fmt: skip


def _add_policy(document: Document, parts: Parts) -> None:
    _check_head_of_resource(document, parts)
    if not check_system(document, parts.faults):
        return
    data, metadata = document.data, document.data["metadata"]
    globs = {name: tuple(data[name]) for name in ("principals", "environments") if name in data}
    policy = model.Policy(
        metadata["name"],
        tuple(data["targets"]),
        document,
        rules=tuple(_policy_rule(document, number, parts) for number in range(len(data["rules"]))),
        approval=model.ApprovalTerms(**data.get("approval", {})),
        description=metadata.get("description", ""),
        **globs,
    )
    _add(parts.policies, policy.name, policy, parts)


def _policy_rule(document: Document, number: int, parts: Parts) -> model.PolicyRule:
    data = document.data["rules"][number]
    when = data.get("when", True)
    if type(when) is str and not _EXPRESSION.fullmatch(when):
        help = "write it in brackets: `${{ … }}`"
        parts.fault("K402", "`when` is a condition", document, ("rules", number, "when"), help=help)
    return model.PolicyRule(data["effect"], when, data.get("reason", ""))


def _check_head_of_resource(document: Document, parts: Parts) -> None:
    for name in ("module", "version"):
        if name in document.data["metadata"]:
            message = f"`{name}` belongs to a Kernel.Definition or a Kernel.Module"
            parts.fault("K003", message, document, ("metadata", name), key=True)


def _add_resource(document: Document, module: str, parts: Parts) -> None:
    data, metadata = document.data, document.data["metadata"]
    resource = model.Resource(
        data["kind"],
        metadata.get("name", ""),
        {key: data[key] for key in data if key not in ("kind", "metadata")},
        document,
        module,
        (),
        metadata.get("description", ""),
        metadata.get("labels"),
        metadata.get("annotations"),
    )
    _check_head_of_resource(document, parts)
    _add(parts.resources, resource.name, resource, parts)


def _add(known: dict[str, Named], name: str, found: Named, parts: Parts) -> None:
    """Add what a document declares, or report that its name is taken."""
    first = known.setdefault(name, found)
    if first is not found:
        help = f"the first is at {first.document.span(('metadata', 'name'))}"
        message, place = f"{name} is declared a second time", ("metadata", "name")
        parts.fault("K202", message, found.document, place, help=help)


_NAMES = {dict: "a mapping", list: "a list", str: "a string", bool: "a bool", type(None): "null"}


def _named(value: Any) -> str:
    return _NAMES.get(type(value), "a number")


def _shown(value: Any) -> str:
    return repr(value) if type(value) is str and len(value) <= 60 else _named(value)
