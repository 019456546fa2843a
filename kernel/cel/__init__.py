"""The Common Expression Language: parser, syntax tree, evaluation and templates.

``compile("a + b").evaluate({"a": 1, "b": 2})`` gives ``3``. Values are plain Python values; see
``values`` for the types that Python lacks, and docs/cel.md for the language.
"""

from __future__ import annotations

from kernel.cel.budget import Limits
from kernel.cel.errors import CelError, CelEvaluationError, CelSyntaxError
from kernel.cel.functions import MACROS, TABLE
from kernel.cel.json_form import again_in_json, from_types, in_json, to_json, with_types
from kernel.cel.parser import parse
from kernel.cel.program import Program, compile
from kernel.cel.template_tree import Embedded, Scalar, Segment, TemplateTree, parse_template, scan
from kernel.cel.templates import Template, compile_template, faulty_template
from kernel.cel.tree import Expr, free_names, reference_path, references, walk
from kernel.cel.values import Duration, Optional, Timestamp, Type, UInt

__all__ = [
    "MACROS",
    "TABLE",
    "CelError",
    "CelEvaluationError",
    "CelSyntaxError",
    "Duration",
    "Embedded",
    "Expr",
    "Limits",
    "Optional",
    "Program",
    "Scalar",
    "Segment",
    "Template",
    "TemplateTree",
    "Timestamp",
    "Type",
    "UInt",
    "again_in_json",
    "compile",
    "compile_template",
    "faulty_template",
    "free_names",
    "from_types",
    "in_json",
    "parse",
    "parse_template",
    "reference_path",
    "references",
    "scan",
    "to_json",
    "walk",
    "with_types",
]
