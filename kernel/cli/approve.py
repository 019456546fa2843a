"""``kernel approve``."""

from kernel.cli.deciding import decision

command = decision(
    "approve",
    "approved",
    """Approve a pending approval; what was frozen when it was asked for is shown.

    The beginning of its id is enough, or of the id of the run that waits for it. `kernel resume
    RUN` goes on with the run.
    """,
)
