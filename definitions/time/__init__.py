"""``Time``: waiting."""
