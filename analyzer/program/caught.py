"""The variable ``error`` where steps have failed, by what they can fail with.

Its code is text or an int: the declared codes, those that are thrown, and the kernel's own, which
are text. Which texts and numbers it can be is for the rules to say, not for its type.
"""

from __future__ import annotations

from typing import Final

from analyzer import types
from analyzer.program.linking import Unit
from analyzer.program.raising import KERNEL_ERROR, Raised, Raising
from analyzer.program.variables import error_with
from analyzer.types import Type, union
from kernel.cel import Expr, reference_path
from kernel.topology.forms import Part, Step

_STEP: Final = union((types.STRING, types.NULL))


def caught_by(raising: Raising, unit: Unit, failed: Part, part: Part) -> Type:
    """The variable ``error`` in ``part``, which runs when the part ``failed`` before it fails."""
    raised = raising.of_steps(unit, failed.steps)
    if not part.is_ending:
        named = all(_is_named(raising, unit, step) for step in failed.steps)
        return error_with(_code(raised), types.STRING if named else _STEP)
    # Here a run ends that was cancelled, or whose time was up, outside of any step.
    return union((error_with(_code(raised | KERNEL_ERROR), _STEP), types.NULL))


def _is_named(raising: Raising, unit: Unit, step: Step) -> bool:
    """Whether what comes out of a step has the name of a step."""
    if step.name is not None or not _fails(raising.of_step(unit, step)):
        return True
    inner = (one for part in step.parts for one in part.steps)
    itself = _fails(raising.of_itself(unit, step))
    return not itself and all(_is_named(raising, unit, one) for one in inner)


def _fails(raised: Raised) -> bool:
    return bool(raised) or raised.kernel


def error_of_code(code: Type) -> Type:
    """The variable ``error`` with a code of that type."""
    return error_with(code, _STEP)


def _code(raised: Raised) -> Type:
    texts = raised.open or raised.kernel or any(isinstance(one, str) for one in raised.codes)
    ints = raised.open or any(isinstance(one, int) for one in raised.codes)
    given = ((types.STRING, texts or not ints), (types.INT, ints))
    return union(type_ for type_, there in given if there)


def is_code(expr: Expr) -> bool:
    """Whether an expression is ``error.code``."""
    return reference_path(expr) == ("error", "code")
