"""``has(steps.Fetch.result)``: the guard of a step that may not have run (language.md, Topologies).

By CEL's own rule ``has(a.b)`` is an error where ``a`` is not there, and a step that has not run is
not there. Inside ``has`` the step is therefore selected as an optional, ``steps.?Fetch``.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from kernel.cel import Embedded, TemplateTree, walk
from kernel.cel.tree import Ident, Macro, Select


def guarded(tree: TemplateTree) -> TemplateTree:
    """The tree with all guards of steps rewritten; the very same tree where there are none."""
    if not any("has" in scalar.text for scalar in tree.scalars.values()):
        return tree
    scalars = {
        path: replace(scalar, segments=tuple(_segment(one) for one in scalar.segments))
        if "has" in scalar.text and any(map(_has_guard, scalar.segments))
        else scalar
        for path, scalar in tree.scalars.items()
    }
    unchanged = all(scalars[path] is tree.scalars[path] for path in scalars)
    return tree if unchanged else replace(tree, scalars=scalars)


def _has_guard(segment: Any) -> bool:
    return isinstance(segment, Embedded) and any(map(_is_guard, walk(segment.expr)))


def _is_guard(node: Any) -> bool:
    return isinstance(node, Macro) and node.name == "has" and _step_of(node.args[0]) is not None


def _step_of(selection: Any) -> Select | None:
    """The ``steps.X`` of ``steps.X.a.b``; None for anything else, and for ``steps.X`` itself."""
    inner = selection.operand
    while isinstance(inner, Select):
        if isinstance(inner.operand, Ident) and inner.operand.name == "steps":
            return inner
        inner = inner.operand
    return None


def _segment(segment: Any) -> Any:
    if not isinstance(segment, Embedded):
        return segment
    return replace(segment, expr=_rebuilt(segment.expr, None))


def _rebuilt(node: Any, step: Select | None) -> Any:
    """``node`` with its guards changed; ``step`` is the selection that is to be an optional one."""
    if isinstance(node, tuple):
        return tuple(_rebuilt(one, step) for one in node)
    if node is step and step is not None:
        return replace(step, optional=True)
    if not hasattr(node, "offset"):
        return node
    if _is_guard(node):
        step = _step_of(node.args[0])
    return replace(
        node,
        **{
            one.name: _rebuilt(getattr(node, one.name), step)
            for one in fields(node)
            if one.name not in ("offset", "end")
        },
    )
