"""What a manifest says, as frozen data: manifest, module, definition, resource, policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from kernel.errors import Path as DataPath
from kernel.errors import Span
from kernel.manifest.document import Document
from kernel.manifest.source import Source
from kernel.structs import field, struct

Capability = Literal["Invocable", "Runnable", "Service", "Provider"]
Effect = Literal["allow", "deny", "require-approval"]
Threshold = Literal["strict", "conditions"]


@struct(eq=False)
class Declaration:
    """A variable or a secret of a module. ``schema`` is its JSON Schema, with ``default``.

    ``env`` names the environment variable, ``file`` the file that gives the value: a path from the
    folder of the manifest.
    """

    name: str
    schema: Mapping[str, Any]
    env: str | None
    file: str | None
    document: Document
    path: DataPath

    @property
    def has_source(self) -> bool:
        """Whether a value may be there without any that is given from outside."""
        return "default" in self.schema or self.env is not None or self.file is not None

    @property
    def span(self) -> Span:
        """The place of the name."""
        return self.document.span(self.path, key=True)


@struct(eq=False)
class Definition:
    """A kind. ``schema``, ``inputs`` and ``outputs`` are JSON Schemas, None where not declared.

    ``safety`` is a class or CEL text over ``self``; ``controller`` is ``{python: …}``; ``topology``
    names the engine that runs the call sites of the kind's resources; ``body`` is a topology.
    """

    module: str
    name: str
    capability: Capability
    document: Document
    description: str = ""
    schema: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None
    errors: Mapping[str | int, Mapping[str, Any]] | None = None
    safety: str | None = None
    check: Mapping[str, Any] | None = None
    controller: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    topology: str | None = None

    @property
    def kind(self) -> str:
        """``Module.Name``."""
        return f"{self.module}.{self.name}"


@struct(eq=False)
class Resource:
    """A document of a kind that a definition declares, or a resource in place of a reference.

    ``fields`` is everything but ``kind`` and ``metadata``; ``path`` is where the resource stands
    in its document (``()`` for a document of its own); ``module`` is the name of its module. A
    resource in place may have the name ``""``.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    document: Document
    module: str
    path: DataPath = ()
    description: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None

    def span(self, path: DataPath = (), key: bool = False) -> Span:
        """The place of a field, with ``path`` relative to the resource."""
        return self.document.span(self.path + path, key)


@struct
class PolicyRule:
    """One rule of a policy. ``when`` is CEL text or a bool; ``reason`` may be empty."""

    effect: Effect
    when: str | bool
    reason: str


@struct
class ApprovalTerms:
    """How an approval is given. ``expires`` is in milliseconds, None where nothing is said."""

    expires: float | None = None
    threshold: Threshold = "strict"


@struct(eq=False)
class Policy:
    """Who may call what, where. ``principals``, ``targets`` and ``environments`` are globs."""

    name: str
    targets: tuple[str, ...]
    document: Document
    principals: tuple[str, ...] = ("*",)
    environments: tuple[str, ...] = ("*",)
    rules: tuple[PolicyRule, ...] = ()
    approval: ApprovalTerms = ApprovalTerms()
    description: str = ""


@struct(eq=False)
class Target:
    """A call site that ``kernel apply`` starts: its data, and its path in the document.

    ``is_manual``: the target is started only when a caller names its resource.
    """

    data: Mapping[str, Any]
    document: Document
    path: DataPath
    is_manual: bool = False


@struct(eq=False)
class Passed:
    """The values, with CEL, that a module passes to one that it imports, at ``path``."""

    vars: Mapping[str, Any]
    secrets: Mapping[str, Any]
    document: Document
    path: DataPath


@struct(eq=False)
class Module:
    """The resources of one manifest, by name, with the modules that it imports, by alias.

    ``document`` is the Kernel.Module document, None where there is none. ``targets`` is None
    where the module does not declare any. ``passed`` are the values that the module passes to its
    imports, by alias. ``exports`` are the names that importers may refer to, None for all.
    """

    name: str
    folder: Path | None
    version: str = ""
    description: str = ""
    imports: Mapping[str, Module] = field(default_factory=dict)
    vars: Mapping[str, Declaration] = field(default_factory=dict)
    secrets: Mapping[str, Declaration] = field(default_factory=dict)
    targets: tuple[Target, ...] | None = None
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    document: Document | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    passed: Mapping[str, Passed] = field(default_factory=dict)
    exports: tuple[str, ...] | None = None
    library: Callable[[str], Module | None] = lambda name: None
    """Gives the installed module of a name; raises ManifestError if its manifest is wrong."""
    lost: Mapping[str, Document] = field(default_factory=dict)
    """The documents that could not be read, which is told: kinds and resources by their names, and
    the module's own as `Kernel.Module`. What refers to them is not wrong for that."""
    memo: dict[object, Any] = field(default_factory=dict, init=False, repr=False)
    """What readers made of the module once, by keys of their own."""

    def lost_head(self) -> Document | None:
        """The module's own document, where that could not be read."""
        return self.lost.get("Kernel.Module")

    def is_exported(self, name: str) -> bool:
        """Whether importers may refer to a kind or a resource of the module by its bare name."""
        return self.exports is None or name in self.exports


@struct(eq=False)
class Manifest:
    """What was loaded: the root module, all modules by the name of their place, and the texts.

    ``modules`` has the root and everything imported, by module name; ``sources`` are the files in
    the order in which they were read, for excerpts.
    """

    root: Module
    modules: Mapping[str, Module]
    sources: tuple[Source, ...]
    documents: tuple[Document, ...]
    controllers: Mapping[str, Any] = field(default_factory=dict)
    """The functions whose definitions a program gave together with the files, by their kinds."""
