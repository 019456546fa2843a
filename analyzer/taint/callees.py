"""What a call leads to: the sinks in what is called, and what the call gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analyzer.findings.messages.k8_taint import LANGUAGES
from analyzer.program.linking import Callee, Unit
from analyzer.taint.annotations import ANY, Annotations
from analyzer.taint.origins import CLEAN, Taint, join, mapped, tree
from analyzer.taint.sinks import Sink
from analyzer.taint.survey import Summary, Survey, of_origin, variable
from kernel.manifest import schemas_of
from kernel.topology.callsite import CallSite


def sinks_of_call(survey: Survey, callee: Callee) -> Iterator[Sink]:
    """Where what is given to a call must not be put."""
    inputs = survey.contract(callee, "inputs")
    name = callee.resource.name or callee.definition.kind
    yield from _sinks_of_schema(inputs, name)
    yield from _sinks_beyond(survey, callee.owner, "inputs", name, inputs)


def sinks_of_fields(survey: Survey, unit: Unit) -> Iterator[Sink]:
    """Where the fields of a resource must not be put, by its kind and what that does with them."""
    definition = unit.definition
    if definition is None or unit.is_body or unit.home is None:
        return
    schema, annotations = definition.schema, None
    if schema is not None:
        annotations = survey.annotations(schema, schemas_of(unit.home))
    yield from _sinks_of_schema(annotations, unit.label)
    yield from _sinks_beyond(survey, definition, "self", unit.label, annotations)


def _sinks_of_schema(annotations: Annotations | None, label: str) -> Iterator[Sink]:
    """The sinks that a schema declares."""
    for path, place in () if annotations is None else annotations.sinks:
        where = ".".join(str(step) for step in path if step != ANY)
        field = f"`{where}` of `{label}`" if where else f"`{label}`"
        language = place.untrusted
        if language is None:
            yield Sink(path, place, f"into {field}, which others can read")
        else:
            yield Sink(path, place, f"into {LANGUAGES[language]}, {field}", language)


def _sinks_beyond(
    survey: Survey, owner: object, name: str, label: str, inputs: Annotations | None
) -> Iterator[Sink]:
    """The sinks to which what is called brings a variable of its own, as seen from outside."""
    for sink in survey.summaries.get(owner, Summary()).sinks.get(name, ()):
        yield replace(sink, beyond=label, inputs=inputs)


def result_of_call(
    survey: Survey, unit: Unit, site: CallSite, arguments: Taint, name: str
) -> Taint:
    """What a call of a unit gives: as its contract says, or else as what it calls does."""
    callee = survey.program.linked.callee(unit.module, site.target)
    if callee is None:
        return CLEAN
    outputs = survey.contract(callee, "outputs")
    if outputs is not None:
        return variable(name, outputs, outside=True)
    called = survey.program.linked.unit_of(callee)
    if called is None or called.topology is None:
        return variable(name, None, outside=True)
    return _given(survey.summaries.get(callee.owner, Summary()).result, arguments)


def _given(result: Taint, arguments: Taint) -> Taint:
    """The taint of a result, with the arguments in place of what the caller gives.

    A secret in it was reported where it was given.
    """
    found: list[Taint] = []
    for origin in result.whole:
        if origin.given is not None and origin.given[0] == "inputs":
            part = arguments.at(origin.given[1])
            found.append((part.mixed() if origin.mixed else part).only(outside=True))
        elif origin.outside:
            found.append(of_origin(replace(origin, secret=False, given=None, annotations=None)))
    found += [tree([(step, _given(part, arguments))]) for step, part in result.parts.items()]
    if result.rest is not None:
        found.append(Taint(rest=_given(result.rest, arguments) or None))
    return mapped(join(*found), lambda one: replace(one, given=None) if one.outside else one)
