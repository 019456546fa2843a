"""The variables that are in scope everywhere in a module (language.md, CEL)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kernel.errors import NotStarted
from kernel.manifest import Module
from kernel.structs import field, struct


@struct(frozen=False, eq=False)
class ModuleScope:
    """A module with its values."""

    module: Module
    vars: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    resources: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """What Providers and Services publish, by their names: more with each that comes up."""
    providers: dict[str, Callable[[], Awaitable[Mapping[str, Any]]]] = field(
        default_factory=dict, repr=False
    )
    """Ask a Provider for its values anew, by its name."""
    not_started: dict[str, NotStarted] = field(default_factory=dict, repr=False)
    """Why the values of a Provider are not there, by its name."""
    bindings: dict[str, Any] = field(init=False, repr=False)
    """The variables that every context of the module begins with; only ``resources`` changes."""

    def __post_init__(self) -> None:
        self.bindings = {"vars": self.vars, "secrets": self.secrets, "resources": self.resources}
