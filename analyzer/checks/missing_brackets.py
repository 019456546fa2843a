"""Texts that read as expressions, where the brackets ``${{ }}`` were forgotten (K009).

The text is checked once more with brackets. It lacks them if its expression then selects a field
that exists, and the place takes its value. If the text has another finding that the brackets would
mend, that finding gets the hint, and K009 is not reported besides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation
from analyzer.findings.brackets import bracketed, brackets_around, expression_in
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Edit, Finding
from analyzer.findings.messages import k0_text
from analyzer.types import DYN, List, Map, Record, Refined, String, Type, members_of, resolved
from kernel.cel import Expr, Template, compile_template, parse_template, walk
from kernel.cel.tree import Ident, Index, Literal, Select
from kernel.errors import Path
from kernel.structs import field, struct
from kernel.topology.guards import guarded

MAX_ALONE: Final = 20
"""So many texts of one template are tried one by one, if trying all at once decides nothing."""

_SELECTS: Final = re.compile(r"[A-Za-z_]\w*\s*(?:\??\.\??\s*[A-Za-z_]|\[)")
_NOT_MEANT: Final = codes(
    "unknown-variable", "unknown-function", "wrong-call-form", "not-in-scope", "unknown-property",
    "error-scope", "template-coercion", "unknown-field", "wrong-value", "not-json",
    "unknown-input", "input-type", "input-constraint", "output-type", "slot-type",
)  # fmt: skip
"""If the text has one of these errors with brackets, it was meant as text.

Errors in the types of operands are not among them: a step that reads its own result has such
errors, and may lack brackets all the same.
"""

_FORMATS: Final = frozenset(
    (
        "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
        "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid",
        "json-pointer", "relative-json-pointer", "regex", "byte", "binary", "password",
    )
)  # fmt: skip
"""The formats of JSON Schema and of OpenAPI."""

_OTHER: Final = "¿"
"""A character that means nothing. A place that refuses a text of these wants a form of text."""

Evaluate = Callable[[Template], Evaluation]
Judge = Callable[[Evaluation], None]
"""Writes down what is wrong with a value at its place."""


def _no_judge(_: Evaluation) -> None:
    pass


def check_value(
    check: UnitCheck,
    template: Template,
    path: Path,
    evaluate: Evaluate,
    judge: Judge = _no_judge,
    place: Type = DYN,
) -> Evaluation:
    """Evaluate the template at ``path``, and write down what is wrong with it.

    ``judge`` says what its place, of the type ``place``, thinks of the value.
    """
    start = len(check.findings)
    value = evaluate(template)
    check.add_evaluation(value, path)
    judge(value)
    texts = list(_texts(template.tree.structure, ()))
    if texts:
        trial = _Trial(check, path, evaluate, judge, template, check.findings[start:])
        trial.run(
            {
                where: text
                for where, text, expr in texts
                if trial.selects_what_is_there(expr) and not _is_of_own_format(place, where)
            }
        )
        check.findings[start:] = trial.told
    return value


def _is_of_own_format(place: Type, path: Path) -> bool:
    """Whether the schema of a text names a format that JSON Schema does not have.

    Such a text is of another language: a path, a query, an expression that something else reads.
    """
    return any(
        isinstance(one, String) and one.format is not None and one.format not in _FORMATS
        for one in _inside(place, path)
    )


def _inside(place: Type, path: Path) -> Iterator[Type]:
    """The types that a place may have at a path."""
    for one in members_of(resolved(place)):
        inner: Type | None = None
        match one:
            case Refined():
                yield from _inside(one.base, path)
            case _ if not path:
                yield one
            case Record():
                known = one.get(str(path[0]))
                inner = one.rest if known is None else known.type
            case Map():
                inner = one.value
            case List():
                inner = one.element
        if inner is not None:
            yield from _inside(inner, path[1:])


def may_be_expression(text: str) -> bool:
    """Whether a text is an expression with a selection, were it in brackets."""
    return next(_texts(text, ()), None) is not None


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str, Expr]]:
    """The texts in a structure that are expressions with a selection, were they in brackets."""
    if isinstance(value, str):
        expr = expression_in(value) if _SELECTS.search(value) else None
        if expr is not None:
            yield path, value, expr
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))


@struct(frozen=False)
class _Trial:
    """The check of a template with other texts; ``told`` are the findings in it as it is."""

    check: UnitCheck
    path: Path
    evaluate: Evaluate
    judge: Judge
    template: Template
    told: list[Finding]
    variables: dict[str, Type] = field(default_factory=dict)

    def selects_what_is_there(self, expr: Expr) -> bool:
        """Whether an expression selects a field that a variable in scope certainly has."""
        return any(_has(self._type_of(root), name) for root, name in _selections(expr))

    def run(self, texts: Mapping[Path, str]) -> None:
        """Try the texts all at once; one by one if a finding belongs to no single text."""
        if texts and not self._try(texts):
            for where, text in islice(texts.items(), MAX_ALONE):
                self._try({where: text}, alone=True)

    def _try(self, texts: Mapping[Path, str], *, alone: bool = False) -> bool:
        """Report missing brackets; False, and no report, if a finding belongs to no single text."""
        then = self._findings({where: bracketed(text) for where, text in texts.items()})
        other = self._findings({where: _OTHER * len(text) for where, text in texts.items()})
        wrong, refused, gone = self._new_errors(then), self._new_errors(other), self._gone(then)
        places = {(*self.path, *where) for where in texts}
        if not alone and not {one.path for one in (*wrong, *refused, *gone)} <= places:
            return False
        for where, text in texts.items():
            path = (*self.path, *where)
            mine = [[one for one in found if alone or one.path == path] for found in (wrong, gone)]
            if any(one.code in _NOT_MEANT for one in mine[0]):
                continue
            fix = brackets_around(self.check.document, path)
            if mine[1]:
                self._hint(mine[1], fix)
            elif not any(alone or one.path == path for one in refused):
                span = self.check.document.scalar_span(path, 0, len(text.rstrip("\n")))
                self.told.append(k0_text.missing_brackets(text.strip()).at(span, path, fix=fix))
        return True

    def _hint(self, gone: list[Finding], fix: Edit | None) -> None:
        """Keep only the gravest of the findings of one mistake, with the hint to the brackets."""
        first = min(gone, key=lambda one: _ORDER[one.weight])
        help = first.help or k0_text.BRACKETS_ARE_MISSING
        hinted = replace(first, help=help, fix=first.fix or fix)
        left = [hinted if one is first else one for one in self.told]
        self.told = [one for one in left if one is hinted or one not in gone]

    def _gone(self, then: list[Finding]) -> list[Finding]:
        said = set(map(_said, then))
        return [
            one for one in self.told if one.name != "missing-brackets" and _said(one) not in said
        ]

    def _new_errors(self, then: list[Finding]) -> list[Finding]:
        said = set(map(_said, self.told))
        return [one for one in then if one.weight == "error" and _said(one) not in said]

    def _type_of(self, name: str) -> Type:
        if name not in self.variables:
            self.variables[name] = self.evaluate(compile_template(bracketed(name))).type
        return self.variables[name]

    def _findings(self, texts: Mapping[Path, str]) -> list[Finding]:
        """What would be found with other texts at their places."""
        changed = _with_texts(self.template.tree.structure, (), texts)
        value = self.evaluate(compile_template(guarded(parse_template(changed))))
        before = len(self.check.findings)
        self.check.add_evaluation(value, self.path)
        self.judge(value)
        found = self.check.findings[before:]
        del self.check.findings[before:]
        return found


_ORDER: Final = {"error": 0, "warning": 1, "info": 2}


def _said(one: Finding) -> Hashable:
    """What tells findings of two texts apart; the place in the text may differ."""
    return one.code, one.message, one.path


def _selections(expr: Expr) -> Iterator[tuple[str, str]]:
    """The fields that an expression selects of variables: ``inputs.email``, ``inputs['email']``."""
    for node in walk(expr):
        match node:
            case Select(operand=Ident(name=root), field=name):
                yield root, name
            case Index(operand=Ident(name=root), index=Literal(value=str() as name)):
                yield root, name


def _has(type_: Type, name: str) -> bool:
    return any(isinstance(one, Record) and one.get(name) is not None for one in members_of(type_))


def _with_texts(structure: Any, path: Path, texts: Mapping[Path, str]) -> Any:
    """The structure with other texts at some paths."""
    if isinstance(structure, dict):
        return {key: _with_texts(item, (*path, key), texts) for key, item in structure.items()}
    if isinstance(structure, list | tuple):
        return [_with_texts(item, (*path, n), texts) for n, item in enumerate(structure)]
    return texts.get(path, structure)
