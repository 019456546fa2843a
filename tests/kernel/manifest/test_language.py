"""The notation of the language document loads as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel.manifest import inspect_text

LANGUAGE = Path(__file__).parents[4] / "shared" / "design" / "language.md"

AWAITED = {
    ("K007", "imports", "Mail"),
    ("K008", "imports", "Mail", "vars", "from"),
    ("K008", "imports", "Mail", "secrets", "key"),
    ("K003", "exports"),
}
"""Faults by notations of the document that are not read yet: imports with values, exports."""


def test_the_examples_of_the_language_are_manifests() -> None:
    if not LANGUAGE.exists():
        pytest.skip(f"{LANGUAGE.name} is not beside the checkout")
    examples = re.findall(r"```yaml\n(.*?)```", LANGUAGE.read_text("utf-8"), re.DOTALL)
    assert len(examples) >= 3
    faults = [fault for example in examples for fault in inspect_text(example)[1]]
    found = {(one.code, *one.path) for one in faults if "./billing" not in one.message}
    assert found == AWAITED
