"""One mistake gives one finding."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from analyzer import check, check_text
from analyzer.report import Finding

HEAD = """\
kind: Run.Sequence
metadata: { name: A }
inputs:
  type: object
  required: [state, x]
  properties:
    state: { enum: [paid, open] }
    x: { type: object, required: [k], properties: { k: { type: string }, next: { type: string } } }
"""


def codes(findings: Iterable[Finding]) -> list[str]:
    return [one.code for one in findings]


def test_a_misspelt_case_is_the_one_that_is_missing() -> None:
    text = (
        HEAD
        + """\
steps:
  - name: S
    switch: "${{ inputs.state }}"
    cases: { payd: [{ value: 1 }], open: [{ value: 2 }] }
result: "${{ steps.S.result }}"
"""
    )
    (found,) = check_text(text).findings
    assert found.code == "K406"
    assert found.fix is not None
    assert found.fix.text == "paid"
    start = text.splitlines()[found.fix.span.line - 1][found.fix.span.column - 1 :]
    assert start.startswith("payd:")
    assert codes(check_text(text.replace("payd", "paid")).findings) == []
    assert codes(check_text(text.replace("payd", "sold")).findings) == ["K405", "K406"]


@pytest.mark.parametrize(
    ("read", "code"),
    [
        ("inputs.x.next == null", "K501"),
        ("null != inputs.x.next", "K501"),
        ("inputs.x.next == null || inputs.x.next == null", "K501"),
        ("inputs.x.k == null", "K506"),
    ],
)
def test_null_where_a_field_may_be_missing(read: str, code: str) -> None:
    text = f'{HEAD}steps: []\nresult: "${{{{ {read} }}}}"\n'
    assert set(codes(check_text(text).findings)) == {code}


USES = """\
kind: Kernel.Module
metadata: { name: Shop }
imports: { Pay: ./nowhere }
---
kind: Pay.Charge
metadata: { name: Mine }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { invoke: { kind: Pay.Charge, name: Card } }
  - { invoke: { kind: Pay.Charge, name: Pay.Card } }
  - { invoke: { kind: Pay.Charge } }
"""


def test_what_an_import_that_is_not_there_has_is_not_told(tmp_path: Path) -> None:
    manifest = tmp_path / "shop.yaml"
    manifest.write_text(USES)
    assert codes(check(manifest).findings) == ["K201"]
    manifest.write_text(USES.replace("Pay:", "Paid:"))
    assert len(codes(check(manifest).findings)) > 3


ORDERS = """\
kind: Kernel.Module
metadata: { name: Orders }
targets:
  - invoke: { kind: Run.Sequence, name: Main }
---
kind: Kernel.Definition
metadata: { name: Charge, module: Payments }
capability: Invocable
schema: { type: object, properties: { account: { type: string } }, required: [account] }
safety: idempotent
---
kind: Payments.Charge
metadata: { name: Card }
account: acme
---
kind: Http.Server
metadata: { name: Front }
---
kind: Http.Api
metadata: { name: Api }
server: { kind: Http.Server, name: Front }
routes:
  - request: { path: / }
    invoke: { kind: Payments.Charge, name: Card }
    retry: { attempts: 3 }
    response: { status: 200, body: "${{ result }}" }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: Charge
    invoke: { kind: Payments.Charge, name: Card }
    retry: { attempts: 3 }
result: "${{ steps.Charge.result }}"
"""


def test_the_manifest_without_a_mistake() -> None:
    assert codes(check_text(ORDERS).findings) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code", "at"),
    [
        ("account: acme", "acount: acme", "K003", "acount"),
        ("routes:", "route:", "K003", "route"),
        ("status: 200", "status: Created", "K007", "Created"),
        ("attempts: 3 }\nresult", "attempts: 0 }\nresult", "K007", "0"),
        ("attempts: 3 }\nresult", 'attempts: "3" }\nresult', "K007", '"3"'),
        ('result: "${{ s', 'reslt: "${{ s', "K003", "reslt"),
        ("capability: Invocable", "capability: Invokable", "K007", "Invokable"),
        ("safety: idempotent", "safety: idempotant", "K007", "idempotant"),
        ("{ name: Main }\nsteps", "{ nme: Main }\nsteps", "K003", "nme"),
        ("{ name: Main }\nsteps", "{ description: x }\nsteps", "K202", "{ description: x }"),
        ("metadata: { name: Main }\nsteps", "name: Main\nsteps", "K007", "Run.Sequence"),
        ("{ name: Card }\naccount", "{ description: x }\naccount", "K202", "{ description: x }"),
        ("metadata: { name: Main }\nsteps", "steps", "K007", "Run.Sequence"),
        ("metadata: { name: Main }\nsteps", "metdata: { name: Main }\nsteps", "K003", "metdata"),
        ("kind: Run.Sequence", "knd: Run.Sequence", "K003", "knd"),
        ("attempts: 3 }\nresult", "atempts: 3 }\nresult", "K003", "atempts"),
        ("- name: Charge", "- nme: Charge", "K003", "nme"),
        ("steps:", "step:", "K003", "step"),
        ("capability: Invocable", "capabilty: Invocable", "K003", "capabilty"),
        ("schema:", "shema:", "K003", "shema"),
        ("module: Payments }\ncap", "modul: Payments }\ncap", "K003", "modul"),
        ("kind: Kernel.Definition", "kind: Kernel.Defintion", "K004", "Kernel.Defintion"),
        (
            "metadata: { name: Charge, module: Payments }\ncap",
            "metdata: { name: Charge, module: Payments }\ncap",
            "K003",
            "metdata",
        ),
        ("---\nkind: Payments.Charge", "kind: Payments.Charge", "K002", "kind"),
    ],
)
def test_what_follows_from_a_mistake_is_not_told(
    right: str, wrong: str, code: str, at: str
) -> None:
    text = ORDERS.replace(right, wrong)
    assert text != ORDERS
    (found,) = check_text(text).findings
    assert (found.code, source_at(text, found)) == (code, at)


def source_at(text: str, finding: Finding) -> str:
    assert finding.span is not None
    line = text.splitlines()[finding.span.line - 1]
    return line[finding.span.column - 1 : finding.span.end_column - 1]


def test_a_second_mistake_is_told_as_well() -> None:
    text = ORDERS.replace("name: Main }\nsteps", "nme: Main }\nsteps").replace(
        "server: { kind: Http.Server, name: Front }", "server: { kind: Http.Server, name: Frnt }"
    )
    assert codes(check_text(text).findings) == ["K201", "K003"]


def test_a_misspelt_form_is_an_unknown_field() -> None:
    text = ORDERS.replace(
        "    invoke: { kind: Payments.Charge, name: Card }\n    retry: { attempts: 3 }\nresult",
        "    vlaue: 1\nresult",
    )
    (found,) = check_text(text).findings
    assert (found.code, source_at(text, found), found.help) == (
        "K003",
        "vlaue",
        "did you mean 'value'?",
    )


@pytest.mark.parametrize(
    ("right", "wrong", "code", "fix"),
    [
        ("account: acme", "acount: acme", "K003", "account"),
        ("account: acme", '"acount": acme', "K003", '"account"'),
        ("account: acme", "account: acme\nacount: acme", "K003", None),
        ("kind: Http.Api", "kind: Http.Apo", "K004", "Http.Api"),
        ("kind: Http.Api", "kind: 'Http.Apo'", "K004", "'Http.Api'"),
        ("name: Front }\nroutes", "name: Frnt }\nroutes", "K201", None),
    ],
)
def test_a_name_that_is_suggested_is_a_fix(
    right: str, wrong: str, code: str, fix: str | None
) -> None:
    (found,) = check_text(ORDERS.replace(right, wrong)).findings
    assert found.code == code
    assert (found.fix.text if found.fix else None) == fix


OPEN = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
inputs:
  type: object
  properties: { amount: { type: integer }, note: { type: string } }
  required: [amount]
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ invoke: { kind: Shop.Charge }, inputs: { INPUTS } }]
"""


@pytest.mark.parametrize(
    ("inputs", "weight", "more"),
    [
        ("amuont: 5", "error", "did you mean `amount`, which it needs?"),
        ("amount: 5, noet: x", "warning", "did you mean `note`?"),
    ],
)
def test_what_an_open_contract_takes_does_not_stand_for_what_it_needs(
    inputs: str, weight: str, more: str
) -> None:
    report = check_text(OPEN.replace("INPUTS", inputs))
    (found,) = report.findings
    assert (found.code, found.weight, report.ok) == ("K205", weight, weight == "warning")
    assert found.message.endswith(more)
    assert found.fix is not None
