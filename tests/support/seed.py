"""The call site and the contract that the kernel was begun with."""

from __future__ import annotations

import textwrap

DEFINITION = """\
kind: Kernel.Definition
metadata: { name: Query, module: Sql }
capability: Invocable
inputs:
  type: object
  properties:
    sql: { type: string }
    bindings: { type: array }
  required: [sql]
outputs:
  type: object
  properties:
    rows: { type: array }
    count: { type: integer }
"""


CALL_SITE = """\
invoke: { kind: Http.Request, name: Api }
inputs:
  url: "${{ vars.endpoint }}"
retry:
  attempts: 3
  delay: 2000
  backoff: exponential
  when: "${{ error.code == 429 || error.code >= 500 }}"
"""

QUERIES = (
    DEFINITION
    + """\
---
kind: Sql.Query
metadata: { name: Orders }
---
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { sql: {} } }
steps:
  - name: MyStep
    invoke: { kind: Sql.Query, name: Orders }
    inputs: { sql: "${{ inputs.sql }}", bindings: ["${{ 1 + 1 }}"] }
result: "${{ steps.MyStep.result.rows }}"
"""
)


def calling(call_site: str) -> str:
    """The call site of the seed as the one step of a topology."""
    step = textwrap.indent(call_site, "    ").replace("    ", "  - ", 1)
    return f"""\
kind: Kernel.Module
metadata: {{ name: M }}
vars: {{ endpoint: {{ type: string }} }}
---
kind: Http.Request
metadata: {{ name: Api }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
{step}---
kind: Run.Sequence
metadata: {{ name: Caught }}
steps:
  - try:
      - {{ name: Called, invoke: {{ kind: Run.Sequence, name: Main }} }}
    catch:
      - {{ name: Seen, value: "${{{{ error }}}}" }}
result: "${{{{ steps.Seen.result }}}}"
"""
