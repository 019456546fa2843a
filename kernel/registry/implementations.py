"""What implements a kind: a controller in Python, or a topology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.errors import Fault, InvalidState, ManifestError, UsageError
from kernel.manifest import Definition
from kernel.manifest.loading import without_collection
from kernel.registry.bound import unfit
from kernel.registry.controllers import construct, import_attribute
from kernel.registry.instances import Instance
from kernel.topology.concurrency import read_concurrency
from kernel.topology.engines import ENGINES
from kernel.topology.reader import Reader
from kernel.topology.roles import body_of, roles_of
from kernel.topology.topology import Topology


def is_topology(definition: Definition, bound: Mapping[str, Any]) -> bool:
    """Whether an engine runs the kind; ``bound`` are the controllers of the embedding program."""
    if definition.kind in bound or definition.controller is not None:
        return False
    return definition.topology is not None or definition.body is not None


def is_implemented(definition: Definition, bound: Mapping[str, Any]) -> bool:
    """Whether the kind has a controller or a topology, rather than a contract alone."""
    return bool(
        definition.kind in bound or definition.controller or definition.topology or definition.body
    )


def construct_controller(instance: Instance, bound: Mapping[str, Any]) -> Any:
    """The controller of an instance: the one that the embedding program binds, or the imported.

    Raises :class:`ManifestError` when the definition names none that can be used.
    """
    definition, folder = instance.definition, instance.scope.module.folder
    attribute = bound.get(definition.kind)
    if attribute is not None:
        controller = construct(attribute, instance.fields, folder)
        if (why := unfit(controller, definition)) is not None:
            raise UsageError(f"the controller that is bound to {definition.kind}: {why}")
        return controller
    if definition.controller is None:
        raise InvalidState(
            f"{definition.kind} is a contract without a controller; an embedding program "
            "binds one: Kernel(…, controllers={kind: controller})"
        )
    reference = str(definition.controller.get("python", ""))
    try:
        attribute = import_attribute(reference, instance.home.module.folder)
    except UsageError as error:
        raise _wrong_controller(definition, str(error)) from error
    controller = construct(attribute, instance.fields, folder)
    if (why := unfit(controller, definition)) is not None:
        raise _wrong_controller(definition, why)
    return controller


def _wrong_controller(definition: Definition, message: str) -> ManifestError:
    path = ("controller", "python")
    return ManifestError([Fault("K209", message, definition.document.span(path), None, path)])


def read_topology(instance: Instance) -> Topology:
    """The topology of an instance, read from its fields or its kind's body.

    Raises :class:`ManifestError` with all that is wrong with the topology.
    """
    definition = instance.definition
    if definition.body is None:
        document, prefix = instance.resource.document, instance.resource.path
        name = definition.topology or ""
        roles = roles_of(definition, instance.resource.fields, prefix)
    else:
        document = definition.document
        instance.is_body = True
        name, roles = body_of(definition)
    engine = ENGINES.get(name)
    if engine is None:
        known = ", ".join(sorted(ENGINES))
        message = f"there is no engine `{name}`; there is: {known}"
        raise ManifestError([Fault("K209", message, document.span())])
    reader = Reader(document)
    with without_collection():
        topology = engine.read(reader, roles)
    read_concurrency(reader, roles)
    if reader.faults:
        raise ManifestError(reader.faults)
    return topology
