"""Stages 4 and 11, validate inputs and outputs: defaults, schema, numbers normalised.

What a schema calls secret is hidden from here on, wherever it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel.cel import to_json
from kernel.errors import InvocationError, OutputError, Span, ValidationError
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.schema import Schema, SchemaError, check_json

Conform = Callable[[Any], Any]
Refuse = Callable[["Invocation", list[str], SchemaError], InvocationError]
"""The error of a value that breaks a contract, from its problems without secrets."""


def prepare_inputs(plan: Plan) -> Stage | None:
    """With a schema, its :meth:`conform`; without one, whatever is JSON passes."""
    schema, address = plan.instance.contract.inputs, plan.instance.address
    if schema is None and plan.site.inputs is None:
        return None
    conform, hide = _conform_and_hide(schema)

    def refuse(_: Invocation, problems: list[str], error: SchemaError) -> ValidationError:
        return ValidationError(
            f"the inputs of {address} break {error.breaks}: {'; '.join(problems)}",
            data={"problems": problems},
            span=_place(plan, error),
        )

    def validate_inputs(invocation: Invocation) -> None:
        try:
            invocation.inputs = conform(invocation.inputs)
        except SchemaError as error:
            invocation.inputs = _in_json_form(invocation, invocation.inputs, conform, refuse, error)
        if hide is not None:
            history = invocation.history
            where = "" if history is None else f"{invocation.id}.inputs"
            _learn_secrets(invocation, invocation.inputs, hide, where)

    return validate_inputs


def prepare_outputs(plan: Plan) -> Stage:
    """With a schema, its :meth:`conform`; without one, it must at least be JSON."""
    address = plan.instance.address
    conform, hide = _conform_and_hide(plan.instance.contract.outputs)

    def refuse(invocation: Invocation, problems: list[str], error: SchemaError) -> OutputError:
        return OutputError(
            f"what {address} returned breaks {error.breaks}: {'; '.join(problems)}",
            data={"problems": problems},
            attempt=invocation.attempt,
        )

    def validate_outputs(invocation: Invocation) -> None:
        try:
            invocation.outputs = conform(invocation.outputs)
        except SchemaError as error:
            outputs = invocation.outputs
            invocation.outputs = _in_json_form(invocation, outputs, conform, refuse, error)
        if hide is not None:
            # Made again they may be others, so no reference leads to them.
            _learn_secrets(invocation, invocation.outputs, hide, "")

    return validate_outputs


def _conform_and_hide(schema: Schema | None) -> tuple[Conform, Callable[[Any], Any] | None]:
    return (check_json, None) if schema is None else (schema.conform, schema.redaction)


def _in_json_form(
    invocation: Invocation, value: Any, conform: Conform, refuse: Refuse, error: SchemaError
) -> Any:
    """A refused value once more, in its JSON form: a timestamp fits a schema as text."""
    plain = to_json(value)
    try:
        if plain is value:
            raise error
        return conform(plain)
    except SchemaError as still:
        redact = invocation.plan.runtime.redactor.said
        problems = [redact(str(problem)) for problem in still.problems]
        raise refuse(invocation, problems, still) from None


def _learn_secrets(
    invocation: Invocation, value: Any, hide: Callable[[Any], Any], where: str
) -> None:
    invocation.plan.runtime.redactor.learn(value, hide(value), where)


def _place(plan: Plan, error: SchemaError) -> Span | None:
    """The value in the manifest that the first problem is about."""
    document = plan.site.target.document
    if document is None or not error.problems:
        return None
    return document.span((*plan.site.path, "inputs", *error.problems[0].path))
