"""Python code for expressions and templates: the fast way to evaluate.

The code is one function of the bindings, with a function for each macro. It computes the common
case with native operations behind checks of the class; on any exception the reference evaluator
evaluates everything again, which gives the value of an absorbed error, or the exact error.
Expressions are pure, so that this is allowed. Text of the author reaches the code as constants
only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.cel.budget import Limits
from kernel.cel.codegen.helpers import NAMESPACE, SMALL
from kernel.cel.codegen.nodes import NODES
from kernel.cel.codegen.writer import Unsupported, Writer
from kernel.cel.template_tree import Scalar, TemplateTree
from kernel.cel.tree import Expr
from kernel.cel.values import MixedMap
from kernel.errors import Path

_MAX_OPERATIONS_WITHOUT_BUDGET: Final = 200
_MAX_PARTS_JOINED_AT_ONCE: Final = 16

Evaluate = Callable[[Mapping[str, Any]], Any]


def expression(expr: Expr, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates an expression; ``reference`` itself if no code can be made."""
    writer = Writer(NODES)
    try:
        return finish(writer, writer.whole(expr), limits, reference)
    except (Unsupported, RecursionError):
        return reference


def template(tree: TemplateTree, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates a whole template; ``reference`` if no code can be made."""
    writer = Writer(NODES)
    try:
        code = _structure(writer, tree, tree.structure, ())
        return finish(writer, code or "None", limits, reference)
    except (Unsupported, RecursionError):
        return reference


def _structure(writer: Writer, tree: TemplateTree, value: Any, path: Path) -> str | None:
    """The code of a structure; None for one without CEL, which stays the object that it is."""
    scalar = tree.scalars.get(path)
    if scalar is not None:
        return _scalar(writer, scalar)
    if type(value) is MixedMap:
        raise Unsupported
    if isinstance(value, Mapping):
        parts = {key: _structure(writer, tree, item, (*path, key)) for key, item in value.items()}
        if not any(parts.values()):
            return None
        entries = [
            f"{_key(writer, key)}: {part or writer.constant(value[key])}"
            for key, part in parts.items()
        ]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        items = [_structure(writer, tree, item, (*path, i)) for i, item in enumerate(value)]
        if not any(items):
            return None
        codes = [part or writer.constant(value[i]) for i, part in enumerate(items)]
        return f"[{', '.join(codes)}]"
    return None


def _key(writer: Writer, key: Any) -> str:
    return repr(key) if type(key) is str else writer.constant(key)


def _scalar(writer: Writer, scalar: Scalar) -> str:
    whole = scalar.whole
    if whole is not None:
        return writer.whole(whole.expr)
    parts: list[str] = []
    for segment in scalar.segments:
        if isinstance(segment, str):
            parts.append(repr(segment))
            continue
        code, name = writer.whole(segment.expr), writer.fresh()
        otherwise = f"str({name}) if {name}.__class__ is int else {writer.operation('text', name)}"
        parts.append(f"({name} if ({name} := {code}).__class__ is str else {otherwise})")
    if len(parts) > _MAX_PARTS_JOINED_AT_ONCE:
        return writer.operation("concatenate", f"({', '.join(parts)},)")
    writer.heavy += 1
    text = writer.fresh()
    joined = f"join(({', '.join(parts)},))"
    return f"({text} if len({text} := {joined}) <= {SMALL} else leave())"


def finish(writer: Writer, code: str, limits: Limits, reference: Evaluate) -> Evaluate:
    """The function that evaluates the code of a writer, and falls back on ``reference``."""
    names = tuple(writer.names)
    budgeted = writer.has_macro or writer.heavy > _MAX_OPERATIONS_WITHOUT_BUDGET
    source = "".join(
        [
            *writer.functions,
            "def evaluate(bindings):\n",
            "    try:\n",
            "        v = bindings if bindings.__class__ is dict else plain(bindings, names)\n",
            "        b = Budget(limits)\n"
            if budgeted
            else "        b = None\n" * bool(writer.heavy),
            f"        return {code}\n",
            # The reference is called outside of the handler: its errors have no other context.
            "    except Exception:\n",
            "        pass\n",
            "    return reference(bindings)\n",
        ]
    )
    # As builtins the helpers are shared by all programs, and nothing else can be reached.
    namespace = {
        "__builtins__": NAMESPACE,
        **writer.constants,
        "names": names,
        "limits": limits,
        "reference": reference,
    }
    try:
        exec(compile(source, "<cel>", "exec", dont_inherit=True), namespace)
    except (SyntaxError, RecursionError, MemoryError, OverflowError):
        # The nesting is deeper than Python allows in source text.
        return reference
    made: Evaluate = namespace["evaluate"]
    return made
