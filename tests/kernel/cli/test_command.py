"""`kernel` as a process: what it prints where, and with which status it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

from tests.support.command import COMMAND, kernel, start
from tests.support.warm import environment

GREET = """\
kind: Kernel.Module
metadata: { name: Greetings, version: 1.2.0 }
vars: { word: { type: string, default: Hello, env: GREET_WORD } }
secrets: { token: { type: string, default: hunter2-secret } }
---
kind: Run.Sequence
metadata: { name: Greet, description: Greets somebody }
inputs:
  type: object
  properties:
    who: { type: string, default: you }
    times: { type: integer, default: 1 }
    loud: { type: boolean, default: false }
    tags: { type: array, items: { type: string } }
    weight: { type: number }
steps:
  - name: Text
    value: "${{ vars.word }}, ${{ inputs.who }}!"
result:
  text: "${{ inputs.loud ? steps.Text.result.upperAscii() : steps.Text.result }}"
  inputs: "${{ inputs }}"
"""

TALK = """\
kind: Kernel.Definition
metadata: { name: Work, module: T }
capability: Invocable
controller: { python: "cli_talk:work" }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: Talk, invoke: { kind: T.Work }, retry: { attempts: 2, delay: 1 } }
  - name: Say
    invoke: { kind: Log.Print }
    inputs: { message: said so }
"""

TALK_PY = """\
import sys
def work(inputs, call):
    print("printed by a controller")
    sys.stdout.write("written by a controller\\n")
    call.log("logged by a controller", number=3)
    if call.attempt == 1:
        raise ValueError("once")
    return {"done": True}
"""

FAIL = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: Bad, throw: { code: E42, message: it went wrong } }
"""


@pytest.fixture
def greet(tmp_path: Path) -> Path:
    (tmp_path / "greet.yaml").write_text(GREET)
    return tmp_path / "greet.yaml"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_py", ".py").replace("_yaml", ".yaml")).write_text(text)
    return folder


# Results


def test_the_result_is_json_on_standard_output(greet: Path) -> None:
    answer = kernel("apply", greet)
    assert answer.status == 0
    assert answer.json == {
        "text": "Hello, you!",
        "inputs": {"who": "you", "times": 1, "loud": False},
    }
    assert "Text" in answer.err


def test_o_json_prints_one_document(greet: Path) -> None:
    document = kernel("apply", greet, "-o", "json").json
    assert list(document) == ["run", "outcome", "result", "error"]
    assert document["outcome"] == "succeeded"
    assert document["error"] is None
    assert document["result"]["text"] == "Hello, you!"
    assert re.fullmatch(r"[0-9a-f-]{36}", document["run"])


def test_o_yaml_prints_the_same(greet: Path) -> None:
    from ruamel.yaml import YAML

    answer = kernel("apply", greet, "-o", "yaml", "--input", "who=ø: ✓")
    document = YAML(typ="safe").load(answer.out)
    assert document["result"]["text"] == "Hello, ø: ✓!"
    assert document["outcome"] == "succeeded"


def test_inputs_are_typed_by_the_contract(greet: Path) -> None:
    given = ["who=5", "times=3", "loud=true", 'tags=["a", "b"]', "weight=2"]
    answer = kernel("apply", greet, *(f"--input={one}" for one in given))
    assert answer.json["inputs"] == {
        "who": "5",
        "times": 3,
        "loud": True,
        "tags": ["a", "b"],
        "weight": 2.0,
    }
    assert answer.json["text"] == "HELLO, 5!"
    assert kernel("invoke", greet, "Run.Sequence/Greet", *(f"--input={one}" for one in given)).json


def test_inputs_are_of_the_types_that_a_reference_leads_to(tmp_path: Path) -> None:
    kind = (
        "kind: Kernel.Definition\nmetadata: { name: Book, module: Shop }\ncapability: Invocable\n"
    )
    number = "$defs: { no: { $ref: '#/$defs/text' }, text: { type: string } }"
    fields = "properties: { no: { $ref: '#/$defs/no' }, copies: { type: integer } }"
    main = "---\nkind: Run.Sequence\nmetadata: { name: Main }\n"
    (tmp_path / "main.yaml").write_text(
        f"{kind}inputs: {{ type: object, {fields}, {number} }}\n"
        f'{main}inputs: {{ $ref: "Shop.Book#/inputs" }}\n'
        'steps: []\nresult: "${{ inputs }}"\n'
    )
    given = ("--input", "no=017", "--input", "copies=2")
    answer = kernel("apply", tmp_path / "main.yaml", *given)
    assert answer.json == {"no": "017", "copies": 2}, answer.err
    again = kernel("apply", tmp_path / "main.yaml", "--input", "no=17")
    assert again.json == {"no": "17"}, again.err


FREE = 'kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\nresult: "${{ inputs }}"\n'
RATE = f"{FREE}inputs: {{ type: object, properties: {{ rate: {{ type: number }}, o: {{}} }} }}\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rate=many", "--input rate=…: it must be of type number"),
        ("rate=NaN", "--input rate=…: NaN is no number that JSON has"),
        ("rate=1e400", "--input rate=…: the number 1e400 is too large"),
        ('o={"a": 1, "a": 2}', '--input o=…: the key "a" stands twice'),
        ('o={"a": NaN}', "--input o=…: NaN is no number"),
        (r'o="\ud83c"', "half of a character"),
    ],
)
def test_an_input_that_is_wrong_is_told_by_name(tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "main.yaml").write_text(RATE)
    answer = kernel("apply", tmp_path / "main.yaml", "--input", given)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("in.json", '{"o": 1e400}', "--inputs in.json does not parse: the number 1e400"),
        ("in.json", '{"o": 1, "o": 1}', 'the key "o" stands twice'),
        ("in.json", "o: 1", "does not parse: expecting value at line 1, column 1"),
        ("in.json", "[1]", "--inputs in.json holds no mapping"),
        ("in.json", b'{"o": "\xe4"}', "--inputs in.json cannot be read"),
        ("in.yaml", '{"o": NaN}', "NaN is no number that JSON has"),
        ("in.yaml", "o: .inf", "--inputs in.yaml does not parse:"),
        ("-", '{"o": "\\ud83c"}', "--inputs - does not parse: "),
    ],
)
def test_a_file_of_inputs_that_is_wrong_is_told_by_name(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    octets = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "main.yaml").write_text(RATE)
    (tmp_path / name).write_bytes(octets)
    stdin = octets.decode("latin-1")
    answer = kernel("apply", "main.yaml", "--inputs", name, folder=tmp_path, stdin=stdin)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize("name", ["in.json", "in.yaml", "-"])
def test_json_is_read_as_json(tmp_path: Path, name: str) -> None:
    text = r'﻿{"o": ["\ud83c\udf89", 123456789012345678901234567890, 1e2]}'
    (tmp_path / "main.yaml").write_text(RATE)
    (tmp_path / name).write_text(text.replace(r"﻿", "" if name == "-" else "﻿"), "utf-8")
    stdin = text.replace(r"﻿", "")
    answer = kernel("apply", "main.yaml", "--inputs", name, folder=tmp_path, stdin=stdin)
    assert answer.json["o"] == ["🎉", 123456789012345678901234567890, 100.0], answer.err


def test_an_input_without_a_type_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(FREE)
    given = ("--input", "a=NaN", "--input", "b={x", "--input", "c=[1]")
    answer = kernel("apply", tmp_path / "main.yaml", *given)
    assert answer.json == {"a": "NaN", "b": "{x", "c": [1]}


def test_inputs_that_are_missing_or_wrong_are_told_before_anything_runs(tmp_path: Path) -> None:
    """As variables are: all of them, how each is given, and with the status of usage."""
    text = """\
kind: Run.Sequence
metadata: { name: Deploy }
inputs:
  type: object
  properties:
    revision: { type: string }
    count: { type: integer, default: 1 }
    ratio: { type: number, maximum: 1 }
  required: [revision, count]
steps: [{ name: Say, invoke: { kind: Log.Print }, inputs: { message: it ran } }]
result: "${{ inputs.revision }}"
"""
    written(tmp_path, main_yaml=text)
    answer = kernel("apply", "main.yaml", folder=tmp_path)
    assert (answer.status, answer.out) == (2, "")
    assert (
        "main.yaml:6:15: K204 the input `revision` of Run.Sequence/Deploy is missing" in answer.err
    )
    assert "give --input revision=…" in answer.err
    wrong = ("--input", "ratio=3", "--input", "revsion=4")
    for command in (("apply", "main.yaml"), ("invoke", "main.yaml", "Deploy")):
        answer = kernel(*command, *wrong, "-o", "json", folder=tmp_path)
        assert answer.status == 2
        error = answer.json["error"]
        assert error["kind"] == "InvalidValues"
        told = {fault["help"]: fault["message"] for fault in error["faults"]}
        assert "at most 1" in told["give --input ratio=…"]
        assert "is missing" in told["give --input revision=…"]
        assert any("`revsion`" in one and "did you mean 'revision'" in one for one in told.values())
        assert "it ran" not in answer.err
    assert kernel("runs", folder=tmp_path).out == ""


def test_an_input_that_the_target_does_not_know_is_told(greet: Path) -> None:
    answer = kernel("apply", greet, "--input", "whoo=me")
    assert answer.json["text"] == "Hello, you!"
    assert "`whoo`" in answer.err
    assert "did you mean 'who'" in answer.err
    greet.write_text(GREET.replace("  type: object\n", "  type: object\n  minProperties: 0\n"))
    assert "`whoo`" in kernel("apply", greet, "--input", "whoo=me").err
    greet.write_text(
        GREET.replace("  type: object\n", "  type: object\n  additionalProperties: {}\n")
    )
    assert "`whoo`" not in kernel("apply", greet, "--input", "whoo=me").err
    closed = "  type: object\n  additionalProperties: false\n"
    greet.write_text(GREET.replace("  type: object\n", closed))
    refused = kernel("apply", greet, "--input", "whoo=me")
    assert (refused.status, refused.out) == (2, "")
    assert "did you mean 'who'" in refused.err


def test_inputs_of_the_targets_of_a_module(tmp_path: Path) -> None:
    """What `targets` writes need not be given; what it leaves open must be."""
    sequence = (
        "kind: Run.Sequence\nmetadata: { name: %s }\n"
        "inputs: { type: object, properties: { a: { type: integer }, b: { type: integer } }, "
        "required: [a, b] }\nsteps: [{ name: X, value: '${{ inputs.a + inputs.b }}' }]\n"
        "result: '${{ steps.X.result }}'\n"
    )
    module = (
        "kind: Kernel.Module\nmetadata: { name: M }\ntargets:\n"
        "  - { invoke: { kind: Run.Sequence, name: One }, inputs: { a: 1 } }\n"
        "  - { invoke: { kind: Run.Sequence, name: Two }, inputs: { a: 2 } }\n"
    )
    written(tmp_path, main_yaml="---\n".join([module, sequence % "One", sequence % "Two"]))
    answer = kernel("apply", "main.yaml", "--no-check", folder=tmp_path)
    assert answer.status == 2
    for name in ("One", "Two"):
        assert f"the input `b` of Run.Sequence/{name} is missing" in answer.err
    assert "`a`" not in answer.err
    assert "write it in the `targets` of the module" in answer.err
    several = kernel("apply", "main.yaml", "--no-check", "--input", "b=5", folder=tmp_path)
    assert (several.status, several.out) == (2, "")
    assert "inputs are for one target; here are 2" in several.err
    given = ("--target", "Two", "--input", "b=5", "--input", "a=2")
    assert kernel("apply", "main.yaml", "--no-check", *given, folder=tmp_path).json == 7


def test_inputs_come_from_a_file_or_standard_input(greet: Path, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text("who: file\ntimes: 2\n")
    assert kernel("apply", greet, "--inputs", tmp_path / "in.yaml").json["inputs"]["times"] == 2
    answer = kernel("apply", greet, "--inputs", "-", "--input", "times=9", stdin='{"who": "pipe"}')
    assert answer.json["inputs"] == {"who": "pipe", "times": 9, "loud": False}


def test_variables_come_from_option_file_environment_and_default(
    greet: Path, tmp_path: Path
) -> None:
    (tmp_path / "vars.yaml").write_text("word: File\n")
    env = {"GREET_WORD": "Env"}
    file = ["--var-file", str(tmp_path / "vars.yaml")]
    for arguments, word in ((["--var", "word=Var", *file], "Var"), (file, "File"), ([], "Env")):
        assert kernel("apply", greet, *arguments, env=env).json["text"] == f"{word}, you!"


def test_events_go_to_a_file(greet: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert kernel("apply", greet, "--events", tmp_path / "e.jsonl").status == 0
    events = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    invoked = [one for one in events if one["type"] == "Run.Sequence.Greet.Invoked"]
    assert len(invoked) == 2
    assert invoked[0]["specversion"] == "1.0"
    assert invoked[0]["run"] != invoked[1]["run"]


def test_nothing_but_the_result_is_on_standard_output(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=TALK, cli_talk_py=TALK_PY)
    answer = kernel("apply", tmp_path, "-o", "json")
    assert answer.json["result"] == {"Talk": {"done": True}, "Say": None}
    for said in (
        "printed by",
        "written by",
        "logged by",
        "number=3",
        "said so",
        "attempt 1 failed",
    ):
        assert said in answer.err
    assert "steps.Talk" in answer.err


def test_a_failed_run(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=FAIL)
    answer = kernel("apply", tmp_path, "-o", "json")
    assert answer.status == 1
    assert answer.json["outcome"] == "failed"
    assert answer.json["result"] is None
    assert answer.json["error"] == {
        "message": "it went wrong",
        "code": "E42",
        "step": "Bad",
        "kind": "Thrown",
    }
    answer = kernel("apply", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert "failed in step Bad: " in answer.err
    assert "it went wrong (code E42)" in answer.err


def test_secrets_are_not_shown(greet: Path) -> None:
    text = GREET.replace('inputs: "${{ inputs }}"', 'token: "is ${{ secrets.token }}"')
    greet.write_text(text)
    for form in ("text", "json", "yaml"):
        answer = kernel("apply", "--no-check", greet, "-o", form)
        assert answer.status == 0
        assert "hunter2" not in answer.out + answer.err
        assert "is [redacted]" in answer.out


def test_secrets_by_schema_are_not_shown(tmp_path: Path) -> None:
    text = """\
kind: Run.Sequence
metadata: { name: Main }
outputs: { type: object, properties: { key: { type: string, x-kernel-secret: true } } }
steps: []
result: { key: "${{ 'open sesame' }}" }
"""
    written(tmp_path, main_yaml=text)
    answer = kernel("apply", tmp_path)
    assert answer.json == {"key": "[redacted]"}
    assert "sesame" not in answer.err


def test_what_starts_only_by_name_is_listed(tmp_path: Path) -> None:
    kind = "kind: Kernel.Definition\nmetadata: { name: Two, module: M }\ncapability: Invocable\n"
    body = "body: { steps: [{ name: X, value: 2 }], result: '${{ steps.X.result }}' }\n"
    written(tmp_path, main_yaml=f"{kind}{body}---\nkind: M.Two\nmetadata: {{ name: Pair }}\n")
    answer = kernel("apply", tmp_path)
    assert (answer.status, answer.out) == (2, "")
    assert "name one with --target: M.Two/Pair" in answer.err
    assert kernel("apply", tmp_path, "--target", "M.Two/Pair").json == 2


def test_several_targets(tmp_path: Path) -> None:
    text = "---\n".join(
        f"kind: Run.Sequence\nmetadata: {{ name: {name} }}\nsteps: []\nresult: {name}\n"
        for name in "ABC"
    )
    written(tmp_path, main_yaml=text)
    answer = kernel("apply", tmp_path)
    assert (answer.status, answer.out) == (2, "")
    for name in "ABC":
        assert f"Run.Sequence/{name}" in answer.err
    assert "--target" in answer.err
    assert kernel("apply", tmp_path, "--target", "Run.Sequence/B").json == "B"
    assert kernel("invoke", tmp_path, "C").json == "C"


# Usage


def test_an_unknown_target_is_suggested(greet: Path) -> None:
    for arguments in (("apply", greet, "--target", "Run.Sequence/Gret"), ("invoke", greet, "Gret")):
        answer = kernel(*arguments)
        assert (answer.status, answer.out) == (2, "")
        assert "Gret" in answer.err
        assert "Run.Sequence/Greet" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aply", "greet.yaml"], "aply"),
        (["apply"], "PATH"),
        (["apply", "greet.yaml", "--nope"], "--nope"),
        (["apply", "greet.yaml", "-o", "xml"], "xml"),
        (["apply", "greet.yaml", "--var", "word"], "NAME=VALUE"),
        (["apply", "greet.yaml", "--inputs", "nowhere.json"], "nowhere.json"),
        (["apply", "greet.yaml", "--var-file", "greet.yaml"], "greet.yaml"),
        (["apply", "greet.yaml", "--events", "nowhere/e.jsonl"], "nowhere/e.jsonl"),
        (["explain", "Http.Nope"], "Http.Request"),
        (["explain", "Http.Request.nope"], "baseUrl"),
        (["explain", "cel.starsWith"], "startsWith"),
    ],
)
def test_wrong_usage_is_status_2(greet: Path, arguments: list[str], said: str) -> None:
    answer = kernel(*arguments, folder=greet.parent)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(
    ("arguments", "status", "kind"),
    [
        (["apply", "-o", "json"], 2, "Usage"),
        (["apply", "greet.yaml", "--nope", "-ojson"], 2, "Usage"),
        (["aply", "--output=json"], 2, "Usage"),
        (["apply", "greet.yaml", "--target", "Gret", "--output", "json"], 2, "Usage"),
        (["apply", "greet.yaml", "--var", "wrod=x", "-o", "json"], 2, "InvalidValues"),
        (["trace", "x", "-o", "json"], 2, "Usage"),
        (["runs", "--journal", "greet.yaml", "-o", "json"], 1, "Journal"),
        (["get", "nowhere.yaml", "-o", "json"], 2, "Usage"),
        (["explain", "Http.Nope", "-o", "json"], 2, "Usage"),
        (["check", "nowhere", "-o", "json"], 2, "Usage"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_errors_are_documents_where_documents_are_asked_for(
    greet: Path, arguments: list[str], status: int, kind: str
) -> None:
    answer = kernel(*arguments, folder=greet.parent)
    assert answer.status == status, answer.err
    error = answer.json["error"]
    assert error["kind"] == kind
    assert error["message"]
    assert answer.err


@pytest.mark.parametrize("arguments", [["apply", "nowhere"], ["get", "nowhere.yaml"]])
def test_a_path_that_is_not_there(arguments: list[str], tmp_path: Path) -> None:
    answer = kernel(*arguments, folder=tmp_path)
    assert answer.status in (2, 3)
    assert "nowhere" in answer.err
    assert answer.out == ""


def test_a_folder_without_manifests(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("a: 1\n")
    answer = kernel("apply", tmp_path)
    assert answer.status in (2, 3)
    assert answer.out == ""
    assert answer.err.strip()


def test_an_undeclared_variable(greet: Path) -> None:
    answer = kernel("apply", greet, "--var", "wrod=x")
    assert answer.status == 2
    assert "wrod" in answer.err
    assert "word" in answer.err


def test_faults_are_shown_with_the_line_and_a_caret(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=FAIL.replace("throw:", "trow:").replace("Bad", "Bæ✓d"))
    answer = kernel("apply", tmp_path / "main.yaml")
    assert (answer.status, answer.out) == (3, "")
    assert re.search(r"main\.yaml:4:19: error K003 ", answer.err)
    lines = answer.err.splitlines()
    line = next(n for n, text in enumerate(lines) if "K003" in text) + 1
    assert lines[line].startswith("  4 |   - { name: Bæ✓d, trow:")
    assert lines[line + 1].index("^") == lines[line].index("trow")
    assert answer.err.endswith("2 errors in 1 file; --fix mends 1\nnothing was run\n")


def test_what_the_analyzer_proves_wrong_is_not_started(tmp_path: Path) -> None:
    """Nothing of it runs, with the diagnostics of `kernel check`; unless it is said so."""
    text = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: First, invoke: { kind: File.Write }, inputs: { path: written.txt, content: done } }
  - { name: Second, value: "${{ steps.First.result.sizes }}" }
"""
    written(tmp_path, main_yaml=text)
    answer = kernel("apply", "main.yaml", folder=tmp_path)
    checked = kernel("check", "main.yaml", folder=tmp_path)
    assert (answer.status, answer.out, checked.status) == (3, "", 1)
    assert "main.yaml:5:" in answer.err
    assert "K401" in answer.err
    assert answer.err.startswith(checked.out)
    assert "`--no-check` runs it all the same" in answer.err
    answer = kernel("apply", "main.yaml", "-o", "json", folder=tmp_path)
    (found,) = json.loads(answer.out)["diagnostics"]
    assert (answer.status, found["code"], found["line"]) == (3, "K401", 5)
    assert not (tmp_path / "written.txt").exists()
    answer = kernel("apply", "main.yaml", "--no-check", folder=tmp_path)
    assert answer.status == 1
    assert (tmp_path / "written.txt").exists()


def test_values_that_are_missing_are_all_reported_before_anything_runs(tmp_path: Path) -> None:
    module = (
        "kind: Kernel.Module\nmetadata: { name: M }\n"
        "vars: { a: { type: string }, b: { type: integer, env: T_B } }\n---\n"
    )
    written(tmp_path, main_yaml=module + FAIL)
    answer = kernel("apply", tmp_path, env={"T_B": "many"})
    assert answer.status == 2  # the manifest is sound: what it was given is not
    assert "`a`" in answer.err
    assert "`b`" in answer.err
    assert "it went wrong" not in answer.err


# Other commands


def test_get_lists_what_is_declared(greet: Path) -> None:
    answer = kernel("get", greet)
    assert answer.status == 0
    assert re.search(
        r"Run\.Sequence +Greet +Invocable +\S*greet\.yaml:6 +Greets somebody", answer.out
    )
    rows = kernel("get", greet, "-o", "json").json
    assert rows[0] == {
        "kind": "Run.Sequence",
        "name": "Greet",
        "capability": "Invocable",
        "place": f"{greet}:6",
        "description": "Greets somebody",
    }


def test_explain(greet: Path) -> None:
    whole = kernel("explain", "Http.Request").out
    for said in ("baseUrl", "INPUTS", "OUTPUTS", "429", "retryable"):
        assert said in whole
    assert "one HTTP request" in whole
    field = kernel("explain", "Http.Request.inputs.query").out
    assert "Query parameters" in field
    assert kernel("explain", "cel.startsWith").status == 0
    assert "startsWith" in kernel("explain", "cel").out
    assert kernel("explain", "Run.Sequence", "-o", "json").json["kind"] == "Run.Sequence"


def test_explain_a_kind_of_ones_own(tmp_path: Path) -> None:
    text = (
        "kind: Kernel.Definition\nmetadata: { name: Charge, module: Shop, description: Charges }\n"
        "capability: Invocable\n"
        "inputs: { type: object, properties: { amount: { type: integer, minimum: 1 } } }\n"
    )
    written(tmp_path, main_yaml=text)
    assert "Charges" in kernel("explain", "Shop.Charge", "--path", tmp_path).out
    answer = kernel("explain", "Shop.Charge.inputs.amount", "--path", tmp_path, "-o", "json")
    assert answer.json["minimum"] == 1


def test_explain_follows_references_to_other_kinds(tmp_path: Path) -> None:
    written = """\
        kind: Kernel.Definition
        metadata: {name: Money, module: Shop}
        capability: Invocable
        schema:
          $defs:
            part:
              type: object
              properties: {cents: {type: integer, minimum: 1, description: An amount.}}
        ---
        kind: Kernel.Definition
        metadata: {name: Charge, module: Shop}
        capability: Invocable
        inputs:
          type: object
          properties:
            parts:
              type: array
              items:
                $ref: "Shop.Money#/schema/$defs/part"
                properties: {note: {type: string, description: What for.}}
            total:
              allOf: [{$ref: "Shop.Money#/schema/$defs/part"}]
        """
    (tmp_path / "main.yaml").write_text(textwrap.dedent(written))
    for place in ("parts", "total"):
        told = kernel("explain", f"Shop.Charge.inputs.{place}", "--path", tmp_path).out
        assert "An amount." in told
        assert ("What for." in told) == (place == "parts")
        cents = f"Shop.Charge.inputs.{place}.cents"
        told = kernel("explain", cents, "--path", tmp_path, "-o", "json").json
        assert (told["type"], told["minimum"]) == ("integer", 1)
        assert "maximum" not in told, "all integers have that one"
    assert "false skips" in kernel("explain", "Flow.Workflow.nodes.when").out
    assert "false skips" in kernel("explain", "Flow.Router.entries.when").out


def test_version() -> None:
    from kernel import __version__

    assert kernel("version").out == f"kernel {__version__}\n"
    assert kernel("--version").out == f"kernel {__version__}\n"
    assert kernel("version", "-o", "json").json == {"version": __version__}
    assert kernel("version", "-o", "yaml").out == f"version: {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "greet.yaml"],
        ["approvals"],
        ["check", "greet.yaml"],
        ["escalations"],
        ["explain", "Http.Request"],
        ["get", "greet.yaml"],
        ["get", "nowhere.yaml"],
        ["invoke", "greet.yaml", "Greet", "--input", "who=me"],
        ["policy", "simulate", "greet.yaml", "Greet"],
        ["resume", "nobody"],
        ["runs"],
        ["trace", "first"],
        ["version"],
    ],
    ids=" ".join,
)
def test_an_interpreter_of_its_own_gives_the_same(greet: Path, arguments: list[str]) -> None:
    """The other tests fork from a process that has imported everything."""
    folder = greet.parent
    kernel("apply", greet, "--run-id", "first", folder=folder)
    told, again = (kernel(*arguments, folder=folder, fresh=fresh) for fresh in (True, False))
    assert (told.status, told.out) == (again.status, again.out)
    assert re.sub(r"\d+", "0", told.err) == re.sub(r"\d+", "0", again.err)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    assert "_KERNEL_COMPLETE" in kernel("completion", shell).out


def test_completion_completes() -> None:
    env = {"_KERNEL_COMPLETE": "bash_complete", "COMP_WORDS": "kernel ap", "COMP_CWORD": "1"}
    assert "apply" in kernel(env=env).out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([], "apply"),
        (["apply"], "--target"),
        (["invoke"], "KIND/NAME"),
        (["invoke"], "are gone on with too"),
        (["get"], "PATH"),
        (["explain"], "KIND"),
        (["version"], "version"),
        (["completion"], "bash"),
    ],
)
def test_help(command: list[str], said: str) -> None:
    answer = kernel(*command, "--help")
    assert answer.status == 0
    assert said in " ".join(answer.out.split())
    assert answer.err == ""


def test_help_tells_the_exit_status() -> None:
    assert "130 interrupted" in " ".join(kernel("--help").out.split())


# Terminals and pipes


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    written(
        tmp_path,
        main_yaml="kind: Run.Sequence\nmetadata: { name: M }\nsteps: []\n"
        'result: "${{ [1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, '
        "[1,2,3,4,5,6,7,8,9].map(c, 'a long text to fill the pipe ' + string(a)))) }}\"\n",
    )
    done = subprocess.run(
        f"{' '.join(map(repr, COMMAND))} apply . -o json | head -c 10",
        shell=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert len(done.stdout) == 10
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def on_terminal(folder: Path, *arguments: str, **env: str) -> str:
    """What the command writes to a terminal, which both its outputs are."""
    primary, secondary = pty.openpty()
    process = start(
        *arguments,
        folder=folder,
        env=environment(TERM="xterm-256color", COLUMNS="100", **env),
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    seen, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        ready, _, _ = select.select([primary], [], [], 0.2)
        try:
            chunk = os.read(primary, 65536) if ready else b""
        except OSError:
            break
        if ready and not chunk:
            break
        seen += chunk
    process.wait(10)
    os.close(primary)
    return seen.decode()


SLOW = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: All
    forEach: [1, 2, 3, 4]
    do: [{ invoke: { kind: Time.Sleep }, inputs: { ms: 100 } }]
  - { name: Bad, throw: { code: E, message: no } }
"""


def test_progress_is_live_on_a_terminal(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=SLOW)
    seen = on_terminal(tmp_path, "apply", ".")
    assert "\x1b[" in seen
    assert "steps.All" in seen
    assert re.search("[1-3]/4", seen)
    assert "\x1b[31" in seen or "\x1b[1;31" in seen


def test_no_color(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=SLOW)
    seen = on_terminal(tmp_path, "apply", ".", NO_COLOR="1")
    assert "steps.All" in seen
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;)[0-9;]*m", seen)


def test_progress_is_plain_lines_in_a_pipe(tmp_path: Path) -> None:
    written(tmp_path, main_yaml=SLOW)
    answer = kernel("apply", tmp_path)
    assert "\x1b" not in answer.err
    assert "\r" not in answer.err
    assert re.search(r"✓ steps\.All \d+\.\d\ds", answer.err)
    assert re.search(r"✗ steps\.Bad", answer.err)
