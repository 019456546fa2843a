"""K701, K702, K706, K708: what a ``retry`` repeats, and whether it ever does.

The rules say what :mod:`kernel.invocation.recovery.retry` does: an error that is declared
``retryable: false`` is never repeated. Else without a class, or with ``idempotent``, every failure
is; ``irreversible`` only an error that is declared retryable and known to have changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.finding import Note
from analyzer.findings.messages import k7_effects
from analyzer.program.linking import Callee
from analyzer.program.raising import FINAL, KERNEL, NO_ERRORS, Code, Raised
from analyzer.rules.effects.deciding import admits, numbers_around
from analyzer.rules.effects.handling import PossibleErrors, check_condition
from analyzer.rules.effects.reach import Effects, ReachedKind, SiteContext, name_of
from kernel.errors import Path
from kernel.manifest import Definition
from kernel.structs import struct
from kernel.topology.callsite import CallSite, Retry, names_in

_ANY_OTHER: Final = (
    "TIMEOUT", "EXPRESSION_ERROR", "CONTROLLER_ERROR", "THROWN", "RuntimeError",
)  # fmt: skip
"""Codes that are declared nowhere, as a kernel and a controller have them."""


def check_retries(check: UnitCheck) -> None:
    """The retries of the call sites of a unit."""
    effects = check.program.once(Effects)
    for site in check.unit.call_sites():
        retry, callee = site.retry, effects.callee(check.unit, site)
        if retry is None:
            continue
        if retry.attempts == 1:
            check.add(k7_effects.SINGLE_ATTEMPT, (*site.path, "retry", "attempts"))
            continue
        _check_budget(check, site, retry)
        if callee is None or effects.class_of(callee, site) == "approval-bound" or _is_off(retry):
            continue
        _RetryCheck(check, effects, site, retry, callee).run()


@struct
class _RetryCheck:
    """The check of one ``retry``: what a call of ``callee`` may fail with, and what it repeats."""

    check: UnitCheck
    effects: Effects
    site: CallSite
    retry: Retry
    callee: Callee

    @property
    def path(self) -> Path:
        return (*self.site.path, "retry")

    def run(self) -> None:
        raised = self.effects.raising.of_callee(self.callee)
        told = len(self.check.findings)
        sure = True
        if self.retry.when is not None:
            subject = f"`{name_of(self.callee)}`"
            possible = PossibleErrors(raised, KERNEL - FINAL, subject, retried=True)
            sure = check_condition(self.check, possible, self.retry.when, (*self.path, "when"))
        sound = len(self.check.findings) == told
        if self.is_decided_by_class(sound) or not sound:
            return
        if raised.open or not sure or not self.is_never_taken(raised):
            self.check_classified()

    def is_decided_by_class(self, sound: bool) -> bool:
        """K702, in a direct call or behind topologies; true where the class has decided all.

        ``sound``: there is no finding in ``when`` yet.
        """
        if self.effects.class_of(self.callee, self.site) == "irreversible":
            self.check_irreversible(sound)
            return True
        repeated = (one for one in self.reached() if _is_repeated(one, self.retry))
        reached = next(repeated, None)
        if reached is None:
            return False
        notes = () if reached.span is None else (Note("it is called here", reached.span),)
        related = (*notes, *self.declared(reached.definition))
        message = k7_effects.irreversible_repeated(name_of(self.callee), reached.name)
        self.check.add(message, self.path, key=True, related=related)
        return True

    def reached(self) -> Iterable[ReachedKind]:
        """What a call leads to."""
        context = SiteContext(self.site, NO_ERRORS, caught=False, looped=False)
        return self.effects.of_callee(self.check.unit, context, self.callee).values()

    def is_never_taken(self, raised: Raised) -> bool:
        """K701: whether nothing is worth a repetition; contracts say all that may come."""
        if not _is_never_taken(self.retry, raised):
            return False
        message = k7_effects.retry_never_taken(name_of(self.callee))
        self.check.add(message, (*self.path, "when"))
        return True

    def check_irreversible(self, sound: bool) -> None:
        """A direct retry; the run time repeats what is declared so, and known to have failed."""
        name, notes = name_of(self.callee), self.declared(self.callee.definition)
        codes = _retryable(self.callee.definition)
        if not codes:
            message = k7_effects.irreversible_retried(name)
            self.check.add(message, self.path, key=True, related=notes)
        elif sound and not any(admits(self.retry.when, code) for code in codes):
            message = k7_effects.retryable_never_taken(name, codes)
            self.check.add(message, (*self.path, "when"), related=notes)

    def check_classified(self) -> None:
        """K708: a kind of the manifest itself that says nothing of its safety."""
        for reached in self.reached():
            definition = reached.definition
            if reached.safety is not None or not self.effects.is_own(definition):
                continue
            if definition.body is not None or definition.topology is not None:
                continue
            place = definition.document.span(("metadata", "name"))
            notes: tuple[Note, ...] = (Note("it is defined here", place),)
            if definition is not self.callee.definition and reached.span is not None:
                notes = (Note("it is called here", reached.span), *notes)
            message = k7_effects.unclassified(definition.kind)
            self.check.add(message, self.path, key=True, related=notes)
            return

    def declared(self, definition: Definition) -> tuple[Note, ...]:
        """Where a definition of the manifest itself says its safety class."""
        if not self.effects.is_own(definition):
            return ()
        return (Note("declared here", definition.document.span(("safety",))),)


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
    """Whether ``when`` is false for every error that may be retried.

    Where codes are numbers, numbers that nobody declares may come as well.
    """
    if retry.when is None:
        return False
    others: Iterable[Code] = _ANY_OTHER
    if any(isinstance(code, int) for code in raised.codes):
        numbers = numbers_around(retry.when)
        if numbers is None:
            return False
        others = (*_ANY_OTHER, *(numbers - raised.codes))
    return not any(admits(retry.when, code) for code in (*raised.retried, *others))


def _is_repeated(reached: ReachedKind, retry: Retry) -> bool:
    """Whether the retry of a topology repeats an irreversible effect that is in it."""
    if reached.safety != "irreversible" or reached.guarded or not reached.after:
        return False
    after = reached.after
    # A call that declares final errors may fail with others as well.
    others = _ANY_OTHER if after.open or after.codes - after.retried else ()
    return any(admits(retry.when, code) for code in (*after.retried, *others))


def _check_budget(check: UnitCheck, site: CallSite, retry: Retry) -> None:
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
            check.add(message, (*site.path, "retry", "deadline"))
            return
    whole = retry.attempts * each + pauses
    if each and whole > retry.deadline:
        message = k7_effects.last_attempt_cut(retry.attempts, each, pauses, whole, retry.deadline)
        check.add(message, (*site.path, "retry", "deadline"))


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
