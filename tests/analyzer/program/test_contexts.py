"""Variables whose schemas stand at the call site: the requests of routes, and own kinds."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path

import pytest

import kernel
from analyzer import check_text

SERVER = """\
kind: Http.Server
metadata: { name: Web }
port: 0
---
"""


def route(request: str, message: str, more: str = "") -> str:
    return f"""\
{SERVER}kind: Http.Api
metadata: {{ name: Todos }}
server: {{ kind: Http.Server, name: Web }}
routes:
  - request: {request}
    invoke: {{ kind: Log.Print }}
    inputs: {{ message: "${{{{ {message} }}}}" }}
{textwrap.indent(more, "    ")}"""


def found(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in check_text(text).findings]


def codes(text: str) -> list[str]:
    return [code for code, _ in found(text)]


TEXT = (
    "{ type: object, required: [b], properties: { b: { type: string } }, "
    "additionalProperties: false }"
)


@pytest.mark.parametrize(
    "body",
    [
        f"{{ $ref: '#/$defs/t', $defs: {{ t: {TEXT} }} }}",
        f"{{ $ref: '#t', $defs: {{ t: {{ $anchor: t, allOf: [{TEXT}] }} }} }}",
    ],
)
def test_the_references_of_a_schema_at_a_call_site_lead_into_it(body: str) -> None:
    request = f"{{ method: PUT, path: /todos, body: {body} }}"
    assert codes(route(request, "request.body.b")) == []
    assert codes(route(request, "request.body.c")) == ["K401"]


def test_a_schema_at_a_call_site_may_contain_itself() -> None:
    tree = (
        "{ type: object, required: [n], properties: { n: { type: string }, sub: { $ref: '#' } } }"
    )
    request = f"{{ method: PUT, path: /todos, body: {tree} }}"
    assert codes(route(request, "has(request.body.sub) ? request.body.sub.n : ''")) == []
    assert codes(route(request, "has(request.body.sub) ? request.body.sub.m : ''")) == ["K407"]


@pytest.mark.parametrize(
    ("schema", "code", "place"),
    [
        ("{ type: strin }", "K101", "type"),
        ("{ properties: { q: { pattern: '(' } } }", "K101", "pattern"),
        ("{ properties: { q: { $ref: '#/$defs/nope' } } }", "K102", "$ref"),
        ("{ properties: { q: { $ref: 'Http.Request#/inputs' } } }", "K102", "$ref"),
        ("{ type: object, allOf: [{ required: [q] }], properties: { q: false } }", "K103", None),
        ("{ properties: { q: { type: integer, default: x } } }", "K105", "default"),
    ],
)
@pytest.mark.parametrize("part", ["params", "query", "headers", "body"])
def test_what_is_wrong_with_a_schema_at_a_call_site(
    schema: str, code: str, place: str | None, part: str
) -> None:
    request = f"{{ method: PUT, path: /todos, {part}: {schema} }}"
    findings = check_text(route(request, "request.method")).findings
    assert [one.code for one in findings] == [code]
    assert findings[0].path[:4] == ("routes", 0, "request", part)
    if place is not None:
        assert findings[0].path[-1] == place


OWN = """\
kind: Kernel.Definition
metadata: { name: Text, module: Own }
capability: Invocable
safety: idempotent
schema:
  type: object
  required: [text]
  properties:
    text: { type: string, x-kernel-eval: call, x-kernel-context: { $ref: "#/$defs/ctx" } }
  $defs:
    ctx: { type: object, required: [count], properties: { count: { type: integer } } }
inputs: { type: object, required: [words], properties: { words: { type: array } } }
outputs: { type: string }
controller: { python: "tests.analyzer.program.test_contexts:Text" }
---
kind: Own.Text
metadata: { name: Count }
text: "${{ TEXT }}"
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: T, invoke: { kind: Own.Text, name: Count }, inputs: { words: [a] } }
result: "${{ steps.T.result }}"
"""


class Text:
    """Says something of its words."""

    def __init__(self, fields: dict[str, kernel.Deferred]) -> None:
        self.text = fields["text"]

    def invoke(self, inputs: dict[str, list[str]]) -> object:
        return self.text.evaluate({"count": len(inputs["words"])})


def test_a_context_may_be_referred_to() -> None:
    assert codes(OWN.replace("TEXT", "string(count + 1)")) == []
    assert codes(OWN.replace("TEXT", "string(count + 'x')")) == ["K305"]
    assert codes(OWN.replace("TEXT", "string(cuont)")) == ["K302"]


def test_a_context_that_is_referred_to_is_evaluated(tmp_path: Path) -> None:
    manifest = tmp_path / "own.yaml"
    manifest.write_text(OWN.replace("TEXT", "string(count + 1)"))

    async def run() -> object:
        async with kernel.Kernel(kernel.load(manifest)) as running:
            return await running.invoke("Run.Sequence/Main", {})

    assert asyncio.run(run()) == "2"


@pytest.mark.parametrize(
    ("read", "codes_"),
    [
        ("request.params.id", []),
        ("request.params.id + request.params.rest", []),
        ("request.params.idd", ["K401"]),
        ("string(request.params.id + 1)", ["K305"]),
        ("request.query.q", ["K206", "K501"]),
        ("has(request.query.q) && type(request.query.q) == string ? request.query.q : ''", []),
        ("request.headers.accept", ["K501"]),
        ("'x-a' in request.headers ? request.headers['x-a'] : ''", []),
        ("request.body.any", ["K108"]),
    ],
)
def test_what_a_request_is_without_schemas(read: str, codes_: list[str]) -> None:
    request = '{ method: PUT, path: "/x/{id}/{rest:path}" }'
    assert codes(route(request, read)) == codes_


@pytest.mark.parametrize(
    "params",
    [
        "{ type: object, properties: { id: { type: integer } }, required: [] }",
        "{ type: object, properties: { id: { type: integer } } }",
        "{ $ref: '#/$defs/p',"
        " $defs: { p: { type: object, properties: { id: { type: integer } } } } }",
    ],
)
def test_the_names_of_a_path_are_there_whatever_the_schema_says(params: str) -> None:
    request = f'{{ path: "/x/{{id}}", params: {params} }}'
    assert codes(route(request, "string(request.params.id + 1)")) == []
    assert codes(route(request, "string(request.params.id + 'x')")) == ["K305"]
