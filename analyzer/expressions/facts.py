"""What is known of the values at a place: a narrower type for some paths.

A path is a name with fields and indexes on it. That a path has a fact also says that it can be
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from analyzer import types
from analyzer.expressions.bounds import Bound
from analyzer.expressions.choices import Choice
from analyzer.expressions.elements import MAX_TESTED, Tested
from analyzer.expressions.equal_expressions import expression_key
from analyzer.types import Type, members_of, union
from analyzer.types.members import AccessStep, Narrow, member, narrowed, values_of
from kernel.cel import Expr, free_names
from kernel.cel.tree import Ident, Index, Literal, Select
from kernel.structs import field, struct

MAX_FACTS: Final = 500

AccessPath = tuple[AccessStep, ...]
"""The name, then the steps."""

Consequences = Callable[[Expr, bool], Iterable[tuple[Expr, bool]]]
"""The outcomes of other expressions that follow from the outcome of an expression."""


@struct
class Facts:
    """The names in scope with their declared types, and what is known beyond.

    ``consequences`` tells which other expressions a condition over a step decides; ``tested`` what
    all elements of lists have passed; ``computed`` whether something is known of values that no
    path reads; ``choices`` are conditions of which at least one holds. ``ordered``: bounds of
    differences are kept, of which only positions are asked.
    """

    scope: Mapping[str, Type]
    known: Mapping[AccessPath, Type] = field(default_factory=dict)
    consequences: Consequences | None = field(default=None, compare=False)
    tested: tuple[Tested, ...] = ()
    computed: bool = False
    choices: tuple[Choice, ...] = ()
    ordered: bool = True

    def type_of(self, name: str) -> Type:
        """The type of a name in scope, as narrow as it is known."""
        return self.known.get((name,)) or self.scope[name]

    def with_fact(self, path: AccessPath, type_: Type) -> Facts:
        """These facts and one more."""
        if len(self.known) >= MAX_FACTS and path not in self.known:
            return self
        known = {**self.known, path: type_}
        return Facts(
            self.scope,
            known,
            self.consequences,
            self.tested,
            self.computed,
            self.choices,
            self.ordered,
        )

    def value(self, expr: Expr) -> Type | None:
        """The type that comparisons have found of a value that no path reads."""
        if not self.computed:
            return None
        return self.known.get(computed_path(expr))

    def with_value(self, expr: Expr, type_: Type) -> Facts:
        """These facts, and the type of a value that no path reads."""
        made = self.with_fact(computed_path(expr), type_)
        return Facts(
            made.scope, made.known, made.consequences, made.tested, True, made.choices, made.ordered
        )

    def with_tested(self, found: Iterable[Tested]) -> Facts:
        """These facts, and what all elements of lists have passed."""
        new = [one for one in found if one not in self.tested]
        if not new:
            return self
        tested = (*self.tested, *new)[:MAX_TESTED]
        return Facts(
            self.scope,
            self.known,
            self.consequences,
            tested,
            self.computed,
            self.choices,
            self.ordered,
        )

    def with_choices(self, choices: tuple[Choice, ...]) -> Facts:
        """These facts, with other conditions of which one holds."""
        return Facts(
            self.scope,
            self.known,
            self.consequences,
            self.tested,
            self.computed,
            choices,
            self.ordered,
        )

    def declare(self, names: Mapping[str, Type]) -> Facts:
        """The facts inside a scope that declares names: those about hidden names are dropped."""
        kept = {
            path: type_
            for path, type_ in self.known.items()
            if not any(map(path_uses(path), names))
        }
        tested = tuple([one for one in self.tested if one.names.isdisjoint(names)])
        consequences = None if _OUTER.intersection(names) else self.consequences
        choices = tuple([one for one in self.choices if one.names.isdisjoint(names)])
        scope = {**self.scope, **names}
        return Facts(scope, kept, consequences, tested, self.computed, choices, self.ordered)

    @property
    def declared(self) -> Facts:
        """The same names, of which only the declared types are known."""
        return Facts(self.scope)


_OUTER: Final = frozenset(
    ("inputs", "vars", "secrets", "resources", "self", "steps", "item", "index", "error")
)
"""The variables that conditions over steps may read."""


def computed_path(expr: Expr) -> AccessPath:
    """What stands for the value of an expression among the paths; no expression reads it."""
    hidden = [("$", (name,)) for name in sorted(free_names(expr))]
    return ("computed", repr(expression_key(expr)), *hidden)


def path_uses(path: AccessPath) -> Callable[[str], bool]:
    """Whether a path has a name in it."""
    inner = [path_uses(step[1]) for step in path if isinstance(step, tuple)]  # type: ignore[arg-type]
    return lambda name: path[0] == name or any(uses(name) for uses in inner)


def path_of(expr: Expr, facts: Facts) -> AccessPath | None:
    """The path that an expression reads, if it is one. ``x.?f`` is on the path of ``f``."""
    steps: list[AccessStep] = []
    while type(expr) is not Ident:
        if type(expr) is Select:
            steps.append(expr.field)
        elif type(expr) is Index:
            step = access_step(expr.index, facts)
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


def plain_path(expr: Expr, facts: Facts) -> AccessPath | None:
    """The path that an expression reads, if it is one without a ``.?`` or ``[?``."""
    return None if is_optional(expr) else path_of(expr, facts)


def access_step(index: Expr, facts: Facts) -> AccessStep | None:
    """The step of an index into a path; None where the index is neither a constant nor a path."""
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


def types_of_paths(facts: Facts) -> Callable[[Expr], Type | None]:
    """The types of what expressions read that are paths."""

    def type_of(operand: Expr) -> Type | None:
        path = plain_path(operand, facts)
        return None if path is None else type_at(path, facts)

    return type_of


def _stepped(type_: Type, step: AccessStep) -> Type:
    found: list[Type] = []
    for one in members_of(type_):
        match one:
            case types.Dyn() | types.Error():
                return one
            case types.Optional():
                found.append(types.Optional(_stepped(one.value, step)))
            case types.List():
                found.append(types.NEVER if isinstance(step, str) else one.element)
            case types.Map() | types.Record():
                found.append(member(one, step).type if isinstance(step, str) else values_of(one))
    return union(found)


def narrow_path(path: AccessPath, facts: Facts, narrow: Narrow) -> Facts:
    """The facts once a path was read, and its value was one that ``narrow`` keeps."""
    name = path[0]
    assert isinstance(name, str)
    steps = _structural(path[1:])
    inner = narrow if len(steps) == len(path) - 1 else as_it_is
    facts = facts.with_fact((name,), narrowed(facts.type_of(name), steps, inner))
    owner = facts.type_of(name)
    for count, step in enumerate(path[1:], 2):
        # No record holds a field of a map whose keys may be other than texts.
        lost = isinstance(step, str) and _is_any_map(owner)
        if count < len(path) or lost:
            owner = facts.known.get(path[:count]) or _stepped(owner, step)
        if lost:
            facts = facts.with_fact(path[:count], narrow(owner) if count == len(path) else owner)
    last = max(count for count, step in enumerate(path) if not count or not isinstance(step, str))
    if not last:
        return facts
    element, rest = path[: last + 1], path[last + 1 :]
    if rest:
        facts = facts.with_fact(element, narrowed(type_at(element, facts), rest, narrow))
    return facts.with_fact(path, narrow(type_at(path, facts)))


def _is_any_map(type_: Type) -> bool:
    return any(isinstance(one, types.Map) for one in members_of(type_))


def _structural(steps: AccessPath) -> AccessPath:
    """The steps up to the first index, which no type tells apart from other indexes."""
    for count, step in enumerate(steps, 1):
        if not isinstance(step, str):
            return steps[:count]
    return steps


def as_it_is(type_: Type) -> Type:
    """Keeps all values."""
    return type_


def value_path(name: Ident) -> AccessPath:
    """The path that stands for the value of an optional; no expression reads it."""
    return (name.name, ("$", (name.name,)))


def holds_value(expr: Expr, facts: Facts) -> bool:
    """Whether the optional with this name is known to have a value."""
    return isinstance(expr, Ident) and not expr.absolute and value_path(expr) in facts.known


def is_optional(expr: Expr) -> bool:
    """Whether a chain of selections and indexes has a ``.?`` or ``[?`` in it."""
    while type(expr) is Select or type(expr) is Index:
        if expr.optional:
            return True
        expr = expr.operand
    return False


def is_impossible(facts: Facts) -> bool:
    """Whether the facts contradict each other, so that the place is never reached."""
    return any(isinstance(type_, types.Never) for type_ in facts.known.values())


def is_step_guard(selection: Select) -> bool:
    """Whether it is the ``steps.X.a`` in ``has(steps.X.a)``, which asks for the step as well.

    The kernel reads that as ``has(steps.?X.a)`` (kernel.topology.guards).
    """
    inner = selection.operand
    while isinstance(inner, Select):
        if isinstance(inner.operand, Ident) and inner.operand.name == "steps":
            return True
        inner = inner.operand
    return False


def with_bounds(bounds: Iterable[Bound], facts: Facts) -> Facts:
    """The facts, and bounds of differences; these are not even found where they do not matter."""
    if not facts.ordered:
        return facts
    for path, type_ in bounds:
        facts = facts.with_fact(path, type_)
    return facts
