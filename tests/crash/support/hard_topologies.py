"""Any topology, also those whose calls may be cut off, refused, denied and held by keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.crash.support.topologies import Drawing, Place, Step, Topology

_FAULTS = ("lost", "broken", "refused", "late")
"""What goes wrong with an effect; a late answer comes after the timeouts of a step."""


class HardDrawing(Drawing):
    """Draws one topology of which nobody knows how it ends."""

    def step(self, place: Place) -> Step:
        """A step as in any topology, or with a timeout, or one that calls something twice."""
        if place.depth < 2 and self.one_in(8):
            return self.again(replace(place, depth=place.depth + 1))
        step = super().step(replace(place, is_guarded=False))
        if self.one_in(4) and "throw" not in step:
            step["timeout"] = self.one_of(10, 60, 250, 5_000)
        return step

    def one_in(self, number: int) -> bool:
        return bool(self.draw(st.integers(1, number)) == number)

    def effect(self, place: Place) -> Step:
        step = super().effect(place)
        name = step["inputs"]["name"]
        kind = step["invoke"]["kind"].removeprefix("Effect.")
        if self.one_in(3):
            self.topology.faults[place.names(step["name"])[0]] = [self.one_of(*_FAULTS)]
        if kind in ("Charge", "Send") and self.one_in(5):
            step |= {"invoke": {"kind": "Effect.Around"}, "inputs": {"name": name, "kind": kind}}
        if "approval" in step and self.one_in(2):
            step["approval"] = {"expires": self.one_of(1, 200, 60_000)}
        return step

    def nested(self, place: Place) -> Step:
        call = super().nested(place)
        if self.one_in(3):
            call["idempotencyKey"] = f"{place.name(call['name'])}-${{{{ invocation.run }}}}"
        return call

    def again(self, place: Place) -> Step:
        """A call with a key that is made twice: it has one effect, whatever became of the first."""
        call = self.one_of(self.nested, self.effect)(place)
        call["idempotencyKey"] = f"{place.name(call['name'])}-${{{{ invocation.run }}}}"
        other = {**call, "name": f"{call['name']}again"}
        branches = {"a": [{"try": [call], "catch": [{"value": 1}]}], "b": [other]}
        return self.one_of({"parallel": branches}, {"try": [call], "catch": [other]})


@st.composite
def hard_topologies(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Topology:
    """Any topology; it may succeed, fail, or be rejected."""
    return HardDrawing(draw).main()
