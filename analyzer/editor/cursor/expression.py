"""What can be written at a place of an expression, and what is written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyzer import types
from analyzer.editor.cursor.position import MARK, Expression
from analyzer.expressions.checker import Check, Checker
from analyzer.expressions.facts import Facts
from analyzer.expressions.inference import CHECKS
from analyzer.types import Type, members_of, resolved, union, without
from analyzer.types.members import field_names, member
from analyzer.types.overloads import kinds, type_pattern
from kernel.cel import MACROS, TABLE, CelSyntaxError, Expr, parse, walk
from kernel.cel.functions.table import Function
from kernel.cel.tree import Binary, Call, Ident, Index, Literal, Macro, Select, reference_path
from kernel.structs import struct

_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


@struct
class ExpressionPlace:
    """What stands at a place of an expression.

    ``operand`` is what the name is a member of, with its type; None for a name by itself.
    ``prefix`` is the dotted name before it that is that of functions (``math``). ``compared`` is
    what a text at the place is compared with. ``facts`` is what is known there.
    """

    facts: Facts
    operand: Expr | None = None
    type: Type | None = None
    prefix: str = ""
    compared: Type | None = None


@struct
class Member:
    """A field or a function that may follow a dot."""

    name: str
    type: Type
    required: bool = True


def expression_place_at(cel: Expression, facts: Facts) -> ExpressionPlace | None:
    """What stands at the cursor; None where nothing can be written but text."""
    quote, _ = _open_at_end(cel.before)
    if quote:
        return _in_text(cel, quote, facts)
    for text in _candidates(cel):
        try:
            expr = parse(text)
        except (CelSyntaxError, RecursionError):
            continue
        here = _found(expr, facts)
        if here is not None:
            return here
    return None


def members(type_: Type) -> Iterator[Member]:
    """The fields that a value of a type may have, in the order in which they are declared."""
    inner = _plain(type_)
    names = dict.fromkeys(
        name
        for one in members_of(inner)
        for name, _ in getattr(one, "fields", ())
        if name in field_names(one)
    )
    for name in names:
        found = [member(one, name) for one in members_of(inner)]
        good = [one for one in found if one.presence in ("certain", "possible")]
        required = len(good) == len(found) and all(one.presence == "certain" for one in good)
        yield Member(name, union(one.type for one in good), required)


def methods(type_: Type) -> Iterator[Function]:
    """The functions that can be called on a value of a type."""
    found = kinds(_plain(type_)) if not isinstance(resolved(type_), types.Dyn) else None
    optional = any(isinstance(one, types.Optional) for one in members_of(type_))
    for name, function in TABLE.items():
        if "." in name or name.startswith("_") or name.endswith("_"):
            continue
        receivers = {type_pattern(one.parameters[0]) for one in function.overloads if one.receiver}
        if not receivers:
            continue
        if optional and not any(one.name == "optional" for one in receivers):
            continue
        if found is None or optional or any(r.is_parameter or r.name in found for r in receivers):
            yield function


def macros_on(type_: Type) -> Iterator[str]:
    """The macros that can be called on a value of a type."""
    if any(isinstance(one, types.Optional) for one in members_of(type_)):
        yield from ("optMap", "optFlatMap")
        return
    found = kinds(type_)
    for name, macro in MACROS.items():
        if not macro.receiver or name in ("optMap", "optFlatMap"):
            continue
        wanted = {"list"} if macro.form.startswith("list.") else {"list", "map"}
        if found is None or found & wanted:
            yield name


def types_in(expr: Expr, facts: Facts) -> Mapping[int, Type]:
    """The type of each node of an expression, by ``id``."""
    checker = Checker(facts.scope, CHECKS)
    checker.run(expr, facts)
    return checker.node_types


def node_at(expr: Expr, offset: int, text: str) -> Expr | None:
    """The innermost node whose own name stands at an offset of the text of its scalar."""
    found: Expr | None = None
    for node in walk(expr):
        start, end = own_place(node, text)
        if start <= offset <= end and end > start:
            found = node
    return found


def own_place(node: Expr, text: str) -> tuple[int, int]:
    """Where the name of a node stands in the text of its scalar; nowhere if it has none."""
    match node:
        case Select():
            return node.end - len(node.field), node.end
        case Index():
            return node.index.offset, node.index.end
        case Call(function=name, target=target) | Macro(name=name, target=target):
            start = text.find(name, node.offset if target is None else target.end)
            return start, start + len(name)
        case Ident():
            return node.offset, node.end
    return node.offset, node.offset


# The place of the mark ---------------------------------------------------------------------------


def _found(expr: Expr, facts: Facts) -> ExpressionPlace | None:
    marked = next((node for node in walk(expr) if _is_marked(node)), None)
    if marked is None:
        return None
    here, node_types = _watched(marked, expr, facts)
    if isinstance(marked, Ident):
        return ExpressionPlace(here)
    operand = marked.operand if isinstance(marked, Select) else getattr(marked, "target", None)
    if operand is None:
        name = getattr(marked, "function", MARK)
        return ExpressionPlace(here, prefix=name.rpartition(".")[0])
    dotted = _dotted(operand)
    if dotted is not None and dotted.partition(".")[0] not in here.scope:
        return ExpressionPlace(here, prefix=dotted)
    type_ = node_types.get(id(operand)) or types_in(operand, here).get(id(operand))
    return ExpressionPlace(here, operand, type_)


def _is_marked(node: Any) -> bool:
    match node:
        case Ident(name=name) | Select(field=name):
            return bool(name == MARK)
        case Call(function=name):
            return bool(name.rpartition(".")[2] == MARK)
    return False


def _watched(marked: Expr, whole: Expr, facts: Facts) -> tuple[Facts, Mapping[int, Type]]:
    """The facts with which the checker visits the mark, and the types of all nodes."""
    seen = facts

    def watched(check: Check) -> Check:
        def watch(checker: Checker, expr: Any, known: Facts) -> Type:
            nonlocal seen
            if expr is marked or (isinstance(expr, Macro) and marked in expr.args):
                seen = known
            return check(checker, expr, known)

        return watch

    checker = Checker(facts.scope, {kind: watched(check) for kind, check in CHECKS.items()})
    checker.run(whole, facts)
    return seen, checker.node_types


def _candidates(cel: Expression) -> Iterator[str]:
    """Texts with the mark at the cursor, the most faithful first."""
    head = cel.before + MARK
    if not cel.after.lstrip().startswith("("):
        yield head + cel.after
    _, closers = _open_at_end(cel.before)
    yield head + closers
    yield head + cel.after
    for position in range(len(closers) + 1):
        yield f"{head}{closers[:position]} : null{closers[position:]}"
    yield head + ": null" + closers
    yield _chain(cel.before) + MARK


def _open_at_end(text: str) -> tuple[str, str]:
    """The quote that is open at the end of a text, and what closes the brackets that are."""
    opened: list[str] = []
    quote, here = "", 0
    while here < len(text):
        character = text[here]
        if quote:
            if character == "\\":
                here += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in _CLOSING:
            opened.append(_CLOSING[character])
        elif opened and character == opened[-1]:
            opened.pop()
        here += 1
    return quote, "".join(reversed(opened))


def _chain(text: str) -> str:
    """The names, calls and indexes that end a text."""
    here, depth = len(text), 0
    while here > 0:
        character = text[here - 1]
        if character in ")]":
            depth += 1
        elif character in "([":
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and not (character.isalnum() or character in "._?'\""):
            break
        here -= 1
    return text[here:]


def _in_text(cel: Expression, quote: str, facts: Facts) -> ExpressionPlace | None:
    """The place of a string that is compared with a value, which may allow only a few."""
    begins = cel.before.rindex(quote)
    head = cel.before[:begins]
    closed = cel.after.find(quote)
    rests = [cel.after[closed + 1 :]] if closed >= 0 else []
    _, closers = _open_at_end(head)
    for rest in (*rests, closers, f" : null{closers}"):
        try:
            expr = parse(f"{head}'{MARK}'{rest}")
        except (CelSyntaxError, RecursionError):
            continue
        node_types = types_in(expr, facts)
        for node in walk(expr):
            if isinstance(node, Binary) and node.operator in ("==", "!="):
                for one, other in ((node.left, node.right), (node.right, node.left)):
                    if isinstance(one, Literal) and one.value == MARK:
                        return ExpressionPlace(facts, compared=node_types.get(id(other)))
    return None


def texts_of(type_: Type) -> list[str]:
    """The strings that a type allows, if it lists them."""
    texts = (one.literals or () for one in members_of(type_) if isinstance(one, types.String))
    return sorted(set().union(*texts))


def _dotted(expr: Expr) -> str | None:
    path = reference_path(expr)
    if path is None or not all(isinstance(step, str) for step in path):
        return None
    return ".".join(map(str, path))


def _plain(type_: Type) -> Type:
    """A type without null and errors, with its optionals opened."""
    whole = resolved(type_)
    inner = [one.value for one in members_of(whole) if isinstance(one, types.Optional)]
    rest = without(whole, lambda one: isinstance(one, types.Optional | types.Error | types.Never))
    return without(union([rest, *inner]), lambda one: isinstance(one, types.Null))
