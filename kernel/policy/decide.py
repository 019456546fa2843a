"""What the policies say of one call (seed 000; entry.md, Policy, scope, approval).

1. Where no policy names the target in its environment, the call is allowed.
2. A rule counts if its policy is for the caller and its ``when`` holds.
3. A deny that counts wins over a require-approval, and that over an allow.
4. Where no rule counts, the call is denied.
5. A ``when`` that has no value, or is no bool, counts as false for an allow, and as true for a deny
   and a require-approval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from kernel.cel import CelError, Template
from kernel.manifest import ApprovalTerms, Effect
from kernel.policy.applied import Applied, Match
from kernel.policy.names import matches
from kernel.structs import field, struct

_WEIGHT: Final[Mapping[Effect, int]] = {"allow": 0, "require-approval": 1, "deny": 2}


@struct
class Request:
    """A call that is to be decided."""

    kind: str
    """The kind by the definition's own name."""
    name: str
    """Empty for a resource in place."""
    inputs: Any = field(repr=False)
    """As the contract accepted them."""
    principal: str | None = None
    """The stable identity of the caller, if it has one."""
    environment: str = ""
    invocation: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The CEL variable ``invocation``."""
    addresses: tuple[str, ...] = ()
    """The ways in which the root module writes ``Kind/name`` (`addresses_of`), for scopes; where
    there are none, ``kind/name`` is taken."""

    @property
    def address(self) -> str:
        """``Kind/name``, or the kind of a resource in place."""
        return f"{self.kind}/{self.name}" if self.name else self.kind


@struct
class Decision:
    """What the policies decide on a call."""

    effect: Effect
    reason: str
    policy: str | None = None
    """The policy whose rule decided; None where no rule did."""
    rule: int | None = None
    matched: tuple[Match, ...] = ()
    """All rules that counted."""
    ignored: tuple[Match, ...] = ()
    """The allow rules whose ``when`` failed."""
    policies: tuple[str, ...] = ()
    """All policies that name the target."""
    approval: ApprovalTerms | None = None
    """How an approval is given: the strictest terms of the policies that ask for one or, where
    none asks, of those that allow the call (something else may ask for one)."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the trace."""
        approval = self.approval
        return {
            "effect": self.effect,
            "policy": self.policy,
            "rule": self.rule,
            "reason": self.reason,
            "matched": [one.to_dict() for one in self.matched],
            "ignored": [one.to_dict() for one in self.ignored],
            "policies": list(self.policies),
            "approval": approval and {"expires": approval.expires, "threshold": approval.threshold},
        }


_UNNAMED: Final = Decision("allow", "no policy names it")


def decide(policies: tuple[Applied, ...], request: Request) -> Decision:
    """The decision on a call by the policies that name its target."""
    if not policies:
        return _UNNAMED
    matched: list[Match] = []
    ignored: list[Match] = []
    terms: list[tuple[Effect, ApprovalTerms]] = []
    for applied in policies:
        if not matches(applied.policy.principals, request.principal or ""):
            continue
        for match in _matches(applied, request):
            if match.effect == "allow" and match.problem is not None:
                ignored.append(match)
                continue
            matched.append(match)
            terms.append((match.effect, applied.policy.approval))
    names = tuple(applied.name for applied in policies)
    if not matched:
        reason = f"no rule of {', '.join(names)} allows it"
        return Decision("deny", reason, ignored=tuple(ignored), policies=names)
    first = max(matched, key=lambda match: _WEIGHT[match.effect])
    return Decision(
        first.effect,
        first.reason or _without_reason(first),
        first.policy,
        first.rule,
        tuple(matched),
        tuple(ignored),
        names,
        _strictest(first.effect, [own for effect, own in terms if effect == first.effect]),
    )


def _matches(applied: Applied, request: Request) -> Iterator[Match]:
    """The rules that are for a call: those that hold, and those of which that is not known."""
    bindings = {
        "inputs": request.inputs,
        "principal": request.principal,
        "target": {"kind": request.kind, "name": request.name},
        "environment": request.environment,
        "invocation": request.invocation,
        "vars": applied.vars,
    }
    for condition, match in zip(applied.conditions, applied.rules, strict=True):
        holds, problem = _holds(condition, bindings)
        if problem is not None:
            yield replace(match, problem=problem)
        elif holds:
            yield match


def _holds(condition: Template, bindings: Mapping[str, Any]) -> tuple[bool, str | None]:
    """Whether a condition is true, or why that is not known."""
    try:
        value = condition.evaluate(bindings)
    except CelError as error:
        return False, f"`when` failed: {error}"
    if value is True or value is False:
        return value is True, None
    return False, "`when` failed: it is no bool"


def _without_reason(match: Match) -> str:
    word = {"allow": "allows it", "deny": "denies it", "require-approval": "asks for an approval"}
    return f"rule {match.rule} of {match.policy} {word[match.effect]}"


def _strictest(effect: Effect, terms: list[ApprovalTerms]) -> ApprovalTerms | None:
    if effect == "deny" or (effect == "allow" and all(one == ApprovalTerms() for one in terms)):
        return None
    times = [one.expires for one in terms if one.expires is not None]
    strict = any(one.threshold == "strict" for one in terms)
    return ApprovalTerms(min(times, default=None), "strict" if strict else "conditions")
