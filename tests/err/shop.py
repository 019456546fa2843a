"""Controllers that a manifest beside this file names; nothing calls them."""


def report() -> None:
    """Takes numbers."""
