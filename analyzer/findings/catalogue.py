"""The catalogue of rules: code, name, severity (analyzer.md, Rules)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from kernel.structs import struct

Severity = Literal["error", "warning", "info"]


@struct
class RuleEntry:
    """A rule as people know it. ``severity`` is the usual one; configuration may change it."""

    code: str
    name: str
    severity: Severity


_ALL: Final = (
    # The text of a manifest
    RuleEntry("K001", "yaml-syntax", "error"),
    RuleEntry("K002", "duplicate-key", "error"),
    RuleEntry("K003", "unknown-field", "error"),
    RuleEntry("K004", "unknown-kind", "error"),
    RuleEntry("K005", "yaml-coercion", "warning"),
    RuleEntry("K006", "template-coercion", "error"),
    RuleEntry("K007", "wrong-value", "error"),
    RuleEntry("K008", "cel-not-evaluated", "error"),
    RuleEntry("K009", "missing-brackets", "warning"),
    RuleEntry("K010", "not-json", "error"),
    RuleEntry("K011", "other-draft", "warning"),
    # Schemas
    RuleEntry("K101", "invalid-schema", "error"),
    RuleEntry("K102", "unresolved-schema-ref", "error"),
    RuleEntry("K103", "unsatisfiable-schema", "error"),
    RuleEntry("K104", "infinite-schema", "error"),
    RuleEntry("K105", "bad-default", "error"),
    RuleEntry("K106", "untyped-schema", "info"),
    RuleEntry("K107", "breaking-change", "error"),
    RuleEntry("K108", "unchecked-data", "info"),
    # References and contracts
    RuleEntry("K201", "unknown-reference", "error"),
    RuleEntry("K202", "bad-name", "error"),
    RuleEntry("K203", "cycle", "error"),
    RuleEntry("K204", "missing-input", "error"),
    RuleEntry("K205", "unknown-input", "error"),
    RuleEntry("K206", "input-type", "error"),
    RuleEntry("K207", "input-constraint", "error"),
    RuleEntry("K208", "output-type", "error"),
    RuleEntry("K209", "bad-definition", "error"),
    RuleEntry("K210", "binding-mismatch", "error"),
    # Names and functions
    RuleEntry("K301", "cel-syntax", "error"),
    RuleEntry("K302", "unknown-variable", "error"),
    RuleEntry("K303", "unknown-function", "error"),
    RuleEntry("K304", "wrong-call-form", "error"),
    RuleEntry("K305", "no-overload", "error"),
    RuleEntry("K306", "not-in-scope", "error"),
    RuleEntry("K307", "shadowed-name", "warning"),
    RuleEntry("K308", "cost", "warning"),
    # Types
    RuleEntry("K401", "unknown-property", "error"),
    RuleEntry("K402", "slot-type", "error"),
    RuleEntry("K403", "incomparable", "error"),
    RuleEntry("K404", "unnarrowed-union", "error"),
    RuleEntry("K405", "non-exhaustive-switch", "warning"),
    RuleEntry("K406", "impossible-literal", "error"),
    RuleEntry("K407", "undeclared-property", "warning"),
    # Presence
    RuleEntry("K501", "optional-unguarded", "error"),
    RuleEntry("K502", "nullable-unguarded", "error"),
    RuleEntry("K503", "step-unavailable", "error"),
    RuleEntry("K504", "forward-reference", "error"),
    RuleEntry("K505", "error-scope", "error"),
    RuleEntry("K506", "redundant-guard", "info"),
    RuleEntry("K507", "index-unproven", "warning"),
    # Values
    RuleEntry("K601", "constant-condition", "warning"),
    RuleEntry("K602", "unreachable", "warning"),
    RuleEntry("K603", "division-by-zero", "error"),
    RuleEntry("K604", "int-overflow", "error"),
    RuleEntry("K605", "bad-literal", "error"),
    RuleEntry("K606", "duplicate-map-key", "error"),
    RuleEntry("K607", "integer-division", "warning"),
    # Effects
    RuleEntry("K701", "unreachable-retry", "warning"),
    RuleEntry("K702", "unsafe-retry", "error"),
    RuleEntry("K703", "approval-in-loop", "error"),
    RuleEntry("K704", "missing-check", "error"),
    RuleEntry("K705", "error-coverage", "warning"),
    RuleEntry("K706", "timeout-budget", "warning"),
    RuleEntry("K707", "unbounded-loop", "warning"),
    RuleEntry("K708", "unclassified", "info"),
    RuleEntry("K709", "loop-limit", "warning"),
    RuleEntry("K711", "unraised-event", "info"),
    # Secrets and untrusted input
    RuleEntry("K801", "secret-leak", "error"),
    RuleEntry("K802", "untrusted-sink", "warning"),
    # Hygiene
    RuleEntry("K901", "unused", "warning"),
    RuleEntry("K902", "stale-suppression", "warning"),
)

RULES: Final[Mapping[str, RuleEntry]] = {rule.code: rule for rule in _ALL}
"""All rules by their code."""


def codes(*names: str) -> frozenset[str]:
    """The codes of the rules with these names."""
    by_name = {rule.name: rule.code for rule in _ALL}
    return frozenset(by_name[name] for name in names)
