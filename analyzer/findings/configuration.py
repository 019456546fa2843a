"""Configuration: severities by rule, and what fails a check (analyzer.md, Diagnostics).

``[tool.kernel.check]`` of pyproject.toml, or ``[check]`` of kernel.toml; the nearest going up from
what is checked, as far as the root of the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from analyzer.findings.catalogue import RULES, Severity
from analyzer.findings.finding import Finding, Report
from analyzer.findings.pages import find_rule
from kernel.errors import UsageError
from kernel.manifest.suggest import did_you_mean
from kernel.structs import field, struct

FailOn = Literal["error", "warning", "info", "never"]
Setting = Literal["error", "warning", "info", "off"]

_RANKS: Final = ("error", "warning", "info", "never")
_TABLES: Final = (("kernel.toml", ("check",)), ("pyproject.toml", ("tool", "kernel", "check")))
_KEYS: Final = ("fail-on", "severity")


@struct
class Configuration:
    """What a team has decided: the severity of rules, by code, and what fails a check."""

    severities: Mapping[str, Setting] = field(default_factory=dict)
    fail_on: FailOn = "error"
    file: Path | None = field(default=None, compare=False)

    def weighed(self, finding: Finding) -> Finding:
        """A finding with its configured severity; one that is switched off as it is."""
        wanted = self.severities.get(finding.code)
        return finding if wanted is None or wanted == "off" else replace(finding, severity=wanted)

    def apply(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings with the configured severities, without those that are switched off."""
        for finding in findings:
            wanted = self.severities.get(finding.code)
            if wanted is None:
                yield finding
            elif wanted != "off":
                yield replace(finding, severity=wanted)


def fails(report: Report, fail_on: FailOn) -> bool:
    """Whether something in a report is as grave as ``fail_on``."""
    grave: tuple[Severity, ...] = ("error", "warning", "info")
    return any(report.count(each) for each in grave[: (_RANKS.index(fail_on) + 1) % 4])


def strictest(configurations: Iterable[Configuration]) -> FailOn:
    """What fails a check of several places: the strictest setting of all."""
    return max((each.fail_on for each in configurations), key=_strictness, default="error")


def _strictness(fail_on: FailOn) -> int:
    return -1 if fail_on == "never" else _RANKS.index(fail_on)


def configuration_of(path: Path) -> Configuration:
    """The configuration for what lies at ``path``. Raises UsageError where it is wrong."""
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    for place in (folder, *folder.parents):
        for name, keys in _TABLES:
            file = place / name
            if file.is_file() and (table := _table(file, keys)) is not None:
                return _Reader(file, ".".join(keys)).configuration(table)
        if (place / ".git").exists():
            break
    return Configuration()


def _table(file: Path, keys: tuple[str, ...]) -> Any:
    import tomllib

    try:
        found: Any = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


class _Reader:
    """Reads one table, and says in which line something is wrong."""

    def __init__(self, file: Path, table: str) -> None:
        self._file = file
        self._table = table

    def configuration(self, table: Any) -> Configuration:
        if not isinstance(table, dict):
            raise self._wrong(self._table.split(".")[-1], f"[{self._table}] is a table")
        for key in table:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS) or f"there are {' and '.join(_KEYS)}"
                raise self._wrong(key, f"there is no setting `{key}`; {hint}")
        fail_on = table.get("fail-on", "error")
        if fail_on not in get_args(FailOn):
            words = ", ".join(get_args(FailOn))
            raise self._wrong("fail-on", f"`fail-on` is one of {words}, this is {fail_on!r}")
        return Configuration(self._severities(table.get("severity", {})), fail_on, self._file)

    def _severities(self, table: Any) -> dict[str, Setting]:
        if not isinstance(table, dict):
            raise self._wrong("severity", "`severity` is a table of rules")
        settings: dict[str, Setting] = {}
        for word, setting in table.items():
            rule = find_rule(word)
            if rule is None:
                names = [*RULES, *(rule.name for rule in RULES.values())]
                hint = did_you_mean(word, names) or "docs/check.md lists them"
                raise self._wrong(word, f"there is no rule `{word}`; {hint}")
            if setting not in get_args(Setting):
                words = ", ".join(get_args(Setting))
                raise self._wrong(word, f"the severity of `{word}` is one of {words}")
            if rule.code in settings:
                raise self._wrong(word, f"{rule.code} has a severity already")
            settings[rule.code] = setting
        return settings

    def _wrong(self, key: str, message: str) -> UsageError:
        return UsageError(f"{self._file}:{self._line(key)}: {message}")

    def _line(self, key: str) -> int:
        """The line with the key, below the header of the table where there is one."""
        lines = self._file.read_text("utf-8").splitlines()
        header = re.compile(rf"\s*\[\s*{re.escape(self._table)}\b")
        first = next((n for n, line in enumerate(lines) if header.match(line)), 0)
        word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        return next((n for n in range(first, len(lines)) if word.search(lines[n])), first) + 1
