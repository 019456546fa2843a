"""Stage 4, validate inputs: defaults, schema, numbers normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import Span, ValidationError
from kernel.invocation.values import to_json
from kernel.schema import SchemaError, check_json

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def plan(plan: Plan) -> Stage | None:
    """With a schema, its :meth:`conform`; without one, whatever is JSON passes."""
    schema, address = plan.instance.contract.inputs, plan.instance.address
    if schema is None and (plan.site.inputs is None or plan.site.inputs.constant):
        return None
    conform = check_json if schema is None else schema.conform

    def validate_inputs(invocation: Invocation) -> None:
        try:
            invocation.inputs = conform(invocation.inputs)
        except SchemaError as error:
            _once_more(invocation, error)

    def _once_more(invocation: Invocation, error: SchemaError) -> None:
        """A CEL value that JSON does not have (a timestamp, bytes) goes in its JSON form."""
        values = to_json(invocation.inputs)
        if values is not invocation.inputs:
            try:
                invocation.inputs = conform(values)
            except SchemaError as still:
                error = still
            else:
                return
        raise ValidationError(
            f"the inputs of {address} break its contract: {error}",
            data={"problems": [str(problem) for problem in error.problems]},
            span=_place(plan, error),
        ) from None

    return validate_inputs


def _place(plan: Plan, error: SchemaError) -> Span | None:
    """The value in the manifest that the first problem is about."""
    document = plan.site.target.document
    if document is None or not error.problems:
        return None
    return document.span((*plan.site.path, "inputs", *error.problems[0].path))
