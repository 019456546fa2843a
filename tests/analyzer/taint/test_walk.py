"""K801 and K802: what is shown of secrets, and text from outside in another language."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from analyzer import check_text
from kernel.manifest.source import Source

HEAD = """
kind: Kernel.Module
metadata: { name: Shop }
vars: { host: { type: string, default: "https://shop.example" } }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
kind: Kernel.Definition
metadata: { name: Login, module: Shop }
capability: Invocable
outputs:
  type: object
  properties: { token: { type: string, x-kernel-secret: true }, id: { type: integer } }
  required: [token, id]
---
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
inputs:
  type: object
  properties: { key: { type: string, x-kernel-secret: true }, note: { type: string } }
---
kind: Kernel.Definition
metadata: { name: Ask, module: Shop }
capability: Invocable
inputs:
  type: object
  properties: { prompt: { type: string, x-kernel-untrusted: prompt } }
  required: [prompt]
outputs: { type: string }
---
kind: Kernel.Definition
metadata: { name: Alert, module: Shop }
capability: Invocable
inputs:
  type: object
  properties:
    lines: { type: array, items: { type: object, properties: { text: { x-kernel-shown: true } } } }
---
kind: Sql.Connection
metadata: { name: Db }
url: "${{ secrets.token }}"
"""

ANY_TABLE = "inputs: { type: object, properties: { t: { type: string } }, required: [t] }"


def found(text: str, *codes: str) -> list[tuple[str, str]]:
    """The findings of these rules: the code, and the text that is pointed at."""
    source = HEAD + "---\n" + dedent(text)
    lines = Source("x.yaml", source).text.split("\n")
    report = check_text(source, "x.yaml")
    seen = []
    for one in report.findings:
        if one.code in (codes or ("K801", "K802")):
            assert one.span is not None
            line = lines[one.span.line - 1]
            seen.append((one.code, line[one.span.column - 1 : one.span.end_column - 1]))
    return seen


def main(steps: str, result: str = "ok", more: str = "") -> str:
    """A sequence of these steps."""
    return (
        "kind: Run.Sequence\nmetadata: { name: Main }\n"
        + (f"{more}\n" if more else "")
        + f"steps:\n{indent(dedent(steps).strip(), '  ')}\n"
        + (f"result: {result}\n" if result else "")
    )


def call(kind: str, inputs: str) -> str:
    """A step that calls."""
    return f"{{ invoke: {{ kind: {kind} }}, inputs: {{ {inputs} }} }}"


def leak(text: str = "secrets.token") -> list[tuple[str, str]]:
    return [("K801", text)]


@pytest.mark.parametrize(
    "step",
    [
        call("Log.Print", 'message: "token ${{ secrets.token }}"'),
        call("Log.Print", "message: \"${{ 'is ' + secrets.token }}\""),
        call("Log.Print", 'message: a, fields: { t: "${{ secrets.token }}" }'),
        "{ invoke: { kind: Log.Print }, inputs: \"${{ {'message': secrets.token} }}\" }",
        call("File.Write", 'path: a, content: "${{ secrets.token }}"'),
        call("Http.Request", 'url: "${{ vars.host }}?k=${{ secrets.token }}"'),
        call('Http.Request, baseUrl: "https://${{ secrets.token }}.example"', "url: a"),
        call("Shop.Ask", 'prompt: "${{ secrets.token }}"'),
        call("Shop.Alert", 'lines: [{ text: a }, { text: "${{ secrets.token }}" }]'),
        '{ invoke: { kind: Shop.Login }, idempotencyKey: "${{ secrets.token }}" }',
        '{ throw: { code: REFUSED, message: "with ${{ secrets.token }}" } }',
        '{ try: [{ throw: { code: A, message: "${{ secrets.token }}" } }], finally: [] }',
    ],
)
def test_a_secret_is_shown(step: str) -> None:
    assert found(main(f"- {step}")) == leak()


@pytest.mark.parametrize(
    "step",
    [
        call("Http.Request", 'url: a, headers: { A: "Bearer ${{ secrets.token }}" }'),
        call("Http.Request", 'url: a, form: { password: "${{ secrets.token }}" }'),
        call("Shop.Charge", 'key: "${{ secrets.token }}"'),
        call("Shop.Charge", 'note: "${{ secrets.token }}"'),
        call("Log.Print", 'message: "${{ size(secrets.token) }} characters"'),
        call("Shop.Alert", 'lines: [{ other: "${{ secrets.token }}" }]'),
        "{ when: \"${{ secrets.token != '' }}\", invoke: { kind: Shop.Login } }",
        call("Log.Print", "message: \"${{ secrets.token == '' ? 'no' : 'a' }} token\""),
        '{ try: [{ throw: { code: A, message: "${{ secrets.token }}" } }], catch: [] }',
    ],
)
def test_a_secret_is_used(step: str) -> None:
    assert found(main(f"- {step}")) == []


def test_a_secret_in_the_result() -> None:
    steps = '- { name: Header, value: "Bearer ${{ secrets.token }}" }'
    assert found(main(steps, '{ header: "${{ steps.Header.result }}" }')) == leak(
        "steps.Header.result"
    )
    assert found(main(steps, '{ size: "${{ size(steps.Header.result) }}" }')) == []
    marked = "outputs: { type: object, properties: { h: { type: string, x-kernel-secret: true } } }"
    assert found(main(steps, '{ h: "${{ steps.Header.result }}" }', marked)) == []
    assert found(main(steps, '{ i: "${{ steps.Header.result }}" }', marked)) == leak(
        "steps.Header.result"
    )


def test_without_a_result_all_results_are_given() -> None:
    steps = '- { name: Header, value: "Bearer ${{ secrets.token }}" }'
    assert found(main(steps, "")) == leak()
    assert found(main("- { name: In, invoke: { kind: Shop.Login } }", "")) == leak("In")
    each = (
        '- { name: All, forEach: [1], do: [{ name: H, value: "${{ secrets.token }}" }], result: 1 }'
    )
    assert found(main(each, "")) == []


def test_what_a_contract_calls_secret_is_followed() -> None:
    steps = "- { name: In, invoke: { kind: Shop.Login } }\n"
    say = '- {{ invoke: {{ kind: Log.Print }}, inputs: {{ message: "{}" }} }}'
    assert found(main(steps + say.format("${{ steps.In.result.token }}"))) == leak(
        "steps.In.result.token"
    )
    assert found(main(steps + say.format("${{ string(steps.In.result.id) }}"))) == []
    fields = "- " + call("Log.Print", 'message: a, fields: "${{ steps.In.result }}"')
    assert found(main(steps + fields)) == leak("steps.In.result")
    assert found(main(steps, '"${{ steps.In.result.id }}"')) == []


def test_a_secret_in_a_loop_and_in_branches() -> None:
    steps = """
    - name: Grow
      while: "${{ !has(steps.Next) || size(steps.Next.result) < 9 }}"
      maxIterations: 9
      do:
        - { name: Last, value: "${{ has(steps.Next) ? steps.Next.result : '' }}" }
        - { name: Next, value: "${{ steps.Last.result + secrets.token }}" }
    - name: Pick
      if: "${{ size(steps.Grow.result) > 3 }}"
      then: [{ name: A, value: "${{ secrets.token }}" }]
      else: [{ name: B, value: none }]
    - { name: Each, forEach: ["${{ steps.Pick.result }}"], do: [{ name: C, value: "${{ item }}" }] }
    """
    assert found(main(steps, '"${{ steps.Last.result }}"')) == leak("steps.Last.result")
    assert found(main(steps, '"${{ steps.Pick.result }}"')) == leak("steps.Pick.result")
    assert found(main(steps, '"${{ steps.Each.result[0] }}"')) == leak("steps.Each.result[0]")
    assert found(main(steps, '"${{ size(steps.Each.result) }}"')) == []


def test_what_was_caught_and_is_told() -> None:
    steps = """
    - try: [{ throw: { code: A, message: "with ${{ secrets.token }}" } }]
      catch: [{ invoke: { kind: Log.Print }, inputs: { message: "${{ error.message }}" } }]
    """
    assert found(main(steps)) == leak("error.message")
    assert found(main(steps.replace("error.message", "string(error.code)"))) == []


GREET = """
kind: Run.Sequence
metadata: { name: Greet }
inputs: { type: object, properties: { name: { type: string } }, required: [name] }
steps:
  - { invoke: { kind: Log.Print }, inputs: { message: "hello ${{ inputs.name }}" } }
result: ok
---
"""


def test_a_secret_is_followed_into_what_is_called() -> None:
    greet = "- " + call("Run.Sequence, name: Greet", 'name: "${{ secrets.token }}"')
    assert found(GREET + main(greet)) == leak()
    assert found(GREET.replace("inputs.name", "size(inputs.name)") + main(greet)) == []
    marked = GREET.replace(
        "name: { type: string }", "name: { type: string, x-kernel-secret: true }"
    )
    assert found(marked + main(greet)) == leak("inputs.name")


def test_what_is_called_is_shown_beside_the_leak() -> None:
    greet = "- " + call("Run.Sequence, name: Greet", 'name: "${{ secrets.token }}"')
    (one,) = (
        f for f in check_text(HEAD + "---" + GREET + main(greet)).findings if f.code == "K801"
    )
    assert "`Greet`" in one.message
    assert "`message` of `Log.Print`" in one.message
    assert len(one.related) == 1


def test_a_secret_is_followed_through_several_calls() -> None:
    outer = GREET.replace("Greet", "Outer").replace(
        'invoke: { kind: Log.Print }, inputs: { message: "hello ${{ inputs.name }}" }',
        'invoke: { kind: Run.Sequence, name: Greet }, inputs: { name: "${{ inputs.name }}" }',
    )
    greet = "- " + call("Run.Sequence, name: Outer", 'name: "${{ secrets.token }}"')
    assert found(GREET + outer + main(greet)) == leak()


def test_fields_of_a_kind_with_a_body() -> None:
    kind = """
    kind: Kernel.Definition
    metadata: { name: Notice, module: Shop }
    capability: Invocable
    schema: { type: object, properties: { to: { type: string, x-kernel-eval: load } } }
    body:
      steps:
        - { invoke: { kind: Log.Print }, inputs: { message: "to ${{ self.to }}" } }
      result: ok
    ---
    kind: Shop.Notice
    metadata: { name: N }
    to: "${{ secrets.token }}"
    """
    assert found(kind) == leak()
    assert found(kind.replace("self.to", "size(self.to)")) == []


def test_answers_of_routes() -> None:
    api = """
    kind: Http.Server
    metadata: { name: Server }
    ---
    kind: Http.Api
    metadata: { name: Api }
    server: { kind: Http.Server, name: Server }
    routes:
      - request: { path: /a }
        invoke: { kind: Shop.Login }
        response: { status: 200, body: { t: "${{ secrets.token }}" } }
    """
    assert found(api) == leak()
    assert found(api.replace("secrets.token", "result.id")) == []
    assert found(api.replace("secrets.token", "result.token")) == leak("result.token")


def test_targets() -> None:
    target = call("Run.Sequence, name: Greet", 'name: "${{ secrets.token }}"')
    head = HEAD.replace("---", f"targets: [{target}]\n---", 1)
    report = check_text(head + "---" + GREET.removesuffix("---\n"))
    assert [one.code for one in report.findings if one.code == "K801"] == ["K801"]


def query(sql: str, more: str = "") -> str:
    return (
        "- { name: Q, invoke: { kind: Sql.Query, connection: { kind: Sql.Connection, name: Db } },"
        f' inputs: {{ sql: "{sql}" }}{more} }}'
    )


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT * FROM ${{ inputs.t }}", "inputs.t"),
        ("${{ 'SELECT * FROM ' + inputs.t }}", "inputs.t"),
        ("${{ 'SELECT * FROM %s'.format([inputs.t]) }}", "inputs.t"),
        ("${{ ['SELECT', inputs.t].join(' ') }}", "inputs.t"),
        ("${{ 'SELECT 1 FROM x'.replace('x', inputs.t) }}", "inputs.t"),
    ],
)
def test_text_from_outside_in_a_statement(sql: str, shown: str) -> None:
    assert found(main(query(sql), more=ANY_TABLE)) == [("K802", shown)]


@pytest.mark.parametrize(
    "sql",
    [
        "${{ inputs.t }}",
        "${{ inputs.t.trim() }}",
        "SELECT 1 FROM ${{ vars.host }}",
        "SELECT ${{ size(inputs.t) }}",
        "${{ inputs.t in ['a', 'b'] ? 'SELECT 1 FROM ' + inputs.t : 'SELECT 1' }}",
    ],
)
def test_statements_that_nobody_can_change(sql: str) -> None:
    assert found(main(query(sql), more=ANY_TABLE)) == []


@pytest.mark.parametrize(
    ("type_", "harmless"),
    [
        ("{ type: integer }", True),
        ("{ type: [number, 'null'] }", True),
        ("{ type: boolean }", True),
        ("{ enum: [asc, desc] }", True),
        ("{ anyOf: [{ type: integer }, { const: all }] }", True),
        ("{ type: string, pattern: '^[a-z_]+$' }", True),
        ("{ type: string, pattern: '^(asc|desc)$' }", True),
        ("{ type: string, pattern: '^a|b$' }", False),
        ("{ type: string, pattern: '^a.*$' }", False),
        ("{ type: string, pattern: '^[^;]*$' }", False),
        ("{ type: string, pattern: 'a' }", False),
        ("{ type: string, format: date }", False),
        ("{ type: [integer, string] }", False),
        ("{ anyOf: [{ type: integer }, { type: string }] }", False),
        ("{}", False),
    ],
)
def test_values_that_can_hold_no_statement(type_: str, harmless: bool) -> None:
    inputs = f"inputs: {{ type: object, properties: {{ t: {type_} }}, required: [t] }}"
    expected = [] if harmless else [("K802", "inputs.t")]
    assert found(main(query("SELECT ${{ inputs.t }}"), more=inputs)) == expected


def test_a_condition_around_the_step_vouches_for_it() -> None:
    when = ", when: \"${{ inputs.t in ['a', 'b'] }}\""
    sql = "SELECT 1 FROM ${{ inputs.t }}"
    assert found(main(query(sql, when), more=ANY_TABLE)) == []
    guard = """
    - if: "${{ !(inputs.t in ['a', 'b']) }}"
      then: [{ throw: { code: A } }]
    """
    assert found(main(dedent(guard) + query(sql), more=ANY_TABLE)) == []


def test_a_statement_that_another_step_makes() -> None:
    made = '- { name: S, value: "SELECT 1 FROM ${{ inputs.t }}" }\n'
    assert found(main(made + query("${{ steps.S.result }}"), more=ANY_TABLE)) == [
        ("K802", "steps.S.result")
    ]


def test_what_calls_give_is_from_outside() -> None:
    ask = "- { name: A, invoke: { kind: Shop.Ask }, inputs: { prompt: hello } }\n"
    assert found(main(ask + query("SELECT ${{ steps.A.result }}"))) == [("K802", "steps.A.result")]
    login = "- { name: A, invoke: { kind: Shop.Login } }\n"
    assert found(main(login + query("SELECT ${{ steps.A.result.id }}"))) == []


def test_prompts() -> None:
    ask = "- " + call("Shop.Ask", 'prompt: "Say it: ${{ inputs.t }}"')
    assert found(main(ask, more=ANY_TABLE)) == [("K802", "inputs.t")]


def test_a_statement_is_followed_into_what_is_called() -> None:
    run = main(query("${{ inputs.t }}"), more=ANY_TABLE).replace("Main", "Run")
    greet = "- " + call("Run.Sequence, name: Run", 't: "SELECT ${{ inputs.t }}"')
    assert found(run + "---\n" + main(greet, more=ANY_TABLE)) == [("K802", "inputs.t")]
    inside = main(query("SELECT ${{ inputs.t }}"), more=ANY_TABLE).replace("Main", "Run")
    assert len(found(inside + "---\n" + main(greet, more=ANY_TABLE))) == 1


def test_parameters_of_a_route() -> None:
    api = """
    kind: Http.Server
    metadata: { name: Server }
    ---
    kind: Http.Api
    metadata: { name: Api }
    server: { kind: Http.Server, name: Server }
    routes:
      - request:
          path: /orders/{id}
          params: { type: object, properties: { id: { type: string } }, required: [id] }
        invoke: { kind: Sql.Query, connection: { kind: Sql.Connection, name: Db } }
        inputs: { sql: "SELECT * FROM orders WHERE id = '${{ request.params.id }}'" }
    """
    assert found(api) == [("K802", "request.params.id")]
    assert found(api.replace("id: { type: string }", "id: { type: integer }")) == []
