"""What checking costs, against loading the same manifest; and how it grows.

``python -m benchmarks.checking`` prints the ratios. The documents are clean: every expression is
typed, every call fits.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from analyzer import check_text
from benchmarks.machine import slowness, usual
from benchmarks.report import Row, show
from kernel import loads

Times = list[list[float]]

HEAD = """\
kind: Kernel.Module
metadata: { name: Orders }
vars: { endpoint: { type: string, default: "http://127.0.0.1" } }
---
kind: Kernel.Definition
metadata: { name: Fetch, module: Orders }
capability: Invocable
safety: idempotent
inputs:
  type: object
  properties: { url: { type: string }, limit: { type: integer }, day: { type: string } }
  required: [url, limit]
outputs:
  type: object
  properties:
    rows:
      type: array
      items:
        type: object
        properties:
          amount: { type: integer }
          state: { enum: [open, paid, void] }
          note: { type: [string, "null"] }
        required: [amount, state, note]
    count: { type: integer }
  required: [rows, count]
errors: { 429: { retryable: true }, 503: { retryable: true } }
---
kind: Kernel.Definition
metadata: { name: Store, module: Orders }
capability: Invocable
safety: idempotent
inputs:
  type: object
  properties:
    rows: { type: array, items: { type: object, properties: { amount: { type: integer } }, required: [amount] } }
    day: { type: string }
  required: [rows, day]
outputs: { type: object, properties: { count: { type: integer } }, required: [count] }
errors: { 429: { retryable: true }, 503: { retryable: true } }
---
kind: Orders.Fetch
metadata: { name: Api }
---
kind: Orders.Store
metadata: { name: Table }
---
"""  # noqa: E501  # as people write them

DOCUMENT = """\
kind: Run.Sequence
metadata: {{ name: Import{n}, description: "Imports the orders of a day" }}
inputs: {{ type: object, properties: {{ day: {{ type: string }}, limit: {{ type: integer }} }}, required: [day, limit] }}
steps:
  - name: Fetch
    invoke: {{ kind: Orders.Fetch, name: Api }}
    inputs: {{ url: "${{{{ vars.endpoint }}}}/{n}/${{{{ inputs.day }}}}", limit: "${{{{ inputs.limit / {m} }}}}" }}
  - name: Store
    invoke: {{ kind: Orders.Store, name: Table }}
    when: "${{{{ size(steps.Fetch.result.rows) > {m} }}}}"
    inputs:
      rows: "${{{{ steps.Fetch.result.rows.filter(r, r.amount > {m} && r.state != 'void') }}}}"
      day: "${{{{ inputs.day }}}}"
    retry: {{ attempts: 3, delay: 2000, when: "${{{{ error.code == 429 || error.code == {m} }}}}" }}
result: "${{{{ has(steps.Store.result) ? steps.Store.result.count : {m} }}}}"
---
"""  # noqa: E501

LONG = """\
kind: Run.Sequence
metadata: {{ name: Long }}
inputs: {{ type: object, properties: {{ n: {{ type: integer }} }}, required: [n] }}
steps:
  - {{ name: S0, value: "${{{{ inputs.n }}}}" }}
{steps}
result: "${{{{ steps.S{last}.result }}}}"
"""

STEP = (
    "  - {{ name: S{n}, value: "
    '"${{{{ steps.S{m}.result > {bound} ? steps.S0.result : steps.S{m}.result }}}}" }}'
)

HELLO = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: Hello, invoke: { kind: Log.Print }, inputs: { message: hello } }
"""

seeds = itertools.count()
"""Each text is another one: what was parsed for the last does not help with the next."""


def manifest(documents: int) -> str:
    """A manifest with two call sites and eight expressions in each document."""
    numbers = random.Random(next(seeds))
    made = (DOCUMENT.format(n=n, m=numbers.randrange(1, 10**6)) for n in range(documents))
    return HEAD + "".join(made)


def long_sequence(steps: int) -> str:
    """One sequence, each step of which reads the one before and the first."""
    numbers = random.Random(next(seeds))
    lines = (STEP.format(n=n, m=n - 1, bound=numbers.randrange(1, 10**6)) for n in range(1, steps))
    return LONG.format(steps="\n".join(lines), last=steps - 1)


def turns(*works: tuple[Callable[[], str], Callable[[str], object]], rounds: int) -> Times:
    """The seconds that each work takes on a new text, by round; in a round they take turns."""
    times: Times = [[] for _ in works]
    for _ in range(rounds):
        for (make, work), taken in zip(works, times, strict=True):
            text = make()
            gc.collect()
            start = time.perf_counter()
            work(text)
            taken.append(time.perf_counter() - start)
    return times


def ratio(more: list[float], less: list[float]) -> float:
    """How much longer one work takes: the median of the rounds, in which both are neighbours."""
    return statistics.median(a / b for a, b in zip(more, less, strict=True))


class Command:
    """A process that checks a text; ``memory`` is its peak in MiB, once it has run."""

    def __init__(self, folder: str, text: str, *options: str) -> None:
        file = Path(tempfile.mkdtemp(dir=folder), "manifest.yaml")
        file.write_text(text, "utf-8")
        self._script = (
            "import sys\n"
            "from kernel.cli.app import run\n"
            f"run(['check', *{list(options)!r}, {str(file)!r}])\n"
            "lines = open('/proc/self/status').readlines()\n"
            "peak = next(line.split()[1] for line in lines if line.startswith('VmHWM'))\n"
            "print(peak, file=sys.stderr)"
        )
        self._environment = {**os.environ, "XDG_CACHE_HOME": folder}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.memory = 0.0

    def __call__(self, _: str = "") -> None:
        command = [sys.executable, "-c", self._script]
        done = subprocess.run(command, capture_output=True, check=True, env=self._environment)
        self.memory = int(done.stderr.split()[-1]) / 1024


def bare(_: str = "") -> None:
    """An interpreter that does nothing."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def digest(text: str) -> bytes:
    """What tells that a text is the same."""
    return hashlib.sha256(text.encode()).digest()


def processes(text: str, rounds: int = 5) -> list[Row]:
    """The rows about the command."""
    with tempfile.TemporaryDirectory() as folder:
        hello = Command(folder, HELLO, "--no-cache")
        small = Command(folder, manifest(7), "--no-cache")
        much, again = Command(folder, text, "--no-cache"), Command(folder, text)
        much()
        again()
        works = (bare, usual, small, again, hello, digest)
        alone, work, cold, cached, first, reading = turns(
            *((lambda: text, one) for one in works), rounds=rounds
        )
    over = [a - b for a, b in zip(cold, alone, strict=True)]
    slow = slowness(work)
    return [
        Row(
            "`kernel check`, 150 lines / 300 ms over the interpreter, of a usual machine",
            statistics.median(over) / slow / 0.3,
            1,
            f"{statistics.median(over) * 1000:.0f} ms, at {slow:.1f} times the usual time; "
            f"{small.memory:.0f} MB; hello {min(first) * 1000:.0f} ms",
        ),
        Row(
            "`kernel check` again, unchanged / 150 lines for the first time",
            ratio(cached, cold),
            1,
            f"{min(cached) * 1000:.0f} ms, of which reading {min(reading) * 1000:.0f} ms; "
            f"first {much.memory:.0f} MB",
        ),
    ]


def rows(documents: int = 1000, rounds: int = 3) -> list[Row]:
    """The rows of the table."""
    text = manifest(documents)
    found = check_text(text).findings
    assert not found, found[:3]
    loading, checking, less = turns(
        (lambda: manifest(documents), loads),
        (lambda: manifest(documents), check_text),
        (lambda: manifest(documents // 10), check_text),
        rounds=rounds,
    )
    steps, fewer = turns(
        (lambda: long_sequence(5000), check_text),
        (lambda: long_sequence(500), check_text),
        rounds=rounds,
    )
    size = f"{text.count(chr(10))} lines, {text.count('${{')} expressions"
    return [
        Row(
            "checking / loading, verified",
            ratio(checking, loading),
            3,
            f"{size}, {min(checking):.2f} s",
        ),
        Row(
            "checking 10 times as much",
            ratio(checking, less),
            12,
            f"{min(less) * 1000:.0f} ms for a tenth",
        ),
        Row(
            "checking 10 times as many steps",
            ratio(steps, fewer),
            12,
            f"5,000 steps in {min(steps):.2f} s",
        ),
        *processes(text),
    ]


if __name__ == "__main__":
    show(rows())
