"""What a caller may ask for at all: the scope of an API key (seed 000; entry.md)."""

from __future__ import annotations

from kernel.policy.decide import Request
from kernel.policy.names import matches, names_target
from kernel.structs import struct


@struct
class Scope:
    """``principals``, ``targets`` and ``environments`` are globs, as in a policy.

    ``read_only``: only targets of the safety class ``idempotent``.
    """

    principals: tuple[str, ...] = ("*",)
    targets: tuple[str, ...] = ("*",)
    environments: tuple[str, ...] = ("*",)
    read_only: bool = False

    def permits(self, request: Request, safety: str | None) -> str | None:
        """None where the scope permits the call; else the reason why it does not.

        ``safety`` is the safety class of what is called, None where it declares none.
        """
        if not matches(self.principals, request.principal or ""):
            return f"the scope is not for the caller {request.principal or 'without a name'}"
        if not self._has(request):
            return f"{request.address} is not in the scope of the caller"
        if not matches(self.environments, request.environment):
            where = request.environment or "without a name"
            return f"the environment {where} is not in the scope of the caller"
        if self.read_only and safety != "idempotent":
            declared = "without a safety class" if safety is None else safety
            return f"the scope is read-only, and {request.address} is {declared}"
        return None

    def _has(self, request: Request) -> bool:
        written = request.addresses or (f"{request.kind}/{request.name}",)
        pairs = (address.partition("/") for address in written)
        return any(names_target(self.targets, (kind,), (name,)) for kind, _, name in pairs)
