"""Typed Python functions: called with JSON by their annotations, and described as definitions."""
