"""Every word of the language is explained, and the table of words says what the code has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit

import pytest

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import page, url
from kernel import errors
from kernel.cli.words import entries, groups, names
from kernel.journal.rows import ApprovalState, RunState
from kernel.safety import CLASSES
from kernel.topology import callsite, forms
from tests.support.command import kernel

ROOT = Path(__file__).parents[3]


def words_of(start: str) -> dict[str, str]:
    (group,) = (group for group in groups() if group.name.startswith(start))
    return {word.name: word.says for word in group.words}


def test_the_table_has_what_the_code_has() -> None:
    assert words_of("States of a run").keys() == {
        *get_args(RunState), "interrupted", "queued",
    }  # fmt: skip
    assert words_of("States of an approval").keys() == set(get_args(ApprovalState))
    assert words_of("Outcomes").keys() == set(get_args(errors.Outcome))
    assert words_of("Safety classes").keys() == set(CLASSES)
    assert words_of("Fields of a call site").keys() == callsite.FIELDS
    written = set(get_args(forms.Form)) - {forms.Graph, forms.Match}
    assert len(words_of("Forms of a step")) == len(written) - 1, "two are a pause"
    told = errors.InvocationError("x").to_cel().keys()
    assert {name.partition(".")[2] for name in names() if name.startswith("error.")} == told


def test_every_code_of_the_kernel_is_there() -> None:
    texts = [file.read_text("utf-8") for file in (ROOT / "kernel").rglob("*.py")]
    codes = {code for text in texts for code in re.findall(r'\bcode="([A-Z_]+)"', text)}
    told = words_of("Codes of the kernel").keys()
    kinds = {
        says.partition("code is `")[2].partition("`")[0]
        for says in words_of("Kinds of errors").values()
    }
    assert codes <= told | kinds


def test_every_word_has_a_sentence_and_is_found() -> None:
    listed = names()
    assert len(listed) > 150
    for name in listed:
        found = entries(name)
        assert found, name
        assert all(one.word.says.endswith((".", ")")) for one in found), name


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("error", "In `retry.when` and `catch`"),
        ("error.code", "what the callee declares"),
        ("invocation", "an invocation is one pass of a call"),
        ("retry", "attempts"),
        ("retry.backoff", "exponential"),
        ("step", "steps.<name>"),
        ("steps.<name>.result", "returned"),
        ("forEach", "each element"),
        ("x-kernel-secret", "Never shown"),
        ("parked", "waits for a person"),
        ("interrupted", "its process has ended"),
        ("irreversible", "only a person can find out"),
        ("Invocable", "returns outputs"),
        ("LOOP_LIMIT", "maxIterations"),
        ("idempotencyKey", "take effect once"),
        ("when", "false skips"),
    ],
)
def test_explain_explains_words(word: str, said: str) -> None:
    answer = kernel("explain", word)
    assert answer.status == 0, answer.err
    assert said.lower() in " ".join(answer.out.split()).lower()
    assert all(len(line) <= 80 for line in answer.out.splitlines())
    document = kernel("explain", word, "-o", "json").json
    assert document["word"] == word
    assert document["meanings"]


def test_kinds_are_listed_by_module(tmp_path: Path) -> None:
    whole = kernel("explain")
    assert whole.status == 0, whole.err
    kinds = kernel("get", "kinds", folder=tmp_path)
    for out in (whole.out, kinds.out):
        assert "\nHTTP\n" in out
        assert "  Http.Request  <Invocable>" in out
        assert "  Kernel.Module\n" in out
        assert all(len(line) <= 80 for line in out.splitlines())
    assert "retry" in whole.out
    assert "x-kernel-secret" in whole.out
    listed = kernel("get", "kinds", "-o", "json", folder=tmp_path).json
    assert {"Kernel", "Http", "Run", "Sql"} <= listed.keys()
    assert {one["name"] for one in listed["Run"]} == {"Run.Sequence"}
    (tmp_path / "own.yaml").write_text(
        "kind: Kernel.Definition\nmetadata: { name: Charge, module: Shop, description: Charges }\n"
        "capability: Invocable\n"
    )
    assert "Shop.Charge" in kernel("explain", "--path", tmp_path).out


def test_an_unknown_word_is_suggested() -> None:
    answer = kernel("explain", "retri")
    assert answer.status == 2
    assert "did you mean `retry`" in answer.err


def test_the_addresses_of_rules_lead_to_pages(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        "kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\nresult: '${{ nobody }}'\n"
    )
    (found,) = kernel("check", tmp_path, "-o", "json").json["diagnostics"]
    rules = kernel("check", tmp_path, "-o", "sarif").json["runs"][0]["tool"]["driver"]["rules"]
    addresses = {found["code"]: found["url"]}
    addresses |= {rule["id"]: rule["helpUri"] for rule in rules if "helpUri" in rule}
    assert len(addresses) >= sum(page(code) is not None for code in RULES)
    for code, address in addresses.items():
        assert address == url(code)
        text = Path(unquote(urlsplit(address).path)).read_text("utf-8")
        assert kernel("explain", code).out if code == found["code"] else text.startswith("# ")


def test_a_kind_with_an_engine_has_the_field_of_every_topology(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "kind: Kernel.Definition\nmetadata: { name: Flow, module: T }\ncapability: Invocable\n"
        "topology: Sequence\nschema: { properties: { does: { x-kernel-role: steps } } }\n"
    )
    told = kernel("explain", "T.Flow", "--path", "own.yaml", "-o", "json", folder=tmp_path)
    fields = {field["name"]: field for field in told.json["fields"]}
    assert fields.keys() == {"does", "concurrency"}
    assert "How many invocations" in fields["concurrency"]["description"]
