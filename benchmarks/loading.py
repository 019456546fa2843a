"""What loading a manifest costs, against ruamel's own C composer on the same text.

``python benchmarks/loading.py [DOCUMENTS]`` prints the ratios. The composer is measured twice: as
it gives its nodes away at once, and as it keeps them, which is what its users do.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from ruamel.yaml.cyaml import CSafeLoader

from kernel.manifest import inspect_text
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


def best(work: Callable[[], object], rounds: int = 7) -> float:
    """The least time of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def compose(text: str, keep: bool) -> list[object]:
    """The nodes of all documents, by ruamel's C parser, composer and resolver."""
    loader = CSafeLoader(text)
    kept: list[object] = []
    while loader.check_node():
        node = loader.get_node()
        if keep:
            kept.append(node)
    return kept


def main() -> None:
    """Print the ratios."""
    text = manifest(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    inspect_text(text[:1000])
    away, kept = best(lambda: compose(text, False)), best(lambda: compose(text, True))
    print(f"{text.count(chr(10))} lines, {text.count('${{')} expressions")
    works: dict[str, Callable[[], object]] = {
        "YAML to data": lambda: read_stream(Source("x", text)),
        "the whole load": lambda: inspect_text(text),
    }
    for name, work in works.items():
        taken = best(work)
        print(f"{name}: {taken / kept:.2f} of the composer, {taken / away:.2f} without its nodes")


if __name__ == "__main__":
    main()
