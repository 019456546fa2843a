"""A short definition only says which field is which; what is wrong is told in its words."""

from __future__ import annotations

import pytest

from kernel import ManifestError, loads

KINDS = """\
kind: Kernel.Definition
metadata: { name: Pipeline, module: Shop }
capability: Invocable
topology: Workflow
schema:
  type: object
  properties:
    takes: { x-kernel-role: inputs }
    gives: { x-kernel-role: outputs }
    stages: { x-kernel-role: nodes }
    atOnce: { x-kernel-role: parallelism }
    others: { x-kernel-role: onFailure }
    most: { x-kernel-role: concurrency }
---
kind: Kernel.Definition
metadata: { name: Crossing, module: Shop }
capability: Invocable
topology: Router
schema:
  type: object
  properties:
    what: { x-kernel-role: event }
    roads: { x-kernel-role: entries }
    else: { x-kernel-role: fallback }
---
"""
PIPELINE = "kind: Shop.Pipeline\nmetadata: { name: It }\n"
CROSSING = "kind: Shop.Crossing\nmetadata: { name: It }\n"
SCHEMA = "must be a boolean or an object; this is "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{PIPELINE}takes: 5", f"K101 {SCHEMA}an integer, 5"),
        (f"{PIPELINE}gives: text", f'K101 {SCHEMA}a string, "text"'),
        (f"{PIPELINE}takes: []", f"K101 {SCHEMA}an array"),
        (f"{CROSSING}what: 1.5", f"K101 {SCHEMA}a number, 1.5"),
        (f"{PIPELINE}atOnce: 0", "K007 `atOnce` lies between 1 and 10000"),
        (f"{PIPELINE}others: stop", "K007 `others` is one of fail, continue"),
        (f"{PIPELINE}most: 5", "K007 `most` is { limit, group, full }"),
        (f"{PIPELINE}most: {{}}", "K007 `most` needs `limit`, the number of invocations at a time"),
        (f"{PIPELINE}most: {{ limit: 1, at: 1 }}", "K003 `most` has no field `at`"),
        (f"{CROSSING}roads: 5", "K007 `roads` is a list of `match` with a call site each"),
        (f"{CROSSING}else: 5", "K007 `else` is a call site"),
        (
            f"{CROSSING}else: {{ invoke: {{ kind: Time.Sleep }}, match: true, inputs: {{}} }}",
            "K003 `else` has no field `match`",
        ),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_kind(text: str, told: str) -> None:
    with pytest.raises(ManifestError) as caught:
        loads(KINDS + text + "\n")
    assert [f"{fault.code} {fault.message}" for fault in caught.value.faults] == [told]
