"""``python -m benchmarks``: all ratios in one table, as in the README."""

from __future__ import annotations

from benchmarks import (
    cel,
    checking,
    command,
    editor,
    invocation,
    journal,
    loading,
    schema,
    workflow,
)
from benchmarks.report import show

if __name__ == "__main__":
    show(
        row
        for part in (cel, schema, invocation, workflow, journal, loading, checking, command, editor)
        for row in part.rows()
    )
