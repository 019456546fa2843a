"""K701, K702, K703, K706, K708: retries, approvals, deadlines."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernel
from analyzer.program.raising import KERNEL
from analyzer.rules.effects.deciding import admits
from kernel import Failure, Kernel, loads
from kernel.cel import CelError, compile_template, parse_template
from kernel.invocation.runtime import Answer
from kernel.journal import Approval
from tests.analyzer.support.effects import at, codes, found, kind, sequence
from tests.support.properties import examples

LOOKUP = kind("Lookup", "safety: idempotent")
PLAIN = kind("Plain")
PAY = kind("Pay", "safety: irreversible\nerrors: { DECLINED: { retryable: false } }")
SEND = kind(
    "Send",
    "safety: irreversible\nerrors:\n"
    "  BUSY: { retryable: true, outcome: failed }\n"
    "  REFUSED: { retryable: false, outcome: failed }\n"
    "  LOST: { retryable: true, outcome: unknown }",
)
DEPLOY = kind("Deploy", "safety: approval-bound")


def call(name: str, more: str = "") -> str:
    return f"- invoke: {{ kind: Shop.{name} }}\n" + "".join(f"  {x}\n" for x in more.split("\n"))


def retried(name: str, when: str | None = None, **more: Any) -> str:
    """A call of a kind with three attempts."""
    fields = ["attempts: 3", *(f"{key}: {value}" for key, value in more.items())]
    if when is not None:
        fields.append(f'when: "${{{{ {when} }}}}"')
    return call(name, f"retry: {{ {', '.join(fields)} }}")


# K701


def test_one_attempt_is_no_retry() -> None:
    documents = LOOKUP, sequence("Main", call("Lookup", "retry: { attempts: 1 }"))
    (one,) = found(*documents)
    assert (one.code, at(one, *documents), one.path[-1]) == ("K701", "1", "attempts")
    assert codes(LOOKUP, sequence("Main", call("Lookup", "retry: { attempts: 2 }"))) == []


@pytest.mark.parametrize("when", ["false", '"${{ false }}"'])
def test_a_condition_that_is_false(when: str) -> None:
    site = call("Lookup", f"retry: {{ attempts: 3, when: {when} }}")
    assert codes(LOOKUP, sequence("Main", site)) == ["K701"]


FINAL = kind(
    "Find",
    "safety: idempotent\nerrors:\n  NONE: { retryable: false }\n  MANY: { retryable: false }",
)


@pytest.mark.parametrize(
    "site",
    [
        retried("Find"),  # what is not declared is repeated
        retried("Find", "error.code != 'NONE'"),
        retried("Find", deadline=1000),
        call("Find", "timeout: 100\nretry: { attempts: 3 }"),
    ],
)
def test_where_all_that_is_declared_is_final_the_rest_is_repeated(site: str) -> None:
    assert codes(FINAL, sequence("Main", site)) == []


NUMBERS = kind("Get", "safety: idempotent\nerrors:\n  404: { retryable: false }\n  503: {}")


@pytest.mark.parametrize(
    ("called", "condition", "wanted"),
    [
        ("Find", "error.code == 'NONE'", ["K701"]),
        ("Find", "error.code in ['NONE', 'MANY']", ["K701"]),
        ("Find", "error.code.startsWith('N')", ["K701"]),
        ("Find", "error.code in ['NONE', 'TIMEOUT']", []),
        ("Get", "error.code == 404", ["K701"]),
        ("Get", "error.code in [404]", ["K701"]),
        ("Get", "error.code >= 404 && error.code < 405", ["K701"]),
        ("Get", "error.code >= 404", []),
        ("Get", "error.code % 100 == 4", []),
        ("Get", "error.code == 404 || error.code == 503", []),
    ],
)
def test_only_errors_that_are_never_retried_are_asked_for(
    called: str, condition: str, wanted: list[str]
) -> None:
    assert codes(FINAL, NUMBERS, sequence("Main", retried(called, condition))) == wanted
    inner = sequence("Inner", call(called))
    assert codes(FINAL, NUMBERS, inner, outer(condition)) == wanted


@pytest.mark.parametrize("said", ["{}", "{ retryable: true }"])
def test_one_error_may_be_worth_it(said: str) -> None:
    errors = f"{{ NONE: {{ retryable: false }}, BUSY: {said} }}"
    some = kind("Find", f"safety: idempotent\nerrors: {errors}")
    assert codes(some, sequence("Main", retried("Find"))) == []


def test_a_kind_of_functions_knows_nothing_of_their_errors() -> None:
    function = "kind: Python.Function\nmetadata: { name: F }\nfunction: shop:f\n"
    site = """- invoke: { kind: Python.Function, name: F }
  retry: { attempts: 3, when: "${{ error.code == 'ANY' }}" }"""
    assert codes(function, sequence("Main", site)) == []


def test_the_condition_is_false_for_all_errors() -> None:
    text = kind("Find", "safety: idempotent\nerrors: { NONE: {} }")
    assert codes(text, sequence("Main", retried("Find", "error.code >= 500"))) == ["K701"]
    numbers = kind("Find", "safety: idempotent\nerrors: { 404: {} }")
    assert codes(numbers, sequence("Main", retried("Find", "error.code >= 500"))) == []
    assert codes(LOOKUP, sequence("Main", retried("Lookup", "error.code >= 500"))) == []


# The example of the seed is clean (seed 003, section 3).


def test_the_seed() -> None:
    api = "kind: Http.Request\nmetadata: { name: Api }\n"
    site = """- invoke: { kind: Http.Request, name: Api }
  inputs: { url: "https://example.com" }
  retry:
    attempts: 3
    delay: 2000
    backoff: exponential
    when: "${{ error.code == 429 || error.code >= 500 }}\""""
    assert codes(api, sequence("Main", site)) == []


# K702


def test_irreversible_without_an_error_to_retry() -> None:
    documents = PAY, sequence("Main", retried("Pay"))
    (one,) = found(*documents)
    assert (one.code, one.weight, at(one, *documents)) == ("K702", "error", "retry")
    assert [note.message for note in one.related] == ["declared here"]
    bare = kind("Pay", "safety: irreversible")
    assert codes(bare, sequence("Main", retried("Pay", "error.code == 'BUSY'"))) == ["K702"]


def test_irreversible_with_an_error_to_retry() -> None:
    assert codes(SEND, sequence("Main", retried("Send"))) == []
    assert codes(SEND, sequence("Main", retried("Send", "error.code == 'BUSY'"))) == []


@pytest.mark.parametrize("code", ["REFUSED", "LOST"])
def test_irreversible_with_a_condition_for_others(code: str) -> None:
    assert codes(SEND, sequence("Main", retried("Send", f"error.code == '{code}'"))) == ["K701"]


def test_irreversible_without_a_retry() -> None:
    assert codes(PAY, sequence("Main", call("Pay"))) == []


def test_a_computed_class() -> None:
    mode = "{ enum: [replace, append], default: append }"
    some = kind(
        "Write",
        f"schema: {{ type: object, properties: {{ mode: {mode} }} }}\n"
        "safety: \"${{ self.mode == 'replace' ? 'idempotent' : 'irreversible' }}\"",
    )
    for fields, wanted in (("mode: append", ["K702"]), ("mode: replace", []), ("", ["K702"])):
        resource = f"kind: Shop.Write\nmetadata: {{ name: It }}\n{fields}\n"
        site = "- invoke: { kind: Shop.Write, name: It }\n  retry: { attempts: 3 }"
        assert codes(some, resource, sequence("Main", site)) == wanted


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ("{ url: /a }", ["K702"]),
        ("{ url: /a, method: GET }", []),
        ("{ url: '/${{ invocation.run }}', method: PUT }", []),
        ("{ url: /a, method: POST }", ["K702"]),
        ("{ url: /a, method: \"${{ vars.strict ? 'GET' : 'POST' }}\" }", []),
    ],
)
def test_the_class_of_a_call_depends_on_its_inputs(inputs: str, wanted: list[str]) -> None:
    method = "{ enum: [GET, PUT, POST], default: POST }"
    fields = f"{{ type: object, properties: {{ url: {{ type: string }}, method: {method} }} }}"
    safety = "${{ inputs.method == 'POST' ? 'irreversible' : 'idempotent' }}"
    api = kind("Api", f'inputs: {fields}\nsafety: "{safety}"')
    site = f"- invoke: {{ kind: Shop.Api }}\n  inputs: {inputs}\n  retry: {{ attempts: 3 }}"
    assert codes(MODULE, api, sequence("Main", site)) == wanted


INNER = "- invoke: { kind: Run.Sequence, name: Inner }\n"


def outer(when: str | None = None) -> str:
    more = "" if when is None else f', when: "${{{{ {when} }}}}"'
    return sequence("Outer", f"{INNER}  retry: {{ attempts: 3{more} }}")


def test_a_retry_around_a_topology_with_an_irreversible_call() -> None:
    documents = PAY, sequence("Inner", call("Pay")), outer()
    (one,) = found(*documents)
    assert one.code == "K702"
    assert "`Inner` repeats its call of `Shop.Pay`" in one.message
    assert [note.message for note in one.related] == ["it is called here", "declared here"]


def test_it_is_seen_through_topologies_and_bodies() -> None:
    body = kind("Order", "body:\n  steps:\n    - invoke: { kind: Shop.Pay }")
    assert codes(PAY, body, sequence("Inner", call("Order")), outer()) == ["K702"]


def test_a_class_of_its_own_is_the_owners_word() -> None:
    body = kind("Order", "safety: idempotent\nbody:\n  steps:\n    - invoke: { kind: Shop.Pay }")
    assert codes(PAY, body, sequence("Main", retried("Order"))) == []


BUSY = "error.code == 'BUSY'"
GUARDED = call("Send", 'idempotencyKey: "${{ invocation.run }}"')
CAUGHT = """- try:
    - invoke: { kind: Shop.Pay }
  catch: []
"""
FINALLY = CAUGHT.replace("catch", "finally")
ENDING = """- try:
    - when: "${{ vars.strict }}"
      throw: { code: E }
  finally:
    - invoke: { kind: Shop.Pay }
"""
AGAIN = CAUGHT.replace("[]", "[{ throw: { code: E } }]")
THROW = """- when: "${{ vars.strict }}"
  throw: { code: E }
"""
EACH = """- forEach: [1, 2]
  do:
    - invoke: { kind: Shop.Send }
"""
EITHER = """- if: "${{ vars.strict }}"
  then:
    - invoke: { kind: Shop.Send }
  else:
    - invoke: { kind: Shop.Send }
"""
MODULE = """kind: Kernel.Module
metadata: { name: M }
vars: { strict: { type: boolean, default: true } }
targets: []
"""


@pytest.mark.parametrize(
    ("steps", "when", "wanted"),
    [
        (call("Send"), None, ["K702"]),  # LOST may have happened
        (call("Send"), BUSY, []),
        (call("Send") + call("Send"), BUSY, ["K702"]),  # the first of them did
        (call("Send") + call("Lookup"), BUSY, []),
        (call("Send") + call("Lookup"), "error.code != 'X'", ["K702"]),
        (call("Lookup") + call("Send"), BUSY, []),
        (GUARDED, None, []),
        (GUARDED + call("Send"), BUSY, []),
        (CAUGHT, None, []),
        (FINALLY, None, ["K702"]),
        (ENDING, "error.code == 'E'", ["K702"]),
        (AGAIN, None, ["K702"]),
        (CAUGHT + THROW, None, ["K702"]),
        (THROW + CAUGHT, None, []),
        (EACH, BUSY, ["K702"]),
        (EITHER, BUSY, []),
    ],
)
def test_what_comes_after_decides(steps: str, when: str | None, wanted: list[str]) -> None:
    documents = MODULE, LOOKUP, SEND, PAY, sequence("Inner", steps), outer(when)
    assert codes(*documents) == wanted


def test_the_example_of_the_readme() -> None:
    db = 'kind: Sql.Connection\nmetadata: { name: Shop }\nurl: "sqlite://"\n'
    site = """- invoke: { kind: Sql.Exec, connection: { kind: Sql.Connection, name: Shop } }
  inputs: { sql: "delete from orders" }
  retry: { attempts: 3, delay: 200, when: "${{ error.code == 'BUSY' }}" }"""
    assert codes(db, sequence("Main", site)) == []


def test_a_typing_error_hides_no_danger() -> None:
    documents = PAY, sequence("Inner", call("Pay")), outer("error.code in ['TIMEOUT', 'TIMOUT']")
    assert codes(*documents) == ["K702", "K705"]


# K703


def test_an_approval_under_a_retry() -> None:
    assert codes(DEPLOY, sequence("Main", retried("Deploy"))) == ["K703"]
    assert codes(DEPLOY, sequence("Main", call("Deploy"))) == []


@pytest.mark.parametrize(
    "loop",
    [
        "- forEach: [1, 2]\n  do:\n    - invoke: { kind: Shop.Deploy }",
        "- while: true\n  maxIterations: 3\n  do:\n    - invoke: { kind: Shop.Deploy }",
        "- forEach: [1]\n  do:\n    - parallel: { a: [{ invoke: { kind: Shop.Deploy } }] }",
    ],
)
def test_an_approval_in_a_loop(loop: str) -> None:
    documents = DEPLOY, sequence("Main", loop)
    (one,) = found(*documents)
    assert one.code == "K703"
    assert one.path[-1] == "invoke"
    assert [note.message for note in one.related] == ["the loop", "declared here"]


@pytest.mark.parametrize(
    ("approval", "wanted"),
    [
        ("false", []),
        ("true", ["K703"]),
        ("required", ["K703"]),
        ('"${{ vars.careful }}"', ["K703"]),
    ],
)
def test_an_approval_that_the_call_site_asks_for(approval: str, wanted: list[str]) -> None:
    module = "kind: Kernel.Module\nmetadata: { name: Shop }\nvars: { careful: { type: boolean } }\n"
    steps = call("Lookup", f"approval: {approval}\nretry: {{ attempts: 3 }}")
    assert codes(module, LOOKUP, sequence("Main", steps)) == wanted
    each = f"- forEach: [1]\n  do:\n{indent(call('Lookup', f'approval: {approval}'), '    ')}"
    assert codes(module, LOOKUP, sequence("Main", each)) == wanted


def test_a_call_site_asks_for_no_less_than_the_class() -> None:
    steps = call("Deploy", "approval: false\nretry: { attempts: 3 }")
    assert codes(DEPLOY, sequence("Main", steps)) == ["K703"]


LOOPED = "- forEach: [1]\n  do:\n    - invoke: { kind: Run.Sequence, name: Inner }"


def test_an_approval_behind_a_topology() -> None:
    inner = sequence("Inner", call("Deploy"))
    each = sequence("Main", LOOPED)
    assert codes(DEPLOY, inner, each) == ["K703"]
    assert codes(DEPLOY, inner, outer()) == ["K703"]
    assert codes(DEPLOY, inner, sequence("Main", INNER)) == []


def test_a_loop_inside_is_told_of_once() -> None:
    inner = sequence("Inner", "- forEach: [1]\n  do:\n    - invoke: { kind: Shop.Deploy }")
    each = sequence("Main", LOOPED)
    assert codes(DEPLOY, inner, each) == ["K703"]


# K706


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("timeout: 1000\nretry: { attempts: 3, deadline: 3000 }", []),
        ("timeout: 1000\nretry: { attempts: 3, deadline: 2999 }", ["K706"]),
        ("timeout: 1000\nretry: { attempts: 3, deadline: 2000 }", ["K706"]),
        ("timeout: 1000\nretry: { attempts: 3, delay: 100, deadline: 3300 }", []),
        ("timeout: 1000\nretry: { attempts: 3, delay: 100, deadline: 3299 }", ["K706"]),
        ("retry: { attempts: 4, delay: 100, backoff: exponential, deadline: 700 }", ["K706"]),
        ("retry: { attempts: 4, delay: 100, backoff: exponential, deadline: 701 }", []),
        ("retry: { attempts: 4, delay: 100, maxDelay: 150, deadline: 401 }", []),
        ("retry: { attempts: 4, delay: 100, maxDelay: 150, deadline: 400 }", ["K706"]),
        ("retry: { attempts: 4, delay: 100, jitter: full, deadline: 100 }", []),
        ("retry: { attempts: 1000000, deadline: 1 }", []),
        ("timeout: 5000\nretry: { attempts: 3 }", []),
    ],
)
def test_deadlines(fields: str, wanted: list[str]) -> None:
    assert codes(LOOKUP, sequence("Main", call("Lookup", fields))) == wanted


# K708


def test_no_class() -> None:
    documents = PLAIN, sequence("Main", retried("Plain"))
    (one,) = found(*documents)
    assert (one.code, one.weight, at(one, *documents)) == ("K708", "info", "retry")
    assert codes(PLAIN, sequence("Main", call("Plain"))) == []
    assert codes(LOOKUP, sequence("Main", retried("Lookup"))) == []


def test_no_class_within() -> None:
    (one,) = found(PLAIN, sequence("Inner", call("Plain")), outer())
    assert one.code == "K708"
    assert [note.message for note in one.related] == ["it is called here", "it is defined here"]
    assert codes(LOOKUP, sequence("Inner", call("Lookup")), outer()) == []


def test_a_target_is_a_call_site() -> None:
    module = """kind: Kernel.Module
metadata: { name: M }
targets:
  - invoke: { kind: Shop.Pay, name: It }
    retry: { attempts: 2 }
"""
    assert codes(module, PAY, "kind: Shop.Pay\nmetadata: { name: It }\n") == ["K702"]


# The laws


CODES = st.sampled_from(["BUSY", "LOST", "", 404, 503])
ATOMS = st.sampled_from(
    [
        "error.code == 'BUSY'",
        "error.code != 'LOST'",
        "error.code >= 500",
        "error.code in ['BUSY', 404]",
        "error.code.startsWith('B')",
        "error.message == 'no'",
        "vars.on",
        "true",
        "has(error.data)",
        "[error.code].exists(c, c == 503)",
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@examples(300)
@given(CONDITIONS, CODES, st.booleans(), st.sampled_from(["no", "yes"]), st.booleans())
def test_what_is_not_admitted_is_never_true(
    text: str, code: str | int, on: bool, message: str, data: bool
) -> None:
    condition = compile_template(parse_template(f"${{{{ {text} }}}}"))
    error = {"code": code, "message": message, **({"data": 1} if data else {})}
    try:
        holds = condition.evaluate({"error": error, "vars": {"on": on}}) is True
    except CelError:
        holds = False
    if holds:
        assert admits(condition, code)


@pytest.mark.parametrize("text", ["error.code == 'BUSY'", "error.code == 'BUSY' && vars.on"])
def test_what_is_certainly_false_is_not_admitted(text: str) -> None:
    assert not admits(compile_template(parse_template(f"${{{{ {text} }}}}")), "LOST")


@pytest.mark.parametrize("safety", ["irreversible", "approval-bound"])
@pytest.mark.parametrize("code", ["DECLINED", "ELSE"])
def test_the_run_time_never_repeats_by_itself_what_is_called_unsafe(
    safety: str, code: str, tmp_path: Path
) -> None:
    fields = f"safety: {safety}\nerrors: {{ DECLINED: {{ retryable: false }} }}"
    documents = kind("Pay", fields, controller=False), sequence("Main", retried("Pay"))
    assert codes(*documents) == [{"irreversible": "K702", "approval-bound": "K703"}[safety]]
    calls, asked = [], []

    def pay(inputs: Any) -> Any:
        calls.append(inputs)
        raise Failure("no", code=code)

    async def agreed(approval: Approval) -> Answer:
        asked.append(approval)
        return Answer(True, "user:test")

    async def main() -> None:
        text = "---\n".join(documents)
        kept = {"journal": tmp_path / "journal.db", "ask": agreed}
        async with Kernel(loads(text), environ={}, controllers={"Shop.Pay": pay}, **kept) as live:
            await live.apply()

    asyncio.run(main())
    is_repeated = safety == "approval-bound" and code == "ELSE"
    assert len(calls) == (3 if is_repeated else 1)
    assert len(asked) == (len(calls) if safety == "approval-bound" else 0)


def test_the_codes_of_the_kernel_are_known() -> None:
    sources = Path(kernel.__file__).parent.rglob("*.py")
    written = {code for one in sources for code in re.findall(r'code="(\w+)"', one.read_text())}
    assert {code for code in written if not re.fullmatch(r"K\d+", code)} <= KERNEL
