"""Findings, the catalogue of their rules, and suppression, fixes and the cache of findings."""
