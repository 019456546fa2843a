"""Did you mean: the one known name that is near to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The only name at the least distance, if that is at most a third of the longer name.

    Capitals count as small letters, but no letter alone is taken for another.
    """
    near: dict[int, list[str]] = {}
    for candidate in set(known):
        limit = max(len(name), len(candidate)) // 3
        if abs(len(candidate) - len(name)) <= limit and len(name) <= 80:
            is_same = len(name) > 1 and candidate.lower() == name.lower()
            distance = 0 if is_same else _distance(name, candidate)
            if distance <= limit:
                near.setdefault(distance, []).append(candidate)
    least = near[min(near)] if near else []
    return least[0] if len(least) == 1 else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The help text for an unknown name, or None."""
    found = nearest(name, known)
    return f"did you mean {found!r}?" if found else None


def _distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between the two."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
