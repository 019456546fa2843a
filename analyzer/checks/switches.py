"""The keys of a step's parts, against the value that chooses one of them (K403, K405, K406)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from typing import Any, Final

from analyzer import types
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation, constant
from analyzer.findings.finding import Edit
from analyzer.findings.messages import k4_types, k6_values
from analyzer.program.caught import is_code
from analyzer.types import Type, members_of
from analyzer.types.operators import equality
from kernel.cel import Expr, free_names
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.topology.forms import Field, Part, Step

MAX_LISTED: Final = 16
"""Of more whole numbers the missing ones are not named."""


def check_keys(
    check: UnitCheck, step: Step, field: Field, value: Evaluation, alone: Callable[[Expr], Type]
) -> None:
    """Check the keys of a step's parts; ``value`` is that of the field that chooses one.

    ``alone`` gives the type of an expression without regard to the conditions around it: a key that
    only these rule out is no mistake. Those of ``error.code`` are checked by K705, which knows
    which codes can come. A value without variables is always the same, whatever the keys are.
    """
    subject, scalar = value.type, value.tree.scalars.get(())
    expr = None if scalar is None or scalar.whole is None else scalar.whole.expr
    if isinstance(subject, types.Dyn | types.Error) or (expr is not None and is_code(expr)):
        return
    keyed, told = keyed_parts(step), len(check.findings)
    path = (*step.path, *field.path)
    if expr is None or not free_names(expr):
        missing = uncovered(subject, [part.key for part in keyed])
        if missing and len(keyed) == len(step.parts):
            check.add(k4_types.never_a_case(missing), path, key=True)
        else:
            check.add(k6_values.CONSTANT_SWITCH, path)
        return
    itself = subject if expr is None else alone(expr)
    keys = {part.key for part in keyed}
    covered = [_case(check, (*step.path, *part.path), part.key, keys, itself) for part in keyed]
    missing = uncovered(subject, covered)
    wrong = any(one.name == "incomparable" for one in check.findings[told:])
    if missing and len(keyed) == len(step.parts) and not wrong:
        check.add(k4_types.no_case(missing), path, key=True)


def keyed_parts(step: Step) -> list[Part]:
    """The parts of a step that are chosen by a key."""
    return [part for part in step.parts if part.subject is not None]


def _case(check: UnitCheck, path: Path, key: Any, keys: Set[Any], subject: Type) -> Any:
    """Judge one of the keys of the cases; gives the key that was meant."""
    if equality(subject, constant(key)).literal is not False:
        return key
    texts = [one for one in members_of(subject) if isinstance(one, types.String)]
    known = {text for one in texts for text in one.literals or ()}
    if isinstance(key, str) and known:
        meant = nearest(key, known - keys)
        message = k4_types.impossible_case(key, subject, meant)
        fix = None
        if meant is not None and meant.isidentifier():
            fix = Edit(f"write '{meant}'", check.document.span(path, True), meant)
        check.add(message, path, key=True, fix=fix)
        return meant or key
    check.add(k4_types.incomparable_case(constant(key), subject), path, key=True)
    return key


def uncovered(subject: Type, keys: Collection[Any]) -> list[str]:
    """The values that no case is for, in words."""
    bools = [key for key in keys if isinstance(key, bool)]
    others = [key for key in keys if not isinstance(key, bool)]
    return list(dict.fromkeys(_missing(subject, bools, others)))


def _missing(subject: Type, bools: Collection[bool], keys: Collection[Any]) -> Iterator[str]:
    for one in members_of(subject):
        match one:
            case types.String(literals=None):
                yield "any other text"
            case types.String(literals=literals):
                yield from (f"'{text}'" for text in sorted(literals or ()) if text not in keys)
            case types.Int(least=least, most=most) if most - least < MAX_LISTED:
                yield from (str(number) for number in range(least, most + 1) if number not in keys)
            case types.Int(least=least, most=most):
                if sum(least <= key <= most for key in _whole(keys)) <= most - least:
                    yield "any other number"
            case types.Double(least=least, most=most) if least == most:
                yield from () if least in keys else (f"{least:g}",)
            case types.UInt() | types.Double():
                yield "any other number"
            case types.Bool(literal=literal):
                wanted = (True, False) if literal is None else (literal,)
                yield from (str(value).lower() for value in wanted if value not in bools)
            case types.Null():
                yield from () if None in keys else ("null",)
            case _ if not isinstance(one, types.Dyn | types.Error):
                yield f"any {one}"


def _whole(keys: Collection[Any]) -> set[int]:
    return {int(key) for key in keys if type(key) in (int, float) and key == int(key)}
