"""The conformance vectors of the CEL specification, on both ways of evaluation."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel import cel

FOLDER = Path(
    os.environ.get(
        "CEL_VECTORS", Path(__file__).parents[3].parent / "shared" / "conformance" / "cel"
    )
)

SKIPPED_SUITES = {
    "network_ext": "the network library is not one of the libraries of the language",
    "block_ext": "cel.block is for optimizers' output, not for authors",
}


def cases() -> list[dict[str, Any]]:
    """All cases of all suites that the language includes; none when the folder is not there."""
    found: list[dict[str, Any]] = []
    for path in sorted(FOLDER.glob("*.json")):
        if path.stem not in SKIPPED_SUITES:
            found += json.loads(path.read_text())
    return found


def case_id(case: dict[str, Any]) -> str:
    return f"{case['file']}/{case['section']}/{case['name']}"


_DECODERS: dict[str, Any] = {
    "null": lambda: None,
    "bool": bool,
    "int": int,
    "uint": lambda text: cel.UInt(int(text)),
    "double": float,
    "string": str,
    "bytes": base64.b64decode,
    "list": lambda items: [decode(item) for item in items],
    "map": lambda entries: {decode(key): decode(value) for key, value in entries},
    "timestamp": lambda text: cel.Timestamp(int(text)),
    "duration": lambda text: cel.Duration(int(text)),
    "type": cel.Type,
}


def decode(value: list[Any]) -> Any:
    kind, *content = value
    return _DECODERS[kind](*content)


CASES = cases()
pytestmark = pytest.mark.skipif(not CASES, reason=f"no vectors in {FOLDER}")

# Where this implementation departs from the suite, and why; docs/cel.md lists the same.
DEVIATIONS: dict[str, str] = {}


@pytest.mark.parametrize("tier", ["fast", "reference"])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_vector(case: dict[str, Any], tier: str, same: Callable[[Any, Any], bool]) -> None:
    if case_id(case) in DEVIATIONS:
        pytest.skip(DEVIATIONS[case_id(case)])
    if case.get("check_only"):
        cel.parse(case["expr"])
        return
    outcome = run(case, tier)
    if case["expect"][0] == "error":
        assert isinstance(outcome, cel.CelError)
        assert outcome.message
    else:
        assert same(outcome, decode(case["expect"][1])), outcome


def run(case: dict[str, Any], tier: str) -> Any:
    bindings = {name: decode(v) for name, v in case.get("bindings", {}).items()}
    try:
        program = cel.compile(case["expr"], case.get("container", ""))
        if tier == "fast":
            return program.evaluate(bindings)
        return program.evaluate_by_reference(bindings)
    except cel.CelError as error:
        return error


@pytest.mark.parametrize("suite", SKIPPED_SUITES)
def test_suite_that_is_left_out(suite: str) -> None:
    pytest.skip(SKIPPED_SUITES[suite])
