"""What is known at a place from the conditions that dominate it (analyzer.md, Facts).

A fact is a narrower type of a path: a name with fields and indexes on it. That a path has a fact
also says that it can be read. Conditions only ever narrow, so a fact stays true inward.

::

    has(x.f)   x.?f.hasValue()   x != null   x == null   'k' in m   k in m   size(l) > n   l != []
    x == 'literal'   x in ['a', 'b']   x > 3   type(x) == int   x.kind == 'a' (of a union)
    l.all(x, ...)   and these through && || ! ?:
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from analyzer.expressions.bounds import Bound, compared, of_texts
from analyzer.types import (
    BOOL,
    DYN,
    NEVER,
    NULL,
    Bool,
    Double,
    Dyn,
    Error,
    Int,
    List,
    Map,
    Never,
    Null,
    Optional,
    Record,
    String,
    Type,
    UInt,
    members_of,
    resolved,
    union,
    without,
)
from analyzer.types.members import AccessStep, Narrow, member, narrowed, values_of, without_field
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
from kernel.cel import Expr, walk
from kernel.cel.tree import (
    Binary,
    Call,
    Conditional,
    Ident,
    Index,
    ListLiteral,
    Literal,
    Logical,
    Macro,
    Select,
    Unary,
)

MAX_CONDITIONS: Final = 8
"""Alternatives are followed through so many conditions; with more nothing is known."""

MAX_FACTS: Final = 500

AccessPath = tuple[AccessStep, ...]
"""The name, then the steps."""

Consequences = Callable[[Expr, bool], Iterable[tuple[Expr, bool]]]
"""What else is known once an expression gave an outcome."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The names in scope with their declared types, and what is known beyond.

    ``consequences`` tells which other expressions a condition over a step decides.
    """

    scope: Mapping[str, Type]
    known: Mapping[AccessPath, Type] = field(default_factory=dict)
    consequences: Consequences | None = field(default=None, compare=False)

    def type_of(self, name: str) -> Type:
        """The type of a name in scope, as narrow as it is known."""
        return self.known.get((name,)) or self.scope[name]

    def with_fact(self, path: AccessPath, type_: Type) -> Facts:
        """These facts and one more."""
        if len(self.known) >= MAX_FACTS and path not in self.known:
            return self
        return Facts(self.scope, {**self.known, path: type_}, self.consequences)

    def declare(self, names: Mapping[str, Type]) -> Facts:
        """The facts inside of what declares these names: of hidden ones nothing is known."""
        kept = {
            path: type_
            for path, type_ in self.known.items()
            if not any(map(path_uses(path), names))
        }
        return Facts({**self.scope, **names}, kept, None if _hide(names) else self.consequences)

    @property
    def declared(self) -> Facts:
        """The same names, of which only the declared types are known."""
        return Facts(self.scope)


def _hide(names: Iterable[str]) -> bool:
    """Whether one of the names may be that of a variable which conditions over steps read."""
    return any(name in _OUTER for name in names)


_OUTER: Final = frozenset(
    ("inputs", "vars", "secrets", "resources", "self", "steps", "item", "index", "error")
)


def path_uses(path: AccessPath) -> Callable[[str], bool]:
    """Whether a path has a name in it."""
    inner = [path_uses(step[1]) for step in path if isinstance(step, tuple)]  # type: ignore[arg-type]
    return lambda name: path[0] == name or any(uses(name) for uses in inner)


def path_of(expr: Expr, facts: Facts) -> AccessPath | None:
    """The path that an expression reads; None when it is none. ``x.?f`` is on the path of ``f``."""
    steps: list[AccessStep] = []
    while not isinstance(expr, Ident):
        if isinstance(expr, Select):
            steps.append(expr.field)
        elif isinstance(expr, Index):
            step = _step(expr.index, facts)
            if step is None:
                return None
            steps.append(step)
        else:
            return None
        expr = expr.operand
    # A name with a leading dot is not the variable of a macro that has the same name.
    if expr.absolute or expr.name not in facts.scope:
        return None
    return (expr.name, *reversed(steps))


def _step(index: Expr, facts: Facts) -> AccessStep | None:
    if isinstance(index, Literal):
        value = index.value
        return value if type(value) is str or (type(value) is int and value >= 0) else None
    path = path_of(index, facts)
    return None if path is None else ("$", path)


def type_at(path: AccessPath, facts: Facts) -> Type:
    """The type of what a path reads, where it can be read."""
    name = path[0]
    assert isinstance(name, str)
    known, type_ = facts.known, facts.type_of(name)
    for count in range(1, len(path)):
        type_ = known.get(path[: count + 1]) or _stepped(type_, path[count])
    return type_


def _stepped(type_: Type, step: AccessStep) -> Type:
    found: list[Type] = []
    for one in members_of(type_):
        match one:
            case Dyn() | Error():
                return one
            case Optional():
                found.append(Optional(_stepped(one.value, step)))
            case List():
                found.append(NEVER if isinstance(step, str) else one.element)
            case Map() | Record():
                found.append(member(one, step).type if isinstance(step, str) else values_of(one))
    return union(found)


def narrow_path(path: AccessPath, facts: Facts, narrow: Narrow) -> Facts:
    """The facts once a path was read, and its value was one that ``narrow`` keeps."""
    name = path[0]
    assert isinstance(name, str)
    steps = _structural(path[1:])
    inner = narrow if len(steps) == len(path) - 1 else _same
    facts = facts.with_fact((name,), narrowed(facts.type_of(name), steps, inner))
    owner = facts.type_of(name)
    for count, step in enumerate(path[1:], 2):
        # No record holds a field of a map whose keys may be other than texts.
        lost = isinstance(step, str) and _is_any_map(owner)
        if count < len(path) or lost:
            owner = facts.known.get(path[:count]) or _stepped(owner, step)
        if lost:
            kept = narrow(owner) if count == len(path) else owner
            facts = facts.with_fact(path[:count], kept)
    last = max(count for count, step in enumerate(path) if not count or not isinstance(step, str))
    if not last:
        return facts
    element, rest = path[: last + 1], path[last + 1 :]
    if rest:
        facts = facts.with_fact(element, narrowed(type_at(element, facts), rest, narrow))
    return facts.with_fact(path, narrow(type_at(path, facts)))


def _is_any_map(type_: Type) -> bool:
    return any(isinstance(one, Map) for one in members_of(type_))


def _structural(steps: AccessPath) -> AccessPath:
    """The steps up to the first that no type can tell apart from its neighbours."""
    for count, step in enumerate(steps, 1):
        if not isinstance(step, str):
            return steps[:count]
    return steps


def _same(type_: Type) -> Type:
    return type_


# Conditions ------------------------------------------------------------------------------------


def assume(expr: Expr, outcome: bool, facts: Facts) -> Facts:
    """What is known where a condition has been evaluated, and was true (or false)."""
    found = _assumed(expr, outcome, facts)
    if facts.consequences is not None and isinstance(expr, Select | Macro):
        for other, held in facts.consequences(expr, outcome):
            found = assume(other, held, found)
    return found


def _assumed(expr: Expr, outcome: bool, facts: Facts) -> Facts:
    match expr:
        case Binary():
            return _binary(expr, outcome, facts)
        case Unary(operator="!"):
            return assume(expr.operand, not outcome, facts)
        case Logical():
            return _logical(expr, outcome, facts)
        case Conditional():
            return _conditional(expr, outcome, facts)
        case Macro(name="has"):
            return _has(expr, outcome, facts)
        case Call(function="hasValue", target=Select() | Index() as target) if outcome:
            path = path_of(target, facts)
            return facts if path is None else narrow_path(path, facts, _same)
        case Call(function="hasValue", target=Ident() as target) if outcome:
            return facts.with_fact(_held(target), BOOL)
        case Call(function="contains" | "startsWith" | "endsWith", args=(_,)) if outcome:
            return with_bounds(of_texts(expr, facts.known), facts)
        case Macro(name="all" | "exists" | "exists_one" | "existsOne"):
            return _quantified(expr, outcome, facts)
        case Ident() | Select() | Index():
            return _path(expr, facts, lambda t: equal_to(t, outcome))
    return facts


def _held(name: Ident) -> AccessPath:
    """What stands for the value of an optional among the paths: no expression reads it."""
    return (name.name, ("$", (name.name,)))


def holds_value(expr: Expr, facts: Facts) -> bool:
    """Whether it is known of the optional with this name that it has a value."""
    return isinstance(expr, Ident) and not expr.absolute and _held(expr) in facts.known


def _path(expr: Expr, facts: Facts, narrow: Narrow) -> Facts:
    path = None if is_optional(expr) else path_of(expr, facts)
    return facts if path is None else narrow_path(path, facts, narrow)


def is_optional(expr: Expr) -> bool:
    """Whether a chain of selections and indexes has a ``.?`` or ``[?`` in it."""
    while isinstance(expr, Select | Index):
        if expr.optional:
            return True
        expr = expr.operand
    return False


def _logical(expr: Logical, outcome: bool, facts: Facts) -> Facts:
    every = expr.operator == "&&"
    if outcome is every:
        for operand in expr.operands:
            facts = assume(operand, outcome, facts)
        return facts
    if _conditions(expr) > MAX_CONDITIONS:
        return facts
    # That one of the operands decides says nothing of the others: they may have failed.
    return either(facts, [assume(operand, outcome, facts) for operand in expr.operands])


def _conditions(expr: Expr) -> int:
    if isinstance(expr, Logical):
        return sum(map(_conditions, expr.operands))
    if isinstance(expr, Conditional):
        parts = (expr.condition, expr.then, expr.otherwise)
        return 2 * sum(map(_conditions, parts))
    return _conditions(expr.operand) if isinstance(expr, Unary) else 1


def _conditional(expr: Conditional, outcome: bool, facts: Facts) -> Facts:
    if _conditions(expr) > MAX_CONDITIONS:
        return facts
    then = assume(expr.then, outcome, assume(expr.condition, True, facts))
    otherwise = assume(expr.otherwise, outcome, assume(expr.condition, False, facts))
    branches = [
        branch
        for value, branch in ((expr.then, then), (expr.otherwise, otherwise))
        if not (isinstance(value, Literal) and value.value is (not outcome))
    ]
    return either(facts, branches)


def either(before: Facts, branches: Iterable[Facts]) -> Facts:
    """What is known where one of several is: what all know. Impossible ones do not count."""
    possible = [one for one in branches if not is_impossible(one)]
    if not possible:
        return before
    shared = set(possible[0].known).intersection(*(one.known for one in possible[1:]))
    joined = {path: union([one.known[path] for one in possible]) for path in shared}
    return Facts(before.scope, {**before.known, **joined}, before.consequences)


def is_impossible(facts: Facts) -> bool:
    """Whether the facts contradict each other, so that the place is never reached."""
    return any(isinstance(type_, Never) for type_ in facts.known.values())


def _has(expr: Macro, outcome: bool, facts: Facts) -> Facts:
    selection = expr.args[0]
    assert isinstance(selection, Select)
    path = path_of(selection, facts)
    if path is None:
        return facts
    if outcome:
        return narrow_path(path, facts, _same)
    if is_optional(selection.operand) or is_step_guard(selection):
        return facts
    *outer, name = path
    assert isinstance(name, str)
    return narrow_path(tuple(outer), facts, lambda type_: without_field(type_, name))


def is_step_guard(selection: Select) -> bool:
    """Whether it is the ``steps.X.a`` in ``has(steps.X.a)``, which asks for the step as well.

    The kernel reads it as ``has(steps.?X.a)`` (kernel.topology.guards).
    """
    inner = selection.operand
    while isinstance(inner, Select):
        if isinstance(inner.operand, Ident) and inner.operand.name == "steps":
            return True
        inner = inner.operand
    return False


def _quantified(expr: Macro, outcome: bool, facts: Facts) -> Facts:
    assert expr.target is not None
    path = None if is_optional(expr.target) else path_of(expr.target, facts)
    if path is None or not outcome:
        return facts
    if expr.name == "all":
        if len(expr.variables) > 1 or any(_is_all(node) for node in walk(expr.args[0])):
            return facts
        name, predicate = expr.variables[0], expr.args[0]

        def narrow(element: Type) -> Type:
            inside = facts.declare({name: element})
            return assume(predicate, True, inside).type_of(name)

        return narrow_path(path, facts, lambda type_: _elements(type_, narrow))
    return narrow_path(path, facts, lambda type_: sized(type_, 1, None))


def _is_all(node: Expr) -> bool:
    return isinstance(node, Macro) and node.name == "all"


def _elements(type_: Type, narrow: Narrow) -> Type:
    return union(
        replace(one, element=narrow(one.element)) if isinstance(one, List) else one
        for one in members_of(type_)
    )


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _binary(expr: Binary, outcome: bool, facts: Facts) -> Facts:
    if expr.operator == "in":
        return _contained(expr, outcome, facts)
    if expr.operator not in _MIRRORED:
        return facts
    operator = expr.operator
    # NaN is neither less nor not less: a false comparison of doubles says nothing of the order.
    facts = _compared(expr.left, operator, expr.right, outcome, facts)
    facts = _compared(expr.right, _MIRRORED[operator], expr.left, outcome, facts)
    true = operator if outcome else _NEGATED[operator]
    before = facts

    def type_of(operand: Expr) -> Type | None:
        path = None if is_optional(operand) else path_of(operand, before)
        return None if path is None else type_at(path, before)

    return with_bounds(compared(expr.left, true, expr.right, before.known, type_of), facts)


def with_bounds(bounds: Iterable[Bound], facts: Facts) -> Facts:
    """The facts, and bounds of differences."""
    for path, type_ in bounds:
        facts = facts.with_fact(path, type_)
    return facts


def _compared(left: Expr, operator: str, right: Expr, outcome: bool, facts: Facts) -> Facts:
    """What a comparison says of its left side."""
    if isinstance(left, Literal):
        return facts
    if outcome is False:
        operator = _NEGATED[operator]
    if isinstance(left, Call) and left.function in ("size", "type"):
        parts = left.args if left.target is None else (left.target, *left.args)
        if len(parts) != 1:
            return facts
        if left.function == "type":
            return _of_type(parts[0], operator, right, facts)
        if isinstance(right, Literal) and type(right.value) is int:
            return _of_size(parts[0], operator, right.value, facts)
        return facts
    if operator in ("==", "!="):
        return _equality(left, operator == "==", right, facts)
    return _path(left, facts, lambda type_: ordered(type_, operator, _constant(right, facts)))


def _equality(left: Expr, equal: bool, right: Expr, facts: Facts) -> Facts:
    if isinstance(right, Literal) and isinstance(right.value, bool) and _is_condition(left):
        return assume(left, right.value is equal, facts)
    if isinstance(right, ListLiteral) and not right.elements and not equal:
        return _path(left, facts, not_empty)
    if isinstance(right, Literal):
        keep = equal_to if equal else different_from
        return _path(left, facts, lambda type_: keep(type_, right.value))
    path = path_of(right, facts) if equal and not is_optional(right) else None
    if path is None:
        return _path(left, facts, _same)
    other = comparable_kinds(type_at(path, facts))
    return _path(left, facts, lambda type_: of_kinds(type_, other))


def _is_condition(expr: Expr) -> bool:
    """Whether an expression gives a bool, whatever the values are."""
    if isinstance(expr, Macro):
        return expr.name in ("has", "all", "exists", "exists_one", "existsOne")
    if isinstance(expr, Unary):
        return expr.operator == "!"
    return isinstance(expr, Logical | Binary) and (
        isinstance(expr, Logical) or expr.operator in _MIRRORED or expr.operator == "in"
    )


def _constant(expr: Expr, facts: Facts) -> Any:
    return expr.value if isinstance(expr, Literal) else None


def _of_size(expr: Expr, operator: str, value: int, facts: Facts) -> Facts:
    least, most = _SIZES[operator](value)
    return _path(expr, facts, lambda type_: sized(type_, least, most))


_SIZES: Final[dict[str, Callable[[int], tuple[int, int | None]]]] = {
    "<": lambda n: (0, n - 1),
    "<=": lambda n: (0, n),
    ">": lambda n: (n + 1, None),
    ">=": lambda n: (n, None),
    "==": lambda n: (n, n),
    "!=": lambda n: (1 if n == 0 else 0, None),
}


_NAMED: Final = {
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "optional_type": "optional",
}
_KINDS: Final = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map"})


def _of_type(expr: Expr, operator: str, right: Expr, facts: Facts) -> Facts:
    if isinstance(right, Ident) and right.name not in facts.scope:
        kind = _NAMED.get(right.name, right.name)
    elif isinstance(right, Call) and right.function == "type" and len(right.args) == 1:
        argument = right.args[0]
        if not isinstance(argument, Literal) or argument.value is not None:
            return facts
        kind = "null"
    else:
        return facts
    if kind not in _KINDS and kind not in _NAMED.values():
        return facts
    wanted = operator == "=="

    def narrow(type_: Type) -> Type:
        if isinstance(resolved(type_), Dyn) and wanted:
            return _OF_KIND.get(kind, type_)
        return without(type_, lambda one: kinds(one) is not None and (kind in _k(one)) != wanted)

    return _path(expr, facts, narrow)


def _k(type_: Type) -> frozenset[str]:
    return kinds(type_) or frozenset()


_OF_KIND: Final[dict[str, Type]] = {
    "null": NULL,
    "bool": Bool(),
    "int": Int(),
    "uint": UInt(),
    "double": Double(),
    "string": String(),
    "list": List(DYN),
    "map": Map(DYN, DYN),
}


def _contained(expr: Binary, outcome: bool, facts: Facts) -> Facts:
    """``x in ['a', 'b']`` and ``'k' in m``."""
    if isinstance(expr.right, ListLiteral):
        return _among(expr.left, outcome, expr.right, facts)
    owner = None if is_optional(expr.right) else path_of(expr.right, facts)
    if owner is None:
        return facts
    step = _step(expr.left, facts)
    type_ = type_at(owner, facts)
    if (
        step is None
        or isinstance(step, int)
        or kinds(without(type_, _is_null)) != frozenset({"map"})
    ):
        return narrow_path(owner, facts, lambda t: sized(t, 1, None)) if outcome else facts
    if outcome:
        return narrow_path((*owner, step), facts, _same)
    if isinstance(step, str):
        return narrow_path(owner, facts, lambda t: without_field(t, step))
    return facts


def _is_null(type_: Type) -> bool:
    return isinstance(type_, Null)


def _among(expr: Expr, outcome: bool, options: ListLiteral, facts: Facts) -> Facts:
    values = [one.value for one in options.elements if isinstance(one, Literal)]
    if len(values) < len(options.elements) or options.optional or len(values) > MAX_FACTS:
        return facts
    if outcome:
        return _path(expr, facts, lambda t: union(equal_to(t, value) for value in values))

    def narrow(type_: Type) -> Type:
        for value in values:
            type_ = different_from(type_, value)
        return type_

    return _path(expr, facts, narrow)
