"""The fields of resources against the schema of their kind."""

from __future__ import annotations

import pytest

from kernel.errors import Fault
from kernel.manifest import check_fields, loads, resolve_kind, schemas_of, unknown_kind
from kernel.manifest.suggest import nearest

KIND = """\
kind: Kernel.Definition
metadata: { name: Thing, module: T }
capability: Invocable
schema:
  type: object
  properties:
    url: { type: string }
    method: { enum: [GET, POST] }
    count: { type: integer, minimum: 1, x-kernel-eval: load }
    body: { x-kernel-eval: call }
    pin: { type: string, minLength: 9, x-kernel-secret: true }
    options: { type: object, properties: { deep: { type: boolean } }, additionalProperties: false }
    connection: { x-kernel-ref: T.Other }
    inputs: { type: [object, boolean], x-kernel-role: inputs }
    steps: { type: array, x-kernel-role: steps }
    routes:
      type: array
      items:
        type: object
        x-kernel-call: true
        properties: { path: { type: string } }
        required: [path]
  required: [url]
---
kind: T.Thing
metadata: { name: A }
"""


def check(fields: str) -> list[Fault]:
    module = loads(KIND + fields).root
    definition = resolve_kind(module, "T.Thing")
    assert definition is not None
    return check_fields(module.resources["A"], definition, schemas_of(module))


@pytest.mark.parametrize(
    "fields",
    [
        "url: x",
        "url: x\nmethod: GET\ncount: 2\noptions: { deep: true }",
        "url: x\ncount: '${{ vars.n }}'\nbody: { a: ['${{ 1 }}', { b: 'x ${{ 2 }}' }] }",
        "url: 'a literal $${{ x }}'",
        "url: x\nconnection: { kind: T.Other, name: B }",
        "url: x\nconnection: { kind: T.Other, nested: { 1: '${{ x }}' } }",
        "url: x\nsteps: [{ switch: '${{ 1 }}', cases: { 1: [], 2: [] } }]",
        "url: x\nroutes: [{ path: /, invoke: { kind: A.B }, retry: {}, when: '${{ 1 }}' }]",
        "url: x\ninputs: { properties: { a: { $ref: 'Thing#/schema/properties/url' } } }",
    ],
)
def test_sound_fields_have_no_fault(fields: str) -> None:
    assert check(fields) == []


@pytest.mark.parametrize(
    ("fields", "code", "column", "words"),
    [
        ("url: x\nmethd: GET", "K003", 1, "`methd`"),
        ("url: x\nmethod: get", "K007", 9, '"GET", "POST"'),
        ("url: 3", "K007", 6, "must be a string; this is an integer, 3"),
        ("url: x\ncount: 0", "K007", 8, "at least 1"),
        ("url: '${{ vars.u }}'", "K008", 6, "not evaluated"),
        ("url: x\noptions: { deep: '${{ 1 }}' }", "K008", 18, "not evaluated"),
        ("url: x\noptions: { dep: true }", "K003", 12, "`dep`"),
        ("url: x\nbody: { 1: x }", "K007", 9, "must be a string"),
        ("url: x\nconnection: other", "K007", 13, "must be an object"),
        ("url: x\nconnection: { name: B }", "K007", 13, "'kind' is missing"),
        ("url: x\nroutes: [{ path: /, invok: {} }]", "K003", 21, "`invok`"),
        ("url: x\nroutes: [{ invoke: {} }]", "K007", 10, "'path' is missing"),
        ("url: x\nroutes: [{ path: '${{ 1 }}' }]", "K008", 18, "not evaluated"),
        ("url: x\nsteps: {}", "K007", 8, "must be an array"),
        ("url: x\ninputs: { type: strin }", "K101", 17, ""),
        (
            "url: x\ninputs: { properties: { a: { $ref: 'No#/inputs' } } }",
            "K102",
            36,
            "leads nowhere",
        ),
        ("method: GET", "K007", 1, "'url' is missing"),
    ],
)
def test_each_fault_is_told_once_with_its_place(
    fields: str, code: str, column: int, words: str
) -> None:
    (fault,) = check(fields)
    assert fault.span is not None
    assert (fault.code, fault.span.column) == (code, column)
    assert words in fault.message


def test_a_near_name_is_offered_and_a_secret_is_not_shown() -> None:
    (fault,) = check("url: x\nmethd: GET")
    assert fault.help == "did you mean 'method'?"
    (fault,) = check("url: x\npin: hunter2")
    assert "hunter2" not in str(fault)


def test_a_kind_without_a_definition_is_told_with_a_near_one() -> None:
    module = loads(KIND + "url: x\n---\nkind: T.Thingy\nmetadata: { name: B }\n").root
    fault = unknown_kind(module, module.resources["B"])
    assert (fault.code, fault.help) == ("K004", "did you mean 'T.Thing'?")


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("methd", ["method", "meth"], None),
        ("methd", ["method", "url"], "method"),
        ("Url", ["url", "uri"], "url"),
        ("ab", ["xy"], None),
        ("form", ["from"], "from"),
        ("former", ["fromer"], "fromer"),
        ("x" * 1000, ["x" * 999], None),
    ],
)
def test_did_you_mean(name: str, known: list[str], wanted: str | None) -> None:
    assert nearest(name, known) == wanted
