"""Imports: where they may lead, what they pass on, what a module exports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.errors import Fault
from kernel.manifest import find_kind, find_resource, inspect, library_module
from kernel.manifest.loading import MAX_MODULES
from kernel.topology.verify import verify

MODULE = "kind: Kernel.Module\nmetadata: {{ name: {} }}\nimports: {{ X: {} }}\n"
SEQUENCE = "---\nkind: Run.Sequence\nmetadata: {{ name: {} }}\nsteps: []\n"
KIND = "---\nkind: Kernel.Definition\nmetadata: {{ name: {} }}\ncapability: Invocable\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def faults_of(*paths: Path) -> list[Fault]:
    manifest, faults = inspect(*paths)
    return [*faults, *verify(manifest)]


def link(name: str, to: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(folder / to)


def nothing(_: Path) -> None:
    return None


ITSELF = "the manifest imports itself: "


@pytest.mark.parametrize(
    ("start", "source", "prepare", "code", "message"),
    [
        ("app/main.yaml", "./main.yaml", nothing, "K203", f"{ITSELF}main.yaml → main.yaml"),
        ("app/main.yaml", "main.yaml", nothing, "K203", f"{ITSELF}main.yaml → main.yaml"),
        ("app/main.yaml", "./sub/../main.yaml", nothing, "K203", ITSELF),
        ("app/main.yaml", "../app/main.yaml", nothing, "K203", ITSELF),
        ("app/main.yaml", "{}/app/main.yaml", nothing, "K203", ITSELF),
        ("app/main.yaml", ".", nothing, "K203", f"{ITSELF}main.yaml → app"),
        ("app/main.yaml", "./sub/..", nothing, "K203", ITSELF),
        ("app", ".", nothing, "K203", f"{ITSELF}app → app"),
        ("app", "./", nothing, "K203", f"{ITSELF}app → app"),
        ("app", "./main.yaml", nothing, "K203", f"{ITSELF}app → main.yaml"),
        ("app", "./other.yaml", nothing, "K203", f"{ITSELF}app → other.yaml"),
        ("app", "../app", nothing, "K203", ITSELF),
        ("app/main.yaml", "./l.yaml", link("app/l.yaml", "app/main.yaml"), "K203", ITSELF),
        ("app/main.yaml", "./l", link("app/l", "app"), "K203", ITSELF),
        ("app/main.yaml", "./l/main.yaml", link("app/l", "app"), "K203", ITSELF),
        ("back/main.yaml", "../app/main.yaml", link("back", "app"), "K203", ITSELF),
        ("app/main.yaml", "..", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "../beside", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "./sub/../../beside", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "{}/beside", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "{}/beside/b.yaml", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "/etc/passwd", nothing, "K201", "leads out of the project"),
        ("app/main.yaml", "./l", link("app/l", "beside"), "K201", "leads out of the project"),
        ("app/main.yaml", "./l/b.yaml", link("app/l", "beside"), "K201", "leads out"),
        ("app/main.yaml", "./l.yaml", link("app/l.yaml", "beside/b.yaml"), "K201", "leads out"),
        ("app/main.yaml", "./l", link("app/l", "nowhere"), "K201", "leads out"),
        ("app/main.yaml", "./deep", nothing, "K201", "there is no manifest in './deep'"),
        ("app/main.yaml", "./none", nothing, "K201", "the import './none' is not there"),
        ("app/main.yaml", "./subb", nothing, "K201", "the import './subb' is not there"),
        ("app/main.yaml", "sub", nothing, "K201", "the import 'sub' is not there"),
        ("app/main.yaml", "no_such_package", nothing, "K201", "is not there"),
        ("app/main.yaml", "os", nothing, "K201", "the import 'os' is not there"),
    ],
)  # fmt: skip
def test_where_an_import_may_not_lead(
    tmp_path: Path,
    start: str,
    source: str,
    prepare: Callable[[Path], None],
    code: str,
    message: str,
) -> None:
    source = source.format(tmp_path)
    files = {
        "app/other.yaml": KIND.format("Do"),
        "app/sub/s.yaml": KIND.format("Do"),
        "app/deep/down/d.yaml": KIND.format("Do"),
        "beside/b.yaml": KIND.format("Secretive"),
    }
    if "../app" in source:
        files["kernel.toml"] = ""
    for written in (source, f"{{ source: {source} }}"):
        write(tmp_path, {**files, "app/main.yaml": MODULE.format("M", written)})
        if not any((tmp_path / name).is_symlink() for name in ("back", "app/l", "app/l.yaml")):
            prepare(tmp_path)
        (fault,) = faults_of(tmp_path / start)
        assert fault.code == code
        assert message in fault.message
        assert fault.span is not None
        assert fault.span.file.endswith("main.yaml")
        assert (fault.span.line, fault.span.column) == (3, 15 if written == source else 25)


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("./subb", "did you mean './sub'?"),
        ("sub/../othr.yaml", "did you mean 'sub/../other.yaml'?"),
        ("sub", "write ./sub for what lies beside the manifest"),
        ("other", "write ./other.yaml for what lies beside the manifest"),
        ("./deep", "a folder is read without its folders; there is ./deep/down"),
        (".", "take the import away: what stands in the same manifest is named without an alias"),
        ("./zzzzzz", None),
    ],
)
def test_the_way_out_of_a_wrong_import(tmp_path: Path, source: str, help: str | None) -> None:
    files = {
        "main.yaml": MODULE.format("M", source),
        "other.yaml": KIND.format("Do"),
        "sub/s.yaml": KIND.format("Do"),
        "deep/down/d.yaml": KIND.format("Do"),
    }
    write(tmp_path, files)
    (fault,) = faults_of(tmp_path / "main.yaml")
    assert fault.help == help


def test_a_circle_is_shown_as_its_path_wherever_it_begins(tmp_path: Path) -> None:
    files = {f"{a}/{a}.yaml": MODULE.format(a.upper(), f"../{b}") for a, b in ("ab", "bc", "ca")}
    write(tmp_path, {**files, "kernel.toml": "", "main.yaml": MODULE.format("M", "./a")})
    (fault,) = faults_of(tmp_path / "main.yaml")
    assert (fault.code, fault.message) == ("K203", "imports in a circle: a → b → c → a")
    assert fault.span is not None
    assert fault.span.file.endswith(os.path.join("c", "c.yaml"))
    # Other values make no way out of a circle.
    passed = "{ source: ../a, vars: { n: 1 } }"
    write(tmp_path, {"c/c.yaml": MODULE.format("C", passed)})
    (fault,) = (one for one in faults_of(tmp_path / "main.yaml") if one.code == "K203")
    assert fault.message == "imports in a circle: a → b → c → a"


def test_the_same_place_is_one_module_unless_other_values_are_passed(tmp_path: Path) -> None:
    imports = """\
kind: Kernel.Module
metadata: { name: M }
vars: { day: { type: string, default: d } }
imports:
  Plain: ./mail
  Again: ./mail/../mail
  Empty: { source: ./mail }
  One: { source: ./mail, vars: { to: a, from: b } }
  Same: { source: ./mail, vars: { from: b, to: a } }
  Other: { source: ./mail, vars: { from: b, to: c } }
  Day: { source: ./mail, vars: { from: "${{ vars.day }}" } }
  SameDay: { source: ./mail, vars: { from: "${{ vars.day }}" } }
  Sub: ./sub.yaml
"""
    sub = """\
kind: Kernel.Module
metadata: { name: Sub }
vars: { day: { type: string, default: e } }
imports:
  Plain: ./mail
  One: { source: ./mail, vars: { from: b, to: a } }
  Day: { source: ./mail, vars: { from: "${{ vars.day }}" } }
"""
    mail = """\
kind: Kernel.Module
metadata: { name: Mail }
imports: { Server: ./server.yaml }
vars: { from: { type: string, default: x }, to: { type: string, default: y } }
"""
    write(
        tmp_path,
        {
            "main.yaml": imports,
            "sub.yaml": sub,
            "mail/mail.yaml": mail + SEQUENCE.format("Send"),
            "mail/server.yaml": KIND.format("Do"),
        },
    )
    write(tmp_path, {"mail/mail.yaml": mail.replace("./server.yaml", "../server.yaml")})
    write(tmp_path, {"server.yaml": KIND.format("Do")})
    manifest, faults = inspect(tmp_path / "main.yaml")
    assert faults == ()
    got = manifest.root.imports
    inner = got["Sub"].imports
    same = [("Plain", "Again"), ("Plain", "Empty"), ("One", "Same"), ("Day", "SameDay")]
    assert all(got[a] is got[b] for a, b in same)
    assert inner["Plain"] is got["Plain"]
    assert inner["One"] is got["One"]
    different = [got["Plain"], got["One"], got["Other"], got["Day"], inner["Day"]]
    assert len({id(one) for one in different}) == len(different)
    assert len({id(one.imports["Server"]) for one in different}) == 1
    # Each module has a name of its own, which is the same in the next load.
    names = list(manifest.modules)
    assert len(names) == 2 + len(different) + 1
    assert {id(one) for one in manifest.modules.values()} >= {id(one) for one in different}
    assert list(inspect(tmp_path / "main.yaml")[0].modules) == names
    # What is read several times is told once.
    assert len(manifest.documents) == len({(one.file, one.start) for one in manifest.documents})
    write(tmp_path, {"mail/mail.yaml": mail.replace("./server.yaml", "../nope.yaml") + "x: 1\n"})
    assert [fault.code for fault in faults_of(tmp_path / "main.yaml")].count("K003") == 1


def test_modules_that_double_at_each_level_come_to_an_end(tmp_path: Path) -> None:
    both = (
        "kind: Kernel.Module\nmetadata: {{ name: M{0} }}\nvars: {{ n: {{ default: 0 }} }}\n"
        "imports:\n"
        '  A: {{ source: ./{1}.yaml, vars: {{ n: "${{{{ vars.n }}}}" }} }}\n'
        '  B: {{ source: ./{1}.yaml, vars: {{ n: "${{{{ vars.n + 1 }}}}" }} }}\n'
    )
    write(tmp_path, {f"{n}.yaml": both.format(n, n + 1) for n in range(40)})
    write(tmp_path, {"40.yaml": KIND.format("Do")})
    manifest, faults = inspect(tmp_path / "0.yaml")
    assert len(manifest.modules) <= MAX_MODULES + 1
    assert any(f"more than {MAX_MODULES} modules" in fault.message for fault in faults)


# Exports


def test_importers_see_what_is_exported(tmp_path: Path) -> None:
    lib = MODULE.format("Lib", "./inner.yaml").replace("imports", "exports: [Send, Do]\nimports")
    lib += SEQUENCE.format("Send") + SEQUENCE.format("Hidden") + KIND.format("Do")
    main = MODULE.format("M", "./lib") + SEQUENCE.format("Main")
    write(
        tmp_path,
        {
            "lib/lib.yaml": lib + KIND.format("Inner") + "---\nkind: X.Deep\nmetadata: {name: D}\n",
            "lib/inner.yaml": KIND.format("Deep"),
            "main.yaml": main,
        },
    )
    # The imported file lies in the folder of the module, so that it is a part of it.
    os.rename(tmp_path / "lib" / "inner.yaml", tmp_path / "inner.yaml")
    text = (tmp_path / "lib" / "lib.yaml").read_text().replace("./inner", "../inner")
    (tmp_path / "lib" / "lib.yaml").write_text(text)
    manifest, faults = inspect(tmp_path / "main.yaml")
    assert (faults, verify(manifest)) == ((), [])
    root = manifest.root
    assert find_kind(root, "X.Do") is not None
    assert find_resource(root, "Run.Sequence", "X.Send") is not None
    for kind in ("X.Inner", "X.Deep", "Lib.Do", "X.X"):
        assert find_kind(root, kind) is None
    for name in ("X.Hidden", "X.D", "X.X.D", "Send"):
        assert find_resource(root, "Run.Sequence", name) is None
    # A plain name of a resource of an import's kind.
    assert find_resource(root, "X.Do", "Send") is not None
    assert find_resource(root, "X.Do", "Hidden") is None
    # The module itself sees all.
    assert find_kind(root.imports["X"], "Lib.Inner") is not None
    assert find_resource(root.imports["X"], "Run.Sequence", "Hidden") is not None


def test_what_is_not_exported_is_told_with_the_way_out(tmp_path: Path) -> None:
    lib = "kind: Kernel.Module\nmetadata: { name: Lib }\nexports: [Send]\n"
    lib += SEQUENCE.format("Send") + SEQUENCE.format("Hidden") + KIND.format("Do")
    call = "steps: [{ invoke: { kind: Run.Sequence, name: X.Hidden } }]"
    main = MODULE.format("M", "./lib") + SEQUENCE.format("Main").replace("steps: []", call)
    write(
        tmp_path,
        {
            "lib/lib.yaml": lib,
            "main.yaml": main + "---\nkind: X.Do\nmetadata: { name: D }\n",
        },
    )
    said = {(one.code, one.message, one.help) for one in faults_of(tmp_path / "main.yaml")}
    assert said == {
        (
            "K201",
            "`X.Hidden` is not exported by the module Lib, which exports Send",
            "add Hidden to the `exports` of Lib",
        ),
        (
            "K004",
            "`X.Do` is not exported by the module Lib, which exports Send",
            "add Do to the `exports` of Lib",
        ),
    }


def test_an_export_that_names_nothing(tmp_path: Path) -> None:
    lib = "kind: Kernel.Module\nmetadata: { name: Lib }\nexports: [Snd, Other]\n"
    write(tmp_path, {"lib.yaml": lib + SEQUENCE.format("Send")})
    found = faults_of(tmp_path / "lib.yaml")
    assert [(one.code, one.path, one.help) for one in found] == [
        ("K201", ("exports", 0), "did you mean 'Send'?"),
        ("K201", ("exports", 1), None),
    ]


def test_what_is_served_is_there(tmp_path: Path) -> None:
    text = "kind: Kernel.Module\nmetadata: { name: M }\nserve: { agent: Mian }\n"
    write(tmp_path, {"m.yaml": text + SEQUENCE.format("Main")})
    (fault,) = faults_of(tmp_path / "m.yaml")
    assert (fault.code, fault.path, fault.help) == (
        "K201", ("serve", "agent"), "did you mean 'Main'?",
    )  # fmt: skip


# Values for an import


def test_names_that_an_import_does_not_declare(tmp_path: Path) -> None:
    passed = "{ source: ./lib.yaml, vars: { form: a, key: b }, secrets: { from: c, kye: d } }"
    lib = (
        "kind: Kernel.Module\nmetadata: { name: Lib }\n"
        "vars: { from: { default: a } }\nsecrets: { key: { default: b } }\n"
    )
    write(tmp_path, {"main.yaml": MODULE.format("M", passed), "lib.yaml": lib})
    found = faults_of(tmp_path / "main.yaml")
    one_of = "it is one of its"
    assert [(one.code, one.message, one.help) for one in found] == [
        ("K205", "Lib declares no variable `form`", "did you mean 'from'?"),
        ("K205", "Lib declares no variable `key`", f"{one_of} secrets: write it in `secrets`"),
        ("K205", "Lib declares no secret `from`", f"{one_of} vars: write it in `vars`"),
        ("K205", "Lib declares no secret `kye`", "did you mean 'key'?"),
    ]  # fmt: skip
    assert all(one.span and one.span.file.endswith("main.yaml") for one in found)


@pytest.mark.parametrize(
    ("written", "code", "path"),
    [
        ("3", "K007", ("imports", "X")),
        ("{}", "K007", ("imports", "X")),
        ("{ source: 3 }", "K007", ("imports", "X", "source")),
        ("{ source: ./lib.yaml, var: {} }", "K003", ("imports", "X", "var")),
        ("{ source: ./lib.yaml, vars: [] }", "K007", ("imports", "X", "vars")),
        ("{ source: ./lib.yaml, vars: { a b: 1 } }", "K202", ("imports", "X", "vars", "a b")),
        ("{ source: '${{ vars.x }}' }", "K008", ("imports", "X", "source")),
        ("'${{ vars.x }}'", "K008", ("imports", "X")),
        (
            "{ source: ./lib.yaml, vars: { n: '${{ 1 + }}' } }",
            "K301",
            ("imports", "X", "vars", "n"),
        ),
        (
            "{ source: ./lib.yaml, vars: { n: { '${{ 1 }}': 1 } } }",
            "K008",
            ("imports", "X", "vars", "n", "${{ 1 }}"),
        ),
    ],
)
def test_an_import_that_is_written_wrong(
    tmp_path: Path, written: str, code: str, path: tuple[str, ...]
) -> None:
    lib = "kind: Kernel.Module\nmetadata: { name: Lib }\nvars: { n: { default: 1 } }\n"
    write(tmp_path, {"main.yaml": MODULE.format("M", written), "lib.yaml": lib})
    assert (code, path) in {(one.code, one.path) for one in faults_of(tmp_path / "main.yaml")}


# Installed packages


def install(folder: Path, name: str, module: str, package: str, text: str) -> None:
    """A package as an installer leaves it: its files, and the metadata beside them."""
    info = f"{name}-1.0.dist-info"
    write(
        folder,
        {
            f"{package.replace('.', '/')}/kinds.yaml": text,
            f"{package.partition('.')[0]}/__init__.py": "raise AssertionError('imported')",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/entry_points.txt": f"[kernel.modules]\n{module} = {package}\n",
        },
    )


def test_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "kind: Kernel.Module\nmetadata: { name: Acme }\nimports: { Own: ./own }\n"
    install(tmp_path / "site", "acme-billing", "Acme", "acme_pkg.manifests", text)
    write(tmp_path / "site", {"acme_pkg/manifests/own/o.yaml": KIND.format("Do")})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for source in ("Acme", "acme_pkg.manifests"):
        write(tmp_path, {"app/main.yaml": MODULE.format("M", source)})
        manifest, faults = inspect(tmp_path / "app" / "main.yaml")
        assert faults == ()
        assert find_kind(manifest.root.imports["X"], "Own.Do") is not None
    assert "acme_pkg" not in sys.modules
    # What it imports stays within the package.
    write(tmp_path / "site", {"acme_pkg/manifests/kinds.yaml": text.replace("./own", "../../x")})
    (fault,) = faults_of(tmp_path / "app" / "main.yaml")
    assert "leads out of the project" in fault.message


def test_an_installed_package_is_used_in_a_process_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    kind = KIND.format("Greet") + 'controller: { python: "acme_greetings.code:greet" }\n'
    write(
        source,
        {
            "acme_greetings/__init__.py": "",
            "acme_greetings/code.py": "def greet(inputs):\n    return 'hello'\n",
            "acme_greetings/kinds.yaml": kind.removeprefix("---\n"),
        },
    )
    site = tmp_path / "site"
    write(
        site,
        {
            "acme_greetings-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: x\nVersion: 1\n",
            "acme_greetings-1.0.dist-info/entry_points.txt": "[kernel.modules]\n"
            "Greetings = acme_greetings\n",
        },
    )
    os.rename(source / "acme_greetings", site / "acme_greetings")
    step = "steps: [{ name: S, invoke: { kind: X.Greet } }]"
    main = MODULE.format("M", "Greetings") + SEQUENCE.format("Main").replace("steps: []", step)
    write(tmp_path, {"app/main.yaml": main})
    done = subprocess.run(
        [sys.executable, "-c", "from kernel.cli import main; main()", "apply", "main.yaml"],
        cwd=tmp_path / "app",
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hello" in done.stdout, done.stderr


def test_the_standard_library_may_be_imported_by_its_entry_point(tmp_path: Path) -> None:
    if library_module("Run") is None:
        pytest.skip("the entry points of the project are not registered")
    write(tmp_path, {"main.yaml": MODULE.format("M", "Run")})
    manifest, faults = inspect(tmp_path / "main.yaml")
    assert faults == ()
    assert find_kind(manifest.root, "X.Sequence") is not None


@pytest.mark.parametrize(
    "source",
    ['"\\0"', '"a\\0b"', "x" * 100_000, "./" + "y/" * 50_000, '"/\\0"', '"~"', "http://example.com/x",
     "file:///etc/passwd", "/", "//", '"\\uFFFF"', "a.b.c", "__main__", "kernel", '"./a\\nb"'],
)  # fmt: skip
def test_no_import_is_too_odd(tmp_path: Path, source: str) -> None:
    for written in (source, f"{{ source: {source} }}"):
        write(tmp_path, {"main.yaml": MODULE.format("M", written)})
        (fault,) = faults_of(tmp_path / "main.yaml")
        assert fault.code == "K201"
        assert len(str(fault)) < 1_000


def test_large_modules_are_not_read_again_without_end(tmp_path: Path) -> None:
    passed = "\n".join(f"  M{n}: {{ source: ./l.yaml, vars: {{ n: {n} }} }}" for n in range(100))
    lib = "kind: Kernel.Module\nmetadata: { name: L }\nvars: { n: { type: integer } }\n"
    write(
        tmp_path,
        {
            "main.yaml": f"kind: Kernel.Module\nmetadata: {{ name: M }}\nimports:\n{passed}\n",
            "l.yaml": lib + f"# {'x' * 1_000_000}\n",
        },
    )
    faults = faults_of(tmp_path / "main.yaml")
    assert {one.message for one in faults} == {
        "more than 16 MB of modules that are imported with other values"
    }
    assert 80 < len(faults) < 90
