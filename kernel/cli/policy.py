"""``kernel policy``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time_ns
from typing import Any
from uuid import uuid4

import click

from kernel.cel import Timestamp
from kernel.cli import app, options
from kernel.cli.render import show
from kernel.errors import ManifestError, UsageError
from kernel.manifest import (
    Module,
    Resource,
    find_kind,
    find_resource,
    load,
    resolve_kind,
)
from kernel.manifest.suggest import did_you_mean
from kernel.policy import Decision, Request, decide, policies_for
from kernel.registry.contract import contract_of
from kernel.runtime.values import variables_without_secrets
from kernel.schema import Schema, SchemaError, check_json
from kernel.schema.bundle import properties_of
from kernel.topology.verify import verify


@click.group("policy")
def command() -> None:
    """Look at what the policies of a manifest decide."""


@command.command("simulate")
@options.MANIFEST
@click.argument("target", metavar="KIND[/NAME]")
@options.INPUT
@options.INPUTS
@click.option("--principal", metavar="NAME", help="The identity of the caller.")
@options.ENVIRONMENT
@options.VARS
@options.VAR_FILE
@options.output()
def simulate(
    path: Path,
    target: str,
    inputs_file: Path | None,
    input: tuple[str, ...],
    var_files: tuple[Path, ...],
    vars: tuple[str, ...],
    principal: str | None,
    environment: str,
    form: str,
) -> int:
    """Print what the policies decide on a call, which is not made.

    KIND alone is a resource of that kind that stands in place. Exit status: 0 allow, 1 deny,
    4 require-approval.
    """
    manifest = load(path)
    if faults := verify(manifest):
        raise ManifestError(faults)
    resource, place = _find(manifest.root, target)
    given = options.variables(var_files, vars)
    _check_names(manifest.root, given)
    wanted = {name: value for name, value in given.items() if name in manifest.root.vars}
    found = find_kind(place, resource.kind)
    assert found is not None
    definition, home = found
    schema = contract_of(definition, resource, home, place).inputs
    properties = {} if schema is None else properties_of(schema.bundled)
    written = options.read_inputs(inputs_file, input, properties)
    request = Request(
        definition.kind,
        resource.name,
        _conformed(schema, written, f"{definition.kind}/{resource.name}".rstrip("/")),
        principal,
        environment,
        _invocation(principal),
    )
    policies = policies_for(
        manifest.root,
        place,
        resource.kind,
        resource.name,
        environment,
        variables_without_secrets(manifest, wanted),
    )
    decision = decide(policies, request)
    if form == "text":
        click.echo("\n".join(_text(request, decision)))
    else:
        show(_described(request, decision), form)
    status = {"allow": app.SUCCEEDED, "deny": app.FAILED, "require-approval": app.PARKED}
    return status[decision.effect]


def _find(module: Module, address: str) -> tuple[Resource, Module]:
    """The resource that ``Kind/Name`` or ``Name`` names, and the module that it stands in.

    A kind alone means a resource in place, of which a policy sees no more than the kind.
    """
    kind, slash, name = address.rpartition("/")
    found = find_resource(module, kind, name)
    if found is not None:
        resource, place = found
        meant = resolve_kind(module, kind) if slash else None
        if not slash or (meant is not None and meant is resolve_kind(place, resource.kind)):
            return found
    alone = None if slash else resolve_kind(module, address)
    if alone is not None:
        return Resource(address, "", {}, alone.document, module.name), module
    known = [f"{one.kind}/{one.name}" for one in module.resources.values()]
    hint = did_you_mean(address, known) or f"there are: {', '.join(known[:10]) or 'none'}"
    raise UsageError(f"there is no resource `{address}`; {hint}")


def _conformed(schema: Schema | None, inputs: Any, address: str) -> Any:
    """The inputs as the target's contract delivers them. Raises :class:`UsageError`."""
    try:
        return check_json(inputs) if schema is None else schema.conform(inputs)
    except SchemaError as error:
        raise UsageError(f"the inputs of {address} break {error.breaks}: {error}") from None


def _invocation(principal: str | None) -> dict[str, Any]:
    """The variable ``invocation`` of a call that is not made."""
    run = str(uuid4())
    return {
        "id": run,
        "run": run,
        "attempt": 1,
        "source": "api",
        "principal": principal,
        "correlationId": None,
        "idempotencyKey": run,
        "time": Timestamp(nanoseconds=time_ns()),
    }


def _check_names(module: Module, given: Mapping[str, Any]) -> None:
    known = [*module.vars, *module.secrets]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            more = f"; {hint}" if hint else ""
            raise UsageError(f"the module declares no variable `{name}`{more}")


def _described(request: Request, decision: Decision) -> dict[str, Any]:
    return {
        "target": request.address,
        "principal": request.principal,
        "environment": request.environment,
        **decision.to_dict(),
    }


def _text(request: Request, decision: Decision) -> Iterator[str]:
    yield f"{decision.effect}: {decision.reason}"
    yield f"  target       {request.address}"
    yield f"  principal    {request.principal or '(none)'}"
    yield f"  environment  {request.environment or '(none)'}"
    yield f"  policies     {', '.join(decision.policies) or '(none)'}"
    approval = decision.approval
    if approval is not None and decision.effect == "require-approval":
        expires = "" if approval.expires is None else f", expires after {approval.expires} ms"
        yield f"  approval     {approval.threshold}{expires}"
    for title, several in (("matched", decision.matched), ("ignored", decision.ignored)):
        for match in several:
            said = f"{title}: {match.policy} rule {match.rule} {match.effect}"
            if match.reason:
                said += f", {match.reason}"
            yield said if match.problem is None else f"{said} ({match.problem})"
