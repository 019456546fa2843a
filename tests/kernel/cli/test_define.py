"""`kernel define`: the definitions of decorated functions, written once and checked in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import kernel

SHOP = '''\
from typing import Annotated
from pydantic import Field
from kernel import invocable
from others import helper


@invocable("Shop.Charge", safety="irreversible")
def charge(customer: str, amount: Annotated[int, Field(gt=0)] = 5) -> str:
    """Charge a customer."""
    return customer


@invocable("Shop.Refund")
async def refund(customer: str) -> None:
    """Pay back; `no` is no word of YAML 1.2: "quoted"."""
'''
OTHERS = """\
from kernel import invocable


@invocable("Others.Help")
def helper() -> None: ...
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "payments.py").write_text(SHOP)
    (tmp_path / "others.py").write_text(OTHERS)
    return tmp_path


def write(shop: Path) -> str:
    answer = kernel("define", "payments", folder=shop)
    assert (answer.status, answer.err) == (0, "")
    (shop / "payments.yaml").write_text(answer.out)
    return answer.out


def check(shop: Path) -> tuple[int, list[str]]:
    answer = kernel("define", "payments", "--check", "payments.yaml", folder=shop)
    assert answer.out == ""
    return answer.status, answer.err.splitlines()


def test_what_is_written_is_a_manifest_that_runs(shop: Path) -> None:
    text = write(shop)
    assert "kind: Kernel.Definition" in text
    assert text.count('controller: { python: "payments:') == 2
    assert "Others.Help" not in text
    assert kernel("check", "payments.yaml", folder=shop).status == 0
    (shop / "main.yaml").write_text(
        "kind: Shop.Charge\nmetadata: { name: It }\n---\nkind: Run.Sequence\n"
        "metadata: { name: Main }\nsteps:\n  - name: Pay\n"
        "    invoke: { kind: Shop.Charge, name: It }\n    inputs: { customer: ada }\n"
        'result: "${{ steps.Pay.result }}"\n'
    )
    answer = kernel("apply", ".", "-o", "json", folder=shop)
    assert (answer.status, answer.json["result"]) == (0, "ada"), answer.err
    assert check(shop) == (0, [])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "default: 5",
            "default: 6",
            "inputs.properties.amount.default is 6, and 5 in the function",
        ),
        ("safety: irreversible\n", "", "safety is not there, and 'irreversible' in the function"),
        ("name: Refund", "name: Refunds", "Shop.Refund is not in payments.yaml"),
        ("name: Refund", "name: Refunds", "Shop.Refunds is no function of `payments` any more"),
        ("python: payments:charge", "python: payments:refund", ""),
    ],
)
def test_what_differs_is_named_with_its_place(shop: Path, old: str, new: str, said: str) -> None:
    text = write(shop)
    if said:
        assert old in text
    (shop / "payments.yaml").write_text(text.replace(old, new))
    status, lines = check(shop)
    assert status == (1 if said else 0)
    assert any(said in line for line in lines) or not said
    assert not said or lines[-1] == "`kernel define payments` prints them as they are now"


def test_comments_and_other_documents_do_not_count(shop: Path) -> None:
    text = write(shop)
    more = "---\nkind: Shop.Charge\nmetadata: { name: It }\n"
    (shop / "payments.yaml").write_text(f"# by hand\n{text}{more}")
    assert check(shop) == (0, [])


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 2, "no function of `payments` is decorated with @invocable"),
        ("import nothing_there", 2, "there is no module `nothing_there`"),
        ("def f(:", 2, "SyntaxError"),
        (
            'from kernel import invocable\n@invocable("A.B")\ndef f(a): ...\n',
            2,
            "f (payments.py:2): parameter `a` has no annotation",
        ),
        (
            'from kernel import invocable\n@invocable("A.B", safety="harmless")\n'
            "def f() -> None: ...\n",
            3,
            "<payments:f>:",
        ),
        (
            'from kernel import invocable\n@invocable("A.B", errors={"X": object()})\n'
            "def f() -> None: ...\n",
            2,
            "f (payments.py:2): not JSON",
        ),
        (
            'from kernel import invocable\n@invocable("A.B", check={"x": float("nan")})\n'
            "def f() -> None: ...\n",
            2,
            "f (payments.py:2): not JSON",
        ),
    ],
)
def test_what_cannot_be_written(shop: Path, text: str, status: int, said: str) -> None:
    (shop / "payments.py").write_text(text)
    answer = kernel("define", "payments", folder=shop)
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.err


def test_a_manifest_that_cannot_be_read_is_told_as_such(shop: Path) -> None:
    (shop / "payments.yaml").write_text("kind: [")
    answer = kernel("define", "payments", "--check", "payments.yaml", folder=shop)
    assert answer.status == 3
    assert "payments.yaml:1" in answer.err
