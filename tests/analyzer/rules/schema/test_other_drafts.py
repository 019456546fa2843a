"""K011: words of other drafts, and the edits that say the same in those of 2020-12."""

from __future__ import annotations

import pytest

from analyzer import check_text
from analyzer.report import Finding
from kernel.manifest.source import Source

MANIFEST = """kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    at: {}
steps: []
result: "${{{{ inputs }}}}"
"""

SCHEMAS = [
    ("{ type: string, nullable: true }", '{ type: [string, "null"] }'),
    ("{ nullable: true, type: string }", '{ type: [string, "null"] }'),
    ("{ nullable: true, minLength: 1, type: string }", '{ minLength: 1, type: [string, "null"] }'),
    ('{ "type": "string", "nullable": true }', '{ "type": ["string", "null"] }'),
    ("{ type: [string, integer], nullable: true }", '{ type: [string, integer, "null"] }'),
    ('{ type: [string, "null"], nullable: true }', '{ type: [string, "null"] }'),
    ("{ type: string, nullable: false }", "{ type: string }"),
    ("{ nullable: false }", "{  }"),
    (
        "\n      type: string\n      nullable: true\n      minLength: 1",
        '\n      type: [string, "null"]\n      minLength: 1',
    ),
    ("\n      type: string  # as written\n      nullable: true", None),
    ("{ type: string, enum: [a], nullable: true }", None),
    ("{ nullable: true }", None),
    ("{ dependencies: { a: [b] } }", "{ dependentRequired: { a: [b] } }"),
    (
        "{ dependencies: { a: { required: [b] }, b: true } }",
        "{ dependentSchemas: { a: { required: [b] }, b: true } }",
    ),
    ("{ 'dependencies': { a: [b] } }", "{ 'dependentRequired': { a: [b] } }"),
    ("{ dependencies: { a: [b], b: false } }", None),
    ("{ dependencies: { a: [b] }, dependentRequired: { b: [c] } }", None),
    (
        "{ prefixItems: [{ type: string }], additionalItems: false }",
        "{ prefixItems: [{ type: string }], items: false }",
    ),
    ("{ items: { type: string }, additionalItems: false }", None),
    ("{ type: integer, divisibleBy: 2 }", "{ type: integer, multipleOf: 2 }"),
    ("{ disallow: string }", None),
    ("{ items: { $recursiveRef: '#' } }", "{ items: { $ref: '#' } }"),
]


def found_in(text: str) -> list[Finding]:
    return [one for one in check_text(text).findings if one.code == "K011"]


@pytest.mark.parametrize(("written", "meant"), SCHEMAS)
def test_a_word_of_another_draft_is_found_and_mended(written: str, meant: str | None) -> None:
    text = MANIFEST.format(written)
    (found,) = found_in(text)
    if meant is None:
        assert found.fix is None
        return
    assert found.fix is not None
    start, end = Source("main.yaml", text).extent(found.fix.span)
    mended = text[:start] + found.fix.text + text[end:]
    assert mended == MANIFEST.format(meant)
    assert found_in(mended) == []


def test_what_has_such_a_name_is_no_word_of_a_schema() -> None:
    fields = "{ properties: { id: { type: string }, nullable: { type: boolean } } }"
    assert found_in(MANIFEST.format(fields)) == []
    assert found_in(MANIFEST.format("{ const: { nullable: true, id: a } }")) == []
