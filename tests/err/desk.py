"""Controllers that a manifest beside this file names; nothing calls them."""


class Queue:
    """A Provider."""


class Shift:
    """A Service."""
