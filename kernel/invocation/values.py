"""Values between the stages: in their JSON form, without secrets, copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel.cel import to_json
from kernel.schema import SchemaError

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation


def as_json(conform: Callable[[Any], Any], value: Any, error: SchemaError) -> Any:
    """A refused value once more, in its JSON form: a timestamp fits a schema as text.

    Raises :class:`SchemaError` when it is refused again; ``error`` when it has no other form.
    """
    plain = to_json(value)
    if plain is value:
        raise error
    return conform(plain)


def problems_of(error: SchemaError, invocation: Invocation) -> list[str]:
    """What is wrong, without the secrets of the run."""
    redact = invocation.context.run.runtime.redactor.text
    return [redact(str(problem)) for problem in error.problems]


def learn_secrets(invocation: Invocation, value: Any, hide: Callable[[Any], Any]) -> None:
    """What ``hide`` redacts in ``value`` is a secret of the run from now on."""
    invocation.context.run.runtime.redactor.learn(value, hide(value))


def copied(value: Any) -> Any:
    """A copy of a JSON value: what is done to it is done to nothing else."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if type(value) is list:
        return [copied(item) for item in value]
    return value
