"""Tokens to a syntax tree: a Pratt parser (CEL specification, Syntax)."""

from __future__ import annotations

from typing import Final

from kernel.cel import tree
from kernel.cel.errors import CelSyntaxError
from kernel.cel.functions import MACROS, QUALIFIED
from kernel.cel.lexer import MAX_LENGTH, RESERVED, Token, number, string, tokenize
from kernel.cel.tree import Expr

MAX_DEPTH: Final = 150
"""How deep an expression may be nested; also the height of its tree, so of a chain of ``+``."""

_TERNARY, _OR, _AND, _RELATION, _SUM, _PRODUCT = range(1, 7)
_POWERS: Final = {
    "?": _TERNARY,
    "||": _OR,
    "&&": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _RELATION),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys("*/%", _PRODUCT),
}
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expr:
    """The syntax tree of an expression; ``CelSyntaxError`` with its place when it is none."""
    return parse_tokens(tokenize(text), text)


def parse_tokens(tokens: list[Token], text: str) -> Expr:
    """The syntax tree of the tokens of one expression, which were cut out of ``text``."""
    parser = _Parser(tokens, text)
    try:
        expr = parser.expression(0)
    except RecursionError:
        raise _too_deep(tokens[0][2], tokens[-1][3], text) from None
    if parser.tokens[parser.position][0] != "end":
        raise parser.failure("an operator or the end of the expression")
    # A tree is never higher than it has tokens: only long expressions need to be measured.
    if len(tokens) > MAX_DEPTH and _height(expr) > MAX_DEPTH:
        raise _too_deep(expr.offset, expr.end, text)
    return expr


def _too_deep(offset: int, end: int, text: str) -> CelSyntaxError:
    message = f"the expression is nested more than {MAX_DEPTH} levels deep"
    return CelSyntaxError(message, offset, end, text)


def _height(expr: Expr) -> int:
    height = 0
    level = [expr]
    while level:
        height += 1
        level = [child for node in level for child in tree.children(node)]
    return height


class _Parser:
    __slots__ = ("depth", "position", "text", "tokens")

    def __init__(self, tokens: list[Token], text: str) -> None:
        self.tokens = tokens
        self.text = text
        self.position = 0
        self.depth = 0

    def failure(self, expected: str) -> CelSyntaxError:
        kind, word, offset, end = self.tokens[self.position]
        return (
            self.of_another_language(self.position)
            or self.of_another_language(self.position - 1)
            or CelSyntaxError(
                f"expected {expected}, found "
                + ("the end of the expression" if kind == "end" else f"'{word[:40]}'"),
                offset,
                end,
                self.text,
            )
        )

    def of_another_language(self, position: int) -> CelSyntaxError | None:
        """The error for an operator of another language at a position, if one stands there."""
        from kernel.cel.other_languages import hint  # for start-up time

        near = [("", "", 0, 0), *self.tokens, ("", "", 0, 0)][max(position, 0) :][:3]
        _, word, offset, end = near[1]
        found = hint(near[0][1], word, near[2][1])
        if found is None:
            return None
        return CelSyntaxError(found[0], offset, end, self.text, meant=found[1] or None)

    def take(self, kind: str) -> None:
        if self.tokens[self.position][0] != kind:
            raise self.failure(f"'{kind}'")
        self.position += 1

    def accept(self, kind: str) -> bool:
        if self.tokens[self.position][0] != kind:
            return False
        self.position += 1
        return True

    def end(self) -> int:
        """The end of the last token that was taken."""
        return self.tokens[self.position - 1][3]

    def expression(self, power: int) -> Expr:
        """An expression of operators that bind tighter than ``power``."""
        tokens = self.tokens
        start = tokens[self.position][2]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _too_deep(start, tokens[-1][3], self.text)
        left = self.operand()
        while True:
            operator = tokens[self.position][0]
            binding = _POWERS.get(operator, 0)
            if binding <= power:
                self.depth -= 1
                return left
            if binding >= _RELATION:
                self.position += 1
                right = self.expression(binding)
                left = tree.Binary(start, self.end(), operator, left, right)
            elif binding == _TERNARY:
                left = self.conditional(start, left)
            else:
                left = self.logical(start, operator, binding, left)

    def conditional(self, start: int, condition: Expr) -> Expr:
        self.position += 1
        then = self.expression(_TERNARY)
        self.take(":")
        otherwise = self.expression(0)
        return tree.Conditional(start, self.end(), condition, then, otherwise)

    def logical(self, start: int, operator: str, binding: int, left: Expr) -> Expr:
        operands = [left]
        while self.accept(operator):
            operands.append(self.expression(binding))
        return tree.Logical(start, self.end(), operator, tuple(operands))

    def operand(self) -> Expr:
        """A primary expression with its prefixes, selections, indexes and calls."""
        kind, word, start, end = token = self.tokens[self.position]
        self.position += 1
        expr: Expr
        if kind == "name":
            expr = self.name(word, start, end)
        elif kind == "string":
            expr = tree.Literal(start, end, string(token, self.text))
        elif kind == "int" or kind == "float":
            expr = tree.Literal(start, end, number(token, False, self.text))
        elif kind == "(":
            expr = self.expression(0)
            self.take(")")
        elif kind == "-" or kind == "!":
            return self.prefixed(kind, start)
        elif kind in _CONSTANTS:
            expr = tree.Literal(start, end, _CONSTANTS[kind])
        else:
            expr = self.composite(kind, start)
        return self.postfix(start, expr)

    def composite(self, kind: str, start: int) -> Expr:
        if kind == "[":
            return self.list_literal(start)
        if kind == "{":
            return self.map_literal(start)
        if kind == "." and self.tokens[self.position][0] == "name":
            _, word, _, end = self.tokens[self.position]
            self.position += 1
            return self.name(word, start, end, absolute=True)
        self.position -= 1
        raise self.failure("an expression")

    def prefixed(self, kind: str, start: int) -> Expr:
        """``-`` and ``!`` in any number; a minus before a number belongs to the number."""
        starts = [start]
        while self.accept(kind):
            starts.append(self.tokens[self.position - 1][2])
        token = self.tokens[self.position]
        if kind == "-" and self.is_number(self.position):
            self.position += 1
            start = starts.pop()
            literal = tree.Literal(start, token[3], number(token, True, self.text))
            expr = self.postfix(start, literal)
        else:
            # What follows a minus is a token, if only the one of the end.
            if token[0] == "!" or (token[0] == "-" and not self.is_number(self.position + 1)):
                raise self.failure("an operand")
            expr = self.operand()
        for start in reversed(starts):
            expr = tree.Unary(start, self.end(), kind, expr)
        return expr

    def is_number(self, position: int) -> bool:
        """Whether the token is a number that may have a minus; a uint has none."""
        kind, word, _, _ = self.tokens[position]
        return kind in ("int", "float") and word[-1] not in "uU"

    def name(self, word: str, start: int, end: int, absolute: bool = False) -> Expr:
        if word in RESERVED:
            raise CelSyntaxError(f"'{word}' is a reserved word", start, end, self.text)
        if self.tokens[self.position][0] != "(":
            return tree.Ident(start, end, word, absolute)
        return self.call(start, word, None, self.arguments())

    def postfix(self, start: int, expr: Expr) -> Expr:
        tokens = self.tokens
        while True:
            kind = tokens[self.position][0]
            if kind == ".":
                self.position += 1
                expr = self.member(start, expr)
            elif kind == "[":
                self.position += 1
                optional = self.accept("?")
                index = self.expression(0)
                self.take("]")
                expr = tree.Index(start, self.end(), expr, index, optional)
            elif kind == "{" and isinstance(expr, tree.Ident | tree.Select):
                raise self.failure("an operator; message construction is not part of this language")
            else:
                return expr

    def member(self, start: int, operand: Expr) -> Expr:
        optional = self.accept("?")
        kind, word, _, end = self.tokens[self.position]
        if kind == "quoted":
            word = word[1:-1]
        elif kind != "name":
            raise self.failure("a field name")
        self.position += 1
        # Words of the language may be names of fields and of methods, after a dot.
        if optional or kind == "quoted" or self.tokens[self.position][0] != "(":
            return tree.Select(start, end, operand, word, optional)
        args = self.arguments()
        if isinstance(operand, tree.Ident) and (qualified := f"{operand.name}.{word}") in QUALIFIED:
            return self.call(start, qualified, None, args)
        return self.call(start, word, operand, args)

    def call(self, start: int, word: str, target: Expr | None, args: list[Expr]) -> Expr:
        macro = MACROS.get(word)
        if macro and macro.receiver is (target is not None) and len(args) in macro.counts:
            return self.macro(start, word, target, args)
        return tree.Call(start, self.end(), word, target, tuple(args))

    def macro(self, start: int, word: str, target: Expr | None, args: list[Expr]) -> Expr:
        if word == "has" and not isinstance(args[0], tree.Select):
            message = "the argument of has() is a field selection, such as has(a.b)"
            raise CelSyntaxError(message, args[0].offset, args[0].end, self.text)
        count = MACROS[word].variables(len(args))
        names = tuple(self.variable(word, arg) for arg in args[:count])
        if len(set(names)) < count:
            message = f"the variables of {word}() have the same name"
            raise CelSyntaxError(message, args[1].offset, args[1].end, self.text)
        if word == "transformMapEntry" and not isinstance(args[-1], tree.MapLiteral):
            message = "the last argument of transformMapEntry() is a map literal, {key: value}"
            raise CelSyntaxError(message, args[-1].offset, args[-1].end, self.text)
        return tree.Macro(start, self.end(), word, target, names, tuple(args[count:]))

    def variable(self, word: str, arg: Expr) -> str:
        if isinstance(arg, tree.Ident) and not arg.absolute:
            return arg.name
        message = f"{word}() declares a variable here: a simple name is needed"
        raise CelSyntaxError(message, arg.offset, arg.end, self.text)

    def arguments(self) -> list[Expr]:
        self.position += 1
        if self.accept(")"):
            return []
        args = [self.expression(0)]
        while self.accept(","):
            args.append(self.expression(0))
        self.take(")")
        return args

    def list_literal(self, start: int) -> Expr:
        elements: list[Expr] = []
        optional: list[int] = []
        while not self.accept("]"):
            if self.accept("?"):
                optional.append(len(elements))
            elements.append(self.expression(0))
            if not self.accept(","):
                self.take("]")
                break
        return tree.ListLiteral(start, self.end(), tuple(elements), frozenset(optional))

    def map_literal(self, start: int) -> Expr:
        entries: list[tuple[Expr, Expr]] = []
        optional: list[int] = []
        while not self.accept("}"):
            if self.accept("?"):
                optional.append(len(entries))
            key = self.expression(0)
            self.take(":")
            entries.append((key, self.expression(0)))
            if not self.accept(","):
                self.take("}")
                break
        return tree.MapLiteral(start, self.end(), tuple(entries), frozenset(optional))


__all__ = ["MAX_DEPTH", "MAX_LENGTH", "parse", "parse_tokens"]
