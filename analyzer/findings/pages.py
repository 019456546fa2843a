"""The pages of the rules: what a rule is, why, and how to mend what it finds."""

from __future__ import annotations

from pathlib import Path

from analyzer.findings.catalogue import RULES, RuleEntry

_FOLDER = Path(__file__).parent.parent / "rules"


def page(code: str) -> str | None:
    """The page of a rule, in Markdown, or None where it has none."""
    try:
        return (_FOLDER / f"{code}.md").read_text("utf-8")
    except FileNotFoundError:
        return None


def url(code: str) -> str:
    """The address of the page of a rule: the file in the installed package."""
    return (_FOLDER / f"{code}.md").as_uri()


def find_rule(word: str) -> RuleEntry | None:
    """The rule with this code or name, in any case."""
    code = word.upper()
    if code in RULES:
        return RULES[code]
    return next((rule for rule in RULES.values() if rule.name == word.lower()), None)


def first_paragraph(page: str) -> str:
    """What a page says first below its title, in one line."""
    body = page.partition("\n")[2] if page.startswith("#") else page
    return " ".join(body.strip().partition("\n\n")[0].split())
