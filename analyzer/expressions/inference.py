"""The type of an expression, and what is wrong with it (CEL specification; analyzer.md, Rules).

``infer`` takes JSON Schemas, ``check_expression`` types. One mistake gives one diagnostic: what
follows from a mistake is of the type Error, about which nothing more is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from analyzer import types
from analyzer.expressions import calls, macros, selection
from analyzer.expressions.checker import GUARDABLE, Check, Checker, shown
from analyzer.expressions.conditions import assume
from analyzer.expressions.facts import Facts, plain_path, type_at
from analyzer.expressions.positions import asks_positions
from analyzer.expressions.quotients import as_doubles, is_double, is_int, quotients
from analyzer.expressions.templates import constant
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k3_names, k4_types, k5_presence, k6_values
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.doubles import NAN, double_arithmetic
from analyzer.types.operators import (
    arithmetic,
    concatenated,
    equality,
    int_within,
    is_nullable,
    may_be_equal,
    negated,
    order,
    union_of_many,
)
from analyzer.types.overloads import kinds
from kernel.cel import CelSyntaxError, Expr, UInt, free_names, parse, tree
from kernel.cel.values import TYPES
from kernel.structs import struct


@struct
class Assumed(Type):
    """A type that is right if values of which nothing is known fit where they are used."""

    type: Type

    def contains(self, value: Any) -> bool:
        return self.type.contains(value)

    @property
    def has_dyn(self) -> bool:
        return True

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.type,)

    def __str__(self) -> str:
        return str(self.type)


@struct
class Inference:
    """The type of an expression and the findings, in the order of the text."""

    type: Type
    diagnostics: tuple[Diagnostic, ...] = ()


def infer(expression: str | Expr, names: Mapping[str, Any]) -> Inference:
    """The type of a CEL expression where each name has a value that conforms to its JSON Schema.

    The type ``has_dyn`` also where the expression uses a value of which too little is known, so
    that it may still fail.
    """
    from analyzer.lowering.lower import lower

    if isinstance(expression, str):
        try:
            expression = parse(expression)
        except CelSyntaxError as error:
            found = k3_names.syntax(error.message, error.offset, error.end)
            return Inference(types.ERROR, (found,))
    scope = {name: lower(schema, name=name) for name, schema in names.items()}
    checker = Checker(scope, CHECKS)
    type_ = checker.run(expression, Facts(scope))
    if checker.may_fail and not isinstance(type_, types.Dyn | types.Error):
        type_ = Assumed(type_)
    return Inference(type_, checker.diagnostics())


def check_expression(
    expr: Expr, scope: Mapping[str, Type], facts: Facts | None = None
) -> tuple[Type, tuple[Diagnostic, ...]]:
    """The type of an expression and the findings; ``facts`` is what is known at its place."""
    checker = Checker(scope, CHECKS)
    known = facts or Facts(scope, ordered=asks_positions(expr))
    return checker.run(expr, known), checker.diagnostics()


# Leaves and structures ---------------------------------------------------------------------------


def _literal(checker: Checker, expr: tree.Literal, facts: Facts) -> Type:
    match expr.value:
        case bytes():
            return types.Bytes()
        case UInt():
            return types.UInt()
    return constant(expr.value)


def _ident(checker: Checker, expr: tree.Ident, facts: Facts) -> Type:
    if expr.absolute:
        if expr.name in checker.roots:
            return checker.roots[expr.name]
    elif expr.name in facts.scope:
        return facts.type_of(expr.name)
    if expr.name in TYPES:
        return types.TypeValue()
    return checker.report(k3_names.unknown_variable(expr, expr.name, facts.scope), expr.name)


def _list(checker: Checker, expr: tree.ListLiteral, facts: Facts) -> Type:
    element_types: list[Type] = []
    for position, element in enumerate(expr.elements):
        type_ = checker.check(element, facts)
        if position in expr.optional:
            type_ = _optional_element(checker, element, type_)
        element_types.append(type_)
    count = len(element_types)
    return types.List(union_of_many(element_types), count - len(expr.optional), count)


def _optional_element(checker: Checker, expr: Expr, type_: Type) -> Type:
    return checker.optional_value(expr, "what follows '?'", type_) or types.ERROR


def _map(checker: Checker, expr: tree.MapLiteral, facts: Facts) -> Type:
    keys: list[Type] = []
    fields: dict[str, types.Field] = {}
    first: dict[object, Expr] = {}
    for position, (key, value) in enumerate(expr.entries):
        optional = position in expr.optional
        keys.append(_key(checker, key, first, facts))
        type_ = checker.check(value, facts)
        type_ = _optional_element(checker, value, type_) if optional else type_
        name = (
            key.value if isinstance(key, tree.Literal) and isinstance(key.value, str) else position
        )
        fields[str(name)] = types.Field(type_, required=not optional)
    if all(isinstance(k, tree.Literal) and isinstance(k.value, str) for k, _ in expr.entries):
        return types.Record(tuple(fields.items()))
    return types.Map(union_of_many(one.type for one in fields.values()), union_of_many(keys))


def _key(checker: Checker, expr: Expr, first: dict[object, Expr], facts: Facts) -> Type:
    type_ = checker.check(expr, facts)
    found = kinds(type_)
    if found is None:
        checker.may_fail = checker.may_fail or not isinstance(type_, types.Error)
    elif found & {"null"} and found != {"null"}:
        checker.report(k5_presence.nullable_unguarded(expr, shown(expr)))
    elif not found <= {"bool", "int", "uint", "string"}:
        return checker.report(k3_names.bad_key(expr, type_))
    if isinstance(expr, tree.Literal):
        same = (isinstance(expr.value, bool), expr.value)
        if same in first:
            checker.report(k6_values.duplicate_key(expr, repr(expr.value), first[same]))
        first.setdefault(same, expr)
    return type_


# Operators ---------------------------------------------------------------------------------------


def _unary(checker: Checker, expr: tree.Unary, facts: Facts) -> Type:
    operand = resolved(checker.check(expr.operand, facts))
    if expr.operator == "!" and isinstance(operand, types.Bool):
        return negated(operand)
    if expr.operator == "-" and isinstance(operand, types.Int):
        type_ = int_within(-operand.most, -operand.least)
        return type_ or checker.report(k6_values.int_overflow(expr))
    if expr.operator == "-" and isinstance(operand, types.Double):
        return operand if operand == NAN else types.Double(-operand.most, -operand.least)
    return calls.applied(checker, expr, f"{expr.operator}_", False, ((expr.operand, operand),))


def _binary(checker: Checker, expr: tree.Binary, facts: Facts) -> Type:
    if expr.operator in ("==", "!=", "in"):
        checker.asked |= {id(expr.left), id(expr.right)}
    left, right = checker.check(expr.left, facts), checker.check(expr.right, facts)
    if expr.operator in _COMPARISONS:
        _compared_quotients(checker, expr, left, right)
    if expr.operator in ("==", "!="):
        return _equality(checker, expr, left, right, facts)
    if expr.operator == "in":
        return _in(checker, expr, left, right, facts)
    if expr.operator in ("/", "%") and _is_zero(right) and kinds(left) == frozenset({"int"}):
        return checker.report(k6_values.division_by_zero(expr))
    args = ((expr.left, left), (expr.right, right))
    type_ = calls.applied(checker, expr, f"_{expr.operator}_", False, args)
    return _refined(checker, expr, left, right, type_)


_COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))


_OF_QUOTIENTS: Final = (tree.Binary, tree.Unary, tree.Conditional)


def _compared_quotients(checker: Checker, expr: tree.Binary, left: Type, right: Type) -> None:
    """Report quotients of ints that are compared with a double."""
    for node, other in ((expr.left, right), (expr.right, left)):
        if isinstance(node, _OF_QUOTIENTS) and is_double(other):
            for one in quotients(node):
                if is_int(checker.known_type(one)):
                    checker.report(k6_values.compared_quotient(one, as_doubles(one)))


def _is_zero(type_: Type) -> bool:
    type_ = resolved(type_)
    return isinstance(type_, types.Int) and type_.least == type_.most == 0


def _refined(checker: Checker, expr: tree.Binary, left: Type, right: Type, type_: Type) -> Type:
    """The type of a result, from the ranges and literals of the operands."""
    left, right = resolved(left), resolved(right)
    if isinstance(type_, types.Bool):
        return order(expr.operator, left, right)
    if isinstance(type_, types.Int):
        result = arithmetic(expr.operator, left, right)
        return result or checker.report(k6_values.int_overflow(expr))
    if isinstance(type_, types.Double):
        return double_arithmetic(expr.operator, left, right)
    if expr.operator == "+" and not isinstance(type_, types.Error):
        return concatenated(left, right) or type_
    return type_


def _equality(checker: Checker, expr: tree.Binary, left: Type, right: Type, facts: Facts) -> Type:
    if isinstance(left, types.Error) or isinstance(right, types.Error):
        return types.BOOL
    for node, type_, other in ((expr.left, left, expr.right), (expr.right, right, expr.left)):
        if isinstance(other, tree.Literal) and other.value is None:
            return _null_test(checker, expr, node, type_, facts)
        if _is_text(other) and free_names(node):
            declared = _declared(node, type_, facts)
            if _is_impossible(checker, other, declared):
                return types.BOOL
    a, b = _declared(expr.left, left, facts), _declared(expr.right, right, facts)
    if not may_be_equal(a, b) and free_names(expr):
        checker.report(k4_types.incomparable(expr, a, b))
        return types.BOOL
    result = equality(left, right)
    return result if expr.operator == "==" else negated(result)


def _declared(expr: Expr, type_: Type, facts: Facts) -> Type:
    """The type of an expression without what is known from conditions, where it is a path."""
    path = plain_path(expr, facts)
    return type_ if path is None else type_at(path, facts.declared)


def _null_test(checker: Checker, expr: tree.Binary, node: Expr, type_: Type, facts: Facts) -> Type:
    equal = expr.operator == "=="
    if is_nullable(type_):
        return types.Bool(equal) if type_ == types.NULL else types.BOOL
    if ("optional-unguarded", shown(node)) in checker.found:
        return types.BOOL
    if not is_nullable(_declared(node, type_, facts)):
        checker.report(k5_presence.redundant_guard(expr, f"{shown(node)} is never null"))
    return types.Bool(not equal) if members_of(type_) else types.BOOL


def _is_text(node: Expr) -> bool:
    return isinstance(node, tree.Literal) and isinstance(node.value, str)


def _is_impossible(checker: Checker, node: Expr, type_: Type) -> bool:
    """Report a text that none of the few that the other side may be is equal to."""
    whole = resolved(type_)
    if not isinstance(node, tree.Literal) or not isinstance(node.value, str):
        return False
    texts = [one for one in members_of(whole) if isinstance(one, types.String)]
    if not texts or any(isinstance(one, types.Dyn | types.Error) for one in members_of(whole)):
        return False
    if any(one.literals is None or node.value in one.literals for one in texts):
        return False
    checker.report(k4_types.impossible_literal(node, node.value, union(texts)))
    return True


def _in(checker: Checker, expr: tree.Binary, left: Type, right: Type, facts: Facts) -> Type:
    if isinstance(expr.right, tree.ListLiteral) and free_names(expr.left):
        declared = _declared(expr.left, left, facts)
        wrong = [_is_impossible(checker, one, declared) for one in expr.right.elements]
        if any(wrong):
            return types.BOOL
    type_ = calls.applied(checker, expr, "_in_", False, ((expr.left, left), (expr.right, right)))
    if isinstance(type_, types.Bool) and isinstance(right, types.List) and right.most != 0:
        declared = _declared(expr.left, left, facts)
        if not free_names(expr):
            is_there = equality(left, right.element).literal
            return types.BOOL if is_there is None else types.Bool(is_there)
        if not may_be_equal(declared, right.element):
            checker.report(k4_types.incomparable(expr, declared, right.element))
    return type_


def _logical(checker: Checker, expr: tree.Logical, facts: Facts) -> Type:
    """The type of a chain of operands, each checked with the facts of those before it.

    An operand that fails does not matter where another one decides, whichever comes first; so an
    operand that lacks a guard is checked again with the facts of all others.
    """
    outcome = expr.operator == "&&"
    place = f"an operand of '{expr.operator}'"
    operand_types: dict[int, Type] = {}
    late: list[tuple[int, Expr]] = []
    before, doubts = facts, checker.doubts
    for position, operand in enumerate(expr.operands):
        count = len(checker.found)
        operand_types[position] = checker.varying_condition(operand, facts, place)
        if _needs_guard(checker, count) and checker.retries > 0:
            checker.retries -= 1
            checker.forget(count)
            late.append((position, operand))
            continue
        checker.doubts += checker.mistaken(count)
        if operand is not expr.operands[-1] or late:
            facts = assume(operand, outcome, facts)
    if not late:
        checker.chains[id(expr)] = before, facts
    for position, operand in late:
        operand_types[position] = checker.varying_condition(operand, facts, place)
        facts = assume(operand, outcome, facts)
    checker.doubts = doubts
    return _decision(outcome, list(operand_types.values()))


def _needs_guard(checker: Checker, count: int) -> bool:
    new = islice(checker.found.values(), count, None)
    return any(one.code in GUARDABLE for one in new)


def _decision(every: bool, operand_types: list[Type]) -> Type:
    literals = [one.literal if isinstance(one, types.Bool) else None for one in operand_types]
    if all(one is every for one in literals):
        return types.Bool(every)
    return types.Bool(not every) if (not every) in literals else types.BOOL


def _conditional(checker: Checker, expr: tree.Conditional, facts: Facts) -> Type:
    count = len(checker.found)
    condition = checker.varying_condition(expr.condition, facts, "the condition of '? :'")
    doubt = checker.mistaken(count)
    checker.doubts += doubt
    then = _branch(checker, expr, expr.then, True, facts)
    otherwise = _branch(checker, expr, expr.otherwise, False, facts)
    checker.doubts -= doubt
    if doubt or isinstance(condition, types.Error):
        return types.ERROR
    if isinstance(condition, types.Bool) and condition.literal is not None:
        return then if condition.literal else otherwise
    return union([then, otherwise])


def _branch(
    checker: Checker, expr: tree.Conditional, branch: Expr, outcome: bool, facts: Facts
) -> Type:
    """The type of one branch; facts change nothing about a literal."""
    if isinstance(branch, tree.Literal):
        return checker.check(branch, facts)
    return checker.check(branch, checker.assume(expr.condition, outcome, facts))


CHECKS: Final[dict[type, Check]] = {
    tree.Literal: _literal,
    tree.Ident: _ident,
    tree.Select: selection.select,
    tree.Index: selection.index,
    tree.Call: calls.call,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Logical: _logical,
    tree.Conditional: _conditional,
    tree.ListLiteral: _list,
    tree.MapLiteral: _map,
    tree.Macro: macros.macro,
}
"""Which function checks which node."""
