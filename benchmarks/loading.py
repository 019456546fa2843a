"""What loading a manifest costs, against ruamel's own C composer on the same text.

``python -m benchmarks.loading [DOCUMENTS]`` prints the ratios. The composer keeps its nodes, which
is what its users do.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable

from ruamel.yaml.cyaml import CSafeLoader

from benchmarks.report import Row, show
from kernel import loads
from kernel.manifest.source import Source
from kernel.manifest.stream import read_stream

DOCUMENT = """\
kind: Run.Sequence
metadata: {{ name: Import{n}, description: "Imports the orders of a day" }}
inputs:
  type: object
  properties: {{ day: {{ type: string }}, limit: {{ type: integer, default: {n} }} }}
steps:
  - name: Fetch
    invoke: {{ kind: Http.Request, name: Api }}
    inputs: {{ url: "${{{{ vars.endpoint }}}}/{n}/${{{{ inputs.day }}}}", limit: "${{{{ inputs.limit + {n} }}}}" }}
  - name: Store
    invoke: {{ kind: Sql.Exec, name: Orders }}
    inputs:
      rows: "${{{{ steps.Fetch.result.rows.filter(r, r.amount > {n} && r.state != 'void') }}}}"
      day: "${{{{ inputs.day }}}}"
    when: "${{{{ size(steps.Fetch.result.rows) > {m} }}}}"
    retry: {{ attempts: 3, delay: 2000, when: "${{{{ error.code == 429 || error.code >= {m} }}}}" }}
result: "${{{{ steps.Store.result.count + {m} }}}}"
---
"""  # noqa: E501  # as people write them


def manifest(documents: int, seed: int = 1) -> str:
    """A manifest with two call sites and eight expressions in each document."""
    numbers = random.Random(seed)
    return "".join(DOCUMENT.format(n=n, m=numbers.randrange(10**6)) for n in range(documents))


def best(*works: Callable[[], object], rounds: int = 9) -> list[float]:
    """The least time of each work over several rounds, in seconds; a round does each once.

    The works take turns, so that a slow moment of the machine does not fall on one of them, and
    none pays for the garbage of another.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            gc.collect()
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


def compose(text: str, keep: bool = True) -> list[object]:
    """The nodes of all documents, by ruamel's C parser, composer and resolver."""
    loader = CSafeLoader(text)
    kept: list[object] = []
    while loader.check_node():
        node = loader.get_node()
        if keep:
            kept.append(node)
    return kept


HEAD = """\
kind: Kernel.Module
metadata: { name: Orders }
vars: { endpoint: { type: string, default: "http://127.0.0.1" } }
---
kind: Http.Request
metadata: { name: Api }
---
kind: Sql.Connection
metadata: { name: Db }
---
kind: Sql.Exec
metadata: { name: Orders }
connection: { kind: Sql.Connection, name: Db }
---
"""


def rows(documents: int = 850) -> list[Row]:
    """The rows of the table."""
    text = HEAD + manifest(documents)
    loads(HEAD)
    composer, reading, loading = best(
        lambda: compose(text, True),
        lambda: read_stream(Source("x", text)),
        lambda: loads(text),
    )
    detail = f"{text.count(chr(10))} lines, {text.count('${{')} expressions"
    return [
        Row(
            "YAML to data / ruamel's C composer", reading / composer, 1, f"{composer * 1000:.0f} ms"
        ),
        Row("loading, verified, CEL parsed / the composer", loading / composer, 2, detail),
    ]


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 850))
