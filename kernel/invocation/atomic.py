"""What takes effect with an atomic call around it (``x-kernel-atomic``), and what does not.

A call is a part of an atomic one when the resources of both refer to the same one (a connection):
it is rolled back with it, so the journal holds nothing of it. Nor does it of a topology, which does
nothing by itself. Any other call is recorded as usual, and made once, however often the atomic call
is attempted.
"""

from __future__ import annotations

from kernel.errors import InvalidState
from kernel.registry.instances import Instance
from kernel.structs import struct

Resources = frozenset["Instance"]


@struct
class Atomic:
    """The atomic calls around a place, by the resources to which they refer."""

    joined: Resources
    hidden: Resources = frozenset()
    """Those with a recorded call in between: a replay would answer that call as a whole, and leave
    out what was rolled back."""

    def holds(self, instance: Instance) -> bool:
        """Whether a call of the instance belongs to these calls; then it is not recorded."""
        if instance.is_topology:
            return True
        refers = instance.refers(instance)
        return not (self.joined.isdisjoint(refers) and self.hidden.isdisjoint(refers))

    def refuse(self, instance: Instance) -> None:
        """Raise :class:`InvalidState` for a call that a replay would leave out."""
        if instance.is_topology or instance.definition.safety == "idempotent":
            return
        if not self.hidden.isdisjoint(instance.refers(instance)):
            raise InvalidState(
                f"{instance.address} takes effect with an atomic call around it, and what calls it "
                "there is recorded by itself: it is to be called by a topology"
            )


def within(atomic: Atomic | None, instance: Instance, *, is_atomic: bool = False) -> Atomic | None:
    """The atomic calls around the calls that a controller makes.

    ``atomic`` are those around the call of the controller itself, which is of ``instance``;
    ``is_atomic`` says that this call is an atomic one, too.
    """
    if atomic is not None and not atomic.holds(instance):
        atomic = Atomic(frozenset(), atomic.joined | atomic.hidden)
    if not is_atomic:
        return atomic
    own = instance.refers(instance)
    return Atomic(own) if atomic is None else Atomic(atomic.joined | own, atomic.hidden)
