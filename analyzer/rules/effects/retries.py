"""K701, K702, K706, K708: what a ``retry`` repeats, and whether it ever does.

The rules say what :mod:`kernel.invocation.recovery.retry` does: without a class, or with
``idempotent``, every failure is repeated; ``irreversible`` only an error that is declared retryable
and known to have changed nothing; ``approval-bound`` never.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.checks.collector import Collector
from analyzer.findings.finding import Note
from analyzer.findings.messages import k7_effects
from analyzer.program.linking import Callee, Unit
from analyzer.program.program import Program
from analyzer.rules.effects.deciding import admits
from analyzer.rules.effects.handling import Possible, check_condition
from analyzer.rules.effects.raising import FINAL, KERNEL, NO_ERRORS, Code, Raised
from analyzer.rules.effects.reach import At, Effects, Exposed, name_of
from kernel.manifest import Definition
from kernel.topology.callsite import CallSite, Retry, names_in

_ANY_OTHER: Final = ("Timeout", "ExpressionError", "ControllerError", "Thrown", "RuntimeError")
"""Codes that are declared nowhere, as a kernel and a controller have them."""


def check_retries(program: Program, unit: Unit, collector: Collector) -> None:
    """The retries of the call sites of a unit."""
    effects = program.once(Effects)
    for site in unit.call_sites():
        _check_retry(effects, unit, site, collector)


def _check_retry(effects: Effects, unit: Unit, site: CallSite, collector: Collector) -> None:
    retry = site.retry
    if retry is None:
        return
    path = (*site.path, "retry")
    if retry.attempts == 1:
        collector.add(k7_effects.single_attempt(), (*path, "attempts"))
        return
    _check_budget(site, retry, collector)
    callee = effects.callee(unit, site)
    if callee is None or effects.class_of(callee) == "approval-bound" or _is_off(retry):
        return
    raised = effects.raising.of_callee(callee)
    told = len(collector.findings)
    sure = True
    if retry.when is not None:
        possible = Possible(raised, KERNEL - FINAL, f"`{name_of(callee)}`", retried=True)
        sure = check_condition(possible, retry.when, (*path, "when"), collector)
    sound = len(collector.findings) == told
    if _check_safety(effects, unit, site, callee, sound, collector) or not sound:
        return
    if not _check_taken(site, callee, raised, sure, collector):
        _check_classified(effects, unit, site, callee, collector)


def _check_safety(
    effects: Effects, unit: Unit, site: CallSite, callee: Callee, sound: bool, collector: Collector
) -> bool:
    """K702, in a direct call or behind topologies; true where the class has decided all.

    ``sound``: there is no finding in ``when`` yet.
    """
    assert site.retry is not None
    if effects.class_of(callee) == "irreversible":
        _check_irreversible(effects, site, callee, sound, collector)
        return True
    at = At(site, NO_ERRORS, caught=False, looped=False)
    for exposed in effects.of_callee(unit, at, callee).values():
        if _is_repeated(exposed, site.retry):
            _repeated(effects, site, callee, exposed, collector)
            return True
    return False


def _check_taken(
    site: CallSite, callee: Callee, raised: Raised, sure: bool, collector: Collector
) -> bool:
    """K701: whether nothing is worth a repetition, as far as contracts say all that may come."""
    assert site.retry is not None
    name, path = name_of(callee), (*site.path, "retry")
    if raised.open or not sure:
        return False
    if _is_never_taken(site.retry, raised):
        collector.add(k7_effects.retry_never_taken(name), (*path, "when"))
    elif _says_all_is_final(site, callee):
        collector.add(k7_effects.no_error_is_retryable(name), path, key=True)
    else:
        return False
    return True


def _check_irreversible(
    effects: Effects, site: CallSite, callee: Callee, sound: bool, collector: Collector
) -> None:
    """A direct retry; the run time repeats what is declared so, and known to have failed."""
    assert site.retry is not None
    path = (*site.path, "retry")
    notes = _declared(effects, callee.definition, "safety")
    codes = _retryable(callee.definition)
    if not codes:
        message = k7_effects.irreversible_retried(name_of(callee))
        collector.add(message, path, key=True, related=notes)
    elif sound and not any(admits(site.retry.when, code) for code in codes):
        message = k7_effects.retryable_never_taken(name_of(callee), codes)
        collector.add(message, (*path, "when"), related=notes)


def _retryable(definition: Definition) -> list[Code]:
    """The declared errors after which what is irreversible may be repeated."""
    return [
        code
        for code, said in (definition.errors or {}).items()
        if said and said.get("retryable") is True and said.get("outcome") != "unknown"
    ]


def _is_off(retry: Retry) -> bool:
    """Whether ``when`` is false by itself, which is told where conditions are."""
    return retry.when is not None and not names_in(retry.when) and not admits(retry.when, "")


def _is_never_taken(retry: Retry, raised: Raised) -> bool:
    """Whether ``when`` is false for all that may come. Of numbers there are always others."""
    if retry.when is None or any(isinstance(code, int) for code in raised.codes):
        return False
    return not any(admits(retry.when, code) for code in (*raised.codes, *_ANY_OTHER))


def _says_all_is_final(site: CallSite, callee: Callee) -> bool:
    """Whether all that is declared is ``retryable: false``, and nobody asked for more."""
    errors = callee.definition.errors
    retry = site.retry
    if not errors or retry is None or retry.when is not None:
        return False
    if site.timeout is not None or retry.deadline is not None:
        return False
    if callee.definition.controller is None and callee.definition.body is not None:
        return False
    return all(said is not None and said.get("retryable") is False for said in errors.values())


def _is_repeated(exposed: Exposed, retry: Retry) -> bool:
    """Whether the retry of a topology repeats an irreversible effect that is in it."""
    if exposed.safety != "irreversible" or exposed.guarded or not exposed.after:
        return False
    others = _ANY_OTHER if exposed.after.open else ()
    return any(admits(retry.when, code) for code in (*exposed.after.codes, *others))


def _repeated(
    effects: Effects, site: CallSite, callee: Callee, exposed: Exposed, collector: Collector
) -> None:
    message = k7_effects.irreversible_repeated(name_of(callee), exposed.name)
    notes = () if exposed.span is None else (Note("it is called here", exposed.span),)
    related = (*notes, *_declared(effects, exposed.definition, "safety"))
    collector.add(message, (*site.path, "retry"), key=True, related=related)


def _check_classified(
    effects: Effects, unit: Unit, site: CallSite, callee: Callee, collector: Collector
) -> None:
    at = At(site, NO_ERRORS, caught=False, looped=False)
    for exposed in effects.of_callee(unit, at, callee).values():
        definition = exposed.definition
        if exposed.safety is not None or not effects.is_own(definition):
            continue
        if definition.body is not None or definition.topology is not None:
            continue
        message = k7_effects.unclassified(definition.kind)
        notes: tuple[Note, ...] = (
            Note("it is defined here", definition.document.span(("metadata", "name"))),
        )
        if definition is not callee.definition and exposed.span is not None:
            notes = (Note("it is called here", exposed.span), *notes)
        collector.add(message, (*site.path, "retry"), key=True, related=notes)
        return


def _check_budget(site: CallSite, retry: Retry, collector: Collector) -> None:
    """The time of all attempts and the pauses between them, against the deadline."""
    if retry.deadline is None:
        return
    each = site.timeout or 0.0
    pauses = 0.0
    for number, pause in enumerate(_pauses(retry), 2):
        pauses += pause
        spent = (number - 1) * each + pauses
        if spent >= retry.deadline and (each or retry.jitter == "none"):
            message = k7_effects.attempt_past_deadline(
                number, retry.attempts, each, pauses, spent, retry.deadline
            )
            collector.add(message, (*site.path, "retry", "deadline"))
            return
    whole = retry.attempts * each + pauses
    if each and whole > retry.deadline:
        message = k7_effects.last_attempt_cut(retry.attempts, each, pauses, whole, retry.deadline)
        collector.add(message, (*site.path, "retry", "deadline"))


def _pauses(retry: Retry) -> Iterator[float]:
    """The longest pause after each attempt but the last, as the run time has it."""
    if not retry.delay:
        # Nothing adds up; very many attempts are counted no further than the deadline.
        yield from (0.0 for _ in range(min(retry.attempts - 1, 100_000)))
        return
    for attempt in range(1, retry.attempts):
        factor = attempt if retry.backoff == "linear" else 2.0 ** min(attempt - 1, 1000)
        pause = retry.delay * factor
        yield pause if retry.max_delay is None else min(pause, retry.max_delay)


def _declared(effects: Effects, definition: Definition, field: str) -> tuple[Note, ...]:
    """Where a definition of the manifest itself says so."""
    if not effects.is_own(definition):
        return ()
    return (Note("declared here", definition.document.span((field,))),)
