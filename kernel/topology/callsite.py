"""The call site: the one place shape from which every call is made (language.md, Call site).

:func:`read_call_site` turns the mapping that stands in a manifest into a frozen
:class:`CallSite`; what is wrong with it is collected as faults, all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from kernel.cel import Template, TemplateTree, compile_template, free_names, references
from kernel.errors import Path
from kernel.manifest import Document
from kernel.structs import struct
from kernel.topology.reader import Reader, is_expression

FIELDS = frozenset(
    ("invoke", "inputs", "when", "retry", "timeout", "idempotencyKey", "expect", "approval")
)
"""The fields of a call site, wherever something is called."""

_RETRY_FIELDS = frozenset(
    ("attempts", "delay", "backoff", "when", "maxDelay", "jitter", "deadline")
)

_APPROVAL_FIELDS = ("when", "message", "expires", "approvers", "quorum")

MAX_ATTEMPTS = 1_000_000

_MAX_QUORUM = 1_000


@struct
class Target:
    """What a call site calls: a resource by kind and name, or a resource that stands in place.

    ``fields`` is None for a reference; for a resource in place it holds the resource's own fields.
    ``document`` and ``path`` say where it stands; a call that a controller makes stands nowhere.
    """

    kind: str
    name: str | None
    fields: Mapping[str, Any] | None = None
    document: Document | None = None
    path: Path = ()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind


@struct
class Retry:
    """When and how often an attempt is repeated (seed 003, section 3). Times in milliseconds."""

    attempts: int
    delay: float = 0.0
    backoff: Literal["linear", "exponential"] = "linear"
    when: Template | None = None
    max_delay: float | None = None
    jitter: Literal["none", "full"] = "none"
    deadline: float | None = None


@struct
class ApprovalRequest:
    """What a call site says of approvals: whether it asks for one, and what goes for any of it.

    ``when`` gives a bool, or ``required``; ``path`` leads to it from the call site. ``message``
    gives text; ``expires`` is in milliseconds; ``approvers`` are globs over principals (None: all);
    so many different principals as ``quorum`` says have to approve.
    """

    when: Template
    path: Path = ("approval",)
    message: Template | None = None
    expires: float | None = None
    approvers: tuple[str, ...] | None = None
    quorum: int = 1


@struct(eq=False)
class CallSite:
    """A place that calls. Compared by identity: two places are never the same place.

    ``name`` is the step's name, or None; ``path`` is where it stands in its document;
    ``inputs`` is the template of the argument object, or None when the call passes none;
    ``timeout`` is in milliseconds, for one attempt; ``key_scope`` is what an idempotency key that
    came from outside is unique in, beside principal and target.
    """

    target: Target
    path: Path
    name: str | None = None
    inputs: Template | None = None
    when: Template | None = None
    retry: Retry | None = None
    timeout: float | None = None
    idempotency_key: Template | None = None
    key_scope: str | None = None
    expect: tuple[Template, ...] = ()
    approval: ApprovalRequest | None = None

    @property
    def names(self) -> frozenset[str]:
        """The CEL variables that the call site reads."""
        templates = (self.inputs, self.idempotency_key, self.retry and self.retry.when)
        return frozenset[str]().union(*(names_in(t) for t in (*templates, *self.expect) if t))


def label_of(name: str | None, path: Path) -> str:
    """How a place is called in the path of a run: ``steps.Fetch``, or where it stands."""
    if name is not None:
        return f"steps.{name}"
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


DIFFERS = frozenset({"invocation", "resources"})
"""The variables that may have other values when a run is resumed."""


def names_in(template: Template) -> frozenset[str]:
    """The CEL variables that a template reads."""
    return frozenset() if template.constant else _names_in(template)


@lru_cache(maxsize=4096)
def _names_in(template: Template) -> frozenset[str]:
    """Never for constants: those of calls from Python hold the inputs, which may be large."""
    return frozenset[str]().union(
        *(free_names(embedded.expr) for _, embedded in template.tree.expressions())
    )


def resources_in(tree: TemplateTree) -> Iterator[str]:
    """The names of the resources that a template reads (``resources.Server.url``)."""
    for _, embedded in tree.expressions():
        for reference in references(embedded.expr):
            if reference[0] == "resources" and len(reference) > 1:
                yield str(reference[1])


def constant(value: Any) -> Template:
    """A template that gives ``value`` as it is: what looks like CEL inside of it is text."""
    return compile_template(TemplateTree(value, {}, ()))


def read_call_site(
    reader: Reader, data: Mapping[str, Any], path: Path, *, name: str | None = None
) -> CallSite | None:
    """The call site that ``data`` writes; None, with faults in ``reader``, when it is not one."""
    target = read_target(reader, data.get("invoke"), (*path, "invoke"))
    inputs = data.get("inputs")
    if inputs is not None and not isinstance(inputs, (Mapping, str)):
        reader.wrong("K007", "`inputs` is a mapping of values", (*path, "inputs"))
        inputs = None
    site_inputs = None if inputs is None else reader.template(inputs)
    when = reader.condition(data, "when", path)
    retry = _read_retry(reader, data.get("retry"), (*path, "retry"))
    timeout = reader.milliseconds(data, "timeout", path)
    key = data.get("idempotencyKey")
    expect = data.get("expect", ())
    if not isinstance(expect, (list, tuple)):
        reader.wrong("K007", "`expect` is a list of conditions", (*path, "expect"))
        expect = ()
    if target is None:
        return None
    return CallSite(
        target=target,
        path=path,
        name=name,
        inputs=site_inputs,
        when=when,
        retry=retry,
        timeout=timeout,
        idempotency_key=None if key is None else reader.template(key),
        expect=tuple(reader.template(item) for item in expect),
        approval=_read_approval(reader, data.get("approval"), (*path, "approval")),
    )


def read_target(reader: Reader, data: Any, path: Path) -> Target | None:
    """The target of an ``invoke`` field, or of another that refers; None with a fault."""
    field = path[-1] if path and isinstance(path[-1], str) else "invoke"
    if not isinstance(data, Mapping):
        message = f"`{field}` is {{ kind: Module.Name, name: Resource }}, or a resource in place"
        reader.wrong("K201", message, path)
        return None
    kind, name = data.get("kind"), data.get("name")
    if not isinstance(kind, str):
        reader.wrong("K201", f"`{field}` needs the `kind` of what it refers to", path)
        return None
    metadata = data.get("metadata")
    fields = {key: value for key, value in data.items() if key not in ("kind", "metadata")}
    if name is not None and not fields.keys() - {"name"} and metadata is None:
        if isinstance(name, str):
            return Target(kind, name, None, reader.document, path)
        reader.wrong("K201", "the `name` of a reference is a string", (*path, "name"))
        return None
    own_name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return Target(kind, own_name, fields, reader.document, path)


def _read_retry(reader: Reader, data: Any, path: Path) -> Retry | None:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        reader.wrong("K007", "`retry` is a mapping with `attempts`", path)
        return None
    reader.known_fields(data, _RETRY_FIELDS, path, "retry")
    if "attempts" not in data:
        reader.wrong("K007", "`retry` needs `attempts`, the number of calls with the first", path)
        return None
    attempts = reader.integer(data, "attempts", path, minimum=1, maximum=MAX_ATTEMPTS)
    delay = reader.milliseconds(data, "delay", path)
    backoff = reader.choice(data, "backoff", path, ("linear", "exponential"))
    jitter = reader.choice(data, "jitter", path, ("none", "full"))
    return Retry(
        attempts=attempts or 1,
        delay=delay or 0.0,
        backoff="exponential" if backoff == "exponential" else "linear",
        when=reader.condition(data, "when", path),
        max_delay=reader.milliseconds(data, "maxDelay", path),
        jitter="full" if jitter == "full" else "none",
        deadline=reader.milliseconds(data, "deadline", path),
    )


def _read_approval(reader: Reader, data: Any, path: Path) -> ApprovalRequest | None:
    if data is None:
        return None
    if isinstance(data, Mapping):
        return _read_approval_fields(reader, data, path)
    if isinstance(data, bool) or (
        isinstance(data, str) and (data == "required" or is_expression(data))
    ):
        return ApprovalRequest(reader.template(data))
    hint = "write a condition in brackets: `${{ … }}`"
    message = f"`approval` is `required`, a condition, or {{ {', '.join(_APPROVAL_FIELDS)} }}"
    reader.wrong("K007", message, path, help=hint)
    return None


def _read_approval_fields(
    reader: Reader, data: Mapping[str, Any], path: Path
) -> ApprovalRequest | None:
    reader.known_fields(data, _APPROVAL_FIELDS, path, "`approval`")
    when = reader.condition(data, "when", path) if "when" in data else reader.template(True)
    what = "globs over principals, as `user:*`"
    approvers = reader.literal_texts(data, "approvers", path, what)
    text = data.get("message")
    if text is not None and not isinstance(text, str):
        reader.wrong("K007", "`message` is text", (*path, "message"))
        text = None
    expires = reader.milliseconds(data, "expires", path)
    quorum = reader.integer(data, "quorum", path, minimum=1, maximum=_MAX_QUORUM)
    if when is None:
        return None
    return ApprovalRequest(
        when,
        ("approval", "when") if "when" in data else ("approval",),
        None if text is None else reader.template(text),
        expires,
        approvers,
        quorum or 1,
    )
