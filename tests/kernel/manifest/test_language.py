"""The notation of the language document loads as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel.manifest import inspect_text

LANGUAGE = Path(__file__).parents[4] / "shared" / "design" / "language.md"


def test_the_examples_of_the_language_are_manifests() -> None:
    if not LANGUAGE.exists():
        pytest.skip(f"{LANGUAGE.name} is not beside the checkout")
    examples = re.findall(r"```yaml\n(.*?)```", LANGUAGE.read_text("utf-8"), re.DOTALL)
    assert len(examples) >= 3
    faults = [fault for example in examples for fault in inspect_text(example)[1]]
    # The folders that the document imports are not there.
    assert {one.path for one in faults} <= {("imports", "Billing"), ("imports", "Mail", "source")}
