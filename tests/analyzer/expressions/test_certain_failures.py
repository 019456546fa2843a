"""What is certain to fail is an error that says so; what may fail is a warning with a guard."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from analyzer import check_text
from analyzer.expressions.inference import check_expression as _check
from analyzer.findings.diagnostic import Diagnostic
from analyzer.types import INT, STRING, Int, List, String
from kernel.cel import compile, free_names, parse
from kernel.cel.errors import CelEvaluationError

VARIABLES = {
    "s": STRING,
    "short": String(most=3),
    "ways": String(frozenset(["bus", "car"])),
    "l": List(INT),
    "pair": List(INT, 2, 2),
    "few": List(INT, 0, 3),
    "n": INT,
    "small": Int(0, 3),
    "negative": Int(-9, -1),
    "empty": List(INT, 0, 0),
}
"""The types of the variables that the expressions read."""

VALUES: dict[str, list[Any]] = {
    "s": ["", "a", "abcdef"],
    "short": ["", "abc"],
    "ways": ["bus", "car"],
    "l": [[], [1], [1, 2, 3, 4]],
    "pair": [[1, 2]],
    "few": [[], [1, 2, 3]],
    "n": [-7, 0, 1, 7],
    "small": [0, 1, 3],
    "negative": [-9, -1],
}
"""Values of these types."""

FAIL = [
    "['de', 'fr'][5]",
    "['de', 'fr'][-1]",
    "['de', 'fr'][2]",
    "[1][0.5]",
    "pair[2]",
    "pair[negative]",
    "few[3]",
    "few[small + 3]",
    "l[-1]",
    "l[negative]",
    "l[size(l)]",
    "l[size(l) + small]",
    "empty[n]",
    "[[1]].flatten(-1)",
    "[l].flatten(-1)",
    "[l].flatten(negative)",
    "s.substring(3, 2)",
    "s.substring(-1)",
    "s.substring(size(s) + 1)",
    "s.substring(0, size(s) + 1)",
    "short.substring(4)",
    "short.substring(0, 4)",
    "s.charAt(-1)",
    "short.charAt(4)",
    "ways.charAt(4)",
    "s.charAt(size(s) + 1)",
    "s.indexOf('a', -1)",
    "s.lastIndexOf('a', -1)",
    "'abc'.charAt(7)",
    "'abc'.substring(1 + 1, 1)",
    "l.slice(2, 1)",
    "l.slice(-1, 1)",
    "few.slice(0, 4)",
    "[1, 2].slice(0, 3)",
    "math.greatest([])",
    "math.least(empty)",
    "optional.none().value()",
    "math.bitShiftLeft(n, -1)",
    "math.bitShiftRight(n, negative)",
    "uint(negative)",
    "uint(-1)",
    "int('x')",
    "int('1' + 'x')",
    "double('x')",
    "bool('x')",
    "timestamp('x')",
    "duration('x')",
    "int(1e300)",
    "base64.decode('?')",
    "'%d'.format([])",
    "s.matches('(')",
    "regex.replace(s, 'a', '\\\\9')",
    "timestamp('2020-01-01T00:00:00Z').getHours('Nowhere/No')",
    "{'a': 1}['b']",
    "{'a': 1}[1]",
    "{'a': 1}[ways]",
    "[1, 2].map(x, x + 1)[2]",
    "1 / 0",
    "n % 0",
]
MAY = [
    "l[0]",
    "l[n]",
    "l[small]",
    "few[2]",
    "few[small]",
    "pair[small]",
    "s.substring(n)",
    "s.substring(small, 2)",
    "short.substring(3)",
    "short.charAt(3)",
    "s.charAt(n)",
    "l.slice(small, 2)",
    "math.greatest(l)",
]
FINE = [
    "pair[1]",
    "['de', 'fr'][1]",
    "s.charAt(0)",
    "ways.charAt(3)",
    "[1][?5]",
    "s.substring(0, 0)",
    "[l].flatten(1)",
    "'abc'.substring(1)",
    "[1, 2, 3].slice(1, 2)",
    "math.greatest([1, 2])",
]
CONSTANT = [
    "'b' == 'd' ? 1 : 2",
    "1 == 'a' ? 1 : 2",
    "'a' in ['b'] ? 1 : 2",
    "'a' in ['a'] ? 1 : 2",
    "size('abc') == 4 ? 1 : 2",
    "1 > 2 ? 1 : 2",
    "true ? 1 : 2",
]
_GUARD = re.compile(r"guard it with|compare it|read it with")


def check_expression(text: str) -> tuple[Diagnostic, ...]:
    return _check(parse(text), VARIABLES)[1]


@pytest.mark.parametrize("text", FAIL)
def test_what_is_certain_to_fail_is_an_error(text: str) -> None:
    found = check_expression(text)
    assert [one.severity for one in found] == ["error"], found
    assert " may " not in found[0].message
    assert not _GUARD.search(found[0].message)


@pytest.mark.parametrize("text", FAIL)
def test_what_is_certain_to_fail_fails_with_every_value(text: str) -> None:
    values = {**VALUES, "empty": [[]]}
    names = sorted(free_names(parse(text)))
    for chosen in product(*(values[name] for name in names)):
        with pytest.raises(CelEvaluationError):
            compile(text).evaluate(dict(zip(names, chosen, strict=True)))


@pytest.mark.parametrize("text", MAY)
def test_what_may_fail_is_a_warning(text: str) -> None:
    found = check_expression(text)
    assert [one.severity for one in found] == ["warning"], found


@pytest.mark.parametrize("text", FINE)
def test_what_cannot_fail_is_fine(text: str) -> None:
    assert not check_expression(text)


@pytest.mark.parametrize("text", CONSTANT)
def test_a_constant_condition_is_a_warning(text: str) -> None:
    assert [(one.code, one.severity) for one in check_expression(text)] == [("K601", "warning")]


@pytest.mark.parametrize(
    ("rest", "severity"), [("", "error"), (", additionalProperties: false", "error")]
)
@pytest.mark.parametrize("read", ["inputs.it.card", "inputs.it['card']", "inputs.it.card + 'x'"])
def test_a_field_that_only_some_alternatives_have_is_told_so(
    rest: str, severity: str, read: str
) -> None:
    found = check_text(MANIFEST.format(rest=rest, value=f"${{{{ {read} }}}}")).findings
    assert [one.weight for one in found] == [severity]
    assert found[0].code in ("K404", "K501")
    assert "declared" not in found[0].message
    assert "mean" not in found[0].message
    guarded = f"${{{{ has(inputs.it.card) ? string({read}) : 'none' }}}}"
    assert not [
        one
        for one in check_text(MANIFEST.format(rest=rest, value=guarded)).findings
        if one.code in ("K404", "K501")
    ]


MANIFEST = """\
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    it:
      anyOf:
        - {{ type: object, properties: {{ card: {{ type: string }} }}, required: [card]{rest} }}
        - {{ type: object, properties: {{ iban: {{ type: string }} }}, required: [iban]{rest} }}
  required: [it]
steps:
  - {{ name: A, value: "{value}" }}
result: "${{{{ steps.A.result }}}}"
"""


@pytest.mark.parametrize("subject", ['"${{ 5 }}"', "5", "\"${{ size('abcde') }}\""])
def test_a_constant_switch_is_a_warning(subject: str) -> None:
    text = (
        "kind: Run.Sequence\nmetadata: { name: Main }\n"
        f"steps:\n  - name: A\n    switch: {subject}\n"
        "    cases: { 5: [{ value: 1 }], 6: [{ value: 2 }] }\n"
        'result: "${{ steps.A.result }}"\n'
    )
    found = check_text(text).findings
    assert [(one.code, one.weight) for one in found] == [("K601", "warning")]
