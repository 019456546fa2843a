"""The types of the events that a manifest can raise, for which `waitFor` can wait (language.md).

``SOURCES`` lists everything that raises events; all other events come from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from analyzer.program.linking import Linked
from kernel.manifest import Resource

_OF_CALLS: Final = (
    "Invoked", "Failed", "Retried", "Deduplicated", "Parked", "Queued", "Reconciled", "Cancelled",
    "Rejected", "Initialized",
)  # fmt: skip
WORDS: Final = {
    "Invocable": _OF_CALLS,
    "Runnable": _OF_CALLS,
    "Provider": ("Initialized",),
    "Service": ("Initialized", "Started", "Stopped"),
}
"""The last word of the events of a resource, by the capability of its kind."""


def of_resources(linked: Linked) -> Iterator[str]:
    """``<Kind>.<Name>.<What>`` of all resources, those in the place of a reference included."""
    for unit in linked.units.values():
        if isinstance(unit.owner, Resource) and unit.definition is not None:
            name = unit.owner.name or "inline"
            for word in WORDS.get(unit.definition.capability, ()):
                yield f"{unit.definition.kind}.{name}.{word}"


SOURCES: Final[tuple[Callable[[Linked], Iterator[str]], ...]] = (of_resources,)
"""What brings events, each with the types of those that it may bring."""


def event_types(linked: Linked) -> frozenset[str]:
    """The types of all events that may come from within a manifest."""
    return frozenset(type_ for source in SOURCES for type_ in source(linked))
