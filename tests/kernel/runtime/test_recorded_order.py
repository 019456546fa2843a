"""In a replay, concurrent branches see of each other what they saw in the first process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure
from tests.support.recorded import World, approve_all, call, in_a_loop, looked, run, sequence

CHARGE = "invoke: { kind: Pay.Charge }, inputs: { what: %s }"
READS = f"""\
  - parallel:
      quote: [ {{ name: Quote, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 150 }} }} ]
      order:
        - {{ name: Wait, sleep: 30 }}
        - {{ name: Plain, when: "${{{{ !has(steps.Quote.result) }}}}", {CHARGE % "plain"} }}
        - {{ name: Quoted, when: "${{{{ has(steps.Quote.result) }}}}", {CHARGE % "quoted"} }}
"""
CATCHES = f"""\
  - try:
      - parallel:
          a: [ {{ name: Fails, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 100, code: A }} }} ]
          b:
            - name: Reserved
              forEach: [1, 2]
              parallelism: 2
              do: [ {{ name: R, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 10 }} }} ]
            - {{ name: Slow, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 5000 }} }}
    catch:
      - {{ name: C1, when: "${{{{ has(steps.Reserved.result) }}}}", {CHARGE % "reserved"} }}
      - {{ name: C2, when: "${{{{ !has(steps.Reserved.result) }}}}", {CHARGE % "not reserved"} }}
"""
FAILS = f"""\
  - try:
      - parallel:
          a: [ {{ name: A, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 5000, code: A }} }} ]
          b: [ {{ name: B, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 50, code: B }} }} ]
    catch:
      - {{ name: CA, when: "${{{{ error.code == 'A' }}}}", {CHARGE % "A"} }}
      - {{ name: CB, when: "${{{{ error.code == 'B' }}}}", {CHARGE % "B"} }}
"""


class Slow(World):
    """Looks take their time; what is cancelled fails with its code."""

    def controllers(self) -> Mapping[str, Any]:
        async def look(inputs: Any) -> Any:
            code = inputs.get("code")
            try:
                await asyncio.sleep(inputs["ms"] / 1000)
            except asyncio.CancelledError:
                if code is None:
                    raise
            if code is not None:
                raise Failure("no", code=code)
            return {}

        return {**super().controllers(), "Pay.Look": look}


@pytest.mark.parametrize(
    ("steps", "charged"), [(READS, "plain"), (CATCHES, "reserved"), (FAILS, "B")]
)
@in_a_loop
async def test_a_replay_goes_the_same_way(tmp_path: Path, steps: str, charged: str) -> None:
    path, world = tmp_path / "journal.db", Slow()
    text = sequence(steps + call("Last", "Refund"))
    assert (await run(world, text, path)).outcome == "parked"
    await looked(path, approve_all)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert world.made("Charge") == [{"what": charged}]
