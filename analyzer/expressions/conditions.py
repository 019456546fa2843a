"""What conditions say about the places that they dominate (analyzer.md, Facts).

Conditions only ever narrow, so a fact stays true inward.

::

    has(x.f)   x.?f.hasValue()   x != null   x == null   'k' in m   k in m   size(l) > n   l != []
    x == 'literal'   x in ['a', 'b']   x > 3   type(x) == int   x.kind == 'a' (of a union)
    l.all(x, ...)   and these through && || ! ?:
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from analyzer import types
from analyzer.expressions.bounds import compared, of_texts
from analyzer.expressions.choices import MAX_CHOICES, choice, left_of, outcomes
from analyzer.expressions.elements import (
    ELEMENT,
    OF,
    SAME,
    Tested,
    contained_by,
    of_each,
    quantified,
    said_of,
    tested,
)
from analyzer.expressions.equal_expressions import expression_key
from analyzer.expressions.facts import (
    MAX_FACTS,
    AccessPath,
    Facts,
    access_step,
    as_it_is,
    is_impossible,
    is_optional,
    is_step_guard,
    narrow_path,
    path_of,
    plain_path,
    type_at,
    types_of_paths,
    value_path,
    with_bounds,
)
from analyzer.expressions.kind_names import of_type
from analyzer.expressions.lengths import size_that_is
from analyzer.types import Type, members_of, union
from analyzer.types.members import Narrow, without_field
from analyzer.types.narrowing import (
    comparable_kinds,
    different_from,
    equal_to,
    not_empty,
    of_kinds,
    ordered,
    sized,
)
from analyzer.types.overloads import kinds
from kernel.cel import TABLE, Expr, free_names, tree, walk
from kernel.cel.other_languages import CONSTANTS

MAX_CONDITIONS: Final = 8
"""Alternatives are followed through so many conditions; with more nothing is known."""


Assume = Callable[[Expr, bool, Facts], Facts]


def assume(expr: Expr, outcome: bool, facts: Facts) -> Facts:
    """What is known where a condition has been evaluated, and was true (or false)."""
    found = _assumed(expr, outcome, facts)
    if facts.consequences is not None and isinstance(expr, tree.Select | tree.Macro):
        for other, held in facts.consequences(expr, outcome):
            found = assume(other, held, found)
    return _decided(expr, outcome, found) if facts.choices and found.choices else found


def _decided(expr: Expr, outcome: bool, facts: Facts) -> Facts:
    """The facts with those of the choices that a condition decides, now that it had an outcome."""
    given = frozenset(outcomes(expr, outcome))
    waiting = facts.choices
    for one in waiting:
        rest = tuple(other for other in facts.choices if other is not one)
        bare = facts.with_choices(())
        found = [(operand, assume(operand, one.outcome, bare)) for operand in left_of(one, given)]
        possible = [operand for operand, after in found if not is_impossible(after)]
        if len(possible) == 1:
            facts = assume(possible[0], one.outcome, facts.with_choices(rest))
        elif len(possible) < len(one.operands):
            kept = replace(one, operands=tuple(possible))
            facts = facts.with_choices((*rest, kept) if possible else rest)
    return facts


def _assumed(expr: Expr, outcome: bool, facts: Facts) -> Facts:
    if isinstance(expr, tree.Binary | tree.Call | tree.Macro) and _is_mistaken(expr):
        return _unclear(expr, facts)
    match expr:
        case tree.Binary():
            return _binary(expr, outcome, facts)
        case tree.Unary(operator="!"):
            return assume(expr.operand, not outcome, facts)
        case tree.Logical():
            return _logical(expr, outcome, facts)
        case tree.Conditional():
            return _conditional(expr, outcome, facts)
        case tree.Macro(name="has"):
            return _has(expr, outcome, facts)
        case tree.Call(function="hasValue", target=tree.Select() | tree.Index() as target) if (
            outcome
        ):
            path = path_of(target, facts)
            return facts if path is None else narrow_path(path, facts, as_it_is)
        case tree.Call(function="hasValue", target=tree.Ident() as target) if outcome:
            return facts.with_fact(value_path(target), types.BOOL)
        case tree.Call(function="contains" | "startsWith" | "endsWith", args=(_,)) if outcome:
            return with_bounds(of_texts(expr, facts.known), facts)
        case tree.Macro(name="all" | "exists" | "exists_one" | "existsOne"):
            return _quantified(expr, outcome, facts)
        case tree.Ident() | tree.Select() | tree.Index():
            return _path(expr, facts, lambda t: equal_to(t, outcome))
    return facts


def _is_mistaken(expr: Expr) -> bool:
    """Whether a condition has a function or a constant that there is not, which is reported."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        while type(node) is tree.Select:
            node = node.operand
        if type(node) is tree.Ident:
            if node.name in CONSTANTS:
                return True
        elif type(node) is not tree.Literal:
            if type(node) is tree.Call and node.function not in TABLE:
                return True
            waiting += tree.children(node)
    return False


def _unclear(expr: Expr, facts: Facts) -> Facts:
    """What a mistaken condition speaks of is not reported again where the condition is met."""
    for node in walk(expr):
        path = path_of(node, facts)
        if path is not None and len(path) > 1:
            facts = facts.with_fact(path, types.ERROR)
    return facts


def _path(expr: Expr, facts: Facts, narrow: Narrow) -> Facts:
    path = plain_path(expr, facts)
    return facts if path is None else narrow_path(path, facts, narrow)


def _logical(expr: tree.Logical, outcome: bool, facts: Facts) -> Facts:
    every = expr.operator == "&&"
    if outcome is every:
        for operand in expr.operands:
            facts = assume(operand, outcome, facts)
        return facts
    if _conditions(expr) > MAX_CONDITIONS:
        return facts
    # That one of the operands decides says nothing of the others: they may have failed.
    found = either(facts, [assume(operand, outcome, facts) for operand in expr.operands])
    made = choice(expr, outcome) if len(found.choices) < MAX_CHOICES else None
    return found if made is None else found.with_choices((*found.choices, made))


def _conditions(expr: Expr) -> int:
    if isinstance(expr, tree.Logical):
        return sum(map(_conditions, expr.operands))
    if isinstance(expr, tree.Conditional):
        return 2 * sum(map(_conditions, (expr.condition, expr.then, expr.otherwise)))
    return _conditions(expr.operand) if isinstance(expr, tree.Unary) else 1


def _conditional(expr: tree.Conditional, outcome: bool, facts: Facts) -> Facts:
    if _conditions(expr) > MAX_CONDITIONS:
        return facts
    then = assume(expr.then, outcome, assume(expr.condition, True, facts))
    otherwise = assume(expr.otherwise, outcome, assume(expr.condition, False, facts))
    branches = [
        branch
        for value, branch in ((expr.then, then), (expr.otherwise, otherwise))
        if not (isinstance(value, tree.Literal) and value.value is (not outcome))
    ]
    return either(facts, branches)


def either(before: Facts, branches: Iterable[Facts]) -> Facts:
    """The facts after one of several branches: those of all branches that are possible."""
    possible = [one for one in branches if not is_impossible(one)]
    if not possible:
        return before
    shared = set(possible[0].known).intersection(*(one.known for one in possible[1:]))
    joined = {path: union([one.known[path] for one in possible]) for path in shared}
    known = {**before.known, **joined}
    passed = [one for one in possible[0].tested if all(one in way.tested for way in possible[1:])]
    computed = any(one.computed for one in possible)
    return Facts(
        before.scope,
        known,
        before.consequences,
        tuple(passed),
        computed,
        before.choices,
        before.ordered,
    )


def _has(expr: tree.Macro, outcome: bool, facts: Facts) -> Facts:
    selection = expr.args[0]
    assert isinstance(selection, tree.Select)
    path = path_of(selection, facts)
    if path is None:
        return facts
    if outcome:
        return narrow_path(path, facts, as_it_is)
    if is_optional(selection.operand) or is_step_guard(selection):
        return facts
    *outer, name = path
    assert isinstance(name, str)
    return narrow_path(tuple(outer), facts, lambda type_: without_field(type_, name))


def of_element(
    whole: Expr, names: Mapping[str, str], facts: Facts, given: Assume = assume
) -> Facts:
    """What is known where names stand for an element of a list, or for a key of a map.

    ``names`` are those for the placeholders of `analyzer.expressions.elements`.
    """
    name = names.get(ELEMENT)
    if name is not None:
        hidden = [("$", (one,)) for one in sorted(free_names(whole) | {name})]
        fact: AccessPath = (OF, name, repr(expression_key(whole)), *hidden)
        if fact in facts.known:
            return facts
        facts = facts.with_fact(fact, types.BOOL)
        if fact not in facts.known:
            return facts
    for test, outcome in of_each(whole, facts.tested):
        said = said_of(test, names)
        if said is not None:
            facts = given(said, outcome, facts)
    return facts


def _of_elements_before(found: Tested, facts: Facts) -> Facts:
    """What all elements of a list have passed, of the names that stand for one of them."""
    key = repr(found.whole)
    for path in [path for path in facts.known if path[0] == OF and path[2] == key]:
        said = said_of(found.test, {ELEMENT: str(path[1])})
        if said is not None:
            facts = assume(said, found.outcome, facts)
    return facts


def _quantified(expr: tree.Macro, outcome: bool, facts: Facts) -> Facts:
    assert expr.target is not None
    for one in quantified(expr, outcome):
        facts = _of_elements_before(one, facts.with_tested([one]))
    for inside in contained_by(expr) if outcome else ():
        facts = assume(inside, True, facts)
    if outcome and expr.name != "all" and len(expr.variables) == 1:
        found = replace(expr, name="filter")
        facts = assume(_not_empty(found), True, facts)
    path = plain_path(expr.target, facts)
    if path is None or not outcome:
        return facts
    if expr.name == "all":
        if len(expr.variables) > 1 or any(
            isinstance(one, tree.Macro) and one.name == "all" for one in walk(expr.args[0])
        ):
            return facts
        name, predicate = expr.variables[0], expr.args[0]

        def narrow(element: Type) -> Type:
            return assume(predicate, True, facts.declare({name: element})).type_of(name)

        return narrow_path(path, facts, lambda type_: _elements(type_, narrow))
    return narrow_path(path, facts, lambda type_: sized(type_, 1, None))


def _not_empty(whole: Expr) -> Expr:
    size = tree.Call(whole.offset, whole.end, "size", whole, ())
    return tree.Binary(whole.offset, whole.end, ">", size, tree.Literal(whole.offset, whole.end, 0))


def _elements(type_: Type, narrow: Narrow) -> Type:
    return union(
        replace(one, element=narrow(one.element)) if isinstance(one, types.List) else one
        for one in members_of(type_)
    )


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _binary(expr: tree.Binary, outcome: bool, facts: Facts) -> Facts:
    if expr.operator in ("in", OF):
        return _contained(expr, outcome, facts)
    if expr.operator == SAME:
        each = of_each(expr.right, facts.tested)
        return facts.with_tested([tested(expr.left, *one) for one in each])
    if expr.operator not in _MIRRORED:
        return facts
    facts = _of_lengths(expr, outcome, facts)
    operator = expr.operator
    # NaN is neither less nor not less: a false comparison of doubles says nothing of the order.
    facts = _compared(expr.left, operator, expr.right, outcome, facts)
    facts = _compared(expr.right, _MIRRORED[operator], expr.left, outcome, facts)
    true = operator if outcome else _NEGATED[operator]
    before = facts
    return with_bounds(
        compared(expr.left, true, expr.right, before.known, types_of_paths(before)), facts
    )


def _of_lengths(expr: tree.Binary, outcome: bool, facts: Facts) -> Facts:
    """What a comparison of a number says of the list whose size it is."""
    for number, change in ((expr.left, "left"), (expr.right, "right")):
        size = size_that_is(number, facts)
        if size is not None:
            same = compared(number, "==", size, facts.known, types_of_paths(facts))
            compared_size: Any = {change: size}
            facts = assume(replace(expr, **compared_size), outcome, with_bounds(same, facts))
    return facts


def _compared(left: Expr, operator: str, right: Expr, outcome: bool, facts: Facts) -> Facts:
    """The facts that a comparison gives about its left side."""
    if isinstance(left, tree.Literal):
        return facts
    if outcome is False:
        operator = _NEGATED[operator]
    if isinstance(left, tree.Call) and left.function in ("size", "type"):
        parts = left.args if left.target is None else (left.target, *left.args)
        if len(parts) != 1:
            return facts
        if left.function == "type":
            narrow = of_type(parts[0], right, operator == "==", facts)
            return facts if narrow is None else _path(parts[0], facts, narrow)
        if isinstance(right, tree.Literal) and type(right.value) is int:
            least, most = _SIZES[operator](right.value)
            return _path(parts[0], facts, lambda type_: sized(type_, least, most))
        return facts
    if operator in ("==", "!="):
        return _equality(left, operator == "==", right, facts)
    constant = right.value if isinstance(right, tree.Literal) else None
    if isinstance(left, _COMPUTED) and type(constant) in (int, float):
        before = facts.value(left) or _NUMBER
        return facts.with_value(left, ordered(before, operator, constant))
    return _path(left, facts, lambda type_: ordered(type_, operator, constant))


_COMPUTED: Final = (tree.Binary, tree.Call, tree.Unary, tree.Conditional)
_NUMBER: Final = union([types.Int(-(2**1024), 2**1024), types.UInt(), types.DOUBLE])
"""What is compared with a number."""


def _equality(left: Expr, equal: bool, right: Expr, facts: Facts) -> Facts:
    if isinstance(right, tree.Literal) and isinstance(right.value, bool) and _is_condition(left):
        return assume(left, right.value is equal, facts)
    if isinstance(right, tree.ListLiteral) and not right.elements and not equal:
        return _path(left, facts, not_empty)
    if isinstance(right, tree.Literal):
        keep = equal_to if equal else different_from
        return _path(left, facts, lambda type_: keep(type_, right.value))
    path = plain_path(right, facts) if equal else None
    if path is None:
        return _path(left, facts, as_it_is)
    other = comparable_kinds(type_at(path, facts))
    return _path(left, facts, lambda type_: of_kinds(type_, other))


def _is_condition(expr: Expr) -> bool:
    """Whether an expression gives a bool, whatever the values are."""
    if isinstance(expr, tree.Macro):
        return expr.name in ("has", "all", "exists", "exists_one", "existsOne")
    if isinstance(expr, tree.Unary):
        return expr.operator == "!"
    return isinstance(expr, tree.Logical | tree.Binary) and (
        isinstance(expr, tree.Logical) or expr.operator in _MIRRORED or expr.operator == "in"
    )


_SIZES: Final[dict[str, Callable[[int], tuple[int, int | None]]]] = {
    "<": lambda n: (0, n - 1),
    "<=": lambda n: (0, n),
    ">": lambda n: (n + 1, None),
    ">=": lambda n: (n, None),
    "==": lambda n: (n, n),
    "!=": lambda n: (1 if n == 0 else 0, None),
}


def _contained(expr: tree.Binary, outcome: bool, facts: Facts) -> Facts:
    """``x in ['a', 'b']`` and ``'k' in m``."""
    if isinstance(expr.right, tree.ListLiteral):
        return _among(expr.left, outcome, expr.right, facts)
    if outcome:
        facts = assume(_not_empty(expr.right), True, facts)
        if isinstance(expr.left, tree.Ident) and _is_element(expr, expr.left, facts):
            facts = of_element(expr.right, {ELEMENT: expr.left.name}, facts)
    owner = plain_path(expr.right, facts)
    if owner is None:
        return facts
    step = access_step(expr.left, facts)
    if (
        step is None
        or isinstance(step, int)
        or kinds(types.without_null(type_at(owner, facts))) != frozenset({"map"})
    ):
        return narrow_path(owner, facts, lambda t: sized(t, 1, None)) if outcome else facts
    if outcome:
        return narrow_path((*owner, step), facts, as_it_is)
    if isinstance(step, str):
        return narrow_path(owner, facts, lambda t: without_field(t, step))
    return facts


def _is_element(expr: tree.Binary, name: tree.Ident, facts: Facts) -> bool:
    """Whether it is an element itself; a text is the same as all values that are equal to it."""
    if expr.operator == "in" and not name.absolute and name.name in facts.scope:
        return kinds(facts.type_of(name.name)) == frozenset({"string"})
    return expr.operator == OF


def _among(expr: Expr, outcome: bool, options: tree.ListLiteral, facts: Facts) -> Facts:
    values = [one.value for one in options.elements if isinstance(one, tree.Literal)]
    if len(values) < len(options.elements) or options.optional or len(values) > MAX_FACTS:
        return facts
    if outcome:
        return _path(expr, facts, lambda t: union(equal_to(t, value) for value in values))

    def narrow(type_: Type) -> Type:
        for value in values:
            type_ = different_from(type_, value)
        return type_

    return _path(expr, facts, narrow)
