"""Severities by rule, and what fails a check."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.findings.configuration import Configuration, configuration_of, fails, strictest
from analyzer.report import Finding, Report
from kernel.errors import UsageError

PYPROJECT = """\
[project]
name = "severity"

[tool.kernel.check]
fail-on = "warning"

[tool.kernel.check.severity]
K407 = "error"
redundant-guard = "off"
"""


def test_the_nearest_one_going_up_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    found = configuration_of(inner)
    assert found == Configuration({"K407": "error", "K506": "off"}, "warning")
    (inner / "main.yaml").write_text("")
    assert configuration_of(inner / "main.yaml") == found
    (tmp_path / "a" / "kernel.toml").write_text('[check]\nseverity = { K407 = "info" }\n')
    assert configuration_of(inner) == Configuration({"K407": "info"}, "error")


def test_the_root_of_a_repository_is_the_end(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    (inner / ".git").mkdir(parents=True)
    (tmp_path / "kernel.toml").write_text('[check]\nfail-on = "never"\n')
    assert configuration_of(inner) == Configuration()
    (inner / "kernel.toml").write_text('[check]\nfail-on = "info"\n')
    assert configuration_of(inner).fail_on == "info"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[check]\nfail-on = 'error'\nseverty = {}\n", 3, "did you mean 'severity'?"),
        ("[check]\nfail-on = 'errors'\n", 2, "error, warning, info, never"),
        ("[check]\nfail-on = 3\n", 2, "`fail-on` is one of"),
        ("[check.severity]\nK407 = 'error'\nK4O7 = 'off'\n", 3, "no rule `K4O7`"),
        ("[check]\nseverity = { unknown-inputs = 'off' }\n", 2, "did you mean 'unknown-input'?"),
        ("[check.severity]\nK407 = 'fatal'\n", 2, "error, warning, info, off"),
        ("[check.severity]\nK407 = ['off']\n", 2, "error, warning, info, off"),
        ("[check.severity]\nK407 = 'off'\nundeclared-property = 'off'\n", 3, "already"),
        ("[check]\nseverity = 'off'\n", 2, "a table of rules"),
        ("a = 1\ncheck = 5\n", 2, "is a table"),
    ],
)
def test_a_wrong_setting_is_told_with_its_place(
    tmp_path: Path, text: str, place: int, message: str
) -> None:
    file = tmp_path / "kernel.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        configuration_of(tmp_path)
    assert str(caught.value).startswith(f"{file}:{place}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"[check\n", b"\xff\xfe"])
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kernel.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"kernel\.toml"):
        configuration_of(tmp_path)


def test_severities_are_changed_and_rules_put_off() -> None:
    findings = [Finding("K407", "a"), Finding("K506", "b"), Finding("K205", "c")]
    kept = list(Configuration({"K407": "error", "K506": "off"}).apply(findings))
    assert [(one.code, one.weight) for one in kept] == [("K407", "error"), ("K205", "error")]


def test_what_fails() -> None:
    wanted = {
        "K205": ("error", "warning", "info"),
        "K407": ("warning", "info"),
        "K506": ("info",),
    }
    for code, failing in wanted.items():
        report = Report.of([Finding(code, "x")])
        for fail_on in ("error", "warning", "info", "never"):
            assert fails(report, fail_on) == (fail_on in failing)
    assert not fails(Report(), "info")


def test_of_several_the_strictest_counts() -> None:
    assert strictest([Configuration(), Configuration(fail_on="info")]) == "info"
    assert strictest([Configuration(fail_on="never"), Configuration()]) == "error"
    assert strictest([Configuration(fail_on="never")]) == "never"
    assert strictest([]) == "error"
