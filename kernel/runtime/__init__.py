"""Runs: a manifest brought to life, what to start, how it ended."""
