"""What the kernel tells: events in the CloudEvents 1.0 envelope, subscribers, sinks, redaction."""

from kernel.events.bus import Bus, Subscriber
from kernel.events.event import Event
from kernel.events.redaction import REDACTED, Redactor

__all__ = ["REDACTED", "Bus", "Event", "Redactor", "Subscriber"]
