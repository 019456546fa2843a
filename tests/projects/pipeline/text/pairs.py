"""Rows to a mapping."""

from typing import Any


def pair(inputs: dict[str, Any]) -> dict[str, int]:
    return {row["word"]: row["n"] for row in inputs["rows"]}
