"""Stage 11, validate outputs: schema, numbers normalised. Outside the retry: it has landed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import OutputError
from kernel.invocation.values import to_json
from kernel.schema import SchemaError, check_json

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def plan(plan: Plan) -> Stage:
    """With a schema, its :meth:`conform`; without one, it must at least be JSON."""
    schema, address = plan.instance.contract.outputs, plan.instance.address
    conform = check_json if schema is None else schema.conform

    def validate_outputs(invocation: Invocation) -> None:
        try:
            invocation.outputs = conform(invocation.outputs)
        except SchemaError as error:
            _once_more(invocation, error)

    def _once_more(invocation: Invocation, error: SchemaError) -> None:
        values = to_json(invocation.outputs)
        if values is not invocation.outputs:
            try:
                invocation.outputs = conform(values)
            except SchemaError as still:
                error = still
            else:
                return
        raise OutputError(
            f"what {address} returned breaks its contract: {error}",
            data={"problems": [str(problem) for problem in error.problems]},
            attempt=invocation.attempt,
        ) from None

    return validate_outputs
