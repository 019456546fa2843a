"""Outputs that a person gives for a call, checked against the contract of its target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel.errors import KernelError, UsageError
from kernel.events.redaction import REDACTED
from kernel.events.references import LOST
from kernel.journal import Journal
from kernel.manifest import find_kind, schemas_of
from kernel.runtime.manifest_texts import manifest_of
from kernel.runtime.run_request import RunRequest
from kernel.schema import Schema, SchemaError, compile_schema


async def conformed_outputs(journal: Journal, execution: str, outputs: Any) -> Any:
    """The outputs as the contract delivers them, without what it calls secret.

    As they are, where the manifest of the run is not kept. Raises :class:`UsageError` for what
    breaks the contract.
    """
    row = await journal.invocation(execution)
    run = None if row is None else await journal.run(row.run)
    content = await journal.kept(run.digest) if run is not None and run.digest else None
    if row is None or run is None or content is None:
        return outputs
    request = RunRequest.of(run)
    place = None if request is None or request.place is None else Path(request.place)
    schema = None if place is None else _outputs_of(row.target, content, place)
    if schema is None:
        return outputs
    try:
        conformed = schema.conform(outputs)
    except SchemaError as error:
        way = "" if outputs is not None else "; --outputs says what the call would have returned"
        raise UsageError(
            f"{row.target} does not return that, by its contract: {error}{way}"
        ) from None
    return conformed if schema.redaction is None else _lost(schema.redaction(conformed))


def _lost(shown: Any) -> Any:
    """A redacted value as it is kept: marked as lost, since it cannot be used again."""
    if isinstance(shown, dict):
        return {key: _lost(item) for key, item in shown.items()}
    if isinstance(shown, list):
        return [_lost(item) for item in shown]
    return LOST if shown == REDACTED else shown


def _outputs_of(target: str, content: str, place: Path) -> Schema | None:
    """What a kept manifest says that a target returns; None where it says nothing."""
    kind = target.rpartition("/")[0]
    try:
        modules = manifest_of(content, place).modules.values()
    except (KernelError, OSError):
        return None
    found = next((one for module in modules if (one := find_kind(module, kind))), None)
    if found is None or found[0].outputs is None:
        return None
    definition, home = found
    return compile_schema(definition.outputs, schemas_of(home))
