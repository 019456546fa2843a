"""K705: handlers of errors that cannot come, and errors that a `switch` leaves out."""

from __future__ import annotations

import asyncio
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check_text
from analyzer.program.raising import KERNEL
from analyzer.report import Finding
from kernel import Failure, Kernel, loads
from tests.analyzer.support.effects import at, codes, found, kind, sequence
from tests.support.properties import examples

PAY = kind("Pay", "safety: idempotent\nerrors: { DECLINED: {}, BUSY: { retryable: true } }")
FIND = kind("Find", "safety: idempotent\nerrors: { NOT_FOUND: {} }")
NUMBERS = kind("Get", "safety: idempotent\nerrors: { 404: {}, 503: {} }")
PLAIN = kind("Plain", "safety: idempotent")
ALL = PAY, FIND, NUMBERS, PLAIN


def call(name: str) -> str:
    return f"- invoke: {{ kind: Shop.{name} }}\n"


def handled(tried: str, handler: str, ending: str = "") -> str:
    """Steps that are tried, with steps that handle what they fail with."""
    text = f"- try:\n{indent(tried, '    ')}\n  catch:\n{indent(handler, '    ')}\n"
    return text + (f"  finally:\n{indent(ending, '    ')}\n" if ending else "")


def where(condition: str, then: str = "value: 1") -> str:
    return f'- if: "${{{{ {condition} }}}}"\n  then: [{{ {then} }}]'


def messages(*documents: str) -> list[str]:
    return [one.message for one in found(*documents)]


@pytest.mark.parametrize(
    ("name", "condition", "wanted"),
    [
        ("Pay", "error.code == 'DECLINED'", 0),
        ("Pay", "error.code == 'DECLINDE'", 1),
        ("Pay", "'OVERDUE' == error.code", 1),
        ("Pay", "error.code != 'OVERDUE'", 1),
        ("Pay", "error.code in ['BUSY', 'OVERDUE', 'LOST']", 2),
        ("Pay", "error['code'] == 'OVERDUE'", 1),
        ("Pay", "error.code == 404", 1),
        ("Pay", "error.code == 'TIMEOUT'", 0),  # the kernel's own
        ("Pay", "error.code == 'Timeout'", 1),  # the category of that
        ("Pay", "error.code == 'NO_CASE'", 0),
        ("Pay", "error.code == 'ValueError'", 0),  # an exception of a controller
        ("Pay", "error.code == 'CardExpired'", 0),
        ("Pay", "error.code.startsWith('X')", 0),
        ("Pay", "error.message == 'OVERDUE'", 0),
        ("Pay", "error.kind == 'Timeout'", 0),
        ("Pay", "error.kind == 'Timout'", 1),
        ("Pay", "error.kind == 'SomethingOfLater'", 0),
        ("Get", "error.code == 404", 0),
        ("Get", "error.code == 522", 0),  # of numbers there are always others
        ("Get", "error.code == 'DECLINED'", 1),
        ("Plain", "error.code == 'ANY'", 0),
    ],
)
def test_comparisons(name: str, condition: str, wanted: int) -> None:
    documents = *ALL, sequence("Main", handled(call(name), where(condition)))
    assert codes(*documents) == ["K705"] * wanted


def test_the_place_and_the_fix() -> None:
    documents = *ALL, sequence("Main", handled(call("Pay"), where("error.code == 'DECLINDE'")))
    (one,) = found(*documents)
    assert at(one, *documents) == "'DECLINDE'"
    assert one.message.endswith("cannot fail with 'DECLINDE'; did you mean 'DECLINED'?")
    assert _mended(one, *documents).count("'DECLINED'") == 1
    assert codes(*_mended(one, *documents).split("---\n")) == []


def _mended(finding: Finding, *documents: str) -> str:
    assert finding.fix is not None
    span = finding.fix.span
    lines = "---\n".join(documents).splitlines()
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.column - 1] + finding.fix.text + line[span.end_column - 1 :]
    return "\n".join(lines) + "\n"


def test_the_message_says_what_may_come() -> None:
    (one,) = messages(*ALL, sequence("Main", handled(call("Pay"), where("error.code == 'X_Y'"))))
    assert one == "what is tried here cannot fail with 'X_Y', but with BUSY and DECLINED"


@pytest.mark.parametrize(
    "tried",
    [
        call("Find") + call("Pay"),
        call("Find") + call("Plain"),
        handled(call("Plain"), call("Pay")),
        "- parallel: { a: [{ invoke: { kind: Shop.Pay } }] }\n",
        "- throw: { code: DECLINED }\n",
        "- throw: { code: \"${{ 'DECL' + 'INED' }}\" }\n",
        "- invoke: { kind: Run.Sequence, name: Inner }\n",
        "- invoke: { kind: Shop.Order }\n",
        "- invoke: { kind: Python.Function, function: shop:f }\n",
    ],
)
def test_what_may_raise_it(tried: str) -> None:
    body = kind("Order", "safety: idempotent\nbody:\n  steps:\n    - invoke: { kind: Shop.Pay }")
    inner = sequence("Inner", call("Pay"))
    main = sequence("Main", handled(tried, where("error.code == 'DECLINED'")))
    assert codes(*ALL, body, inner, main) == []


@pytest.mark.parametrize(
    "tried",
    [
        call("Find"),
        handled(call("Pay"), call("Find")),
        "- throw: { message: refused }\n",
        "- throw: { code: OTHER }\n",
        "- value: 1\n",
        "- invoke: { kind: Run.Sequence, name: Inner }\n",
    ],
)
def test_what_cannot_raise_it(tried: str) -> None:
    inner = sequence("Inner", handled(call("Pay"), "- value: 1"))
    main = sequence("Main", handled(tried, where("error.code == 'DECLINED'")))
    assert codes(*ALL, inner, main) == ["K705"]


def test_each_boundary_has_an_error_of_its_own() -> None:
    declined = where("error.code == 'DECLINED'")
    inner = handled(call("Find"), declined)
    assert codes(*ALL, sequence("Main", handled(call("Pay"), inner))) == ["K705"]
    inner = handled(call("Pay"), declined)
    assert codes(*ALL, sequence("Main", handled(call("Find"), inner))) == []
    inner = handled(declined, "- value: 1")
    assert codes(*ALL, sequence("Main", handled(call("Pay"), inner))) == []
    assert codes(*ALL, sequence("Main", handled(call("Find"), inner))) == ["K705"]


def test_in_finally_it_is_that_of_the_handler() -> None:
    ending = where("error != null && error.code == 'DECLINED'")
    assert codes(*ALL, sequence("Main", handled(call("Find"), call("Pay"), ending))) == []
    assert codes(*ALL, sequence("Main", handled(call("Pay"), call("Find"), ending))) == ["K705"]
    bare = f"- try:\n{indent(call('Pay'), '    ')}  finally:\n{indent(ending, '    ')}"
    assert codes(*ALL, sequence("Main", bare)) == []


# retry.when


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("error.code == 'BUSY'", []),
        ("error.code == 'BUZY'", ["K705"]),
        ("error.code == 'TIMEOUT'", []),
        ("error.code == 'VALIDATION_ERROR'", ["K705"]),  # is never repeated
        ("error.code == 'OUTPUT_ERROR'", ["K705"]),
        ("error.code == 'BUSY' || error.code == 'LOST'", ["K705"]),
        ("error.code == 'ConnectionError'", []),
    ],
)
def test_retries(condition: str, wanted: list[str]) -> None:
    site = f"""- invoke: {{ kind: Shop.Pay }}
  retry: {{ attempts: 3, when: "${{{{ {condition} }}}}" }}"""
    assert codes(PAY, sequence("Main", site)) == wanted


def test_a_retry_in_a_handler_has_an_error_of_its_own() -> None:
    site = """- invoke: { kind: Shop.Pay }
  retry: { attempts: 3, when: "${{ error.code == 'BUSY' }}" }"""
    assert codes(*ALL, sequence("Main", handled(call("Find"), site))) == []


# switch


def choice(*keys: str | int, default: bool = False) -> str:
    cases = ", ".join(f"{key}: [{{ value: 1 }}]" for key in keys)
    text = f'- switch: "${{{{ error.code }}}}"\n  cases: {{ {cases} }}\n'
    return text + ("  default: []\n" if default else "")


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        (choice("DECLINED", "BUSY"), []),
        (choice("DECLINED"), ["K705"]),
        (choice("DECLINED", default=True), []),
        (choice("DECLINED", "BUZY", default=True), ["K705"]),
        (choice("DECLINED", "BUSY", "TIMEOUT"), []),
        (where("error.code == 'BUSY'") + "\n" + choice("DECLINED"), ["K705"]),
        (where("error.code == 'BUSY'", "throw: { code: E }") + "\n" + choice("DECLINED"), []),
        ('- value: "${{ error.code }}"\n' + choice("DECLINED"), ["K705"]),
        (choice("DECLINED") + "  when: \"${{ error.code != 'BUSY' }}\"\n", []),
    ],
)
def test_choices(steps: str, wanted: list[str]) -> None:
    assert codes(*ALL, sequence("Main", handled(call("Pay"), steps))) == wanted


def test_a_choice_says_what_it_leaves_out() -> None:
    documents = *ALL, sequence("Main", handled(call("Pay"), choice("DECLINED")))
    (one,) = found(*documents)
    assert one.message == "no case for BUSY, and there is no `default`"
    assert at(one, *documents) == "switch"


def test_routes() -> None:
    routes = """kind: Http.Server
metadata: { name: Server }
---
kind: Shop.Pay
metadata: { name: Pay }
---
kind: Http.Api
metadata: { name: Api }
server: { kind: Http.Server, name: Server }
routes:
  - request: { path: /pay, method: POST }
    invoke: { kind: Shop.Pay, name: Pay }
    catches:
      - { when: "${{ error.code == 'CODE' }}", status: 402 }
"""
    assert codes(PAY, routes.replace("CODE", "DECLINED")) == []
    assert codes(PAY, routes.replace("CODE", "DECLINDE")) == ["K705"]


# The law: a code that comes out of a run is one that the analyzer expects.


STEPS = st.recursive(
    st.sampled_from(["pay", "find", "throw", "value"]),
    lambda inner: st.one_of(
        st.tuples(st.just("try"), inner, inner),
        st.tuples(st.just("finally"), inner, inner),
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("each"), inner),
    ),
    max_leaves=5,
)


def written(steps: Any) -> str:
    match steps:
        case "pay":
            return call("Pay")
        case "find":
            return call("Find")
        case "throw":
            return "- throw: { code: THROWN }\n"
        case "value":
            return "- value: 1\n"
        case ("try", tried, handler):
            return handled(written(tried), written(handler))
        case ("finally", tried, ending):
            inner = indent(written(tried), "    ")
            return f"- try:\n{inner}\n  finally:\n{indent(written(ending), '    ')}\n"
        case ("both", first, second):
            return written(first) + written(second)
        case (_, inner):
            return f"- forEach: [1]\n  do:\n{indent(written(inner), '    ')}\n"
    raise AssertionError(steps)


def coming(tried: str, answers: list[str | None]) -> str | int | None:
    """The code with which these steps fail, where the calls give these answers, one by one."""
    left = list(answers)
    kinds = [
        kind(name, f"safety: idempotent\nerrors: {{ {', '.join(ERRORS[name])} }}", controller=False)
        for name in ERRORS
    ]
    text = "---\n".join((*kinds, sequence("Main", tried)))

    def answering(name: str) -> Any:
        def answer(inputs: Any) -> Any:
            code = left.pop(0) if left else None
            if code in ERRORS[name]:
                raise Failure("no", code=str(code).rstrip(": {}"))

        return answer

    async def main() -> str | int | None:
        controllers = {f"Shop.{name}": answering(name) for name in ERRORS}
        async with Kernel(loads(text), environ={}, controllers=controllers) as kernel:
            error = (await kernel.apply()).error
            return None if error is None else error.code

    return asyncio.run(main())


ERRORS = {"Pay": ["DECLINED: {}", "BUSY: {}"], "Find": ["NOT_FOUND: {}"]}
ANSWERS = st.lists(st.sampled_from([None, "DECLINED: {}", "BUSY: {}", "NOT_FOUND: {}"]), max_size=6)


@examples(120)
@given(STEPS, ANSWERS)
def test_a_code_that_comes_is_expected(steps: Any, answers: list[str | None]) -> None:
    tried = written(steps)
    code = coming(tried, answers)
    if code is None or code in KERNEL:
        return
    main = sequence("Main", handled(tried, where(f"error.code == '{code}'")))
    findings = check_text("---\n".join((*ALL, main))).findings
    assert [one for one in findings if one.code == "K705"] == []


def test_a_controller_may_call_what_it_refers_to() -> None:
    schema = "{ type: object, properties: { via: { x-kernel-ref: Invocable } }, required: [via] }"
    broker = kind("Broker", f"safety: idempotent\nschema: {schema}\nerrors: {{ CLOSED: {{}} }}")
    resources = "kind: Shop.NAME\nmetadata: { name: Card }\n---\n"
    resources += "kind: Shop.Broker\nmetadata: { name: It }\nvia: { kind: Shop.NAME, name: Card }\n"
    tried = "- invoke: { kind: Shop.Broker, name: It }\n"
    main = sequence("Main", handled(tried, where("error.code == 'DECLINED'")))
    assert codes(*ALL, broker, resources.replace("NAME", "Pay"), main) == []
    assert codes(*ALL, broker, resources.replace("NAME", "Plain"), main) == []
    assert codes(*ALL, broker, resources.replace("NAME", "Find"), main) == ["K705"]
