"""Stage 4, validate inputs: defaults, schema, numbers normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import Span, ValidationError
from kernel.invocation.values import as_json, learn_secrets, problems_of
from kernel.schema import SchemaError, check_json

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def prepare(plan: Plan) -> Stage | None:
    """With a schema, its :meth:`conform`; without one, whatever is JSON passes.

    What the schema calls secret is hidden from here on, wherever it goes.
    """
    schema, address = plan.instance.contract.inputs, plan.instance.address
    if schema is None and plan.site.inputs is None:
        return None
    conform = check_json if schema is None else schema.conform

    def validate_inputs(invocation: Invocation) -> None:
        try:
            invocation.inputs = conform(invocation.inputs)
        except SchemaError as error:
            try:
                invocation.inputs = as_json(conform, invocation.inputs, error)
            except SchemaError as still:
                problems = problems_of(still, invocation)
                raise ValidationError(
                    f"the inputs of {address} break its contract: {'; '.join(problems)}",
                    data={"problems": problems},
                    span=_place(plan, still),
                ) from None

    hide = None if schema is None else schema.redaction
    if hide is None:
        return validate_inputs

    def validate_and_learn(invocation: Invocation) -> None:
        validate_inputs(invocation)
        learn_secrets(invocation, invocation.inputs, hide)

    return validate_and_learn


def _place(plan: Plan, error: SchemaError) -> Span | None:
    """The value in the manifest that the first problem is about."""
    document = plan.site.target.document
    if document is None or not error.problems:
        return None
    return document.span((*plan.site.path, "inputs", *error.problems[0].path))
