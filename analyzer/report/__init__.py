"""What the analyzer found, for people and programs: text, JSON, GitHub annotations."""

from analyzer.report.finding import Edit, Finding, Note, Report
from analyzer.report.forms import as_github, as_json, as_text

__all__ = ["Edit", "Finding", "Note", "Report", "as_github", "as_json", "as_text"]
