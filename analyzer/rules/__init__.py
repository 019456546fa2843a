"""The rules over whole programs, in one list; and a page for each rule of the catalogue."""

from __future__ import annotations

from typing import Final

from analyzer.findings.catalogue import codes
from analyzer.rules.controllers import check_controller
from analyzer.rules.cycles import find_cycles
from analyzer.rules.effects.approvals import check_approvals
from analyzer.rules.effects.definitions import check_definition
from analyzer.rules.effects.handling import check_handling
from analyzer.rules.effects.loops import check_loops
from analyzer.rules.effects.retries import check_retries
from analyzer.rules.effects.waits import check_waits
from analyzer.rules.rule import Rule, in_each_unit
from analyzer.rules.schema.schemas import find_wrong_schemas
from analyzer.rules.schema.unchecked import find_unchecked
from analyzer.rules.unused import find_unused
from analyzer.rules.yaml_text import find_coercions
from analyzer.taint.walk import find_leaks

_OF_SCHEMAS: Final = codes(
    "invalid-schema", "unresolved-schema-ref", "unsatisfiable-schema", "infinite-schema",
    "bad-default", "untyped-schema", "other-draft",
)  # fmt: skip
_OF_EFFECTS: Final = codes(
    "unreachable-retry", "unsafe-retry", "error-coverage", "timeout-budget", "unclassified",
    "approval-in-loop", "unbounded-loop", "missing-check", "bad-definition",
    "non-exhaustive-switch", "loop-limit", "unraised-event",
)  # fmt: skip
# One unit after the other: what topologies in a circle raise depends on which is looked at first.
_CHECK_EFFECTS: Final = in_each_unit(
    check_retries, check_approvals, check_handling, check_loops, check_waits, check_definition
)

RULES: Final = (
    Rule(codes("yaml-coercion"), find_coercions),
    Rule(_OF_SCHEMAS, find_wrong_schemas),
    Rule(codes("unchecked-data"), find_unchecked),
    Rule(codes("cycle"), find_cycles),
    Rule(_OF_EFFECTS, _CHECK_EFFECTS),
    Rule(codes("bad-definition"), in_each_unit(check_controller)),
    Rule(codes("secret-leak", "untrusted-sink"), find_leaks),
    Rule(codes("unused"), find_unused),
)
"""All rules; the pipeline asks them one after the other."""
