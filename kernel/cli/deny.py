"""``kernel deny``."""

from kernel.cli.deciding import decision

command = decision(
    "deny",
    "denied",
    """Deny a pending approval; what was frozen when it was asked for is shown.

    The beginning of its id is enough, or of the id of the run that waits for it. `kernel resume
    RUN` goes on with the run, and the call is rejected.
    """,
)
