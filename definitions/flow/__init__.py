"""``Flow``: work that is ordered by what it needs, and work that is chosen by what came in."""
