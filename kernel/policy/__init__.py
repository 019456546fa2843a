"""Who may call what, and where: policies that decide, scopes that permit."""

from kernel.policy.applied import Applied, Match, addresses_of, policies_for, reads
from kernel.policy.decide import Decision, Request, decide
from kernel.policy.names import kind_names, matches, names_target, resource_names
from kernel.policy.scope import Scope

__all__ = [
    "Applied",
    "Decision",
    "Match",
    "Request",
    "Scope",
    "addresses_of",
    "decide",
    "kind_names",
    "matches",
    "names_target",
    "policies_for",
    "reads",
    "resource_names",
]
