"""Words of other languages are known by name; what they guard is not reported besides."""

from __future__ import annotations

import pytest

from analyzer import check_text
from analyzer.report import Finding
from kernel.cel import MACROS, TABLE, CelSyntaxError, parse
from kernel.cel.other_languages import CONSTANTS, FUNCTIONS, IDIOMS, OPERATORS
from kernel.manifest.source import Source

MANIFEST = """kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    items: {{ type: array, items: {{ type: string }} }}
    n: {{ type: integer }}
    s: {{ type: string }}
    o: {{ type: string }}
    b: {{ type: boolean }}
  required: [items, n, s, b]
steps: {}
result: "${{{{ steps.A.result }}}}"
"""

WORDS = [
    ("inputs.b and inputs.n > 3", "K301", "inputs.b && inputs.n > 3"),
    ("inputs.b or inputs.n > 3", "K301", "inputs.b || inputs.n > 3"),
    ("not inputs.b", "K301", "! inputs.b"),
    ("inputs.n > 3 && not inputs.b", "K301", "inputs.n > 3 && ! inputs.b"),
    ("inputs.s is 'a'", "K301", "inputs.s == 'a'"),
    ("inputs.s not in inputs.items", "K301", None),
    ("inputs.s is not null", "K301", None),
    ("'a' if inputs.b else 'b'", "K301", None),
    ("inputs.s <> 'a'", "K301", None),
    ("inputs.o ?? 'x'", "K301", None),
    ("inputs.o ?: 'x'", "K301", None),
    ("inputs.n ** 2", "K301", None),
    ("inputs.items.map(x => x)", "K301", None),
    ("`a`", "K301", None),
    ("inputs.b == True", "K302", "inputs.b == true"),
    ("[inputs.s, None]", "K302", "[inputs.s, null]"),
    ("[inputs.s, nil]", "K302", "[inputs.s, null]"),
    ("len(inputs.items)", "K303", "size(inputs.items)"),
    ("inputs.s.length()", "K303", "inputs.s.size()"),
    ("str(inputs.n)", "K303", "string(inputs.n)"),
    ("float(inputs.n)", "K303", "double(inputs.n)"),
    ("inputs.s.toLowerCase()", "K303", "inputs.s.lowerAscii()"),
    ("inputs.items.some(x, x == 'a')", "K303", "inputs.items.exists(x, x == 'a')"),
    ("inputs.items.every(x, x == 'a')", "K303", "inputs.items.all(x, x == 'a')"),
    ("max(inputs.n, 2)", "K303", "math.greatest(inputs.n, 2)"),
    ("sze(inputs.items)", "K303", "size(inputs.items)"),
    ("inputs.n.toString()", "K303", None),
    ("any(inputs.items)", "K303", None),
    ("concat(inputs.s, 'a')", "K303", None),
    ("inputs.items.includes('a')", "K303", None),
    ("inputs.items.length", "K401", "size(inputs.items)"),
    ("inputs.s.length", "K401", "size(inputs.s)"),
]
"""An expression, the rule that finds the word, and the expression once its fix is applied."""


def found_in(steps: str) -> list[Finding]:
    return list(check_text(MANIFEST.format(steps)).findings)


def value(expression: str) -> str:
    return f'[{{ name: A, value: "${{{{ {expression} }}}}" }}]'


@pytest.mark.parametrize(("written", "code", "meant"), WORDS)
def test_a_word_of_another_language_is_one_finding(
    written: str, code: str, meant: str | None
) -> None:
    (found,) = found_in(value(written))
    assert found.code == code
    if meant is None:
        assert found.fix is None
        return
    assert found.fix is not None
    text = MANIFEST.format(value(written))
    start, end = Source("main.yaml", text).extent(found.fix.span)
    assert text[:start] + found.fix.text + text[end:] == MANIFEST.format(value(meant))
    assert found_in(value(meant)) == []


CONDITIONS = [
    "hass(inputs.o)",
    "inputs.b && hass(inputs.o)",
    "!(inputs.o.isEmpty())",
    "has(inputs.o) and inputs.n > 3",
    "inputs.b or has(inputs.o)",
    "not has(inputs.o)",
    "has(inputs.o",
]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    "steps",
    [
        '[{{ name: A, when: "${{{{ {} }}}}", value: "${{{{ inputs.o }}}}" }}]',
        '[{{ name: A, if: "${{{{ {} }}}}", then: [{{ value: "${{{{ inputs.o }}}}" }}] }}]',
        '[{{ name: A, value: "${{{{ {} ? inputs.o : inputs.s }}}}" }}]',
    ],
)
def test_what_a_mistaken_condition_guards_is_not_reported(condition: str, steps: str) -> None:
    found = [one.code for one in found_in(steps.format(condition)) if one.code != "K503"]
    wrong_in_itself = ["K501"] if "inputs.o.isEmpty" in condition else []
    assert sorted(found) in (["K301"], ["K303"], ["K303", *wrong_in_itself])


def test_what_a_mistaken_condition_does_not_speak_of_is_reported() -> None:
    found = found_in(value("hass(inputs.s) ? inputs.o : inputs.s"))
    assert sorted(one.code for one in found) == ["K303", "K501"]


def test_the_words_are_not_those_of_the_language() -> None:
    known = {*TABLE, *MACROS}
    assert not known & {*FUNCTIONS, *IDIOMS}
    assert set(FUNCTIONS.values()) <= known
    for word in (*CONSTANTS, *FUNCTIONS):
        parse(word)


@pytest.mark.parametrize("word", OPERATORS)
def test_an_operator_is_told_with_the_one_that_is_meant(word: str) -> None:
    text = f"{word} a" if word == "not" else f"a {word} b"
    with pytest.raises(CelSyntaxError) as error:
        parse(text)
    assert error.value.meant == OPERATORS[word]
    assert text[error.value.offset : error.value.end] == word
    assert parse(text.replace(word, OPERATORS[word]))
