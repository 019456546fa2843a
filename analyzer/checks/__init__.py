"""Checks of one unit: its steps, call sites, fields and policies."""
