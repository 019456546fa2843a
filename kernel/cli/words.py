"""The words of the language: one table for ``kernel explain`` and for the page of the language.

:func:`groups` gives the whole table, in reading order: each :class:`Group` has a heading and its
:class:`Word` s, each with a sentence and, where it has them, the words inside (``retry.attempts``).
A page is made with::

    for group in groups():
        print("##", group.name)
        for word in group.words:
            print(word.name, word.says, [(inner.name, inner.says) for inner in word.inside])

:func:`entries` finds a word, ``retry`` or ``retry.attempts``, in every group that has it. What is
told elsewhere is taken from there: the fields of steps, call sites and schemas from the vocabulary
of the editor, errors from their classes, kinds of the kernel from their schemas. A test holds the
rest together with the types of the code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from analyzer.editor.cursor import vocabulary
from kernel import errors
from kernel.structs import struct


@struct
class Word:
    """A word, what it says in a sentence, and the words that stand inside of it."""

    name: str
    says: str
    inside: tuple[Word, ...] = ()


@struct
class Group:
    """Words of one sort, under a heading."""

    name: str
    words: tuple[Word, ...]


@struct
class Entry:
    """A word as it was found: in which group, by its whole name."""

    group: str
    name: str
    word: Word


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """The whole table, in reading order."""
    steps = {
        name: schema
        for name, schema in vocabulary.STEP["properties"].items()
        if name not in vocabulary.CALL_SITE["properties"] or name in ("when", "timeout")
    }
    schemas = vocabulary.SCHEMA["properties"]
    own = {name: schema for name, schema in schemas.items() if name.startswith("x-kernel-")}
    plain = {name: schema for name, schema in schemas.items() if name not in own}
    found = [Group(name, tuple(_table(words))) for name, words in _BEFORE.items()]
    found += [
        Group("Fields of every resource", _fields(vocabulary.HEAD["properties"])),
        Group("Fields of a reference", _fields(vocabulary.REFERENCE["properties"])),
        Group("Fields of a call site", _fields(vocabulary.CALL_SITE["properties"])),
        Group("Forms of a step", tuple(_table(_FORMS))),
        Group("Fields of a step", _fields(steps)),
        Group(
            "Fields of a node of a workflow", _fields(own_fields(vocabulary.NODE, vocabulary.STEP))
        ),
        Group(
            "Fields of an entry of a router",
            _fields(own_fields(vocabulary.ENTRY, vocabulary.CALL_SITE)),
        ),
        Group("Fields of a topology", _fields(vocabulary.TOPOLOGY["properties"])),
    ]
    found += [Group(name, tuple(_table(words))) for name, words in _AFTER.items()]
    found += [
        Group("Kinds of errors (`error.kind`)", tuple(_kinds_of_errors())),
        Group("Schema keywords of our own", _fields(own)),
        Group("Keywords of JSON Schema", _fields(plain)),
    ]
    return tuple(found)


def own_fields(schema: vocabulary.Schema, base: vocabulary.Schema) -> dict[str, Any]:
    """The fields that a schema has and its base has not."""
    fields = schema["properties"].items()
    return {name: node for name, node in fields if name not in base["properties"]}


def entries(name: str) -> list[Entry]:
    """Where the table has a word: ``retry``, ``retry.attempts``, ``steps.<name>.result``."""
    head, *rest = name.split(".")
    found = []
    for group in groups():
        for word in group.words:
            if name in (word.name, word.name.strip("`")):
                found.append(Entry(group.name, name, word))
            elif head == word.name and (inner := _within(word, rest)) is not None:
                found.append(Entry(group.name, name, inner))
    return found


def names() -> list[str]:
    """Every word of the table, with those inside by their whole names."""
    listed = [name for group in groups() for word in group.words for name in _names(word)]
    return list(dict.fromkeys(listed))


def _within(word: Word, path: list[str]) -> Word | None:
    for name in path:
        found = next((inner for inner in word.inside if inner.name == name), None)
        if found is None:
            return None
        word = found
    return word


def _names(word: Word) -> Iterator[str]:
    yield word.name
    yield from (f"{word.name}.{name}" for inner in word.inside for name in _names(inner))


def _fields(properties: Mapping[str, Any]) -> tuple[Word, ...]:
    """The fields of a schema as words; those of an object within are words inside."""
    made = []
    for name, schema in properties.items():
        says = schema.get("description", "")
        if "enum" in schema:
            says += f" One of: {', '.join(map(str, schema['enum']))}."
        made.append(Word(name, says.strip(), _fields(schema.get("properties", {}))))
    return tuple(made)


def _table(words: Mapping[str, Any]) -> Iterator[Word]:
    """Words of a table: a sentence each, or a sentence and the table of the words inside."""
    for name, told in words.items():
        says, inside = (told, {}) if isinstance(told, str) else told
        yield Word(name, says, tuple(_table(inside)))


def _kinds_of_errors() -> Iterator[Word]:
    waiting = [errors.InvocationError]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if kind.__module__ == errors.__name__:
            says = " ".join((kind.__doc__ or "").partition("\n\n")[0].split()).replace("``", "`")
            outcome = f" Its outcome is `{kind.default_outcome}`, if nothing else is said."
            yield Word(kind.category, f"{says} Its code is `{kind.default_code}`.{outcome}")


_BEFORE: Mapping[str, Mapping[str, Any]] = {
    "The words": {
        "manifest": "A YAML stream of resources, or a folder of such streams.",
        "resource": "One document of a manifest: `kind`, `metadata` and the fields of its kind.",
        "kind": "`Module.Name`: what a resource is; declared by a `Kernel.Definition`.",
        "definition": "What declares a kind: its capability, schema, contract, safety, controller.",
        "capability": "The role of a kind: `Invocable`, `Runnable`, `Service` or `Provider`.",
        "contract": "`inputs` and `outputs` (JSON Schema) and `errors` of an invocable.",
        "controller": "The Python code behind a kind.",
        "instance": "A live resource: its controller with its configuration.",
        "topology": "A resource made of call sites, such as a sequence of steps.",
        "call site": "The place that calls: `invoke`, `inputs`, `retry` and the like.",
        "step": (
            "A named call site or control form inside a topology. Later steps read it as "
            "`steps.<name>`.",
            {
                "result": "What the step gave; absent if it was skipped.",
                "skipped": "True if the step was skipped, since its `when` was false.",
            },
        ),
        "attempt": "One call of the controller inside an invocation; they count from 1.",
        "run": "An application of a topology, from trigger to outcome; it owns invocations.",
        "journal": "The durable record of runs and invocations.",
        "execution": "An invocation as the journal keeps it, with an id of its own.",
        "outcome": "How an invocation or a run ended: see the outcomes.",
        "safety class": "What may be repeated, and who says what became of a call.",
        "finding": "What `kernel check` says: code, severity, message, place, fix.",
        "expression": 'CEL in a manifest: `"${{ expr }}"` as a whole gives a typed value, within '
        "text it gives text. `$${{` is a literal `${{`.",
    },
    "Capabilities": {
        "Invocable": "Called with inputs, returns outputs.",
        "Runnable": "Started, and ends.",
        "Service": "Runs until it is stopped; returning early is a fault.",
        "Provider": "Gives values to other resources, read once when it comes up.",
    },
    "Safety classes": {
        "idempotent": "May be repeated: a call that is made twice has the effect of one.",
        "write-once-checkable": "Takes effect once; a `check` finds out whether it did.",
        "irreversible": "Takes effect once, and only a person can find out whether it did.",
        "approval-bound": "Takes effect once, after somebody has approved the attempt.",
    },
}

_FORMS: Mapping[str, Any] = {
    "call": "The fields of a call site. The result is what the call returned.",
    "value": "`value`: CEL, or a structure with CEL inside. The result is the value.",
    "branch": "`if`, `then`, `elseif`, `else`. The result is that of the last step of the branch "
    "that was taken; null if none was.",
    "choice": "`switch`, `cases`, `default`. The result is that of the last step of the case; "
    "no case and no `default` is an error with the code `NO_CASE`.",
    "loop": "`do` with `while` or `until`, `maxIterations`. The result is that of the last round.",
    "each": "`forEach`, `do`, `result`, `parallelism`. The result is the list of what the rounds "
    "gave, in order.",
    "together": "`parallel`: a map of name to steps. The result is a map of what each gave.",
    "boundary": "`try`, `catch`, `finally`. The result is that of the last step of `try`, or of "
    "`catch`.",
    "raise": "`throw`: `{ code, message, data }`. It has no result, since it fails.",
    "pause": "`sleep`: milliseconds, with the result null; or `waitFor`: a pattern of event types, "
    "with the event as the result. A pause outlives the process.",
}

_ERROR = {
    "message": "What people read.",
    "code": "A text or an integer: what the callee declares, or a code of the kernel.",
    "step": "The name of the step that failed, or null.",
    "kind": "The category, of the kernel's own: `Timeout`, `Rejected` and the like.",
    "data": "What else the error carries, as JSON.",
    "attempt": "The number of the attempt that failed, from 1; 0 if none was made.",
    "outcome": "`failed`, `unknown`, `rejected` and the like.",
}

_INVOCATION = {
    "id": "The id of the execution.",
    "run": "The id of the run.",
    "attempt": "The number of the attempt, from 1.",
    "source": "Where the call came from, such as `api`.",
    "principal": "The identity of the caller.",
    "correlationId": "The id that joins everything that one request causes.",
    "idempotencyKey": "The key under which the call takes effect once; it stays the same over "
    "attempts and restarts.",
    "time": "When the invocation began: a timestamp that stays the same in a replay.",
}

_REQUEST = {
    "method": "The HTTP method.",
    "path": "The path of the request.",
    "params": "The parameters of the route's path, typed by its schema.",
    "query": "The query parameters.",
    "headers": "The headers.",
    "body": "The body, typed by the route's schema.",
}

_EVENT = {
    "type": "What happened: `<Kind>.<Name>.Invoked` and the like.",
    "subject": "What it happened to: the path of the invocation, or null.",
    "time": "When it happened, as RFC 3339 writes it.",
    "id": "The id of the event.",
    "data": "What the event carries, as JSON.",
}

_AFTER: Mapping[str, Mapping[str, Any]] = {
    "Names in scope": {
        "vars": "Everywhere in the module: the values that `Kernel.Module` declares.",
        "secrets": "Everywhere in the module: declared values that are never printed.",
        "resources": "Everywhere, once it is up: what a Provider or Service publishes, as "
        "`resources.<Name>.<field>`.",
        "inputs": "Inside a topology or a `body`, and in `safety` and `check`: the arguments of "
        "the current call.",
        "self": "Inside a `body`, and in `safety` and `check`: the fields of the resource.",
        "steps": (
            "Later steps of the same topology, as `steps.<name>`.",
            {
                "<name>": (
                    "A step that has run.",
                    {
                        "result": "The value that the step returned; absent if it was skipped.",
                        "skipped": "True if the step was skipped.",
                    },
                )
            },
        ),
        "item": "Inside `forEach`: the element of the round.",
        "index": "Inside `forEach` and in `do` loops: the number of the round, from 0.",
        "error": (
            "In `retry.when` and `catch`; in `finally`, where it is null after success.",
            _ERROR,
        ),
        "result": "Where a call site maps what came back: `outputs`, `landed`, responses.",
        "request": ("In routes: the incoming request.", _REQUEST),
        "event": (
            "In the pattern of a pause and where events are mapped: the event that came.",
            _EVENT,
        ),
        "invocation": (
            "At call sites: the current invocation. An invocation is one pass of a call through "
            "the pipeline; it has an id.",
            _INVOCATION,
        ),
    },
    "Outcomes of invocations and runs": {
        "succeeded": "It ended with a result.",
        "failed": "It is known not to have taken effect, or the callee said no.",
        "unknown": "Whether it took effect is not known; `kernel escalations` lists what a person "
        "has to find out.",
        "cancelled": "It was stopped before it ended.",
        "parked": "It waits for a person, and goes on later.",
        "deduplicated": "It was answered from the record of the same call.",
        "rejected": "It was refused before anything was attempted.",
    },
    "States of a run": {
        "running": "A process works on it.",
        "interrupted": "It is recorded as running, but its process has ended; `kernel resume` "
        "goes on with it.",
        "queued": "It is recorded as running, and a call of it waits for a slot of a concurrency "
        "group; `kernel trace` tells which.",
        "parked": "It waits for a person; `kernel approvals` lists what for.",
        "succeeded": "It ended with a result.",
        "failed": "It ended with an error.",
        "unknown": "It ended with a call of which it is not known whether it took effect; it can "
        "go on when a person has said so (`kernel resolve`).",
        "cancelled": "It was stopped before it ended.",
        "rejected": "It was refused before anything was attempted.",
    },
    "States of an approval": {
        "pending": "Nobody has answered yet.",
        "approved": "The attempt may be made.",
        "denied": "The attempt may not be made.",
        "expired": "Nobody answered in time.",
        "invalidated": "What was asked about has changed; it is asked anew.",
        "spent": "An attempt was made under it; a further one needs another.",
    },
    "Events": {
        "Invoked": "`<Kind>.<Name>.Invoked`: an invocation succeeded; it carries the outputs.",
        "Failed": "An invocation failed.",
        "Retried": "An attempt failed, and there will be another.",
        "Rejected": "An invocation was refused.",
        "Cancelled": "An invocation was cancelled.",
        "Parked": "An invocation waits for an approval.",
        "Queued": "An invocation waits for a slot of the concurrency group of its target.",
        "Deduplicated": "An invocation was answered from the record of the same call.",
        "Reconciled": "It was found out whether an effect took place.",
        "Initialized": "A resource has come up.",
        "Started": "A Service was started.",
        "Stopped": "A resource was taken down.",
    },
    "Codes of the kernel (`error.code`)": {
        "TIMEOUT": "It took longer than `timeout` allows.",
        "LOOP_LIMIT": "The rounds of `maxIterations` were not enough.",
        "NO_MATCH": "No entry of a router matches, and there is no `fallback`.",
        "NO_CASE": "No case of a `switch` fits, and there is no `default`.",
        "CANCELLED": "It was cancelled.",
        "CONCURRENCY": "No slot of the concurrency group is free, and the call does not wait for "
        "one (`full: reject`), or would wait for itself.",
        "INTERRUPTED": "The process ended while the call was in flight.",
        "IN_FLIGHT": "The same call is being made elsewhere.",
        "LEFT": "The run was left where it was; `kernel resume` goes on with it.",
        "NOT_RESUMED": "The call belongs to a run that was not gone on with.",
        "RESULT_NOT_KEPT": "The effect took place, and its result could not be kept.",
        "SERVICE_FAILED": "A Service returned or failed while it should have run.",
        "TOO_DEEP": "Calls are nested too deeply.",
    },
}
