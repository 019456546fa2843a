"""Any topology, whatever goes wrong and wherever it is killed: nothing twice, and the same end."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.crash.support.effects import Effects
from tests.crash.support.processes import Processes
from tests.crash.support.story import RACE, Story, compared, scratch
from tests.crash.support.topologies import Topology, crashes, topologies
from tests.support.journals import place


def told_twice(
    effects: Effects,
    processes: Processes,
    store: str,
    topology: Topology,
    killed: list[tuple[int, int]],
) -> None:
    """Tell the story undisturbed, then disturbed."""
    with scratch() as folder:
        file = folder / "main.yaml"
        file.write_text("\n---\n".join(json.dumps(one) for one in topology.resources))

        def begin(address: str, faults: dict[str, list[str]]) -> Story:
            repeated = tuple(topology.repeated)
            return Story(processes, effects, address, str(file), faults, repeated=repeated)

        with place(store, folder / "undisturbed") as address:
            undisturbed = begin(address, {})
            wanted = undisturbed.tell()
        assert wanted.outcome == "succeeded", wanted
        with place(store, folder / "disturbed") as address:
            disturbed = begin(address, topology.faults)
            assert compared(disturbed.tell(*killed)) == compared(wanted)
    assert certain(disturbed) == certain(undisturbed)
    nothing_after_the_catch(disturbed)


def certain(story: Story) -> set[str]:
    """The names of the effects that no other branch may have cancelled."""
    return {name for name in story.scope.counts() if not name.startswith(RACE)}


def nothing_after_the_catch(story: Story) -> None:
    """What a branch was to do that was cancelled is not done when the failure has been handled."""
    names = [one.name for one in story.scope.applied]
    for name, count in Counter(names).items():
        number = name.partition("caught")[2]
        if number.isdigit() and count == 1:
            after = names[names.index(name) :]
            assert [one for one in after if one.startswith(f"{RACE}{number}-")] == [], names


def shown(examples: int) -> settings:
    """So many examples, each of several processes."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    phases = (Phase.explicit, Phase.reuse, Phase.generate)  # to make it smaller takes too long
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow, phases=phases)


@shown(8)
@given(topology=topologies(), killed=crashes)
def test_any_topology(
    effects: Effects, processes: Processes, topology: Topology, killed: list[tuple[int, int]]
) -> None:
    told_twice(effects, processes, "sqlite", topology, killed)


@pytest.mark.long
@pytest.mark.parametrize(("store", "examples"), [("sqlite", 150), ("postgresql", 20)])
def test_any_topology_at_length(
    effects: Effects, processes: Processes, store: str, examples: int
) -> None:
    @shown(examples)
    @given(topology=topologies(), killed=crashes)
    def any_topology(topology: Topology, killed: list[tuple[int, int]]) -> None:
        told_twice(effects, processes, store, topology, killed)

    any_topology()
