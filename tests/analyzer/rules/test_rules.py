"""The list of rules: each finds what it says, and no other rule of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.program.linking import Linked
from analyzer.program.program import Program
from analyzer.rules import RULES
from kernel.manifest import inspect

FILES = sorted((Path(__file__).parents[2] / "err").glob("*.yaml"))


@pytest.mark.parametrize("part", range(4))
def test_the_codes_of_a_rule_are_those_of_its_findings(part: int) -> None:
    for file in FILES[part::4]:
        manifest, _ = inspect(file)
        program = Program(Linked(manifest))
        for rule in RULES:
            assert {found.code for found in rule.find(program)} <= rule.codes, file
