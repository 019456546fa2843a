"""Inputs from outside, looked at before anything runs: what is missing, wrong or not declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kernel.errors import Fault, Span, UsageError, ValuesError
from kernel.manifest.suggest import did_you_mean
from kernel.runtime.starts import Start
from kernel.schema import Problem, SchemaError
from kernel.schema.bundle import properties_of, root_of

_OPEN = frozenset(
    {
        *("additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames"),
        *("allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"),
    }
)
"""Keywords by which a schema may know more names than its ``properties``, or speak of them."""


def input_schemas(calls: Sequence[Start]) -> Mapping[str, Any]:
    """The schemas of the inputs of what is called, by name, where that is one call."""
    if len(calls) != 1 or calls[0].instance.contract.inputs is None:
        return {}
    return properties_of(calls[0].instance.contract.inputs.bundled)


def check_inputs(calls: Sequence[Start], given: Mapping[str, Any]) -> list[str]:
    """Sentences about inputs that nothing declares, and that nothing refuses either.

    Raises :class:`ValuesError` with all that are missing, or break the contract of a target.
    """
    if given and len(calls) > 1:
        raise UsageError(f"inputs are for one target; here are {len(calls)}")
    undeclared = list(_undeclared(calls, given))
    faults = [fault for start in calls for fault in _faults(start, given)]
    if faults:
        raise ValuesError(dict.fromkeys([*faults, *(Fault("K205", one) for one in undeclared)]))
    return undeclared


def _faults(start: Start, given: Mapping[str, Any]) -> Iterator[Fault]:
    schema = start.instance.contract.inputs
    written = _written(start)
    if schema is None or written is None:
        return
    missing = list(_missing(schema.bundled, {*given, *written}))
    for name in missing:
        yield _fault(start, "K204", name, "is missing")
    if written:
        return  # some values are known when the run has begun
    try:
        schema.conform(dict(given))
    except SchemaError as error:
        for problem in error.problems:
            if not (missing and problem.keyword == "required" and not problem.path):
                yield _wrong(start, problem, schema.bundled, given)


def _written(start: Start) -> Iterable[str] | None:
    """The names of the inputs that ``targets`` gives the call; None where that is not known yet."""
    if start.written is None or start.document is None:
        return ()
    node = start.document.data
    for step in start.written.path:
        node = node[step]
    written = node.get("inputs", {})
    return None if start.written.when is not None or not isinstance(written, Mapping) else written


def _missing(bundled: Any, there: set[str]) -> Iterator[str]:
    properties = properties_of(bundled)
    for name in root_of(bundled).get("required", ()):
        if name not in there and "default" not in properties.get(name, {}):
            yield name


def _wrong(start: Start, problem: Problem, bundled: Any, given: Mapping[str, Any]) -> Fault:
    if problem.path:
        name = str(problem.path[0])
        inner = Problem(problem.path[1:], problem.message)
        return _fault(start, "K206", name, f"is wrong: {inner}")
    closed = problem.keyword in ("additionalProperties", "unevaluatedProperties")
    unknown = [name for name in given if name not in properties_of(bundled)] if closed else []
    hints = (did_you_mean(name, properties_of(bundled)) for name in unknown)
    help = next((hint for hint in hints if hint), None)
    message = f"the inputs of {start.instance.address} are wrong: {problem.message}"
    return Fault("K205" if closed else "K206", message, _place(start), help)


def _fault(start: Start, code: str, name: str, what: str) -> Fault:
    message = f"the input `{name}` of {start.instance.address} {what}"
    way = f"write it in the `targets` of the module, or give --input {name}=… with --target"
    help = way if start.label else f"give --input {name}=…"
    return Fault(code, message, _place(start, "properties", name), help)


def _place(start: Start, *path: str) -> Span | None:
    """Where a topology declares its inputs, or one of them."""
    resource = start.instance.resource
    if "inputs" not in resource.fields:
        return None
    return resource.document.span((*resource.path, "inputs", *path))


def _undeclared(calls: Sequence[Start], given: Mapping[str, Any]) -> Iterator[str]:
    known: set[str] = set()
    for start in calls:
        schema = start.instance.contract.inputs
        if schema is None and not start.instance.is_topology:
            return
        root = {} if schema is None else root_of(schema.bundled)
        if root.keys() & _OPEN:
            return
        known |= root.get("properties", {}).keys()
    targets = " and ".join(start.instance.address for start in calls) or "what is started"
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"the input `{name}` is declared by no target ({targets})" + (
                f"; {hint}" if hint else ""
            )
