"""Values of modules at run time: passed by importers, from files; isolated; all faults at once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, ManifestError, UsageError, ValuesError, load
from kernel.manifest.value_files import MAX_VALUE_BYTES
from kernel.runtime.values import variables_without_secrets
from tests.support.journals import by_hand, play

KEY = "correct-horse-battery"

MAIN = """\
kind: Kernel.Module
metadata: { name: Orders }
imports:
  Mail:
    source: ./mail
    vars: { from: "${{ vars.sender }}" }
    secrets: { key: "${{ secrets.mail }}" }
  Bulk:
    source: ./mail
    vars: { from: bulk@example.com, port: "${{ vars.port + 1 }}" }
    secrets: { key: "${{ 'Bearer ' + secrets.mail }}" }
vars:
  sender: { type: string, default: orders@example.com }
  port: { type: integer, default: 25 }
secrets: { mail: { type: string, env: ORDERS_MAIL } }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: A, invoke: { kind: Run.Sequence, name: Mail.Tell } }
  - { name: B, invoke: { kind: Run.Sequence, name: Bulk.Tell } }
result: { a: "${{ steps.A.result }}", b: "${{ steps.B.result }}", own: "${{ vars.sender }}" }
"""

MAIL = """\
kind: Kernel.Module
metadata: { name: Mail }
vars:
  from: { type: string, env: MAIL_FROM, default: nobody }
  port: { type: number, env: MAIL_PORT, default: 587 }
secrets: { key: { type: string, env: MAIL_KEY } }
---
kind: Run.Sequence
metadata: { name: Tell }
steps: []
result: { from: "${{ vars.from }}", port: "${{ vars.port }}", size: "${{ size(secrets.key) }}" }
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / "main.yaml"


def kernel_of(path: Path, values: Any = None, environ: Any = None, **more: Any) -> Kernel:
    return Kernel(load(path), values=values, environ=environ or {}, **more)


def result_of(path: Path, values: Any = None, environ: Any = None, target: Any = None) -> Any:
    async def main() -> Any:
        async with kernel_of(path, values, environ) as kernel:
            ended = await kernel.apply(target)
            assert ended.error is None, ended.error
            return ended.result

    return asyncio.run(main())


def faults_of(path: Path, values: Any = None, environ: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(ValuesError) as caught:
        kernel_of(path, values, environ)
    assert KEY not in str(caught.value)
    return [(one.code, one.message) for one in caught.value.faults]


# Values that are passed


def test_each_import_has_the_values_that_are_passed_to_it(tmp_path: Path) -> None:
    path = write(tmp_path, {"main.yaml": MAIN, "mail/mail.yaml": MAIL})
    environ = {"ORDERS_MAIL": KEY, "MAIL_FROM": "env", "MAIL_PORT": "1", "MAIL_KEY": "other-key"}
    found = result_of(path, {"sender": "me"}, environ)
    assert found == {
        "a": {"from": "me", "port": 1.0, "size": len(KEY)},
        "b": {"from": "bulk@example.com", "port": 26.0, "size": len(f"Bearer {KEY}")},
        "own": "me",
    }
    assert type(found["b"]["port"]) is float


def test_values_go_through_several_imports(tmp_path: Path) -> None:
    def level(number: int) -> str:
        return (
            f"kind: Kernel.Module\nmetadata: {{ name: L{number} }}\n"
            f"imports: {{ Next: {{ source: ./l{number + 1}.yaml, "
            'vars: { n: "${{ vars.n + 1 }}" }, secrets: { key: "${{ secrets.key }}" } } }\n'
            "vars: { n: { type: integer, default: 0 } }\nsecrets: { key: { type: string } }\n"
            "---\nkind: Run.Sequence\nmetadata: { name: Main }\n"
            "steps: [{ name: S, invoke: { kind: Run.Sequence, name: Next.Main } }]\n"
            'result: "${{ [vars.n] + steps.S.result }}"\n'
        )

    last = (
        "kind: Kernel.Module\nmetadata: { name: Last }\n"
        "vars: { n: { type: integer } }\nsecrets: { key: { type: string } }\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\n"
        'result: "${{ [vars.n, size(secrets.key)] }}"\n'
    )
    path = write(tmp_path, {"main.yaml": level(0), **{f"l{n}.yaml": level(n) for n in range(1, 5)}})
    write(tmp_path, {"l5.yaml": last})
    assert result_of(path, {"key": KEY, "n": 3}) == [3, 4, 5, 6, 7, 8, len(KEY)]


def test_all_that_is_missing_or_wrong_is_said_at_once(tmp_path: Path) -> None:
    main = MAIN.replace('"${{ vars.port + 1 }}"', '"${{ secrets.mail }}"').replace(
        '"${{ vars.sender }}"', "[1]"
    )
    more = "vars:\n  lost: { type: string }\n"
    mail = MAIL.replace("vars:\n", more)
    path = write(tmp_path, {"main.yaml": main, "mail/mail.yaml": mail})
    found = faults_of(path, {"prot": 1}, {"ORDERS_MAIL": KEY, "MAIL_KEY": "x"})
    assert [one for one in found if one[0] == "K302"] == [
        ("K302", "the module declares no variable `prot`")
    ]
    assert [code for code, _ in found].count("K206") == 2
    # Once for each instance of the module, at the same place.
    assert ("K007", "the variable `lost` has no value") in found


def test_what_follows_from_a_missing_value_is_not_told(tmp_path: Path) -> None:
    path = write(tmp_path, {"main.yaml": MAIN, "mail/mail.yaml": MAIL})
    assert faults_of(path) == [("K007", "the secret `mail` has no value")]
    main = MAIN.replace("type: integer, default: 25", "type: integer")
    write(tmp_path, {"main.yaml": main})
    assert faults_of(path, {"port": "many"}, {"ORDERS_MAIL": KEY}) == [
        ("K007", 'the variable `port`: must be an integer; this is a string, "many"')
    ]


def test_a_wrong_value_that_holds_a_secret_is_not_shown(tmp_path: Path) -> None:
    main = MAIN.replace('from: "${{ vars.sender }}"', 'from: "${{ {secrets.mail: 1} }}"')
    path = write(tmp_path, {"main.yaml": main, "mail/mail.yaml": MAIL})
    ((code, message),) = faults_of(path, None, {"ORDERS_MAIL": KEY})
    assert code == "K206"
    assert message.startswith("the variable `from`: must be a string; this is an object")
    main = MAIN.replace('from: "${{ vars.sender }}"', "port: \"${{ 'is ' + secrets.mail }}\"")
    write(tmp_path, {"main.yaml": main})
    ((_, message),) = faults_of(path, None, {"ORDERS_MAIL": KEY})
    assert message == 'the variable `port`: must be a number; this is a string, "is [redacted]"'


def test_an_expression_that_fails_is_told_at_its_place(tmp_path: Path) -> None:
    main = MAIN.replace("vars.port + 1", "vars.port / 0")
    path = write(tmp_path, {"main.yaml": main, "mail/mail.yaml": MAIL})
    with pytest.raises(ValuesError) as caught:
        kernel_of(path, None, {"ORDERS_MAIL": KEY})
    (fault,) = caught.value.faults
    assert fault.span is not None
    assert (fault.code, fault.span.line, fault.path) == (
        "K301", 10, ("imports", "Bulk", "vars", "port"),
    )  # fmt: skip


# Scopes


def test_a_module_sees_its_own_values_and_resources_only(tmp_path: Path) -> None:
    inner = (
        "kind: Kernel.Module\nmetadata: { name: Inner }\nvars: { mine: { default: i } }\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Deep }\nsteps: []\nresult: '${{ vars.mine }}'\n"
    )
    lib = (
        "kind: Kernel.Module\nmetadata: { name: Lib }\nimports: { Inner: ../inner.yaml }\n"
        "vars: { mine: { default: l } }\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Tell }\n"
        "steps: [{ name: S, invoke: { kind: Run.Sequence, name: Inner.Deep } }]\n"
        "result: '${{ vars.mine + steps.S.result }}'\n"
    )
    main = (
        "kind: Kernel.Module\nmetadata: { name: M }\nimports: { Lib: ./lib }\n"
        "vars: { mine: { default: m } }\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Main }\n"
        "steps: [{ name: S, invoke: { kind: Run.Sequence, name: %s } }]\n"
        "result: '${{ %s + steps.S.result }}'\n"
    )
    write(tmp_path, {"lib/lib.yaml": lib, "inner.yaml": inner})
    path = write(tmp_path, {"main.yaml": main % ("Lib.Tell", "vars.mine")})
    assert result_of(path) == "mli"
    for name in ("Lib.Inner.Deep", "Inner.Deep", "Tell"):
        write(tmp_path, {"main.yaml": main % (name, "vars.mine")})
        with pytest.raises(ManifestError, match="there is no resource"):
            load(path)


# Files


def files(folder: Path, declared: str = "file: ./value") -> Path:
    text = (
        "kind: Kernel.Module\nmetadata: { name: M }\n"
        f"vars: {{ v: {{ {declared} }} }}\nsecrets: {{ s: {{ type: string, file: run/key }} }}\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\n"
        'result: { v: "${{ vars.v }}", s: "${{ size(secrets.s) }}" }\n'
    )
    return write(folder, {"main.yaml": text, "run/key": KEY + "\n"})


def test_a_file_comes_after_the_environment_and_before_the_default(tmp_path: Path) -> None:
    path = files(tmp_path, "type: integer, env: V, file: ./value, default: 4")
    assert result_of(path) == {"v": 4, "s": len(KEY)}
    write(tmp_path, {"value": " 3 \n"})
    assert result_of(path)["v"] == 3
    assert result_of(path, None, {"V": "2"})["v"] == 2
    assert result_of(path, {"v": 1}, {"V": "2"})["v"] == 1


def test_a_file_is_looked_for_from_the_folder_of_its_manifest(tmp_path: Path) -> None:
    files(tmp_path / "lib", "type: string, file: ../value")
    main = (
        "kind: Kernel.Module\nmetadata: { name: R }\nimports: { Lib: ./lib }\n"
        "targets: [{ invoke: { kind: Run.Sequence, name: Lib.Main } }]\n"
    )
    path = write(tmp_path, {"main.yaml": main, "value": "found"})
    assert result_of(path) == {"v": "found", "s": len(KEY)}


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_one_final_newline_does_not_count(tmp_path: Path, end: str) -> None:
    path = files(tmp_path, "type: string, file: ./value")
    (tmp_path / "value").write_bytes(b"\xef\xbb\xbfa\n" + end.encode())
    assert result_of(path)["v"] == ("a\n" if end else "a")
    (tmp_path / "value").write_bytes(b"a\r" + end.encode())
    assert result_of(path)["v"] == ("a\r" if end != "\n" else "a")


def test_a_file_that_gives_no_value(tmp_path: Path) -> None:
    path = files(tmp_path, "type: string, env: V, file: ./value")
    value = tmp_path / "value"

    def said() -> str:
        ((code, message),) = faults_of(path)
        assert code == "K007"
        return message.removeprefix("the variable `v`")

    assert said() == " has no value"
    value.symlink_to(tmp_path / "nowhere")
    assert said() == " has no value"
    value.unlink()
    value.mkdir()
    assert said() == ": the file ./value is not a regular file"
    value.rmdir()
    value.symlink_to(value)
    assert said().startswith(": the file ./value cannot be read: ")
    value.unlink()
    os.mkfifo(value)
    began = time.monotonic()
    assert said() == ": the file ./value is not a regular file"
    assert time.monotonic() - began < 5
    value.unlink()
    value.write_bytes(b"\xff\xfe" + KEY.encode())
    assert said() == ": the file ./value is not valid UTF-8"
    value.write_bytes(b"a" * (MAX_VALUE_BYTES + 1))
    assert said() == ": the file ./value is larger than 1024 KiB"
    value.write_bytes(b"a" * MAX_VALUE_BYTES)
    assert len(result_of(path)["v"]) == MAX_VALUE_BYTES


def test_the_way_to_a_value_names_the_file(tmp_path: Path) -> None:
    path = files(tmp_path, "type: string, env: V, file: ./value")
    with pytest.raises(ValuesError) as caught:
        kernel_of(path)
    assert caught.value.faults[0].help == "set V, or write it into ./value, or give --var v=…"


def test_a_manifest_reads_no_environment_variable_that_it_does_not_declare(tmp_path: Path) -> None:
    class Environ(dict[str, str]):
        read: list[str]

        def get(self, key: Any, default: Any = None) -> Any:
            self.read.append(key)
            return super().get(key, default)

        def __getitem__(self, key: str) -> str:
            self.read.append(key)
            return super().__getitem__(key)

    environ = Environ(ORDERS_MAIL=KEY, HOME="/", MAIL_FROM="m")
    environ.read = []
    path = write(tmp_path, {"main.yaml": MAIN, "mail/mail.yaml": MAIL})
    kernel_of(path, None, environ)
    # What is passed is not looked for anywhere else.
    assert environ.read == ["ORDERS_MAIL", "MAIL_PORT"]


# Targets by hand

TARGETS = """\
kind: Kernel.Module
metadata: { name: M }
targets:
  - { invoke: { kind: Run.Sequence, name: A } }
  - { invoke: { kind: Run.Sequence, name: B }, start: manual, inputs: { n: 1 } }
---
kind: Run.Sequence
metadata: { name: A }
steps: []
result: a
---
kind: Run.Sequence
metadata: { name: B }
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
steps: []
result: "${{ inputs.n }}"
"""


def test_a_manual_target_is_started_when_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, {"main.yaml": TARGETS})
    assert result_of(path) == "a"
    assert result_of(path, target="Run.Sequence/B") == 1
    assert result_of(path, target="A") == "a"
    text = TARGETS.replace("name: A } }\n  -", "name: A }, start: manual }\n  -")
    write(tmp_path, {"main.yaml": text})
    with pytest.raises(UsageError, match="every target says `start: manual`; name one"):
        result_of(path)


# The journal


def test_secrets_of_imports_stay_references_over_a_resumption(tmp_path: Path) -> None:
    mail = (
        MAIL.replace("kind: Run.Sequence", "kind: Pay.Post", 1)
        .replace("Tell", "Post")
        .replace(
            'steps: []\nresult: { from: "${{ vars.from }}", port: "${{ vars.port }}", '
            'size: "${{ size(secrets.key) }}" }\n',
            "",
        )
    )
    mail += (
        "---\nkind: Kernel.Definition\nmetadata: { name: Post, module: Pay }\n"
        "capability: Invocable\nsafety: approval-bound\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Tell }\n"
        "steps:\n  - name: P\n    invoke: { kind: Pay.Post, name: Post }\n"
        '    inputs: { key: "${{ secrets.key }}", from: "${{ vars.from }}" }\n'
        'result: "${{ steps.P.result }}"\n'
    )
    path = write(tmp_path, {"main.yaml": MAIN, "mail/mail.yaml": mail})
    journal = str(tmp_path / "journal.db")
    calls: list[Any] = []

    def post(inputs: Any) -> Any:
        calls.append(dict(inputs))
        return {"from": inputs["from"], "said": f"with {inputs['key']}"}

    async def once(start: bool, place: Path = path) -> Any:
        kernel = kernel_of(
            place, None, {"ORDERS_MAIL": KEY}, controllers={"Pay.Post": post}, journal=journal
        )
        told: list[str] = []
        kernel.subscribe(lambda event: told.append(str(event.to_dict())))
        async with kernel:
            ended = await (kernel.apply(run_id="r") if start else kernel.resume("r"))
        assert not [one for one in told if KEY in one]
        return ended

    async def approve_all(opened: Any) -> None:
        for asked in await opened.approvals("pending"):
            await opened.decide(asked.approval, "approved", "bob")

    assert asyncio.run(once(True)).outcome == "parked"
    play(journal, approve_all)
    assert asyncio.run(once(False)).outcome == "parked"
    play(journal, approve_all)
    # The manifest may be called by another path then.
    ended = asyncio.run(once(False, tmp_path / "mail" / ".." / "main.yaml"))
    assert ended.outcome == "succeeded"
    assert [one["key"] for one in calls] == [KEY, f"Bearer {KEY}"]
    assert ended.result["a"] == {"from": "orders@example.com", "said": f"with {KEY}"}
    kept = repr(
        [
            row
            for table in ("runs", "invocations", "conclusions", "trace", "approvals")
            for row in by_hand(journal, f"SELECT * FROM kernel_{table}")
        ]
    )
    assert KEY not in kept
    assert "Orders.secrets.mail" in kept
    assert asyncio.run(once(True)).result == ended.result


def test_variables_alone_need_no_secrets(tmp_path: Path) -> None:
    path = write(tmp_path, {"main.yaml": MAIN, "mail/mail.yaml": MAIL})
    manifest = load(path)
    variables = variables_without_secrets(manifest, {"sender": "me"}, {})
    imports = manifest.root.imports
    assert variables(imports["Mail"]) == {"from": "me", "port": 587.0}
    assert variables(imports["Bulk"]) == {"from": "bulk@example.com", "port": 26.0}
    write(tmp_path, {"mail/mail.yaml": MAIL.replace(", default: 587", "")})
    manifest = load(path)
    variables = variables_without_secrets(manifest, {}, {})
    assert variables(manifest.root) == {"sender": "orders@example.com", "port": 25}
    assert variables(manifest.root.imports["Bulk"])["port"] == 26
    with pytest.raises(ValuesError, match="the variable `port` has no value"):
        variables(manifest.root.imports["Mail"])
