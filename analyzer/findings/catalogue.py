"""The catalogue of rules: code, name, severity (analyzer.md, Rules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as people know it. ``severity`` is the usual one; configuration may change it."""

    code: str
    name: str
    severity: Severity


_ENTRIES: Final[dict[str, RuleEntry]] = {}


def _rule(code: str, name: str, severity: Severity) -> RuleEntry:
    entry = _ENTRIES[code] = RuleEntry(code, name, severity)
    return entry


# The text of a manifest
YAML_SYNTAX: Final = _rule("K001", "yaml-syntax", "error")
DUPLICATE_KEY: Final = _rule("K002", "duplicate-key", "error")
UNKNOWN_FIELD: Final = _rule("K003", "unknown-field", "error")
UNKNOWN_KIND: Final = _rule("K004", "unknown-kind", "error")
YAML_COERCION: Final = _rule("K005", "yaml-coercion", "warning")
TEMPLATE_COERCION: Final = _rule("K006", "template-coercion", "error")
WRONG_VALUE: Final = _rule("K007", "wrong-value", "error")
CEL_NOT_EVALUATED: Final = _rule("K008", "cel-not-evaluated", "error")

# Schemas
INVALID_SCHEMA: Final = _rule("K101", "invalid-schema", "error")
UNRESOLVED_SCHEMA_REF: Final = _rule("K102", "unresolved-schema-ref", "error")
UNSATISFIABLE_SCHEMA: Final = _rule("K103", "unsatisfiable-schema", "error")
INFINITE_SCHEMA: Final = _rule("K104", "infinite-schema", "error")
BAD_DEFAULT: Final = _rule("K105", "bad-default", "error")
UNTYPED_SCHEMA: Final = _rule("K106", "untyped-schema", "info")
BREAKING_CHANGE: Final = _rule("K107", "breaking-change", "error")

# References and contracts
UNKNOWN_REFERENCE: Final = _rule("K201", "unknown-reference", "error")
BAD_NAME: Final = _rule("K202", "bad-name", "error")
CYCLE: Final = _rule("K203", "cycle", "error")
MISSING_INPUT: Final = _rule("K204", "missing-input", "error")
UNKNOWN_INPUT: Final = _rule("K205", "unknown-input", "error")
INPUT_TYPE: Final = _rule("K206", "input-type", "error")
INPUT_CONSTRAINT: Final = _rule("K207", "input-constraint", "error")
OUTPUT_TYPE: Final = _rule("K208", "output-type", "error")
BAD_DEFINITION: Final = _rule("K209", "bad-definition", "error")

# Names and functions
CEL_SYNTAX: Final = _rule("K301", "cel-syntax", "error")
UNKNOWN_VARIABLE: Final = _rule("K302", "unknown-variable", "error")
UNKNOWN_FUNCTION: Final = _rule("K303", "unknown-function", "error")
WRONG_CALL_FORM: Final = _rule("K304", "wrong-call-form", "error")
NO_OVERLOAD: Final = _rule("K305", "no-overload", "error")
NOT_IN_SCOPE: Final = _rule("K306", "not-in-scope", "error")
SHADOWED_NAME: Final = _rule("K307", "shadowed-name", "warning")
COST: Final = _rule("K308", "cost", "warning")

# Types
UNKNOWN_PROPERTY: Final = _rule("K401", "unknown-property", "error")
SLOT_TYPE: Final = _rule("K402", "slot-type", "error")
INCOMPARABLE: Final = _rule("K403", "incomparable", "error")
UNNARROWED_UNION: Final = _rule("K404", "unnarrowed-union", "error")
NON_EXHAUSTIVE_SWITCH: Final = _rule("K405", "non-exhaustive-switch", "warning")
IMPOSSIBLE_LITERAL: Final = _rule("K406", "impossible-literal", "error")
UNDECLARED_PROPERTY: Final = _rule("K407", "undeclared-property", "warning")

# Presence
OPTIONAL_UNGUARDED: Final = _rule("K501", "optional-unguarded", "error")
NULLABLE_UNGUARDED: Final = _rule("K502", "nullable-unguarded", "error")
STEP_UNAVAILABLE: Final = _rule("K503", "step-unavailable", "error")
FORWARD_REFERENCE: Final = _rule("K504", "forward-reference", "error")
ERROR_SCOPE: Final = _rule("K505", "error-scope", "error")
REDUNDANT_GUARD: Final = _rule("K506", "redundant-guard", "info")
INDEX_UNPROVEN: Final = _rule("K507", "index-unproven", "warning")

# Values
CONSTANT_CONDITION: Final = _rule("K601", "constant-condition", "warning")
UNREACHABLE: Final = _rule("K602", "unreachable", "warning")
DIVISION_BY_ZERO: Final = _rule("K603", "division-by-zero", "error")
INT_OVERFLOW: Final = _rule("K604", "int-overflow", "error")
BAD_LITERAL: Final = _rule("K605", "bad-literal", "error")
DUPLICATE_MAP_KEY: Final = _rule("K606", "duplicate-map-key", "error")

# Effects
UNREACHABLE_RETRY: Final = _rule("K701", "unreachable-retry", "warning")
UNSAFE_RETRY: Final = _rule("K702", "unsafe-retry", "error")
APPROVAL_IN_LOOP: Final = _rule("K703", "approval-in-loop", "error")
MISSING_CHECK: Final = _rule("K704", "missing-check", "error")
ERROR_COVERAGE: Final = _rule("K705", "error-coverage", "warning")
TIMEOUT_BUDGET: Final = _rule("K706", "timeout-budget", "warning")
UNBOUNDED_LOOP: Final = _rule("K707", "unbounded-loop", "warning")
UNCLASSIFIED: Final = _rule("K708", "unclassified", "info")

# Secrets and untrusted input
SECRET_LEAK: Final = _rule("K801", "secret-leak", "error")
UNTRUSTED_SINK: Final = _rule("K802", "untrusted-sink", "warning")

# Hygiene
UNUSED: Final = _rule("K901", "unused", "warning")
STALE_SUPPRESSION: Final = _rule("K902", "stale-suppression", "warning")

RULES: Final[Mapping[str, RuleEntry]] = _ENTRIES
"""All rules by their code."""


def codes(*names: str) -> frozenset[str]:
    """The codes of the rules with these names."""
    by_name = {rule.name: rule.code for rule in RULES.values()}
    return frozenset(by_name[name] for name in names)
