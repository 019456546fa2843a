"""``Run``: work that is done in order."""
