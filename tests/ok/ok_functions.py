"""Typed functions of the manifests in this folder."""

from __future__ import annotations


def twice(n: int) -> int:
    return n * 2
