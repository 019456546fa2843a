"""Patterns of events: ``Payments.*.Invoked``, and ``Payments.*.Invoked:steps.Charge``."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from kernel.events.event import Event


@dataclass(frozen=True, slots=True)
class Pattern:
    """``<type glob>`` or ``<type glob>:<subject glob>`` (entry.md, Triggers)."""

    type: str
    subject: str | None = None

    @classmethod
    def of(cls, text: str) -> Pattern:
        """What a text says, which may hold a colon."""
        type, colon, subject = text.partition(":")
        return cls(type, subject if colon else None)

    def matches(self, event: Event) -> bool:
        """Whether an event is one of these."""
        if not fnmatchcase(event.type, self.type):
            return False
        if self.subject is None:
            return True
        subject = event.subject or event.identify().get("subject") or ""
        # A path with rounds in it, ``steps.Each[3].Charge``, is meant as it is written.
        return subject == self.subject or fnmatchcase(subject, self.subject)
