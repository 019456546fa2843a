"""The order in which instances are brought up, where their needs leave it open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kernel.cel import parse_template
from kernel.registry.instances import Instance
from kernel.topology.callsite import resources_in


def start_order(instances: Iterable[Instance]) -> list[Instance]:
    """Providers first, for their values; Services last, for what they serve must be there.

    A Service comes after those whose values its fields read in each call, as far as that is no
    circle: it may be called as soon as it is up.
    """
    ordered = sorted(instances, key=_rank)
    services = {
        (id(one.scope.module), one.resource.name): one for one in ordered if _rank(one) == _SERVICE
    }
    first = [one for one in ordered if _rank(one) != _SERVICE]
    return [*first, *_after_what_they_read(services)]


_SERVICE = 2


def _rank(instance: Instance) -> int:
    return {"Provider": 0, "Service": _SERVICE}.get(instance.definition.capability, 1)


def _after_what_they_read(services: dict[tuple[int, str], Instance]) -> list[Instance]:
    done: dict[Instance, None] = {}
    begun: set[Instance] = set()
    for service in services.values():
        stack = [(service, _read_by(service, services))]
        begun.add(service)
        while stack:
            one, left = stack[-1]
            following = next((read for read in left if read not in begun), None)
            if following is None:
                done[one] = None
                stack.pop()
            else:
                begun.add(following)
                stack.append((following, _read_by(following, services)))
    return list(done)


def _read_by(service: Instance, services: dict[tuple[int, str], Instance]) -> Iterator[Instance]:
    """The Services that expressions in the fields of a Service read, in reading order."""
    module = id(service.scope.module)
    for text in _texts(service.resource.fields):
        for name in resources_in(parse_template(text)):
            read = services.get((module, name))
            if read is not None:
                yield read


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value that may read a resource."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "${{" in one and "resources" in one:
                yield one
        elif isinstance(one, (list, tuple)):
            waiting.extend(reversed(one))
        elif hasattr(one, "values"):
            waiting.extend(reversed(list(one.values())))
