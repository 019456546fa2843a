"""Who may call what, and where: policies that decide, scopes that permit."""

from kernel.policy.applied import Applied, addresses_of, policies_for, reads
from kernel.policy.decide import Decision, Request, decide
from kernel.policy.scope import Scope

__all__ = [
    "Applied",
    "Decision",
    "Request",
    "Scope",
    "addresses_of",
    "decide",
    "policies_for",
    "reads",
]
