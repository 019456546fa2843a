"""Files and folders to manifests: modules, imports, names, faults together."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Fault, ManifestError
from kernel.manifest import (
    inspect,
    inspect_text,
    library_module,
    library_names,
    load,
    loads,
    resolve_kind,
)
from kernel.manifest.loading import Shared, default_name
from kernel.manifest.source import Source
from tests.support.properties import examples

SEQUENCE = "kind: Run.Sequence\nmetadata: {{ name: {} }}\nsteps: []\n"
DEFINITION = """\
kind: Kernel.Definition
metadata: {{ name: {} }}
capability: Invocable
inputs: {{ type: object, properties: {{ amount: {{ type: integer }} }} }}
"""


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def faults_of(*paths: Path) -> list[Fault]:
    with pytest.raises(ManifestError) as caught:
        load(*paths)
    return list(caught.value.faults)


def text_faults(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(ManifestError) as caught:
        loads(text)
    return [(f.code, f.span.line, f.span.column) for f in caught.value.faults if f.span]


def test_a_file_is_a_module_named_after_it(tmp_path: Path) -> None:
    write(tmp_path, {"order-import.yaml": SEQUENCE.format("A") + "---\n" + DEFINITION.format("D")})
    module = load(tmp_path / "order-import.yaml").root
    assert (module.name, module.folder) == ("order_import", tmp_path)
    assert list(module.resources) == ["A"]
    assert module.resources["A"].fields == {"steps": []}
    definition = module.definitions["order_import.D"]
    assert (definition.kind, definition.capability) == ("order_import.D", "Invocable")
    assert resolve_kind(module, "order_import.D") is definition


def test_a_folder_is_its_own_manifests_in_order(tmp_path: Path) -> None:
    write(
        tmp_path / "shop",
        {
            "b.yml": SEQUENCE.format("B"),
            "a.yaml": SEQUENCE.format("A"),
            "values.yaml": "day: monday\n",
            "broken-values.yaml": "a: [\n",
            "notes.txt": "kind: x",
            "sub/c.yaml": SEQUENCE.format("C"),
        },
    )
    manifest = load(tmp_path / "shop")
    assert manifest.root.name == "shop"
    assert list(manifest.root.resources) == ["A", "B"]
    assert [Path(source.name).name for source in manifest.sources] == ["a.yaml", "b.yml"]


def test_a_broken_manifest_of_a_folder_is_not_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "kind: Run.Sequence\nmetadata: {name: [}\n"})
    assert [fault.code for fault in faults_of(tmp_path)] == ["K001"]


def test_several_paths_make_one_manifest(tmp_path: Path) -> None:
    write(tmp_path, {"x/a.yaml": SEQUENCE.format("A"), "b.yaml": SEQUENCE.format("B")})
    assert list(load(tmp_path / "b.yaml", tmp_path / "x").root.resources) == ["B", "A"]


def test_a_file_that_is_named_must_be_a_manifest(tmp_path: Path) -> None:
    write(tmp_path, {"empty.yaml": "", "values.yaml": "a: 1\n"})
    assert [f.code for f in faults_of(tmp_path / "empty.yaml")] == ["K001"]
    assert [f.code for f in faults_of(tmp_path / "values.yaml")] == ["K003"]


def test_faults_of_all_files_and_documents_come_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": "kind: A.B\nmetadata: {name: x y}\n---\nkind: [\n---\nkind: A.B\n",
        "b.yaml": "kind: Kernel.Modul\nmetadata: {name: M}\n---\n- a\n",
        "c.yaml": b"kind: \xff\n",
    }
    found = faults_of(write(tmp_path, files))
    assert [(Path(f.span.file).name, f.code) for f in found if f.span] == [
        ("a.yaml", "K202"),
        ("a.yaml", "K001"),
        ("a.yaml", "K007"),
        ("b.yaml", "K004"),
        ("b.yaml", "K007"),
        ("c.yaml", "K001"),
    ]
    assert found[3].help == "did you mean 'Kernel.Module'?"


def test_a_name_that_is_taken_points_at_the_first() -> None:
    text = SEQUENCE.format("A") + "---\n" + SEQUENCE.format("A")
    with pytest.raises(ManifestError, match=r"A is declared a second time \(.*<string>:2:19\)"):
        loads(text)
    text = DEFINITION.format("A") + "---\n" + DEFINITION.format("A")
    assert text_faults(text) == [("K202", 7, 19)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind: A\nmetadata: {name: x}", [("K007", 1, 7)]),
        ("kind: 3\nmetadata: {name: x}", [("K007", 1, 7)]),
        ("knd: A.B\nmetadata: {name: x}", [("K003", 1, 1)]),
        ("kind: A.B\nmetadata: x", [("K007", 2, 11)]),
        ("kind: A.B\nmetadata: {}", [("K202", 2, 11)]),
        (DEFINITION.format("x, module: Kernel"), [("K202", 2, 30)]),
        (DEFINITION.format("x, module: a-b"), [("K202", 2, 30)]),
        ("kind: A.B\nmetadata: {name: 3}", [("K007", 2, 18)]),
        ("kind: A.B\nmetadata: {name: x, labls: {}}", [("K003", 2, 21)]),
        ("kind: A.B\nmetadata: {name: x, labels: {a: 1}}", [("K007", 2, 29)]),
        ("kind: Kernel.Module\nmetadata: {name: x}\nvars: {a b: {}}", [("K202", 3, 8)]),
        ("kind: Kernel.Module\nmetadata: {name: x}\nimports: {a: ./no}", [("K201", 3, 14)]),
        ("kind: Kernel.Module\nmetadata: {name: x}\nvars: {a: {type: strin}}", [("K101", 3, 18)]),
        ("kind: Kernel.Definition\nmetadata: {name: x}", [("K007", 1, 1)]),
        (
            DEFINITION.format("x") + "controller: {python: 'a:b'}\nbody: {steps: []}",
            [("K209", 6, 1)],
        ),
        (DEFINITION.format("x") + "outputs: {$ref: '#/nope'}", [("K102", 5, 17)]),
        (DEFINITION.format("x") + "outputs: {type: integer, default: x}", [("K105", 5, 35)]),
        (SEQUENCE.format("x") + "result: '${{ 1 + }}'", [("K301", 4, 18)]),
        (SEQUENCE.format("x") + "a: |\n  text\n  ${{ a b }} more", [("K301", 6, 9)]),
    ],
)
def test_each_fault_has_its_code_and_place(text: str, wanted: list[tuple[str, int, int]]) -> None:
    assert text_faults(text) == wanted


def test_imports_are_modules_by_alias(tmp_path: Path) -> None:
    module = "kind: Kernel.Module\nmetadata: {{ name: {} }}\nimports: {}\n---\n"
    write(
        tmp_path,
        {
            "app/main.yaml": module.format("App", "{ Bill: ../billing, Ship: ../ship.yaml }")
            + "kind: Bill.Charge\nmetadata: { name: C }\n",
            "billing/m.yaml": module.format("Billing", "{ S: ../ship.yaml }")
            + DEFINITION.format("Charge")
            + "outputs: { $ref: 'S.Send#/inputs/properties/amount' }\n",
            "ship.yaml": DEFINITION.format("Send"),
            "kernel.toml": "",
        },
    )
    manifest = load(tmp_path / "app")
    root = manifest.root
    assert sorted(manifest.modules) == ["App", "Billing", "ship"]
    assert root.imports["Ship"] is root.imports["Bill"].imports["S"]
    found = resolve_kind(root, "Bill.Charge")
    assert found is not None
    assert found.kind == "Billing.Charge"
    assert resolve_kind(root, "Billing.Charge") is None


def test_imports_stay_inside_the_project(tmp_path: Path) -> None:
    module = "kind: Kernel.Module\nmetadata: { name: M }\nimports: { X: %s }\n"
    secret = "password: hunter2: [\n"
    write(
        tmp_path,
        {
            "secret/s.yaml": secret,
            "app/sub/deep/d.yaml": module % "../other.yaml",
            "app/sub/other.yaml": DEFINITION.format("Do"),
            "app/links/fine.yaml": DEFINITION.format("Do"),
        },
    )
    app = tmp_path / "app"
    (app / "file.yaml").symlink_to(tmp_path / "secret" / "s.yaml")
    (app / "folder").symlink_to(tmp_path / "secret")
    (app / "links" / "out.yaml").symlink_to(tmp_path / "secret" / "s.yaml")
    (tmp_path / "back").symlink_to(app)
    main = app / "main.yaml"
    for target in ("../secret", "../secret/s.yaml", str(tmp_path / "secret"), "./file.yaml",
                   "./folder", "./folder/s.yaml", "sub/../../secret", "../gone",
                   "/etc/passwd", "../../../../../../etc"):  # fmt: skip
        main.write_text(module % target)
        (fault,) = faults_of(main)
        assert (fault.code, fault.span and fault.span.line) == ("K201", 3), target
        assert "leads out of the project" in fault.message
        assert "hunter2" not in str(fault)
    for target in ("./sub/deep", "sub/other.yaml", "./links", "../back/sub", str(app / "sub")):
        main.write_text(module % target)
        load(main)
    (fault,) = faults_of(app / "sub" / "deep")
    assert "leads out of the project" in fault.message
    (tmp_path / "kernel.toml").write_text("")
    load(app / "sub" / "deep")
    main.write_text(module % "../app/sub")
    load(main)


def test_an_installed_package_imports_what_it_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "kind: Kernel.Module\nmetadata: { name: M }\nimports: { X: %s }\n"
    write(
        tmp_path,
        {
            "site/shipped_two/kinds.yaml": module % "./inner",
            "site/shipped_two/inner/kinds.yaml": DEFINITION.format("Do"),
            "app/main.yaml": module % "shipped_two",
            "site/outside.yaml": DEFINITION.format("Do"),
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    load(tmp_path / "app" / "main.yaml")
    (tmp_path / "site/shipped_two/kinds.yaml").write_text(module % "../outside.yaml")
    (fault,) = faults_of(tmp_path / "app" / "main.yaml")
    assert "leads out of the project" in fault.message


def test_imports_in_a_circle_are_a_fault_with_the_way(tmp_path: Path) -> None:
    module = "kind: Kernel.Module\nmetadata: {{ name: {} }}\nimports: {{ X: {} }}\n"
    write(
        tmp_path,
        {"a.yaml": module.format("A", "./b.yaml"), "b.yaml": module.format("B", "./a.yaml")},
    )
    (fault,) = faults_of(tmp_path / "a.yaml")
    assert (fault.code, fault.message) == ("K203", "imports in a circle: a.yaml → b.yaml → a.yaml")


def test_imports_are_not_followed_without_end(tmp_path: Path) -> None:
    module = "kind: Kernel.Module\nmetadata: {{ name: M{} }}\nimports: {{ X: ./{}.yaml }}\n"
    write(tmp_path, {f"{n}.yaml": module.format(n, n + 1) for n in range(300)})
    (fault,) = faults_of(tmp_path / "0.yaml")
    assert "deep" in fault.message


def test_an_installed_package_is_found_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        {
            "shipped_kinds/__init__.py": "raise AssertionError('imported')",
            "shipped_kinds/inner/kinds.yaml": DEFINITION.format("Do"),
            "main.yaml": "kind: Kernel.Module\nmetadata: { name: M }\nimports: "
            "{ S: shipped_kinds.inner }\n",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert resolve_kind(load(tmp_path / "main.yaml").root, "S.Do") is not None
    assert "shipped_kinds" not in sys.modules


def test_the_standard_library_is_there_without_an_import() -> None:
    module = loads(SEQUENCE.format("A")).root
    if "Run" not in library_names():
        pytest.skip("the entry points of the project are not registered")
    definition = resolve_kind(module, "Run.Sequence")
    assert definition is not None
    assert definition.topology == "Sequence"
    assert library_module("Run") is library_module("Run")
    assert library_module("Nope") is None
    assert resolve_kind(module, "Run.Nope") is None


def test_an_own_kind_comes_before_that_of_the_library() -> None:
    text = DEFINITION.format("Sequence").replace("Sequence", "Sequence, module: Run")
    module = loads(text).root
    assert resolve_kind(module, "Run.Sequence") is module.definitions["Run.Sequence"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"kind: \xc3\x28",
        b"\x00\x01\x02" * 100,
        os.urandom(5000),
        b"\xff\xfe" + SEQUENCE.format("A").encode("utf-16-le")[:-1],
        b"a: " + b"x" * 17_000_000,
    ],
    ids=["utf-16", "utf-8", "nul", "random", "cut", "large"],
)
def test_what_is_no_text_is_a_fault(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"x.yaml": content})
    assert {fault.code for fault in faults_of(tmp_path / "x.yaml")} <= {"K001", "K003", "K007"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"x.yaml": SEQUENCE.format("A").encode(encoding)})
    module = load(tmp_path / "x.yaml").root
    assert module.resources["A"].span(("steps",)).column == 8


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (loop, tmp_path / "nope.yaml", tmp_path / "pipe.yaml", Path("\0")):
        assert [fault.code for fault in faults_of(path)] == ["K001"]


def test_windows_line_ends(tmp_path: Path) -> None:
    text = (SEQUENCE.format("A") + "result: '${{ 1 + }}'\n").replace("\n", "\r\n")
    assert text_faults(text) == [("K301", 4, 18)]


def test_what_is_sound_is_there_beside_the_faults(tmp_path: Path) -> None:
    write(tmp_path, {"x.yaml": SEQUENCE.format("A") + "---\nkind: [\n"})
    manifest, faults = inspect(tmp_path / "x.yaml")
    assert list(manifest.root.resources) == ["A"]
    assert [fault.code for fault in faults] == ["K001"]


WHOLE = """\
kind: Kernel.Module
metadata: { name: Orders, version: 1.2.0 }
imports: {}
vars: { endpoint: { type: string, default: "https://x", env: E } }
secrets: { token: { type: string } }
targets: [{ invoke: { kind: Run.Sequence, name: A }, inputs: { day: "${{ vars.day }}" } }]
---
kind: Kernel.Definition
metadata: { name: Charge, module: Payments, labels: { a: b } }
capability: Invocable
schema: { type: object, properties: { account: { type: string } }, required: [account] }
inputs: { properties: { amount: { type: integer, minimum: 1, default: 1 } }, required: [amount] }
outputs: { properties: { id: { $ref: "Payments.Charge#/inputs" } } }
errors: { DECLINED: { retryable: false }, 429: null }
safety: write-once-checkable
check: { invoke: { kind: A.B, name: C }, landed: "${{ result.found }}" }
controller: { python: "shop.payments:Charge" }
---
kind: Run.Sequence
metadata: { name: A }
steps: [{ name: S, switch: "${{ 1 }}", cases: { 1: [], x: [] } }]
result: "${{ steps.S.result }}"
"""
ODD = [
    "",
    " ",
    "{}",
    "[",
    "]",
    ":",
    "null",
    "3",
    '"',
    "x",
    "*a",
    "&a ",
    "!!int ",
    "${{",
    "\\n",
    "$ref",
]


@given(st.data())
@examples(300)
def test_no_manifest_is_too_odd(data: st.DataObject) -> None:
    text = WHOLE
    assert inspect_text(text)[1] == ()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 8))
        text = text[:start] + data.draw(st.sampled_from(ODD)) + text[end:]
    for fault in inspect_text(text)[1]:
        assert str(fault)


def test_many_faults_are_cut_short_soon() -> None:
    fields = ", ".join(f"k{n}: '${{{{ ! }}}}'" for n in range(20_000))
    text = SEQUENCE.format("A") + "a: {" + fields + "}"
    start = time.process_time()
    assert len(inspect_text(text)[1]) == 100
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("orders.yaml", "orders"),
        ("my-shop", "my_shop"),
        ("1st.yml", "_1st"),
        ("<string>", "string"),
    ],
)
def test_default_names_are_identifiers(path: str, name: str) -> None:
    assert default_name(Path(path)) == name


def test_several_loads_share_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text("kind: T.D\nmetadata: { name: Deep }\n")
    for name, imported in (("base", "deep"), ("a", "base"), ("b", "base")):
        (tmp_path / f"{name}.yaml").write_text(
            f"kind: Kernel.Module\nmetadata: {{ name: M_{name} }}\n"
            f"imports: {{ In: ./{imported}.yaml, Gone: ./gone.yaml }}\n"
        )
    shared = Shared()
    first, faults = inspect(tmp_path / "a.yaml", shared=shared)
    second, more = inspect(tmp_path / "b.yaml", shared=shared)
    assert second.root.imports["In"] is first.root.imports["In"]
    assert set(second.modules) == {"M_b", "M_base", "deep"}
    assert [fault.span.file for fault in faults if fault.span] == [
        str(tmp_path / "a.yaml"),
        str(tmp_path / "base.yaml"),
    ]
    assert [fault.span.file for fault in more if fault.span] == [str(tmp_path / "b.yaml")]
    names = ("a", "b", "base", "deep", "gone")
    project = {str(place / "kernel.toml") for place in (tmp_path, *tmp_path.parents)}
    # What is near to the name of a missing import is looked for in the folder.
    files = {str(tmp_path / f"{name}.yaml") for name in names}
    assert shared.places - project == {*files, str(tmp_path)}
    assert shared.places >= project


def test_a_text_stands_in_the_place_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("kind: T.D\nmetadata: { name: Old }\n")
    shared = Shared({str(file.resolve()): b"kind: T.D\nmetadata: { name: New }\n"})
    manifest, faults = inspect(tmp_path, shared=shared)
    assert not faults
    assert list(manifest.root.resources) == ["New"]


@given(st.text("ab\r\né\u2028", max_size=40))
def test_offset_and_position_are_inverse(text: str) -> None:
    source = Source("a", text)
    for offset in range(len(text) + 1):
        assert source.offset(*source.position(offset)) == offset
