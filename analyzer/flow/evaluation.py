"""What an expression or a template gives at its place, and what is wrong with it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from analyzer.expressions.checker import GUARDABLE
from analyzer.expressions.conditions import assume
from analyzer.expressions.facts import Facts, is_impossible
from analyzer.expressions.inference import check_expression
from analyzer.expressions.templates import Check, Evaluation, evaluate
from analyzer.findings.catalogue import codes
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k5_presence
from analyzer.flow.asked import Asked, asked_in
from analyzer.flow.availability import Ran
from analyzer.flow.known import Known, those_that_matter
from analyzer.flow.place import Place, in_doubt
from analyzer.flow.scopes import Scopes
from analyzer.flow.step_access import certain_steps, explained
from analyzer.flow.step_conditions import equivalents_at, implied_by, with_implied
from analyzer.program.caught import is_code
from analyzer.program.variables import ELSEWHERE, Names
from analyzer.types import NEVER, Bool, Field, Never, Record, Type
from kernel.cel import Expr, Template, free_names, walk
from kernel.cel.tree import Binary
from kernel.topology.reader import MAX_KNOWN, may_be_kept

MAX_CLEAN: Final = 10_000
"""With more expressions than that, the cache is emptied."""

_OF_PRESENCE = codes(
    "unknown-property", "unnarrowed-union", "optional-unguarded", "undeclared-property"
)


def check_in_scope(
    expr: Expr, names: Names, facts: Facts | None = None
) -> tuple[Type, tuple[Diagnostic, ...]]:
    """The type of an expression; a name that is in scope elsewhere is told as such."""
    if facts is not None and (facts.known or facts.tested or facts.consequences):
        type_, found = check_expression(expr, names, facts)
    else:
        type_, found = _remembered(expr, names)
    if any(one.name == "unknown-variable" for one in found):
        found = tuple(_reworded(one, expr, names) for one in found)
    if found and "error" in _names_of(expr):
        found = tuple(one for one in found if not _is_of_code(one, expr))
    return type_, found


_CLEAN: Final[dict[tuple[object, ...], tuple[Type, tuple[Type | None, ...]]]] = {}
"""The types of expressions without findings, by the types of their names; these are kept, so that
no other type gets their identity."""


def _remembered(expr: Expr, names: Names) -> tuple[Type, tuple[Diagnostic, ...]]:
    """The type where no condition says more; the same texts stand in many places of a manifest."""
    read = _names_of(expr)
    types = tuple([names.get(name) for name in read])
    key = (expr, *map(_identity_of, read, types))
    known = _CLEAN.get(key)
    if known is not None:
        return known[0], ()
    type_, found = check_expression(expr, names)
    if not found:
        if len(_CLEAN) >= MAX_CLEAN:
            _CLEAN.clear()
        _CLEAN[key] = type_, types
    return type_, found


def _identity_of(name: str, type_: Type | None) -> object:
    return _identity(type_) if name == "steps" else id(type_)


def _identity(type_: Type | None, depth: int = 3) -> object:
    """What tells the type of `steps`, which is made anew at each place, from others that live."""
    if isinstance(type_, Bool):
        return type_
    if not (depth and isinstance(type_, Record) and isinstance(type_.rest, Never)):
        return id(type_)
    if type_.patterns or type_.lengths:
        return id(type_)
    return tuple((name, *_flags(one), _identity(one.type, depth - 1)) for name, one in type_.fields)


def _flags(of: Field) -> tuple[bool, ...]:
    return of.required, of.secret, of.lenient, of.default, of.declared, of.guarded


@lru_cache(maxsize=MAX_CLEAN)
def _names_of(expr: Expr) -> tuple[str, ...]:
    return tuple(sorted(free_names(expr)))


def _is_of_code(found: Diagnostic, expr: Expr) -> bool:
    """Whether ``error.code`` is compared with a code that cannot come, which K705 is told of."""
    if found.name != "incomparable":
        return False
    node = next(one for one in walk(expr) if (one.offset, one.end) == (found.offset, found.end))
    return isinstance(node, Binary) and any(map(is_code, (node.left, node.right)))


def evaluate_in_scope(template: Template, names: Names) -> Evaluation:
    """What a template gives outside of a topology."""
    return evaluate(template.tree, lambda expr: check_in_scope(expr, names))


def evaluate_at(
    scopes: Scopes, place: Place, template: Template, more: Names | None = None
) -> Evaluation:
    """What a template gives at a place of a topology, with what is known there.

    ``more`` are variables that only this field has.
    """
    if template.constant:
        return evaluate(template.tree, lambda _: (NEVER, ()))
    equivalents = equivalents_at(place)
    asked = asked_in(template)
    known = those_that_matter(place.known, asked.steps or frozenset())
    relevant = _relevant(tuple(with_implied(known, equivalents)), asked) if known else ()
    wanted = None if asked.steps is None else asked.steps.union(*(one.reads for one in relevant))

    def consequences(expr: Expr, outcome: bool) -> Iterator[tuple[Expr, bool]]:
        for one in implied_by(expr, outcome, equivalents):
            if wanted is None or one.reads <= wanted:
                yield one.expr, one.outcome

    def facts_with(sure: Iterable[str]) -> Facts:
        state = place.state
        for name in sure:
            state = state.insert(name, Ran.CERTAINLY)
        names = {**scopes.at(place.step, place.within, state, wanted), **(more or {})}
        decided = consequences if is_decided else None
        facts = Facts(names, consequences=decided, ordered=asked.ordered)
        for one in relevant:
            facts = assume(one.expr, one.outcome, facts)
        return facts

    is_decided = bool(relevant) or any(map(equivalents, asked.over_steps))
    facts = facts_with(())
    if is_impossible(facts):
        # This place is never reached, which is reported elsewhere.
        return evaluate(template.tree, lambda _: (NEVER, ()))

    with_findings: list[Expr] = []

    def check(expr: Expr) -> tuple[Type, tuple[Diagnostic, ...]]:
        type_, found = check_in_scope(expr, facts.scope, facts)
        if found:
            with_findings.append(expr)  # which of them are reported depends on the place
        if any(one.code in _OF_PRESENCE for one in found):
            sure = certain_steps(expr, place, facts, found)
            if sure:
                again = facts_with(sure)
                type_, found = check_in_scope(expr, again.scope, again)
        if found and in_doubt(place, facts.scope):
            found = tuple(one for one in found if one.code not in GUARDABLE)
        if found:
            found = tuple(explained(found, expr, place))
        return type_, found

    depends_on_place = is_decided or facts.known or facts.tested
    if depends_on_place or not may_be_kept(template.tree.structure):
        return evaluate(template.tree, check)
    names = sorted(asked.names)
    types = tuple([facts.scope.get(name) for name in names])
    key = (id(template.tree), *map(_identity_of, names, types))
    return _kept(key, template, types, check, with_findings)


_EVALUATIONS: Final[dict[tuple[object, ...], tuple[object, Evaluation]]] = {}
"""What templates without findings give, by the types of their names; what has its identity in a
key is kept beside it."""


def _kept(
    key: tuple[object, ...],
    template: Template,
    types: tuple[Type | None, ...],
    check: Check,
    with_findings: Sequence[Expr],
) -> Evaluation:
    """What a template gives where no condition says more, as an earlier evaluation found it.

    It is kept if ``check`` added no expression to ``with_findings``.
    """
    known = _EVALUATIONS.get(key)
    if known is not None:
        return known[1]
    made = evaluate(template.tree, check)
    if not made.found and not with_findings:
        made = replace(made, taken_by=[])
        if len(_EVALUATIONS) >= MAX_KNOWN:
            _EVALUATIONS.clear()
        _EVALUATIONS[key] = (template.tree, types), made
    return made


def _relevant(known: Known, asked: Asked) -> Known:
    """The conditions that speak of what is asked."""
    names, steps = asked.names, asked.steps
    others = names - {"steps"}
    return tuple(
        one
        for one in known
        if one.names & others or ("steps" in names and (steps is None or one.reads & steps))
    )


def _reworded(found: Diagnostic, expr: Expr, names: Names) -> Diagnostic:
    if found.name != "unknown-variable":
        return found
    node = next(one for one in walk(expr) if (one.offset, one.end) == (found.offset, found.end))
    name = getattr(node, "name", "")
    if name == "error":
        return k5_presence.no_error(node)
    where = ELSEWHERE.get(name)
    return found if where is None else k3_names.not_in_scope(node, name, where)
