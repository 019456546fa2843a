"""The policies that name a target, made ready once for all calls of a call site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from kernel.cel import Template, compile_template, free_names
from kernel.manifest import Effect, Module, Policy, find_kind
from kernel.policy.names import kind_names, matches, names_target, resource_names
from kernel.structs import field, struct

Vars = Callable[[Module], Mapping[str, Any]]
"""Gives the values of a module's variables."""


@struct
class Match:
    """A rule that was for a call. ``rule`` counts from 1; ``problem``: why its ``when`` failed."""

    policy: str
    rule: int
    effect: Effect
    reason: str
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the trace."""
        told = {name: getattr(self, name) for name in ("policy", "rule", "effect", "reason")}
        return told if self.problem is None else {**told, "problem": self.problem}


@struct(eq=False)
class Applied:
    """A policy that names the target of a call site.

    ``name`` is the policy's, with its module's before it where that is an imported one; ``rules``
    are what its rules say where the condition of the same place holds; ``vars`` are the values that
    its conditions read.
    """

    name: str
    policy: Policy
    conditions: tuple[Template, ...]
    rules: tuple[Match, ...]
    vars: Mapping[str, Any] = field(repr=False)


def policies_for(
    root: Module, module: Module, kind: str, name: str, environment: str, vars_of: Vars
) -> tuple[Applied, ...]:
    """The policies that hold for a resource of ``module``, in the order in which they are told.

    Those of the root module are for the resources of every module; those of another for its own
    resources, and for resources of its kinds wherever they stand. ``kind`` is as written in
    ``module``; ``name`` is empty for a resource in place.
    """
    found = find_kind(module, kind)
    if found is None:
        return ()
    definition, home = found
    owners = {id(owner): owner for owner in (root, module, home)}.values()
    return tuple(
        _applied(policy, owner, root, vars_of)
        for owner in owners
        if owner.policies
        for policy in owner.policies.values()
        if matches(policy.environments, environment)
        and names_target(
            policy.targets, kind_names(owner, definition, home), resource_names(owner, name, module)
        )
    )


def addresses_of(root: Module, module: Module, kind: str, name: str) -> tuple[str, ...]:
    """The ways in which the root module writes ``Kind/name`` of a resource of ``module``."""
    found = find_kind(module, kind)
    kinds = (kind,) if found is None else kind_names(root, *found)
    return tuple(f"{one}/{each}" for one in kinds for each in resource_names(root, name, module))


def reads(policies: Iterable[Applied], variable: str) -> bool:
    """Whether a condition of the policies reads a CEL variable."""
    return any(variable in _compiled(applied.policy)[1] for applied in policies)


def _applied(policy: Policy, owner: Module, root: Module, vars_of: Vars) -> Applied:
    conditions, read = _compiled(policy)
    name = policy.name if owner is root else f"{owner.name}.{policy.name}"
    rules = tuple(Match(name, n, r.effect, r.reason) for n, r in enumerate(policy.rules, 1))
    return Applied(name, policy, conditions, rules, vars_of(owner) if "vars" in read else {})


@lru_cache(maxsize=1024)
def _compiled(policy: Policy) -> tuple[tuple[Template, ...], frozenset[str]]:
    """The conditions of the rules, and the variables that they read."""
    conditions = tuple(compile_template(rule.when) for rule in policy.rules)
    read = (
        free_names(embedded.expr)
        for condition in conditions
        for _, embedded in condition.tree.expressions()
    )
    return conditions, frozenset[str]().union(*read)
