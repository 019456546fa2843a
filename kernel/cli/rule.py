"""``kernel explain K503``: the page of a rule, for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import find_rule, page
from kernel.errors import UsageError
from kernel.manifest.suggest import nearest

_CODE = re.compile(r"[Kk]\d\w*")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


def is_rule(word: str) -> bool:
    """Whether a word means a rule, and no kind: a code, or a name or what looks like one."""
    return bool(_CODE.fullmatch(word)) or "-" in word or find_rule(word) is not None


def explain_rule(word: str) -> dict[str, Any]:
    """Code, name, severity and page of a rule. Raises UsageError where there is none."""
    rule = find_rule(word)
    if rule is None:
        names = {each.name: each.name for each in RULES.values()} | {code: code for code in RULES}
        near = nearest(word.upper() if _CODE.fullmatch(word) else word.lower(), names)
        hint = f"did you mean `{near}`?" if near else "docs/check.md lists them"
        raise UsageError(f"there is no rule `{word}`; {hint}")
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "page": page(rule.code),
    }


def as_lines(explained: dict[str, Any]) -> Iterator[str]:
    """The page as a terminal shows it: headings in capitals, examples indented."""
    title = f"{explained['code']} {explained['name']} ({explained['severity']})"
    fenced = False
    for line in (explained["page"] or f"# {title}\n").rstrip("\n").split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            yield f"    {line}" if line else ""
        elif line.startswith("## "):
            yield line.removeprefix("## ").upper()
        else:
            yield _LINK.sub(r"\1 (\2)", line.removeprefix("# "))
