"""CEL against the equal Python lambda: ``python -m benchmarks.cel`` prints a table.

All columns are measured in one run, so that their ratios hold on any machine.
"""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable
from typing import Any

from benchmarks.machine import seconds_of, slowness, usual
from benchmarks.report import Row, show
from kernel import cel

ORDERS = [{"id": n, "status": "paid" if n % 2 else "open", "amount": n * 3} for n in range(10)]
BINDINGS: dict[str, Any] = {
    "steps": {"Fetch": {"result": {"rows": ORDERS, "status": 200, "name": "orders"}}},
    "inputs": {"name": "Ada", "tags": ["a", "b", "c"], "amount": 40, "region": "eu"},
    "error": {"code": 503, "message": "unavailable"},
    "vars": {"endpoint": "https://api.example.com", "limit": 7},
    "item": {"id": 5, "price": 2.5},
    "index": 3,
}

CASES: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
    ("field path", "steps.Fetch.result.rows", lambda b: b["steps"]["Fetch"]["result"]["rows"]),
    (
        "comparison",
        "error.code == 429 || error.code >= 500",
        lambda b: b["error"]["code"] == 429 or b["error"]["code"] >= 500,
    ),
    (
        "conditional",
        "inputs.amount > 10 ? inputs.name : 'none'",
        lambda b: b["inputs"]["name"] if b["inputs"]["amount"] > 10 else "none",
    ),
    (
        "has",
        "has(steps.Fetch.result) && !has(steps.Store)",
        lambda b: "result" in b["steps"]["Fetch"] and "Store" not in b["steps"],
    ),
    (
        "text",
        "vars.endpoint + '/users/' + inputs.name",
        lambda b: b["vars"]["endpoint"] + "/users/" + b["inputs"]["name"],
    ),
    ("size", "size(steps.Fetch.result.rows)", lambda b: len(b["steps"]["Fetch"]["result"]["rows"])),
    ("in", "inputs.region in ['eu', 'us']", lambda b: b["inputs"]["region"] in ("eu", "us")),
    (
        "all",
        "steps.Fetch.result.rows.all(r, r.amount >= 0)",
        lambda b: all(r["amount"] >= 0 for r in b["steps"]["Fetch"]["result"]["rows"]),
    ),
    (
        "filter and map",
        "steps.Fetch.result.rows.filter(r, r.status == 'paid').map(r, r.amount)",
        lambda b: [
            r["amount"]
            for r in [r for r in b["steps"]["Fetch"]["result"]["rows"] if r["status"] == "paid"]
        ],
    ),
    (
        "arithmetic",
        "index * 10 + item.id - vars.limit",
        lambda b: b["index"] * 10 + b["item"]["id"] - b["vars"]["limit"],
    ),
    (
        "startsWith",
        "vars.endpoint.startsWith('https://')",
        lambda b: b["vars"]["endpoint"].startswith("https://"),
    ),
    (
        "literal",
        "{'id': item.id, 'tags': [inputs.name, inputs.tags[0]]}",
        lambda b: {"id": b["item"]["id"], "tags": [b["inputs"]["name"], b["inputs"]["tags"][0]]},
    ),
]

TEMPLATE = {
    "url": "${{ vars.endpoint }}/orders/${{ item.id }}",
    "method": "POST",
    "body": {"customer": "${{ inputs.name }}", "rows": "${{ steps.Fetch.result.rows }}"},
}


def microseconds(function: Callable[[Any], Any], argument: Any = BINDINGS) -> float:
    """The best time of one call, without a layer around it."""
    timer = timeit.Timer("f(x)", globals={"f": function, "x": argument})
    number = max(1, timer.autorange()[0] // 10)
    return min(timer.repeat(7, number)) / number * 1e6


def by_hand(b: dict[str, Any]) -> Any:
    """What a programmer would write for ``TEMPLATE``."""
    rows = b["steps"]["Fetch"]["result"]["rows"]
    return {
        "url": f"{b['vars']['endpoint']}/orders/{b['item']['id']}",
        "method": "POST",
        "body": {"customer": b["inputs"]["name"], "rows": rows},
    }


def first_evaluation(text: str) -> float:
    expr = cel.parse(text)
    return microseconds(lambda bindings: cel.compile(expr).evaluate(bindings))


def rows(*, verbose: bool = False) -> list[Row]:
    """The rows of the table; ``verbose`` prints each of the twelve expressions too."""
    ratios, parses, work = [], [], []
    for name, text, function in CASES:
        program = cel.compile(text)
        assert program.evaluate(BINDINGS) == function(BINDINGS), name
        plain, fast = microseconds(function), microseconds(program.evaluate)
        parse = microseconds(cel.parse, text)
        ratios.append(fast / plain)
        parses.append(parse)
        work.append(seconds_of(usual))
        if verbose:
            slow, first = microseconds(program.evaluate_by_reference), first_evaluation(text)
            times = (
                f"{plain:8.2f}{fast:8.2f}{fast / plain:7.1f}{slow:11.2f}{parse:8.1f}{first:8.0f}"
            )
            print(f"{name:16}{times}")
    template = cel.compile_template(TEMPLATE)
    assert template.evaluate(BINDINGS) == by_hand(BINDINGS)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    parse, late = sum(parses) / len(parses), slowness(work)
    whole = microseconds(template.evaluate) / microseconds(by_hand)
    return [
        Row("CEL, twelve expressions / the equal lambdas", mean, 5, "geometric mean"),
        Row("a template / the same by hand", whole, 5),
        Row(
            "parse of an expression / 15 µs of a usual machine",
            parse / late / 15,
            1.5,
            f"{parse:.1f} µs, at {late:.1f} times the usual time",
        ),
    ]


if __name__ == "__main__":
    head = f"{'lambda':>8}{'cel':>8}{'ratio':>7}{'reference':>11}{'parse':>8}{'first':>8}"
    print(f"{'µs':16}{head}")
    show(rows(verbose=True))
