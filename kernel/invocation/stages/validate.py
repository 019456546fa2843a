"""Stages 4 and 11, validate inputs and outputs: defaults, schema, numbers normalised.

What a schema calls secret is hidden from here on, wherever it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel.cel import again_in_json
from kernel.errors import OutputError, Span, ValidationError
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.schema import Schema, SchemaError, check_json

Conform = Callable[[Any], Any]


def prepare_inputs(plan: Plan) -> Stage | None:
    """With a schema, its :meth:`conform`; without one, whatever is JSON passes."""
    schema, address = plan.instance.contract.inputs, plan.instance.address
    if schema is None and plan.site.inputs is None:
        return None
    conform, hide = _conform_and_hide(schema)

    def validate_inputs(invocation: Invocation) -> None:
        try:
            try:
                invocation.inputs = conform(invocation.inputs)  # what is JSON needs no more
            except SchemaError as refused:
                invocation.inputs = again_in_json(invocation.inputs, conform, refused)
        except SchemaError as error:
            problems = _said(invocation, error)
            raise ValidationError(
                f"the inputs of {address} break {error.breaks}: {'; '.join(problems)}",
                data={"problems": problems},
                span=_place(plan, error),
            ) from None
        if hide is not None:
            history = invocation.history
            where = "" if history is None else f"{invocation.id}.inputs"
            _learn_secrets(invocation, invocation.inputs, hide, where)

    return validate_inputs


def prepare_outputs(plan: Plan) -> Stage:
    """With a schema, its :meth:`conform`; without one, it must at least be JSON."""
    address = plan.instance.address
    conform, hide = _conform_and_hide(plan.instance.contract.outputs)

    def validate_outputs(invocation: Invocation) -> None:
        try:
            try:
                invocation.outputs = conform(invocation.outputs)  # what is JSON needs no more
            except SchemaError as refused:
                invocation.outputs = again_in_json(invocation.outputs, conform, refused)
        except SchemaError as error:
            problems = _said(invocation, error)
            raise OutputError(
                f"what {address} returned breaks {error.breaks}: {'; '.join(problems)}",
                data={"problems": problems},
                attempt=invocation.attempt,
            ) from None
        if hide is not None:
            # Made again they may be others, so no reference leads to them.
            _learn_secrets(invocation, invocation.outputs, hide, "")

    return validate_outputs


def _conform_and_hide(schema: Schema | None) -> tuple[Conform, Callable[[Any], Any] | None]:
    return (check_json, None) if schema is None else (schema.conform, schema.redaction)


def _said(invocation: Invocation, error: SchemaError) -> list[str]:
    """The problems of a refused value, without secrets."""
    redact = invocation.plan.runtime.redactor.said
    return [redact(str(problem)) for problem in error.problems]


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
