"""What conforming a value costs, against the bare validator."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

from benchmarks.report import Row, show
from kernel.schema import compile_schema
from kernel.schema.engine import validator

ORDER = {
    "type": "object",
    "properties": {
        "customer": {"type": "string"},
        "amount": {"type": "integer", "minimum": 1},
        "rate": {"type": "number", "default": 1.0},
    },
    "required": ["customer", "amount"],
}
CASES: dict[str, tuple[Any, Any]] = {
    "three texts": (
        {"type": "object", "properties": {name: {"type": "string"} for name in "abc"}},
        {"a": "one", "b": "two", "c": "three"},
    ),
    "numbers and a default": (ORDER, {"customer": "c", "amount": 2, "rate": 2.0}),
    "a hundred orders": (
        {"type": "array", "items": ORDER},
        [{"customer": "c", "amount": n + 1, "rate": 2.0} for n in range(100)],
    ),
}


LIMITS = {"three texts": 5.0, "numbers and a default": 6.0, "a hundred orders": 15.0}
"""Besides validating, conforming checks that a value is JSON, applies defaults and numbers."""


def cost(work: Callable[[Any], object], value: Any, times: int = 20_000) -> float:
    """The least time of one call, in microseconds."""
    return min(timeit.repeat(lambda: work(value), number=times, repeat=5)) / times * 1e6


def rows() -> list[Row]:
    """The rows of the table."""
    found = []
    for name, (schema, value) in CASES.items():
        compiled = compile_schema(schema)
        times = 200 if isinstance(value, list) else 20_000
        whole = cost(compiled.conform, value, times)
        bare = cost(validator(compiled.bundled).is_valid, value, times)
        detail = f"{whole:.2f} µs / {bare:.2f} µs"
        found.append(
            Row(f"conform, {name} / bare jsonschema-rs", whole / bare, LIMITS[name], detail)
        )
    return found


if __name__ == "__main__":
    show(rows())
