"""Generated sequences, written as workflows and routers: the same steps under other engines."""

from __future__ import annotations

import random
from typing import Any

from tests.analyzer.support.whole import Whole, called_name


def as_workflow(topology: dict[str, Any], rng: random.Random) -> None:
    """Make the steps of a topology the nodes of a workflow, in any order, some with ``needs``."""
    nodes = topology.pop("steps")
    names = [node["name"] for node in nodes if "name" in node]
    for number, node in enumerate(nodes):
        before = [name for name in names[:number] if rng.random() < 0.2]
        if before:
            node["needs"] = before
    rng.shuffle(nodes)
    topology["nodes"] = nodes
    if rng.random() < 0.3:
        topology["parallelism"] = rng.randint(1, 3)
    if rng.random() < 0.3:
        topology["onFailure"] = rng.choice(("fail", "continue"))


def with_workflows(whole: Whole, seed: int) -> None:
    """Write some sequences as workflows, some bodies too, and put routers before some kinds."""
    rng = random.Random(f"workflows {seed}")
    for document in whole.documents:
        if document["kind"] == "Run.Sequence" and rng.random() < 0.8:
            document["kind"] = "Flow.Workflow"
            as_workflow(document, rng)
            name = f"/{document['metadata']['name']}"
            if f"Run.Sequence{name}" in whole.arguments:
                whole.arguments[f"Flow.Workflow{name}"] = whole.arguments[f"Run.Sequence{name}"]
        elif "steps" in document.get("body", {}) and rng.random() < 0.8:
            document["body"]["topology"] = "Workflow"
            as_workflow(document["body"], rng)
    kinds = {one["metadata"]["name"]: one["kind"] for one in whole.documents}
    routed = [one for one in whole.documents if one["kind"] == "Kernel.Definition"]
    routed = [one for one in routed if "inputs" in one and rng.random() < 0.6]
    routers = {f"T.{one['metadata']['name']}": _router(one, rng) for one in routed}
    used: set[str] = set()
    for document in whole.documents:
        _change_calls(document, kinds, routers, used, rng)
    at = len(whole.documents) - 1
    whole.documents[at:at] = [routers[kind] for kind in sorted(used)]
    for kind in used:
        name = routers[kind]["metadata"]["name"]
        known = whole.arguments[called_name(routers[kind]["entries"][0]["invoke"])]
        whole.arguments[called_name({"kind": "Flow.Router", "name": name})] = {"event": known}


def _router(definition: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A router that calls a kind with what it is called with, whatever matches."""
    module, name = definition["metadata"]["module"], definition["metadata"]["name"]
    called: dict[str, Any] = {"kind": f"{module}.{name}"}
    if "body" in definition:
        called["name"] = "One"
    site = {"invoke": called, "inputs": "${{ event }}"}
    match = f"${{{{ size(event) {rng.choice('<>')} {rng.randint(0, 2)} }}}}"
    return {
        "kind": "Flow.Router",
        "metadata": {"name": f"To{name}"},
        "event": definition["inputs"],
        "entries": [{"match": match, **site}],
        "fallback": site,
    }


def _change_calls(
    place: Any,
    kinds: dict[str, str],
    routers: dict[str, Any],
    used: set[str],
    rng: random.Random,
) -> None:
    if isinstance(place, list):
        for one in place:
            _change_calls(one, kinds, routers, used, rng)
    if not isinstance(place, dict):
        return
    called = place.get("invoke")
    if isinstance(called, dict):
        if called["kind"] == "Run.Sequence":
            called["kind"] = kinds[called["name"]]
        elif called["kind"] in routers and rng.random() < 0.5:
            used.add(called["kind"])
            place["invoke"] = {"kind": "Flow.Router", "name": f"To{called['kind'][2:]}"}
            place["inputs"] = {"event": place.get("inputs", {})}
    for key, one in place.items():
        if key not in ("schema", "outputs", "event") and (
            key != "inputs" or "properties" not in one
        ):
            _change_calls(one, kinds, routers, used, rng)
