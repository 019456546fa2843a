"""A number that a controller promises to be the size of a list (`x-kernel-same-length`)."""

from __future__ import annotations

import pytest

from analyzer import check_text

MANIFEST = """
kind: Kernel.Definition
metadata: {{ name: Find, module: T }}
capability: Invocable
safety: idempotent
outputs: &outputs
  type: object
  properties:
    rows: {{ type: array, items: {{ type: string }} }}
    more: {{ type: array, items: {{ type: string }} }}
    count: {{ type: integer, x-kernel-same-length: rows }}
  required: [rows, more, count]
  additionalProperties: false
{how}
---
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    n: {{ type: integer, minimum: 0 }}
    r:
      type: object
      properties:
        rows: {{ type: array, items: {{ type: string }} }}
        count: {{ type: integer, x-kernel-same-length: rows }}
      required: [rows, count]
  required: [n, r]
steps:
  - {{ name: Q, invoke: {{ kind: T.Find }} }}
  - {{ name: A, value: "${{{{ {expression} }}}}" }}
result: "${{{{ steps.A.result }}}}"
"""
CONTROLLED = 'controller: { python: "somewhere:Find" }'
BODY = "body: { steps: [], result: { rows: [], more: [], count: 3 } }"
SAFE = """
q.count > 0 ? q.rows[0] : ''
q.count == 1 ? q.rows[0] : ''
0 < q.count ? q.rows[0] : ''
q.count == 0 ? '' : q.rows[0]
q.count != 0 ? q.rows[q.count - 1] : ''
!(q.count <= 2) ? q.rows[2] : ''
q.count > inputs.n ? q.rows[inputs.n] : ''
lists.range(q.count).map(i, q.rows[i])
q.count == size(q.more) ? q.rows.transformList(i, r, r + q.more[i]) : []
""".strip().splitlines()
UNSAFE = """
q.rows[0]
q.count >= 0 ? q.rows[0] : ''
q.count > 0 ? q.rows[1] : ''
q.count > 0 ? q.more[0] : ''
q.count == 0 ? q.rows[0] : ''
q.count >= inputs.n ? q.rows[inputs.n] : ''
q.count > 0 ? q.rows[q.count] : ''
inputs.r.count > 0 ? inputs.r.rows[0] : ''
""".strip().splitlines()


def codes(expression: str, how: str = CONTROLLED) -> list[str]:
    text = MANIFEST.format(how=how, expression=expression.replace("q.", "steps.Q.result."))
    return [one.code for one in check_text(text).findings]


@pytest.mark.parametrize("expression", SAFE)
def test_a_number_says_how_long_the_list_is(expression: str) -> None:
    assert codes(expression) == []


@pytest.mark.parametrize("expression", UNSAFE)
def test_a_number_says_no_more_than_that(expression: str) -> None:
    assert {"K507", "K601"} & set(codes(expression))


def test_what_no_controller_has_promised_is_not_believed() -> None:
    assert "K507" in codes(SAFE[0], BODY)


def test_the_rows_of_a_query_are_as_many_as_it_says() -> None:
    text = """
kind: Sql.Connection
metadata: { name: Database }
url: "sqlite:///rows.db"
---
kind: Sql.Query
metadata: { name: Names }
connection: { kind: Sql.Connection, name: Database }
sql: select name from people
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: All, invoke: { kind: Sql.Query, name: Names } }
result: "${{ steps.All.result.count > 0 ? steps.All.result.rows[0] : null }}"
"""
    assert check_text(text).findings == ()
