"""What the analyzer found, for people and programs: text, JSON, SARIF, GitHub annotations."""

from analyzer.findings.finding import Edit, Finding, Note, Report
from analyzer.report.github import as_github
from analyzer.report.json import as_json
from analyzer.report.sarif import as_sarif
from analyzer.report.text import as_text

__all__ = ["Edit", "Finding", "Note", "Report", "as_github", "as_json", "as_sarif", "as_text"]
