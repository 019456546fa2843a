"""The forms of a step, as frozen data that describes itself (language.md, Topologies).

The engine of a topology walks this tree, and the analyzer reasons about the same tree. ``parts``
tells which lists of steps a form holds and how it runs them, ``templates`` which fields of a step
take CEL, and ``gives`` what comes of the form, so that a walk need not know the forms apart. A new
form is a class here with its cases in ``parts`` and ``templates``, a reader in ``steps.FORMS`` and
a function in ``walk.RUN``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal, assert_never

from kernel.cel import Template
from kernel.errors import Path
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite

Steps = tuple["Step", ...]

Gives = Literal["outputs", "value", "part", "list", "record", "null", "event", "nothing"]
"""What a form gives: the outputs of what it calls, the value of its field, the result of the part
that ran, those of all rounds or of all parts, null, the event that came, or none since it fails."""


@struct
class Call:
    """Calls something. Its result is what the call returned."""

    gives: ClassVar[Gives] = "outputs"
    site: CallSite


@struct
class Value:
    """Computes a value and calls nothing."""

    gives: ClassVar[Gives] = "value"
    value: Template


@struct
class If:
    """``if``/``then``/``elseif``/``else``: the first arm whose condition is true."""

    gives: ClassVar[Gives] = "part"
    arms: tuple[tuple[Template, Steps], ...]
    otherwise: Steps


@struct
class Switch:
    """``switch``/``cases``/``default``: the case whose key equals the subject, by CEL equality."""

    gives: ClassVar[Gives] = "part"
    subject: Template
    cases: tuple[tuple[Any, Steps], ...]
    default: Steps | None


@struct
class Loop:
    """``do`` with ``while`` (asked before each round) or ``until`` (asked after each).

    It fails with `LOOP_LIMIT` when ``max_iterations`` rounds have not been enough.
    """

    gives: ClassVar[Gives] = "part"
    body: Steps
    condition: Template
    before: bool
    max_iterations: int | None


@struct
class ForEach:
    """``forEach``: the body once for each item, ``parallelism`` of them at a time."""

    gives: ClassVar[Gives] = "list"
    items: Template
    body: Steps
    result: Template | None
    parallelism: int


@struct
class Parallel:
    """``parallel``: named lists of steps at the same time; the first failure cancels the rest."""

    gives: ClassVar[Gives] = "record"
    branches: tuple[tuple[str, Steps], ...]


@struct
class Try:
    """``try``/``catch``/``finally``. ``handler`` and ``ending`` are None where not written."""

    gives: ClassVar[Gives] = "part"
    body: Steps
    handler: Steps | None
    ending: Steps | None


@struct
class Throw:
    """``throw``: the template of ``{code, message, data}``."""

    gives: ClassVar[Gives] = "nothing"
    error: Template


@struct
class Sleep:
    """``sleep``: the template of the milliseconds that pass."""

    gives: ClassVar[Gives] = "null"
    duration: Template


@struct
class WaitFor:
    """``waitFor``: the template of the pattern of an event, and of the milliseconds at most."""

    gives: ClassVar[Gives] = "event"
    pattern: Template
    timeout: Template | None


@struct
class Node:
    """A step of a `Graph`, and the nodes that it waits for.

    ``after`` are their numbers in the graph. ``reads`` are the steps of other nodes whose results
    the step sees, ``names`` those of its own that other nodes can see.
    """

    step: Step
    after: tuple[int, ...]
    reads: tuple[str, ...]
    names: tuple[str, ...]


@struct
class Graph:
    """``nodes``: each begins when those that it waits for have ended, ``parallelism`` at a time.

    A node stands behind those that it waits for. ``goes_on``: after a failure, what does not depend
    on it goes on.
    """

    gives: ClassVar[Gives] = "record"
    nodes: tuple[Node, ...]
    parallelism: int | None
    goes_on: bool


@struct
class Entry:
    """A call of a `Match`, with the condition under which it is made; its path is from there."""

    match: Template
    step: Step
    path: Path


@struct
class Match:
    """``entries``/``fallback``: the first entry whose condition is true; else the fallback.

    It fails with `NO_MATCH` where no entry matches and there is no fallback.
    """

    gives: ClassVar[Gives] = "part"
    entries: tuple[Entry, ...]
    fallback: Entry | None


LOOP_LIMIT = "LOOP_LIMIT"
"""The code of the error of a loop whose rounds are used up, and whose condition is not met."""

NO_MATCH = "NO_MATCH"
"""The code of the error of a router without a fallback, of which no entry matches."""

Form = (
    Call | Value | If | Switch | Loop | ForEach | Parallel | Try | Throw | Sleep | WaitFor
    | Graph | Match
)  # fmt: skip


@struct(eq=False)
class Step:
    """A named call site or control form. ``path`` is where it stands in its document.

    ``label`` names it in the path of a run: ``steps.Fetch``, or its place where it has no name.
    ``timeout``, in milliseconds, is that of the whole step; calls and `WaitFor` have their own.
    ``old_names`` are the fields that have the name of an earlier version, with that of today;
    ``needs`` are the nodes that a node of a workflow lists as those that it needs.
    """

    name: str | None
    when: Template | None
    form: Form
    path: Path
    label: str
    timeout: float | None = None
    old_names: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    parts: tuple[Part, ...] = field(init=False)
    """The lists of steps that the form holds, in reading order; made once, for many walks."""
    _fields: tuple[Field, ...] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", parts(self.form))

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the step that take CEL (`templates`); made once, for many walks."""
        if self._fields is None:
            object.__setattr__(self, "_fields", tuple(templates(self)))
        return self._fields or ()

    @property
    def site(self) -> CallSite | None:
        """The call site of a step that calls; None for the others."""
        return self.form.site if isinstance(self.form, Call) else None

    @property
    def always_fails(self) -> bool:
        """Whether it ends with an error whenever it runs: ``throw``, ``switch`` without cases."""
        return self.form.gives == "nothing" or (self.form.gives == "part" and not self.parts)


@struct
class Part:
    """A list of steps that a form holds, and how the form runs it.

    Of parts that are neither certain nor ``beside`` each other at most one runs to its end. An
    ``if`` always has an ``else`` part; the other parts are there only where they are written.
    """

    steps: Steps
    role: Literal[
        "then", "else", "case", "default", "do", "branch", "try", "catch", "finally",
        "node", "entry", "fallback",
    ]  # fmt: skip
    path: Path
    """From the step to these steps, as ``("elseif", 0, "then")``; no two parts have the same."""
    key: Any = None
    """The key of a case, the name of a branch."""
    condition: Field | None = None
    """Decides whether the part runs; is evaluated where those of the parts before were false."""
    subject: Field | None = None
    """The part runs where the value of this field is equal to ``key``."""
    gives_result: bool = True
    """The result of the last step goes into what the form gives."""
    brings: tuple[str, ...] = ()
    """The variables that these steps see besides those around the form."""
    is_certain: bool = False
    """Where the form has come to its end, so has this part, once at least."""
    repeats: bool = False
    rounds: int | None = None
    """It repeats no more than so often."""
    beside: bool = False
    """The part runs at the same time as the other parts of the form, but for those in ``after``."""
    after: tuple[int, ...] | None = None
    """The part begins when these parts of the form, by their numbers, have come to their ends, and
    sees the steps of no others; None: whenever the form does."""
    is_isolated: bool = False
    """Each round begins anew, and nothing outside sees the results of these steps."""
    is_caught: bool = False
    """A failure of these steps leads to the next part, not out of the form."""
    is_ending: bool = False
    """The part runs after those before, whether these came to their ends or failed."""

    @property
    def sees_round_before(self) -> bool:
        """Whether a round sees the results of the round before."""
        return self.repeats and not self.is_isolated


Expected = Literal["value", "condition", "key", "list", "error", "milliseconds", "pattern"]
"""What a field takes: any value, one that is compared to the keys of the parts, a bool, …"""


@struct
class Field:
    """A field of a step that takes CEL."""

    template: Template
    path: Path
    """From the step to the field, as ``("elseif", 0, "if")``."""
    expects: Expected = "value"
    brings: tuple[str, ...] = ()
    """The variables that the field sees besides those around the step."""
    sees_body: bool = False
    """The field is evaluated after the steps of the part ``do``, and sees their results."""
    goes_on: bool | None = None
    """The outcome with which the condition of a loop lets another round begin."""
    is_bounded: bool = False
    """``maxIterations`` ends the loop, with an error where its condition lets it go on."""
    fails_with: str | None = None
    """The code of the error with which the step may fail for this field."""


def parts(form: Form) -> tuple[Part, ...]:
    """The lists of steps that a form holds, in reading order."""
    match form:
        case If(arms, otherwise):
            then = (_arm(number, *arm) for number, arm in enumerate(arms))
            return (*then, Part(otherwise, "else", ("else",)))
        case Switch(subject, cases, default):
            asked = Field(subject, ("switch",), "key")
            read = (Part(steps, "case", ("cases", k), k, subject=asked) for k, steps in cases)
            other = () if default is None else (Part(default, "default", ("default",)),)
            return (*read, *other)
        case Loop(body, before=before):
            do = Part(body, "do", ("do",), brings=_OF_ROUND, is_certain=not before, repeats=True)
            do = replace(do, rounds=form.max_iterations)
            return (replace(do, condition=_loop_condition(form)) if before else do,)
        case ForEach(_, body, result):
            do = Part(body, "do", ("do",), brings=_OF_ITEM, repeats=True, is_isolated=True)
            return (replace(do, gives_result=result is None),)
        case Parallel(branches):
            return tuple(
                Part(steps, "branch", ("parallel", name), name, is_certain=True, beside=True)
                for name, steps in branches
            )
        case Try():
            return _of_try(form)
        case Graph(nodes):
            return tuple(map(_of_node, nodes))
        case Match(entries, fallback):
            last = () if fallback is None else (Part((fallback.step,), "fallback", fallback.path),)
            return (*map(_of_entry, entries), *last)
        case _:
            return ()


_OF_ITEM = ("item", "index")
_OF_ROUND = ("index",)
_OF_ERROR = ("error",)
_OF_CALL = ("invocation",)


def _arm(number: int, condition: Template, steps: Steps) -> Part:
    where: Path = () if number == 0 else ("elseif", number - 1)
    decides = Field(condition, (*where, "if"), "condition")
    return Part(steps, "then", (*where, "then"), condition=decides)


def _of_node(node: Node) -> Part:
    (*_, number), name, after = node.step.path, node.step.name, node.after
    return Part((node.step,), "node", (number,), name, is_certain=True, beside=True, after=after)


def _of_entry(entry: Entry) -> Part:
    decides = Field(entry.match, (*entry.path, "match"), "condition")
    return Part((entry.step,), "entry", entry.path, condition=decides)


def _loop_condition(loop: Loop) -> Field:
    word, is_bounded = "while" if loop.before else "until", loop.max_iterations is not None
    asked = Field(loop.condition, (word,), "condition", _OF_ROUND, sees_body=not loop.before)
    limit = LOOP_LIMIT if is_bounded else None
    return replace(asked, goes_on=loop.before, is_bounded=is_bounded, fails_with=limit)


def _of_try(form: Try) -> tuple[Part, ...]:
    caught = form.handler is not None
    found = [Part(form.body, "try", ("try",), is_certain=not caught, is_caught=caught)]
    if form.handler is not None:
        found.append(Part(form.handler, "catch", ("catch",), brings=_OF_ERROR))
    if form.ending is not None:
        ending = Part(form.ending, "finally", ("finally",), gives_result=False, brings=_OF_ERROR)
        found.append(replace(ending, is_certain=True, is_ending=True))
    return tuple(found)


def templates(step: Step) -> Iterator[Field]:
    """The fields of a step that take CEL: its ``when``, and those of its form."""
    form = step.form
    if step.when is not None:
        yield Field(step.when, ("when",), "condition", _OF_CALL if isinstance(form, Call) else ())
    yield from (part.condition for part in step.parts if part.condition is not None)
    match form:
        case Call(site):
            yield from _of_site(site)
        case Value(value):
            yield Field(value, ("value",))
        case Switch(subject):
            yield Field(subject, ("switch",), "key")
        case Loop(before=False):
            yield _loop_condition(form)
        case ForEach(items, _, result):
            yield Field(items, ("forEach",), "list")
            if result is not None:
                yield Field(result, ("result",), "value", _OF_ITEM, True)
        case Throw(error):
            yield Field(error, ("throw",), "error")
        case Sleep(duration):
            yield Field(duration, ("sleep",), "milliseconds")
        case WaitFor(pattern, timeout):
            yield Field(pattern, ("waitFor",), "pattern")
            if timeout is not None:
                yield Field(timeout, ("timeout",), "milliseconds", fails_with="TIMEOUT")
        case If() | Loop() | Parallel() | Try() | Graph() | Match():
            pass
        case _:
            assert_never(form)


def field_of(step: Step, expects: Expected) -> Field:
    """The first field of a step that takes that; a step of a form that has one is given."""
    return next(field for field in step.fields if field.expects == expects)


def _of_site(site: CallSite) -> Iterator[Field]:
    for name, template in (("inputs", site.inputs), ("idempotencyKey", site.idempotency_key)):
        if template is not None:
            yield Field(template, (name,), "value", _OF_CALL)
    if site.retry is not None and site.retry.when is not None:
        path = ("retry", "when")
        yield Field(site.retry.when, path, "condition", (*_OF_CALL, *_OF_ERROR))
    for number, template in enumerate(site.expect):
        yield Field(template, ("expect", number), "condition", _OF_CALL)
    if site.approval is not None:
        yield Field(site.approval.when, site.approval.path, "condition", _OF_CALL)
        if site.approval.message is not None:
            yield Field(site.approval.message, ("approval", "message"), "value", _OF_CALL)


def all_steps(steps: Steps) -> Iterator[Step]:
    """All steps of a tree, outer before inner, in reading order."""
    for step in steps:
        yield step
        for part in step.parts:
            yield from all_steps(part.steps)


def visible_steps(steps: Steps) -> Iterator[Step]:
    """The steps of a tree but those in isolated parts, whose results nothing outside sees."""
    for step in steps:
        yield step
        for part in step.parts:
            if not part.is_isolated:
                yield from visible_steps(part.steps)
