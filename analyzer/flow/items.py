"""What is known of the lists that steps give, and of the items of lists that loops go over."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

from analyzer.expressions.elements import (
    ELEMENT,
    Tested,
    Tests,
    elements_said,
    is_element,
    is_same,
    of_each,
    quantified,
    said_of,
    selects,
)
from kernel.cel import Expr, Template, free_names
from kernel.cel.tree import Binary, Call, Ident, Literal, Macro, Select
from kernel.topology.forms import Part, Step, field_of


def expression_of(template: Template) -> Expr | None:
    """The expression that a template is, if it is one; a plain bool is one, too.

    For one that does not parse it is a call of no function, with what it speaks of.
    """
    if template.tree.errors:
        return _spoken_of(template.tree.errors[0].expression)
    if template.constant:
        value = template.evaluate({})
        return Literal(0, 0, value) if isinstance(value, bool) else None
    scalar = template.tree.scalars.get(())
    whole = None if scalar is None else scalar.whole
    return None if whole is None else whole.expr


_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_MAX_PATHS: Final = 20


def _spoken_of(text: str) -> Expr:
    """A call of no function with the paths in a text that does not parse."""
    paths: list[Expr] = []
    for found in islice(_PATH.finditer(text), _MAX_PATHS):
        name, *fields = found[0].split(".")
        path: Expr = Ident(0, 0, name, False)
        for selected in fields:
            path = Select(0, 0, path, selected, False)
        paths.append(path)
    return Call(0, 0, "", None, tuple(paths))


def said_of_result(step: Step) -> Binary | None:
    """The condition that the result of a step is the list that it makes; None for other steps."""
    if step.name is None or step.form.gives != "value":
        return None
    whole = expression_of(field_of(step, "value").template)
    if whole is None or not selects(whole):
        return None
    steps = Ident(whole.offset, whole.end, "steps", False)
    result: Expr = Select(whole.offset, whole.end, steps, step.name, False)
    return is_same(Select(whole.offset, whole.end, result, "result", False), whole)


def said_of_items(step: Step, part: Part, known: Iterable[tuple[Expr, bool]]) -> Tests:
    """The conditions on the ``item`` and the ``index`` of each round; ``known`` is around them."""
    whole = expression_of(field_of(step, "list").template)
    if whole is None:
        return
    if not free_names(whole).isdisjoint(part.brings):
        yield from _said_of_hidden(whole, part, known)
        return
    item, index = (Ident(whole.offset, whole.end, name, False) for name in ("item", "index"))
    yield is_element(item, whole), True
    size = Call(whole.offset, whole.end, "size", whole, ())
    yield Binary(whole.offset, whole.end, "<", index, size), True


def _said_of_hidden(whole: Expr, part: Part, known: Iterable[tuple[Expr, bool]]) -> Tests:
    """What is known of the items of a list that is read from a variable which they hide."""
    tested: list[Tested] = []
    for condition, held in known:
        for expr, outcome in elements_said(condition, held):
            if isinstance(expr, Macro):
                tested += quantified(expr, outcome)
    for test, outcome in of_each(whole, tuple(tested)):
        said = said_of(test, {ELEMENT: "item"})
        if said is not None and free_names(test).isdisjoint(part.brings):
            yield said, outcome
