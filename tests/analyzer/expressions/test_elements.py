"""What was tested of each element of a list holds for the elements, wherever they are read."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check_text, infer
from kernel.cel import CelEvaluationError, compile
from tests.support.properties import examples

TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "integer"}}
LINE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sku": {"type": "string"},
        "alt": {"type": "string"},
        "at": {"type": "integer", "minimum": 0},
        "pos": {"type": "integer"},
    },
    "required": ["sku", "alt", "at", "pos"],
}
NAMES: dict[str, Any] = {
    "wanted": TEXTS,
    "l": TEXTS,
    "names": TEXTS,
    "rows": {"type": "array", "items": TEXTS},
    "stock": COUNTS,
    "m": COUNTS,
    "lines": {"type": "array", "items": LINE},
    "flag": {"type": "boolean"},
    "key": {"type": "string"},
}

SAFE = """
wanted.filter(w, w in stock).map(w, stock[w])
wanted.filter(w, w in stock).map(v, stock[v])
wanted.filter(w, w in stock && stock[w] > 0).map(v, stock[v])
wanted.filter(w, flag && w in stock).sort().map(v, stock[v])
wanted.filter(w, w in stock).filter(x, stock[x] > 1).map(v, stock[v])
wanted.filter(w, w in stock).distinct().reverse().slice(0, 0).map(v, stock[v])
wanted.filter(w, w in stock).sortBy(w, stock[w]).map(v, stock[v])
wanted.map(w, w in stock, w).map(v, stock[v])
lines.map(l, l.sku in stock, l.sku).map(v, stock[v])
lines.filter(x, x.sku in stock).map(x, x.sku).map(v, stock[v])
lines.filter(x, x.sku in stock).map(x, stock[x.sku])
lines.filter(r, r.at < size(names)).map(r, names[r.at])
lines.filter(r, r.pos >= 0 && r.pos < size(names)).map(r, names[r.pos])
lines.filter(r, size(names) > r.at).exists(r, names[r.at] == 'a')
stock.filter(k, stock[k] > 0).map(k, stock[k])
stock.filter(k, k in m).map(k, stock[k] + m[k])
stock.map(k, k in m, k).map(k, stock[k] + m[k])
stock.map(k, k).map(k, stock[k])
stock.map(k, k).sort().map(k, stock[k])
wanted.all(w, w in m) && wanted.map(w, m[w]).exists(n, n == 0)
wanted.all(w, w in m) ? wanted.map(x, m[x]) : []
!wanted.exists(w, !(w in m)) ? wanted.map(x, m[x]) : []
wanted.exists(w, !(w in m)) ? [] : wanted.map(x, m[x])
wanted.all(w, w in m) ? wanted.filter(x, x != '').map(x, m[x]) : []
wanted.all(w, w in m && m[w] > 0) ? wanted.sort().map(x, m[x]) : []
lines.all(l, l.at < size(names)) ? lines.map(l, names[l.at]) : []
lines.all(l, l.sku in stock) ? lines.map(l, l.sku).map(s, stock[s]) : []
rows.all(r, r.all(c, c in m)) ? rows.map(r, r.map(c, m[c])) : []
rows.filter(r, r.all(c, c in m)).map(r, r.map(c, m[c]))
stock.all(k, k in m) ? stock.map(k, m[k]) : []
stock.all(k, k in m) ? stock.transformList(k, v, m[k] + v) : []
wanted.all(w, w in stock) ? wanted.transformList(i, w, stock[w] + i) : []
wanted.filter(w, w in stock).transformList(i, w, stock[w] + i)
wanted.filter(w, w in stock).all(w, stock[w] > 0)
cel.bind(have, wanted.filter(w, w in stock), have.map(w, stock[w]))
size(wanted.filter(w, w in stock)) > 0 ? cel.bind(f, wanted.filter(w, w in stock)[0], stock[f]) : 0
wanted.filter(w, w in stock).first().optMap(w, stock[w]).orValue(0)
wanted.exists(w, w in stock) ? stock[wanted.filter(w, w in stock)[0]] : 0
wanted.exists_one(w, w in stock) ? wanted.filter(w, w in stock)[0] : ''
wanted.exists(w, w == key) ? wanted.filter(w, w == key)[0] : ''
wanted.all(w, w in stock) && size(wanted) > 0 ? stock[wanted[0]] : 0
(flag ? wanted.filter(w, w in stock) : []).map(w, stock[w])
lists.range(size(names)).filter(i, names[i] != '').map(i, names[i])
lists.range(size(names)).filter(i, names[i] != '').map(j, names[j])
wanted.filter(w, key in stock).map(w, stock[key])
wanted.filter(w, !(!(w in stock))).map(w, stock[w])
wanted.map(w, wanted[0])
wanted.filter(w, w != '').map(x, wanted[0])
wanted.filter(w, w != '').map(x, wanted.filter(w, w != '')[0])
wanted.map(w, wanted[size(wanted) - 1])
key in wanted ? wanted[0] : ''
key in wanted.filter(w, w in stock) ? wanted.filter(w, w in stock)[0] : ''
wanted.filter(w, w in stock).map(w, {'a': w}).map(r, r.a)
wanted.all(w, w in m) && wanted.all(w, w in stock) ? wanted.map(w, m[w] + stock[w]) : []
(wanted.all(w, w in m) && flag) || (wanted.all(x, x in m) && key == '') ? wanted.map(w, m[w]) : []
wanted.filter(w, w in stock).transformMap(i, w, stock[w])
lines.filter(l, l.sku in m && l.alt in m).map(l, m[l.sku] + m[l.alt])
lines.sortBy(l, l.at).filter(l, l.sku in m).sortBy(l, m[l.sku]).map(l, m[l.sku])
wanted.all(w, w in stock) && key in wanted ? stock[key] : 0
key in wanted.filter(w, w in stock) ? stock[key] : 0
key in wanted && wanted.all(w, w in stock) ? stock[key] : 0
""".strip().splitlines()

UNSAFE = """
wanted.filter(w, w in stock).map(w, m[w])
wanted.filter(w, w in stock || flag).map(w, stock[w])
wanted.filter(w, !(w in stock)).map(w, stock[w])
wanted.map(w, stock[w])
wanted.exists(w, w in stock) ? wanted.map(w, stock[w]) : []
wanted.exists_one(w, w in stock) ? wanted.map(w, stock[w]) : []
wanted.all(w, w in stock) ? [] : wanted.map(w, stock[w])
wanted.all(w, w in stock) || flag ? wanted.map(w, stock[w]) : []
wanted.all(w, w in stock) ? l.map(w, stock[w]) : []
lines.filter(x, x.sku in stock).map(x, stock[x.alt])
lines.filter(x, x.sku in stock).map(x, x.alt).map(v, stock[v])
lines.map(x, x.sku in stock, x.alt).map(v, stock[v])
lines.filter(r, r.pos < size(names)).map(r, names[r.pos])
lines.filter(r, r.at <= size(names)).map(r, names[r.at])
lines.filter(r, r.at < size(names)).map(r, wanted[r.at])
lines.filter(r, r.at < size(names)).map(r, names[r.at + 1])
stock.all(k, v, string(v) in m) ? stock.map(k, m[k]) : []
stock.all(k, v, string(v) in m) ? stock.transformList(k, v, m[k]) : []
wanted.filter(w, w in stock).filter(x, l.all(w, w in m)).map(v, m[v])
[stock].map(s, wanted.filter(w, w in s)).map(x, x.map(w, m[w]))
cel.bind(have, wanted.filter(w, w in stock), wanted.map(w, stock[w]))
wanted.all(w, w in stock) ? l.all(wanted, stock[wanted] > 0) : false
wanted.all(w, w in stock) ? [m].map(stock, wanted.map(w, stock[w])) : []
wanted.filter(x, x in m).map(x, l).map(m, m.map(x, stock[x]))
wanted.exists(w, w in stock) ? stock[wanted.filter(w, w in m)[0]] : 0
wanted.exists(w, w in stock) ? wanted.filter(w, w in m)[0] : ''
wanted.all(w, w in stock) ? stock[wanted[0]] : 0
!wanted.exists(w, w in stock) ? wanted.filter(w, w in stock)[0] : ''
wanted.map(w, wanted[1])
l.map(w, wanted[0])
(flag ? wanted.filter(w, w in stock) : ['a']).map(w, stock[w])
(flag ? wanted.filter(w, w in stock) : l).map(w, stock[w])
wanted.filter(w, w in stock).map(w, w + 'x').map(v, stock[v])
wanted.exists(x, wanted.all(w, w in m)) ? wanted.map(w, m[w]) : []
wanted.filter(w, l.exists(v, v in m && v == w)).map(v, stock[v])
size(wanted.filter(w, w in stock)) > 0 ? cel.bind(f, wanted.filter(w, w in m)[0], stock[f]) : 0
key in wanted ? stock[key] : 0
!(key in wanted.filter(w, w in stock)) ? stock[key] : 0
""".strip().splitlines()

OF_STYLE = {"K307", "K308"}


def codes(expression: str) -> list[str]:
    return [one.code for one in infer(expression, NAMES).diagnostics if one.code not in OF_STYLE]


@pytest.mark.parametrize("expression", SAFE)
def test_what_was_tested_holds_for_the_elements(expression: str) -> None:
    assert codes(expression) == []


@pytest.mark.parametrize("expression", UNSAFE)
def test_what_was_not_tested_is_told(expression: str) -> None:
    assert {"K501", "K507"} & set(codes(expression))


# Lists of steps

STEPS = """
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    wanted: {{ type: array, items: {{ type: string }} }}
    stock: {{ type: object, additionalProperties: {{ type: integer }} }}
    m: {{ type: object, additionalProperties: {{ type: integer }} }}
    lines:
      type: array
      items:
        type: object
        properties: {{ sku: {{ type: string }}, at: {{ type: integer, minimum: 0 }} }}
        required: [sku, at]
  required: [wanted, stock, m, lines]
steps:
  - {{ name: First, value: "${{{{ {first} }}}}" }}
  - name: Each
    forEach: "${{{{ {items} }}}}"
    do: [{{ name: One, value: "${{{{ {one} }}}}" }}]
result: "${{{{ [steps.Each.result, steps.First.result] }}}}"
"""
NO_LIST = "inputs.wanted.size()"


@pytest.mark.parametrize(
    ("first", "items", "one"),
    [
        (NO_LIST, "inputs.wanted.filter(w, w in inputs.stock)", "inputs.stock[item]"),
        (NO_LIST, "inputs.lines.filter(l, l.sku in inputs.stock)", "inputs.stock[item.sku]"),
        (NO_LIST, "inputs.lines.filter(l, l.at < size(inputs.wanted))", "inputs.wanted[item.at]"),
        (NO_LIST, "inputs.stock.filter(k, inputs.stock[k] > 0)", "inputs.stock[item]"),
        (NO_LIST, "inputs.stock.map(k, k)", "inputs.stock[item]"),
        (NO_LIST, "lists.range(size(inputs.wanted))", "inputs.wanted[item]"),
        (NO_LIST, "inputs.wanted", "inputs.wanted[index]"),
        (NO_LIST, "inputs.wanted", "inputs.wanted[0]"),
        (NO_LIST, "inputs.wanted.filter(w, w != '')", "inputs.wanted[0]"),
        ("inputs.wanted.filter(w, w in inputs.stock)", "steps.First.result", "inputs.stock[item]"),
        ("inputs.wanted.map(w, w)", "steps.First.result", "steps.First.result[index]"),
        ("inputs.stock.map(k, k)", "steps.First.result.sort()", "inputs.stock[item]"),
        (
            "inputs.wanted.filter(w, w in inputs.stock)",
            "steps.First.result.filter(w, w in inputs.m)",
            "inputs.stock[item] + inputs.m[item]",
        ),
        (
            "inputs.wanted.all(w, w in inputs.stock)",
            "steps.First.result ? inputs.wanted : []",
            "inputs.stock[item]",
        ),
    ],
)
def test_what_was_tested_holds_for_the_items_of_a_loop(first: str, items: str, one: str) -> None:
    assert _found(first, items, one) == []


@pytest.mark.parametrize(
    ("first", "items", "one"),
    [
        (NO_LIST, "inputs.wanted.filter(w, w in inputs.m)", "inputs.stock[item]"),
        (NO_LIST, "inputs.wanted.filter(w, w != '')", "inputs.wanted[index + 1]"),
        (NO_LIST, "inputs.wanted", "inputs.wanted[1]"),
        (NO_LIST, "inputs.stock.map(k, k)", "inputs.m[item]"),
        ("inputs.wanted.filter(w, w in inputs.m)", "steps.First.result", "inputs.stock[item]"),
        ("inputs.wanted.filter(w, w in inputs.stock)", "inputs.wanted", "inputs.stock[item]"),
        (
            "inputs.wanted.all(w, w in inputs.stock)",
            "steps.First.result ? [] : inputs.wanted",
            "inputs.stock[item]",
        ),
    ],
)
def test_what_was_not_tested_is_told_in_a_loop(first: str, items: str, one: str) -> None:
    assert {"K501", "K507"} & set(_found(first, items, one))


NESTED = """
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    stock: {{ type: object, additionalProperties: {{ type: integer }} }}
    m: {{ type: object, additionalProperties: {{ type: integer }} }}
    orders:
      type: array
      items:
        type: object
        required: [lines]
        properties: {{ lines: {{ type: array, items: {{ type: string }} }} }}
  required: [stock, m, orders]
steps:
  - name: Outer
    forEach: "${{{{ inputs.orders.filter(o, {test}) }}}}"
    do:
      - name: Inner
        forEach: "${{{{ item.lines }}}}"
        do: [{{ name: One, value: "${{{{ {one} }}}}" }}]
result: "${{{{ steps.Outer.result }}}}"
"""


@pytest.mark.parametrize(
    ("test", "one", "expected"),
    [
        ("o.lines.all(l, l in inputs.stock)", "inputs.stock[item]", []),
        ("o.lines.all(l, l in inputs.stock && l in inputs.m)", "inputs.m[item]", []),
        ("!o.lines.exists(l, !(l in inputs.stock))", "inputs.stock[item]", []),
        ("o.lines.all(l, l in inputs.stock)", "inputs.m[item]", ["K501"]),
        ("o.lines.exists(l, l in inputs.stock)", "inputs.stock[item]", ["K501"]),
        ("o.lines.all(l, l in o.lines)", "inputs.stock[item]", ["K501"]),
    ],
)
def test_what_was_tested_holds_in_a_loop_in_a_loop(
    test: str, one: str, expected: list[str]
) -> None:
    found = check_text(NESTED.format(test=test, one=one)).findings
    assert [one.code for one in found if one.code not in OF_STYLE] == expected


PERHAPS = """
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    flag: {{ type: boolean }}
    stock: {{ type: object, additionalProperties: {{ type: integer }} }}
    ids: {{ type: array, items: {{ type: string }} }}
  required: [flag, stock, ids]
steps:
  - name: Kept
    when: "${{{{ inputs.flag }}}}"
    value: "${{{{ inputs.ids.filter(i, {test}) }}}}"
  - name: Each
    when: "${{{{ {when} }}}}"
    forEach: "${{{{ steps.Kept.result }}}}"
    do: [{{ name: One, value: "${{{{ inputs.stock[item] }}}}" }}]
result: "${{{{ steps.Each }}}}"
"""


@pytest.mark.parametrize(
    ("test", "when", "expected"),
    [
        ("i in inputs.stock", "inputs.flag", []),
        ("i in inputs.stock", "!steps.Kept.skipped", []),
        ("i != ''", "inputs.flag", ["K501"]),
        ("i in inputs.stock", "size(inputs.ids) > 1", ["K503"]),
    ],
)
def test_what_was_tested_holds_where_the_step_has_run(
    test: str, when: str, expected: list[str]
) -> None:
    found = check_text(PERHAPS.format(test=test, when=when)).findings
    assert [one.code for one in found if one.code not in OF_STYLE] == expected


def _found(first: str, items: str, one: str) -> list[str]:
    text = STEPS.format(first=first, items=items, one=one)
    return [one.code for one in check_text(text).findings if one.code not in OF_STYLE]


# The law: what is accepted does not fail

_TESTS = ("{e} in stock", "{e} in m", "{e} in stock && {e} in m", "{e} in stock || {e} in m")
_MORE = ("!({e} in stock)", "{e} != ''", "stock.all({e}, {e} in m)", "l.all(z, z in m)", "{e} in l")


def _test(rng: random.Random, name: str) -> str:
    return rng.choice([*_TESTS, *_TESTS, *_MORE]).format(e=name)


def _whole(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(["wanted", "l", "stock.map(k, k)", "lines.map(y, y.sku)"])
    inner, name = _whole(rng, depth - 1), rng.choice(["x", "y"])
    test = _test(rng, name)
    return rng.choice(
        [
            f"{inner}.filter({name}, {test})",
            f"{inner}.filter({name}, {test})",
            f"{inner}.map({name}, {test}, {name})",
            f"{inner}.sort()",
            f"({_test(rng, 'key')} ? {inner} : [])",
            f"lines.filter({name}, {_test(rng, name + '.sku')}).map({name}, {name}.sku)",
            f"lines.map({name}, {_test(rng, name + '.sku')}, {name}.alt)",
        ]
    )


def _expression(rng: random.Random) -> str:
    whole, name = _whole(rng, rng.randint(0, 3)), rng.choice(["x", "y", "v"])
    read = rng.choice([f"stock[{name}]", f"m[{name}]", f"stock[{name}] + m[{name}]"])
    forms = [
        f"{whole}.map({name}, {read})",
        f"cel.bind(kept, {whole}, kept.map({name}, {read}))",
        f"{whole}.transformList(i, {name}, {read} + i)",
        f"key in {whole} ? [{read.replace(f'[{name}]', '[key]')}] : []",
        f"{whole}.exists(q, {_test(rng, 'q')}) ? [stock[{whole}[0]]] : []",
    ]
    text = rng.choice([forms[0], *forms])
    for _ in range(rng.randint(0, 2)):
        every = rng.choice(["", "!"])
        macro = "exists" if every else "all"
        condition = f"{every}{rng.choice([whole, 'wanted', 'l'])}.{macro}(t, {_test(rng, 't')})"
        text = f"({condition} ? {text} : [])"
    return text


def hold(seed: int) -> bool:
    """Whether the expression of a seed is accepted; then it reads nothing that is not there."""
    rng = random.Random(seed)
    expression = _expression(rng)
    inference = infer(expression, NAMES)
    found = [one for one in inference.diagnostics if one.code not in OF_STYLE]
    if inference.type.has_dyn or any(one.severity != "info" for one in found):
        return False
    program = compile(expression)
    for _ in range(30):
        bindings = {name: _value(rng, name) for name in NAMES}
        reason = _reason(program, bindings)
        assert reason not in ("no-such-key", "index"), f"{expression} with {bindings}"
    return True


def _reason(program: Any, bindings: dict[str, Any]) -> str | None:
    try:
        program.evaluate(bindings)
    except CelEvaluationError as error:
        return error.reason
    return None


def _value(rng: random.Random, name: str) -> Any:
    def text() -> str:
        return rng.choice("abc")

    match name:
        case "stock" | "m":
            return {text(): rng.randint(0, 2) for _ in range(rng.randint(0, 3))}
        case "rows":
            return []
        case "flag":
            return rng.random() < 0.5
        case "key":
            return text()
        case "lines":
            return [
                {"sku": text(), "alt": text(), "at": 0, "pos": 0} for _ in range(rng.randint(0, 2))
            ]
    return [text() for _ in range(rng.randint(0, 3))]


@examples(300)
@given(st.integers(0, 2**32))
def test_what_is_accepted_reads_only_what_is_there(seed: int) -> None:
    hold(seed)


def test_many_readings_are_accepted() -> None:
    assert sum(map(hold, range(300))) > 50


CONTAINED = {
    "m.exists(k, k == 'x') ? m['x'] : 0": [],
    "m.exists(k, k == s) ? m[s] : 0": [],
    "m.exists(k, s == k && k != '') ? m[s] : 0": [],
    "l.all(w, m.exists(k, k == w)) ? l.map(w, m[w]) : []": [],
    "m.exists(k, k != s) ? m[s] : 0": ["K501"],
    "m.exists(k, k == s || k == 'x') ? m[s] : 0": ["K501"],
    "!m.exists(k, k == s) ? m[s] : 0": ["K501"],
    "m.exists(k, v, k == s) ? m[s] : 0": ["K501"],
    "m.exists(k, k == s) ? other[s] : 0": ["K501"],
}
"""What is equal to a key of a map is a key of it."""


@pytest.mark.parametrize("expression", CONTAINED)
def test_a_value_that_some_key_is_equal_to_is_a_key(expression: str) -> None:
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    texts = {"type": "array", "items": {"type": "string"}}
    names = {"m": counts, "other": counts, "l": texts, "s": {"type": "string"}}
    found = [one.code for one in infer(expression, names).diagnostics]
    assert found == CONTAINED[expression]
