"""The static analyzer: what can be proven about a manifest without running anything.

``check("orders.yaml")`` gives the report on a manifest.

``infer("order.total > 10.0", {"order": schema})`` gives the type of a CEL expression and what is
wrong with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.expressions.inference import Inference, check_expression, infer
    from analyzer.findings.diagnostic import Diagnostic, Fix, Related
    from analyzer.findings.finding import Finding, Report
    from analyzer.pipeline import check, check_manifest, check_text

__all__ = [
    "Diagnostic",
    "Finding",
    "Fix",
    "Inference",
    "Related",
    "Report",
    "check",
    "check_expression",
    "check_manifest",
    "check_text",
    "infer",
]

# Imported when they are used: an earlier report is shown without any of what made it.
_HOMES = {
    "Diagnostic": "findings.diagnostic",
    "Finding": "findings.finding",
    "Fix": "findings.diagnostic",
    "Inference": "expressions.inference",
    "Related": "findings.diagnostic",
    "Report": "findings.finding",
    "check": "pipeline",
    "check_expression": "expressions.inference",
    "check_manifest": "pipeline",
    "check_text": "pipeline",
    "infer": "expressions.inference",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    return getattr(importlib.import_module(f"analyzer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
