"""The catalogue of rules: code, name, severity (analyzer.md, Rules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. ``severity`` is the usual one; configuration may change it."""

    code: str
    name: str
    severity: Severity


_ALL: Final = (
    # The text of a manifest
    Rule("K001", "yaml-syntax", "error"),
    Rule("K002", "duplicate-key", "error"),
    Rule("K003", "unknown-field", "error"),
    Rule("K004", "unknown-kind", "error"),
    Rule("K005", "yaml-coercion", "warning"),
    Rule("K006", "template-coercion", "error"),
    Rule("K007", "wrong-value", "error"),
    Rule("K008", "cel-not-evaluated", "error"),
    # Schemas
    Rule("K101", "invalid-schema", "error"),
    Rule("K102", "unresolved-schema-ref", "error"),
    Rule("K103", "unsatisfiable-schema", "error"),
    Rule("K104", "infinite-schema", "error"),
    Rule("K105", "bad-default", "error"),
    Rule("K106", "untyped-schema", "info"),
    Rule("K107", "breaking-change", "error"),
    # References and contracts
    Rule("K201", "unknown-reference", "error"),
    Rule("K202", "bad-name", "error"),
    Rule("K203", "cycle", "error"),
    Rule("K204", "missing-input", "error"),
    Rule("K205", "unknown-input", "error"),
    Rule("K206", "input-type", "error"),
    Rule("K207", "input-constraint", "error"),
    Rule("K208", "output-type", "error"),
    Rule("K209", "bad-definition", "error"),
    # Names and functions
    Rule("K301", "cel-syntax", "error"),
    Rule("K302", "unknown-variable", "error"),
    Rule("K303", "unknown-function", "error"),
    Rule("K304", "wrong-call-form", "error"),
    Rule("K305", "no-overload", "error"),
    Rule("K306", "not-in-scope", "error"),
    Rule("K307", "shadowed-name", "warning"),
    Rule("K308", "cost", "warning"),
    # Types
    Rule("K401", "unknown-property", "error"),
    Rule("K402", "slot-type", "error"),
    Rule("K403", "incomparable", "error"),
    Rule("K404", "unnarrowed-union", "error"),
    Rule("K405", "non-exhaustive-switch", "warning"),
    Rule("K406", "impossible-literal", "error"),
    Rule("K407", "undeclared-property", "warning"),
    # Presence
    Rule("K501", "optional-unguarded", "error"),
    Rule("K502", "nullable-unguarded", "error"),
    Rule("K503", "step-unavailable", "error"),
    Rule("K504", "forward-reference", "error"),
    Rule("K505", "error-scope", "error"),
    Rule("K506", "redundant-guard", "info"),
    Rule("K507", "index-unproven", "warning"),
    # Values
    Rule("K601", "constant-condition", "warning"),
    Rule("K602", "unreachable", "warning"),
    Rule("K603", "division-by-zero", "error"),
    Rule("K604", "int-overflow", "error"),
    Rule("K605", "bad-literal", "error"),
    Rule("K606", "duplicate-map-key", "error"),
    # Effects
    Rule("K701", "unreachable-retry", "warning"),
    Rule("K702", "unsafe-retry", "error"),
    Rule("K703", "approval-in-loop", "error"),
    Rule("K704", "missing-check", "error"),
    Rule("K705", "error-coverage", "warning"),
    Rule("K706", "timeout-budget", "warning"),
    Rule("K707", "unbounded-loop", "warning"),
    Rule("K708", "unclassified", "info"),
    # Secrets and untrusted input
    Rule("K801", "secret-leak", "error"),
    Rule("K802", "untrusted-sink", "warning"),
    # Hygiene
    Rule("K901", "unused", "warning"),
    Rule("K902", "stale-suppression", "warning"),
)

RULES: Final[Mapping[str, Rule]] = {rule.code: rule for rule in _ALL}
"""All rules by their code."""
