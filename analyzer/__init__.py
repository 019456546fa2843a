"""The static analyzer: what can be proven about a manifest without running anything.

``infer("order.total > 10.0", {"order": schema})`` gives the type of a CEL expression and what is
wrong with it.
"""

from __future__ import annotations

from analyzer.diagnostics import Diagnostic, Fix, Related
from analyzer.inference import Inference, check_expression, infer

__all__ = ["Diagnostic", "Fix", "Inference", "Related", "check_expression", "infer"]
