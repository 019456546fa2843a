"""Stage 11, validate outputs: schema, numbers normalised. Outside the retry: it has landed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import OutputError
from kernel.invocation.values import as_json, learn_secrets, problems_of
from kernel.schema import SchemaError, check_json

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def prepare(plan: Plan) -> Stage:
    """With a schema, its :meth:`conform`; without one, it must at least be JSON.

    What the schema calls secret is hidden from here on, wherever it goes.
    """
    schema, address = plan.instance.contract.outputs, plan.instance.address
    conform = check_json if schema is None else schema.conform

    def validate_outputs(invocation: Invocation) -> None:
        try:
            invocation.outputs = conform(invocation.outputs)
        except SchemaError as error:
            try:
                invocation.outputs = as_json(conform, invocation.outputs, error)
            except SchemaError as still:
                problems = problems_of(still, invocation)
                raise OutputError(
                    f"what {address} returned breaks its contract: {'; '.join(problems)}",
                    data={"problems": problems},
                    attempt=invocation.attempt,
                ) from None

    hide = None if schema is None else schema.redaction
    if hide is None:
        return validate_outputs

    def validate_and_learn(invocation: Invocation) -> None:
        validate_outputs(invocation)
        learn_secrets(invocation, invocation.outputs, hide)

    return validate_and_learn
