"""What a keystroke costs in a file of 2,000 lines: the findings, and what can be written next.

``python -m benchmarks.editor`` prints the ratios to 100 ms of a usual machine: a fixed work takes
turns with the keystrokes and tells how slow this one is. Each keystroke is another one, so that
nothing is answered from what was said before; the median counts.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator

from analyzer.editor.completion import complete
from analyzer.editor.navigation import hover
from analyzer.editor.workspace import Workspace
from benchmarks.checking import turns
from benchmarks.machine import slowness, usual
from benchmarks.report import Row, show

LIMIT = 100.0
FILE = "/benchmark/shop.yaml"

HEAD = """\
kind: Kernel.Module
metadata: { name: Shop }
vars: { endpoint: { type: string, default: "http://127.0.0.1" } }
---
kind: Kernel.Definition
metadata: { name: Fetch, module: Shop }
capability: Invocable
inputs:
  type: object
  properties: { url: { type: string }, limit: { type: integer } }
  required: [url, limit]
outputs:
  type: object
  properties:
    count: { type: integer }
    rows:
      type: array
      items:
        type: object
        properties: { amount: { type: integer }, state: { type: string } }
        required: [amount, state]
  required: [count, rows]
safety: idempotent
---
kind: Shop.Fetch
metadata: { name: Api }
---
"""

BEGIN = """\
kind: Run.Sequence
metadata: {{ name: Import{n}, description: "Imports the orders of a day" }}
inputs:
  type: object
  properties: {{ day: {{ type: string }}, limit: {{ type: integer, default: {n} }} }}
  required: [day]
steps:
"""

STEPS = """\
  - name: Fetch{n}
    invoke: {{ kind: Shop.Fetch, name: Api }}
    inputs: {{ url: "${{{{ vars.endpoint }}}}/${{{{ inputs.day }}}}", limit: "${{{{ inputs.limit }}}}" }}
  - name: Store{n}
    invoke: {{ kind: Shop.Fetch, name: Api }}
    inputs:
      url: "${{{{ inputs.day }}}}"
      limit: "${{{{ steps.Fetch{n}.result.rows.filter(r, r.amount > {n}).size() }}}}"
    retry: {{ attempts: 3, when: "${{{{ error.code == 429 || error.code >= 500 }}}}" }}
"""  # noqa: E501  # as people write them

RESULT = 'result: "${{{{ steps.Store{n}.result.count + 7 }}}}"\n---\n'


def many_documents(lines: int = 2000) -> str:
    """A manifest of small topologies."""
    text, number = HEAD, 0
    while text.count("\n") < lines:
        text += (BEGIN + STEPS + RESULT).format(n=number)
        number += 1
    return text


def one_topology(lines: int = 2000) -> str:
    """A manifest of one large topology."""
    text, number = HEAD + BEGIN.format(n=0), 0
    while text.count("\n") < lines:
        text += STEPS.format(n=number)
        number += 1
    return text + RESULT.format(n=number - 1)


def milliseconds(
    text: str, answer: Callable[[Workspace, str], object], rounds: int = 3
) -> tuple[float, float]:
    """The median time of a keystroke and the answer to it, and how slow the machine was."""
    workspace = Workspace()
    workspace.put(FILE, text)
    workspace.diagnose(FILE)
    middle = text.index("> ", len(text) // 2) + 2
    numbers = itertools.count()

    def type_digit() -> str:
        return f"{text[:middle]}{next(numbers)}{text[middle:]}"

    def press(changed: str) -> None:
        workspace.put(FILE, changed)
        answer(workspace, changed)

    *keys, work = turns(*[(type_digit, press)] * 5, (type_digit, usual), rounds=rounds)
    return statistics.median(itertools.chain(*keys)) * 1000, slowness(work)


def found(workspace: Workspace, text: str) -> None:
    """The findings, of which there are none."""
    assert not [one for one in workspace.diagnose(FILE) if one.weight == "error"]


def proposed(workspace: Workspace, text: str) -> None:
    """What can be written after ``r.``."""
    offset = text.index("r.amount", len(text) // 2) + 2
    assert "amount" in {one.label for one in complete(workspace, FILE, offset).items}


def known(workspace: Workspace, text: str) -> None:
    """What is known of ``r.amount``."""
    assert hover(workspace, FILE, text.index("r.amount", len(text) // 2) + 3) is not None


def rows() -> Iterator[Row]:
    """The rows of the table."""
    for what, text in (("many documents", many_documents()), ("one topology", one_topology())):
        for name, answer in (("findings", found), ("completion", proposed), ("hover", known)):
            took, slow = milliseconds(text, answer)
            detail = (
                f"{took:.0f} ms, at {slow:.1f} times the usual time; {text.count(chr(10))} lines"
            )
            ratio = took / slow / LIMIT
            yield Row(f"{name} after a keystroke in {what} / 100 ms", ratio, 1, detail)


if __name__ == "__main__":
    show(rows())
