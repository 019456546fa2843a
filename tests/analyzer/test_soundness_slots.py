"""What a field of a step refuses at run time is told beforehand; and its correct twin is clean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from analyzer import check_text
from kernel import Failure, Kernel, loads

HEAD: dict[str, Any] = {
    "kind": "Run.Sequence",
    "metadata": {"name": "Main"},
    "inputs": {
        "type": "object",
        "properties": {
            "s": {"type": "string"},
            "e": {"enum": ["a", "b"]},
            "n": {"type": "integer", "minimum": -9, "maximum": 9},
            "r": {"type": "integer", "minimum": 1, "maximum": 3},
            "d": {"type": "number"},
            "b": {"type": "boolean"},
            "o": {"type": ["string", "null"]},
            "m": {"anyOf": [{"enum": [1.5, "a"]}, {"type": "array", "items": {}}]},
        },
        "required": ["s", "e", "n", "r", "d", "b", "o", "m"],
        "additionalProperties": False,
    },
}
INPUTS = {"s": "", "e": "b", "n": -9, "r": 3, "d": -0.5, "b": False, "o": None, "m": []}
"""Arguments with which what is refused fails."""

ERRORS = {"Text": {"GONE": {}}, "Number": {404: {}}, "Both": {"GONE": {}, 404: {}}, "Any": None}
"""The kinds, with the errors that they declare."""

USELESS = {"K601", "K901"}
"""What says that a thing is useless, not that it may fail."""


def _kinds() -> list[dict[str, Any]]:
    head = {"kind": "Kernel.Definition", "capability": "Invocable", "safety": "idempotent"}
    return [
        {**head, "metadata": {"name": name, "module": "T"}, **({"errors": codes} if codes else {})}
        for name, codes in ERRORS.items()
    ]


def _text(steps: str) -> str:
    main = {**HEAD, "steps": yaml.safe_load(steps)}
    return yaml.safe_dump_all([*_kinds(), main], sort_keys=False)


def _codes(steps: str) -> list[str]:
    found = check_text(_text(steps), "slots.yaml").findings
    return [one.code for one in found if one.weight != "info" and one.code not in USELESS]


def _failure(steps: str, code: str | int) -> dict[str, Any] | None:
    """How a run fails whose calls fail with a code."""

    def fails(_: Any) -> Any:
        raise Failure("no", code=code, outcome="failed")

    async def main() -> Any:
        controllers = {f"T.{name}": fails for name in ERRORS}
        async with Kernel(loads(_text(steps)), controllers=controllers) as kernel:
            return (await kernel.apply("Run.Sequence/Main", INPUTS)).error

    error = asyncio.run(main())
    return None if error is None else error.to_cel()


def caught(tried: str, expression: str, part: str = "catch") -> str:
    """Steps whose handler, or whose ending, gives a value."""
    shown = f'{part}: [{{ name: Seen, value: "${{{{ {expression} }}}}" }}]'
    return f"[{{ try: [{tried}], {shown} }}]"


def calls(kind: str, name: str = "Called") -> str:
    return f"{{ name: {name}, invoke: {{ kind: T.{kind} }} }}"


NAMELESS = "{ invoke: { kind: T.Text } }"

REFUSED: dict[str, tuple[str, str | int]] = {
    "the code is text where only numbers are declared": (
        caught(calls("Number"), "error.code >= 500"),
        "TIMEOUT",
    ),
    "the code may be a number": (caught(calls("Both"), "'code ' + error.code"), 404),
    "nothing is declared": (caught(calls("Any"), "'code ' + error.code"), 404),
    "the message of an error is its code": (
        f"[{{ try: [{calls('Both')}], "
        'catch: [{ throw: { code: X, message: "${{ error.code }}" } }] }]',
        404,
    ),
    "a step without a name fails": (caught(NAMELESS, "'in ' + error.step"), "GONE"),
    "a step in a step without a name fails": (
        caught(f"{{ if: true, then: [{NAMELESS}] }}", "'in ' + error.step"),
        "GONE",
    ),
    "another text": ('[{ switch: "${{ inputs.s }}", cases: { a: [] } }]', ""),
    "another number": ('[{ switch: "${{ inputs.n }}", cases: { 1: [] } }]', ""),
    "another of a few numbers": ('[{ switch: "${{ inputs.r }}", cases: { 1: [], 2: [] } }]', ""),
    "another double": ('[{ switch: "${{ inputs.d }}", cases: { 1: [] } }]', ""),
    "the other bool": ('[{ switch: "${{ inputs.b }}", cases: { true: [] } }]', ""),
    "a list": ('[{ switch: "${{ inputs.m }}", cases: { 1.5: [], a: [] } }]', ""),
    "null": ('[{ switch: "${{ inputs.o }}", cases: { a: [] } }]', ""),
    "a declared code without a case": (
        f"[{{ try: [{calls('Both')}], "
        'catch: [{ switch: "${{ error.code }}", cases: { GONE: [] } }] }]',
        404,
    ),
    "a code without a case where any may come": (
        f"[{{ try: [{calls('Any')}], "
        'catch: [{ switch: "${{ error.code }}", cases: { GONE: [] } }] }]',
        404,
    ),
    "a code that was looked at, and has no case": (
        f"[{{ try: [{calls('Both')}], catch: [{{ value: '${{{{ error.code == 404 }}}}' }}, "
        '{ switch: "${{ error.code }}", cases: { GONE: [] } }] }]',
        404,
    ),
    "a pause of less than nothing": ('[{ sleep: "${{ inputs.n - 5 }}" }]', ""),
    "a pause of part of nothing": ('[{ sleep: "${{ inputs.d }}" }]', ""),
    "a pause of many years": ('[{ sleep: "${{ (inputs.n + 10) * 100000000000 }}" }]', ""),
    "a limit of less than nothing": ('[{ waitFor: order, timeout: "${{ inputs.n }}" }]', ""),
    "no event": ('[{ waitFor: "${{ inputs.s }}", timeout: 1 }]', ""),
    "no event before a colon": ('[{ waitFor: "${{ inputs.s }}:${{ inputs.n }}", timeout: 1 }]', ""),
}

TAKEN: dict[str, tuple[str, str | int]] = {
    "the code is converted": (caught(calls("Both"), "'code ' + string(error.code)"), 404),
    "its type is asked": (
        caught(calls("Number"), "type(error.code) == int && error.code >= 500"),
        "TIMEOUT",
    ),
    "it is compared": (caught(calls("Both"), "error.code in [404, 'GONE']"), 404),
    "it is text": (caught(calls("Text"), "'code ' + error.code"), "GONE"),
    "it is a number that is thrown": (
        caught("{ throw: { code: 404 } }", "error.code >= 500 || error.code + 1 == 405"),
        "",
    ),
    "it is passed on": (
        f"[{{ try: [{{ try: [{calls('Both')}], catch: [{{ throw: {{ code: '${{{{ error.code }}}}',"
        " message: '${{ string(error.code) }}' } }] }], catch: [] }]",
        404,
    ),
    "all steps have names": (caught(calls("Text"), "'in ' + error.step"), "GONE"),
    "the steps that may fail have names": (
        caught(f"{{ value: 1 }}, {{ if: true, then: [{calls('Text')}] }}", "'in ' + error.step"),
        "GONE",
    ),
    "there may be no error": (
        "[{ try: ["
        + caught(calls("Text"), "error == null ? 0 : size(error.message)", "finally")[1:-1]
        + "], catch: [] }]",
        "GONE",
    ),
    "all of an enumeration": ('[{ switch: "${{ inputs.e }}", cases: { a: [], b: [] } }]', ""),
    "all of a range": ('[{ switch: "${{ inputs.r }}", cases: { 1: [], 2: [], 3: [] } }]', ""),
    "all that is left of a range": (
        '[{ switch: "${{ inputs.n % 2 == 0 ? 0 : 1 }}", cases: { 0: [], 1: [] } }]',
        "",
    ),
    "all of some numbers and texts": (
        """[{ when: "${{ inputs.m in [1.5, 'a'] }}", switch: "${{ inputs.m }}",
              cases: { 1.5: [], a: [] } }]""",
        "",
    ),
    "both bools": ('[{ switch: "${{ inputs.b }}", cases: { true: [], false: [] } }]', ""),
    "all that a condition leaves": (
        """[{ when: "${{ inputs.s in ['a', 'b'] }}", switch: "${{ inputs.s }}",
              cases: { a: [], b: [] } }]""",
        "",
    ),
    "a case that a condition rules out": (
        """[{ when: "${{ inputs.e != 'a' }}", switch: "${{ inputs.e }}",
              cases: { a: [], b: [] } }]""",
        "",
    ),
    "all others": ('[{ switch: "${{ inputs.s }}", cases: { a: [] }, default: [] }]', ""),
    "all declared codes": (
        f"[{{ try: [{calls('Both')}], "
        'catch: [{ switch: "${{ error.code }}", cases: { GONE: [], 404: [] } }] }]',
        404,
    ),
    "all codes but one that is thrown before": (
        f"[{{ try: [{{ try: [{calls('Both')}], catch: ["
        "{ if: '${{ error.code == 404 }}', then: [{ throw: { code: X } }] },"
        '{ switch: "${{ error.code }}", cases: { GONE: [] } }] }], catch: [] }]',
        404,
    ),
    "a pause of at least nothing": ('[{ sleep: "${{ inputs.n + 9 }}" }]', ""),
    "a pause under a condition": (
        '[{ sleep: "${{ inputs.n > 0 ? inputs.n : 0 }}" }]',
        "",
    ),
    "a pause in rounds that are counted": (
        '[{ do: [{ sleep: "${{ index * 2 }}" }], until: "${{ index == 1 }}", maxIterations: 3 }]',
        "",
    ),
    "a pause for each of a few": (
        '[{ forEach: [1, 2], do: [{ sleep: "${{ index + item }}" }] }]',
        "",
    ),
    "an event": (
        '[{ try: [{ waitFor: "order:${{ inputs.s }}", timeout: "${{ inputs.r }}" }], catch: [] }]',
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_fails_is_told(name: str) -> None:
    steps, code = REFUSED[name]
    assert _failure(steps, code) is not None
    assert len(_codes(steps)) == 1


@pytest.mark.parametrize("name", TAKEN)
def test_what_does_not_fail_is_clean(name: str) -> None:
    steps, code = TAKEN[name]
    assert _failure(steps, code) is None
    assert _codes(steps) == []


ROUTE = """
kind: Http.Server
metadata: {{ name: Server }}
---
kind: Kernel.Definition
metadata: {{ name: Ask, module: T }}
capability: Invocable
safety: idempotent
errors: {{ GONE: {{ }} }}
outputs:
  type: object
  properties: {{ status: {{ type: integer{limits} }} }}
  required: [status]
---
kind: Http.Api
metadata: {{ name: Api }}
server: {{ kind: Http.Server, name: Server }}
routes:
  - request: {{ path: /, method: GET }}
    invoke: {{ kind: T.Ask }}
    response: {{ status: "${{{{ result.status }}}}" }}
    catches: [{{ code: GONE, status: "${{{{ size(error.message) > 99 ? {status} : 502 }}}}" }}]
"""


@pytest.mark.parametrize(
    ("limits", "status", "codes"),
    [
        (", minimum: 200, maximum: 599", 404, []),
        ("", 404, ["K208"]),
        (", minimum: 200, maximum: 600", 404, ["K208"]),
        (", minimum: 200, maximum: 599", 700, ["K208"]),
    ],
)
def test_a_status_is_one_that_can_be_sent(limits: str, status: int, codes: list[str]) -> None:
    found = check_text(ROUTE.format(limits=limits, status=status), "api.yaml").findings
    assert [one.code for one in found if one.weight != "info"] == codes
