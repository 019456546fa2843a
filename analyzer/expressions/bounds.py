"""What is known of the order of two numbers: ``i < size(l)`` bounds the difference of the two.

Conditions are pure, so the same expression over the same values is the same number. A bound is
kept among the facts, as the type of the difference: branches are joined as for all facts, and the
names that it uses are hidden as for all paths. All numbers that are compared so are ints, where a
bound is used: doubles are no positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from analyzer.expressions.equal_expressions import expression_key, sized_expr
from analyzer.types import INT, NEVER, Int, Type, resolved
from analyzer.types.members import AccessStep
from kernel.cel import Expr, free_names
from kernel.cel.tree import Binary, Call, Literal
from kernel.structs import struct

MAX_KEY_LENGTH: Final = 2_000
"""Of larger expressions nothing is kept."""

MAX_DEPTH: Final = 6
"""So deep the operands of a position are looked into, and so many bounds are put together."""

_MIN_DIFFERENCE: Final = -(2**80)
_MAX_BOUND: Final = 2**62
_DIFFERENCE: Final = "difference"
_WHOLE: Final = "whole"
_ZERO: Final = "0"

Known = Mapping[tuple[AccessStep, ...], Type]
Bound = tuple[tuple[AccessStep, ...], Type]
TypeOf = Callable[[Expr], Type | None]


@struct
class Term:
    """A number: an expression, by its key, plus a constant."""

    key: str
    added: int = 0
    expr: Expr | None = None

    @property
    def names(self) -> frozenset[str]:
        """The variables that the expression reads."""
        return frozenset() if self.expr is None else free_names(self.expr)

    @property
    def is_whole(self) -> bool:
        """Whether the number is an int whatever the types are."""
        return self.key == _ZERO or self.key.startswith("#")


@lru_cache(maxsize=8192)
def term(expr: Expr) -> Term | None:
    """The term for an expression; None where the expression is too large."""
    expr, added = _split(expr)
    number = _number(expr)
    if number is not None:
        return Term(_ZERO, added + number)
    operand = sized_expr(expr)
    if operand is not None:
        return _named("#size", operand, added)
    return _named("#" if _part_of(expr) is not None else "", expr, added)


def _split(expr: Expr) -> tuple[Expr, int]:
    """An expression without the constants that are added to it, and the sum of these."""
    added = 0
    while isinstance(expr, Binary) and expr.operator in ("+", "-"):
        number = _number(expr.right)
        if number is not None:
            added += number if expr.operator == "+" else -number
            expr = expr.left
        elif expr.operator == "+" and (number := _number(expr.left)) is not None:
            added, expr = added + number, expr.right
        else:
            break
    return expr, added


def size_of(expr: Expr) -> Term | None:
    """The number of elements of the list, or of characters of the string."""
    return _named("#size", expr, 0)


def _named(mark: str, expr: Expr, added: int) -> Term | None:
    key = f"{mark} {expression_key(expr)!r}"
    return Term(key, added, expr) if len(key) <= MAX_KEY_LENGTH else None


def _number(expr: Expr) -> int | None:
    return expr.value if isinstance(expr, Literal) and type(expr.value) is int else None


def _part_of(expr: Expr) -> Expr | None:
    """The ``s`` of ``s.indexOf(part)`` and ``s.lastIndexOf(part)``."""
    found = isinstance(expr, Call) and expr.function in ("indexOf", "lastIndexOf")
    return expr.target if found and isinstance(expr, Call) and expr.args else None


# What conditions say -----------------------------------------------------------------------------


def compared(
    left: Expr, operator: str, right: Expr, known: Known, type_of: TypeOf
) -> Iterator[Bound]:
    """The bounds where the comparison of two expressions is true."""
    if operator in (">", ">="):
        left, operator, right = right, "<" if operator == ">" else "<=", left
    yield from _compared(left, operator, right, known)
    if operator in ("<", "<="):
        for one in _operands("math.least", right):
            yield from _compared(left, operator, one, known)
        for one in _operands("math.greatest", left):
            yield from _compared(one, operator, right, known)
    for one in (left, right):
        base, _ = _split(one)
        found = _in_text(base)
        if found is not None:
            yield from _bounded(*found, known)
        yield from _int_fact(base, type_of)


def _int_fact(expr: Expr, type_of: TypeOf) -> Iterator[Bound]:
    """The fact that an expression is an int, so that bounds over it can be combined."""
    if not isinstance(resolved(type_of(expr) or NEVER), Int):
        return
    found = term(expr)
    if found is not None and not found.is_whole:
        yield (_WHOLE, found.key, *_hidden_with(found.names)), INT


def _hidden_with(names: frozenset[str]) -> tuple[AccessStep, ...]:
    """Access steps for the names in a bound, which is dropped where a name is hidden."""
    return tuple([("$", (name,)) for name in sorted(names)])


def _operands(function: str, expr: Expr) -> tuple[Expr, ...]:
    """The numbers of which ``math.least`` or ``math.greatest`` gives one."""
    found = isinstance(expr, Call) and expr.function == function and len(expr.args) > 1
    return expr.args if found and isinstance(expr, Call) else ()


def _in_text(expr: Expr) -> tuple[Term, Term, int] | None:
    """A part that was found begins within the string; before its end if the part is not empty."""
    text = _part_of(expr)
    if text is None or not isinstance(expr, Call):
        return None
    key, size = term(expr), size_of(text)
    if key is None or size is None:
        return None
    part = expr.args[0]
    literal = part.value if isinstance(part, Literal) else None
    return key, size, -1 if isinstance(literal, str) and literal else 0


def _compared(left: Expr, operator: str, right: Expr, known: Known) -> Iterator[Bound]:
    if operator == "!=" and not _may_be_ordered(left, right, known):
        return
    a, b = term(left), term(right)
    if a is None or b is None or a.key == b.key:
        return
    match operator:
        case "<":
            yield from _bounded(a, b, -1, known)
        case "<=":
            yield from _bounded(a, b, 0, known)
        case "==":
            yield from _bounded(a, b, 0, known)
            yield from _bounded(b, a, 0, known)
        case "!=":
            yield from _different(a, b, known)
            yield from _different(b, a, known)


def _may_be_ordered(left: Expr, right: Expr, known: Known) -> bool:
    """Whether one of two expressions may be known to be at most the other."""
    if any(path[0] == _DIFFERENCE for path in known):
        return True
    return _number(_split(left)[0]) is not None or _number(_split(right)[0]) is not None


def _bounded(a: Term, b: Term, most: int, known: Known) -> Iterator[Bound]:
    """``a - b <= most``, where that is more than is known already."""
    most += b.added - a.added
    before = _most(a.key, b.key, known)
    if abs(most) < _MAX_BOUND and (before is None or most < before):
        yield (
            (_DIFFERENCE, a.key, b.key, *_hidden_with(a.names | b.names)),
            Int(_MIN_DIFFERENCE, most),
        )


def _different(a: Term, b: Term, known: Known) -> Iterator[Bound]:
    """What is at most as great, and not equal, is less."""
    if _most(a.key, b.key, known) == b.added - a.added:
        yield from _bounded(a, b, -1, known)


def _most(a: str, b: str, known: Known) -> int | None:
    found = [most for left, right, most in _edges(known) if left == a and right == b]
    if a == _ZERO and b.startswith("#"):
        found.append(0 if b.startswith("#size") else 1)
    return min(found, default=None)


def _edges(known: Known) -> Iterator[tuple[str, str, int]]:
    for path, type_ in known.items():
        if path[0] == _DIFFERENCE and isinstance(type_, Int):
            left, right = path[1], path[2]
            assert isinstance(left, str)
            assert isinstance(right, str)
            yield left, right, type_.most


def of_texts(expr: Call, known: Known) -> Iterator[Bound]:
    """The bounds where ``s.contains(part)``, ``startsWith`` or ``endsWith`` is true."""
    if expr.target is None:
        return
    part = expr.args[0]
    size, least = size_of(expr.target), _length(part)
    if size is not None and least is not None:
        yield from _bounded(least, size, 0, known)
    for name in ("indexOf", "lastIndexOf") if expr.function == "contains" else ():
        found = term(Call(expr.offset, expr.end, name, expr.target, expr.args))
        if found is not None:
            yield from _bounded(Term(_ZERO), found, 0, known)


def _length(expr: Expr) -> Term | None:
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return Term(_ZERO, len(expr.value))
    return size_of(expr)


# What follows ------------------------------------------------------------------------------------


@struct
class Orders:
    """The bounds at a place, and the types of the expressions there."""

    known: Known
    type_of: TypeOf

    def at_most(self, left: Expr, right: Expr, more: int = 0, depth: int = 0) -> bool:
        """Whether ``left <= right + more``, for ints."""
        a, b = term(left), term(right)
        if a is None or b is None:
            return False
        if self._follows(a, b, more, self._axioms(left, right)):
            return True
        if depth == MAX_DEPTH:
            return False
        return self._from_left(left, right, more, depth) or (
            self._from_right(left, right, more, depth)
        )

    def is_position(self, left: Expr, sized: Expr, least: int, more: int = 0) -> bool:
        """Whether ``0 <= left <= size(sized) + more``, where the size is at least ``least``."""
        return self.is_natural(left) and self.at_most_size(left, sized, least, more)

    def at_most_size(self, left: Expr, sized: Expr, least: int, more: int = 0) -> bool:
        """Whether ``left <= size(sized) + more``, where the size is at least ``least``."""
        size = Call(sized.offset, sized.end, "size", sized, ())
        orders = Orders(self.known, lambda e: Int(least) if e is size else self.type_of(e))
        return orders.at_most(left, size, more)

    def is_outside(self, left: Expr, sized: Expr, size: Int, more: int = 0) -> bool:
        """Whether an int is negative, or greater than ``size(sized) + more``, in any case."""
        if size.most + more < 0:
            return True
        return self.is_negative(left) or self._at_least(left, sized, size, more + 1)

    def is_negative(self, expr: Expr) -> bool:
        """Whether an int is negative."""
        return self.at_most(expr, Literal(expr.offset, expr.end, -1))

    def is_less(self, left: Expr, right: Expr) -> bool:
        """Whether ``left < right``, for ints."""
        return self.at_most(left, right, -1)

    def _at_least(self, left: Expr, sized: Expr, size: Int, more: int) -> bool:
        whole = Call(sized.offset, sized.end, "size", sized, ())
        orders = Orders(self.known, lambda e: size if e is whole else self.type_of(e))
        return orders.at_most(whole, left, -more)

    def is_natural(self, expr: Expr) -> bool:
        """Whether an int is not negative."""
        return self.at_most(Literal(expr.offset, expr.end, 0), expr)

    def _follows(self, a: Term, b: Term, more: int, axioms: list[tuple[str, str, int]]) -> bool:
        """Whether bounds that are put together give ``a <= b + more``."""
        wanted = more + b.added - a.added
        edges = [*_edges(self.known), *axioms]
        whole = {path[1] for path in self.known if path[0] == _WHOLE}
        reached = {a.key: 0}
        for _ in range(MAX_DEPTH):
            further = dict(reached)
            for left, right, most in edges:
                if left in reached and (left == a.key or left in whole or Term(left).is_whole):
                    further[right] = min(reached[left] + most, further.get(right, _MAX_BOUND))
            if further == reached:
                break
            reached = further
        return b.key in reached and reached[b.key] <= wanted

    def _axioms(self, *exprs: Expr) -> list[tuple[str, str, int]]:
        """What types say of the terms, and what functions give."""
        found: list[tuple[str, str, int]] = []
        for expr in exprs:
            one, range_ = term(expr), self._range(expr)
            if one is not None and range_ is not None:
                found.append((one.key, _ZERO, range_.most - one.added))
                found.append((_ZERO, one.key, one.added - range_.least))
            found += self._of_part(_split(expr)[0])
        return found

    def _of_part(self, expr: Expr) -> list[tuple[str, str, int]]:
        """Where a part is in a string; a part that was found is there as a whole."""
        found = _in_text(expr)
        if found is None or not isinstance(expr, Call):
            return []
        key, size, back = found
        part = expr.args[0]
        if back and isinstance(part, Literal) and self._follows(Term(_ZERO), key, 0, []):
            back = -len(part.value)
        return [(key.key, size.key, back), (_ZERO, size.key, 0)]

    def _range(self, expr: Expr) -> Int | None:
        type_ = self.type_of(expr)
        whole = None if type_ is None else resolved(type_)
        return whole if isinstance(whole, Int) else None

    def _from_left(self, left: Expr, right: Expr, more: int, depth: int) -> bool:
        """Whether the parts of ``left`` are small enough."""
        match left:
            case Call(function="math.least") if len(left.args) > 1:
                return any(self.at_most(one, right, more, depth + 1) for one in left.args)
            case Call(function="math.greatest") if len(left.args) > 1:
                return all(self.at_most(one, right, more, depth + 1) for one in left.args)
            case Binary(operator="+"):
                for one, other in ((left.left, left.right), (left.right, left.left)):
                    range_ = self._range(other)
                    if range_ and self.at_most(one, right, more - range_.most, depth + 1):
                        return True
            case Binary(operator="-") if range_ := self._range(left.right):
                return self.at_most(left.left, right, more + range_.least, depth + 1)
            case Binary(operator="%") if self.is_natural(left.right):
                return self.at_most(left.right, right, more + 1, depth + 1)
            case Binary(operator="/"):
                over = self._range(left.right)
                if over is None or over.least < 1 or not self.is_natural(left.left):
                    return False
                one = Literal(left.offset, left.end, 1)
                less = 1 if over.least > 1 and self.at_most(one, left.left) else 0
                return self.at_most(left.left, right, more + less, depth + 1)
        return False

    def _from_right(self, left: Expr, right: Expr, more: int, depth: int) -> bool:
        """Whether the parts of ``right`` are great enough."""
        match right:
            case Call(function="math.least") if len(right.args) > 1:
                return all(self.at_most(left, one, more, depth + 1) for one in right.args)
            case Call(function="math.greatest") if len(right.args) > 1:
                return any(self.at_most(left, one, more, depth + 1) for one in right.args)
            case Binary(operator="-") if _number(left) is not None:
                return self.at_most(right.right, right.left, more - (_number(left) or 0), depth + 1)
            case Binary(operator="+"):
                for one, other in ((right.left, right.right), (right.right, right.left)):
                    range_ = self._range(other)
                    if range_ and self.at_most(left, one, more + range_.least, depth + 1):
                        return True
        return False
