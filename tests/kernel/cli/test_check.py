"""`kernel check` as a process: what it prints where, and with which status it ends."""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import COMMAND, Answer, kernel, start
from tests.support.warm import Process, environment

GOOD = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: Say
    invoke: { kind: Log.Print }
    inputs: { message: hello }
"""
BAD = GOOD.replace("Log.Print", "Log.Prnt")
ANOTHER = GOOD.replace("Main", "Other").replace("hello", "${{ vars.x }}")


def check(*arguments: str | Path, folder: Path, env: dict[str, str] | None = None) -> Answer:
    time.sleep(0.021)  # a report is not kept if a file has changed within 20 ms before
    cache = {"XDG_CACHE_HOME": str(folder.parent / "cache")}
    return kernel("check", *arguments, folder=folder, env=cache | (env or {}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    (made / ".git").mkdir()  # configuration above it does not count
    return made


def codes(answer: Answer) -> list[str]:
    return [f"{one['code']} {one['file']}" for one in answer.json["diagnostics"]]


def test_nothing_found(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    answer = check(folder=folder)
    assert (answer.status, answer.out, answer.err) == (0, "nothing found in 1 file\n", "")


def test_something_found(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    answer = check("a.yaml", folder=folder)
    assert answer.status == 1
    assert answer.out.startswith("a.yaml:5:21: error K004 unknown-kind: ")
    assert (
        "  5 |     invoke: { kind: Log.Prnt }\n    |                     ^^^^^^^^\n" in answer.out
    )
    assert answer.out.endswith("1 error in 1 file; --fix mends 1\n")
    assert answer.err == ""


def test_every_form_is_on_standard_output_alone(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    told = check("-o", "json", folder=folder)
    assert told.status == 1
    assert (told.json["ok"], told.json["errors"]) == (False, 1)
    assert told.json["diagnostics"][0]["file"] == "a.yaml"
    told = check("-o", "sarif", folder=folder)
    assert told.status == 1
    assert told.json["runs"][0]["results"][0]["ruleId"] == "K004"
    told = check("-o", "github", folder=folder)
    assert told.status == 1
    assert told.out.startswith("::error file=a.yaml,line=5,col=21,")
    assert told.err == "1 error in 1 file; --fix mends 1\n"


def test_forms_for_github_name_files_from_the_root_of_the_repository(folder: Path) -> None:
    inner = folder / "deep" / "er"
    inner.mkdir(parents=True)
    (inner / "a.yaml").write_text(BAD)
    assert check("-o", "github", folder=inner).out.startswith("::error file=deep/er/a.yaml,")
    within = {"GITHUB_WORKSPACE": str(folder / "deep")}
    assert check("-o", "github", folder=inner, env=within).out.startswith("::error file=er/a.yaml,")
    told = check("-o", "sarif", folder=inner).json["runs"][0]["results"][0]
    place = told["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "deep/er/a.yaml", "uriBaseId": "SRCROOT"}


def test_each_path_is_a_manifest_of_its_own(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(GOOD)
    assert check("a.yaml", "b.yaml", folder=folder).status == 0
    together = check(".", folder=folder)
    assert together.status == 1
    assert "K202" in together.out


def test_what_several_paths_have_in_common_is_found_once(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.yaml").write_text(BAD)
    absolute = folder / "in" / "a.yaml"
    answer = check("-o", "json", "in", "in/a.yaml", "./in/a.yaml", absolute, folder=folder)
    assert codes(answer) == ["K004 in/a.yaml"]


def test_what_is_imported_several_times_is_found_once(folder: Path) -> None:
    (folder / "shared.yaml").write_text(BAD)
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(
            f"kind: Kernel.Module\nmetadata: {{ name: M{name} }}\nimports: {{ S: ./shared.yaml }}\n"
        )
    answer = check("-o", "json", "a.yaml", "b.yaml", folder=folder)
    assert codes(answer) == ["K004 shared.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "does not exist"),
        (["-o", "xml"], "xml"),
        (["--fail-on", "fatal"], "fatal"),
        (["--dry-run"], "--dry-run goes with --fix"),
        (["--against", "-rf"], "`-rf` is no revision"),
        (["--against", "v1"], "in no git repository"),
        (["--unknown"], "No such option"),
    ],
)
def test_usage(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "a.yaml").write_text(GOOD)
    answer = check(*arguments, folder=folder)
    assert answer.status == 2
    assert said in answer.err
    assert answer.out == ""


def test_a_folder_without_a_manifest(folder: Path) -> None:
    (folder / "empty").mkdir()
    answer = check("empty", folder=folder)
    assert answer.status == 2
    assert answer.err == "there is no manifest in empty\n"
    (folder / "a.yaml").write_text(GOOD)
    answer = check("empty", "a.yaml", folder=folder)
    assert answer.status == 0
    assert answer.err == "there is no manifest in empty\n"


def test_what_fails_is_configured_and_said(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    assert check("--fail-on", "never", folder=folder).status == 0
    (folder / "kernel.toml").write_text("[check]\nseverity = { unknown-kind = 'warning' }\n")
    answer = check(folder=folder)
    assert answer.status == 0
    assert "warning K004" in answer.out
    assert check("--fail-on", "warning", folder=folder).status == 1
    (folder / "kernel.toml").write_text("[check]\nfail-on = 'info'\nseverity = { K004 = 'info' }\n")
    assert check(folder=folder).status == 1
    assert check("--fail-on", "error", folder=folder).status == 0
    (folder / "kernel.toml").write_text("[check]\nseverity = { K004 = 'off' }\n")
    assert check(folder=folder).out == "nothing found in 1 file\n"


def test_a_wrong_configuration_is_a_wrong_usage(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    (folder / "kernel.toml").write_text("[check]\nseverity = { K4 = 'off' }\n")
    answer = check(folder=folder)
    assert answer.status == 2
    assert f"{folder / 'kernel.toml'}:2: there is no rule `K4`" in answer.err


def test_a_comment_suppresses_with_a_reason(folder: Path) -> None:
    text = GOOD.replace("message: hello", 'message: "${{ nothing }}"').rstrip("\n")
    (folder / "a.yaml").write_text(f"{text} # kernel: ignore[K302] it shows an error\n")
    assert check(folder=folder).out == "nothing found in 1 file\n"
    (folder / "a.yaml").write_text(f"{text} # kernel: ignore[K302]\n")
    answer = check("-o", "json", folder=folder)
    assert codes(answer) == ["K302 a.yaml", "K902 a.yaml"]


def test_what_is_not_loaded_either_is_not_suppressed(folder: Path) -> None:
    line = "    invoke: { kind: Log.Prnt }"
    (folder / "a.yaml").write_text(BAD.replace(line, f"{line} # kernel: ignore[K004] is bound"))
    answer = check("-o", "json", folder=folder)
    assert codes(answer) == ["K004 a.yaml", "K902 a.yaml"]
    assert answer.json["diagnostics"][1]["message"] == "K004 cannot be suppressed"


def test_a_failure_of_the_check_itself_is_no_traceback(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    (folder / "sitecustomize.py").write_text(
        "import analyzer.batch\n"
        "def fail(*_, **__): raise KeyError('lost')\n"
        "analyzer.batch.findings = fail\n"
    )
    answer = check("--no-cache", folder=folder, env={"PYTHONPATH": str(folder)})
    assert answer.status == 3
    assert "the check itself failed (KeyError: 'lost')" in answer.err
    assert answer.out == ""


def test_names_that_are_no_text_and_terminals_that_take_little(folder: Path) -> None:
    name = os.fsdecode(b"\xff\xe9.yaml")
    (folder / name).write_text(BAD.replace("hello", "日本"))
    assert codes(check("-o", "json", folder=folder)) == [f"K004 {name}"]
    told = check("-o", "sarif", folder=folder).json["runs"][0]["results"][0]
    place = told["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "%FF%E9.yaml"
    assert check("-o", "github", folder=folder).status == 1
    western = {"PYTHONIOENCODING": "latin-1"}
    (folder / name).write_text(BAD.replace("Prnt", "Pr日t"))
    answer = check(folder=folder, env=western)
    assert answer.status == 1
    assert "Log.Pr\\u65e5t" in answer.out
    told = check("-o", "json", folder=folder, env=western).json["diagnostics"][0]
    assert "Log.Pr日t" in told["message"]


def test_a_reader_that_goes_away_is_no_failure(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -c 1', "bash", *COMMAND, "check", "--no-cache"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "a"
    assert done.stderr == ""


def on_terminal(folder: Path, *arguments: str, **env: str) -> tuple[Process, int]:
    ours, theirs = pty.openpty()
    process = start(
        *("check", "--no-cache", *arguments),
        folder=folder,
        env=environment(TERM="xterm", **env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    return process, ours


def read_until(terminal: int, wanted: str, seconds: float = 20) -> str:
    text, end = "", time.monotonic() + seconds
    while wanted not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text += os.read(terminal, 65536).decode()
            except OSError:
                break
    return text


def test_colour_on_a_terminal_unless_it_is_not_wanted(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    process, terminal = on_terminal(folder)
    assert "\x1b[1;31merror\x1b[0m" in read_until(terminal, "in 1 file")
    process.wait(20)
    os.close(terminal)
    process, terminal = on_terminal(folder, NO_COLOR="1")
    assert "\x1b[" not in read_until(terminal, "in 1 file")
    process.wait(20)
    os.close(terminal)


def test_who_waits_on_a_terminal_is_told_for_what(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    (folder / "sitecustomize.py").write_text(
        "import analyzer.batch, time\n"
        "def wait(*_, **__):\n"
        "    time.sleep(1.6)\n"
        "    return ()\n"
        "analyzer.batch.findings = wait\n"
    )
    process, terminal = on_terminal(folder, "a.yaml", PYTHONPATH=str(folder))
    text = read_until(terminal, "in 1 file")
    assert "checking a.yaml, 1 s" in text
    assert text.rindex("\r\x1b[K") < text.rindex("nothing found")
    assert process.wait(20) == 0
    os.close(terminal)


class Watched:
    """A check that goes on, on pipes."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = start(
            *("check", "--watch", *arguments),
            folder=folder,
            env=environment(XDG_CACHE_HOME=str(folder.parent / "cache")),
            stderr=subprocess.STDOUT,
            text=False,
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout.fileno()

    def round(self) -> str:
        return read_until(self.out, "Ctrl-C ends")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


def put(file: Path, text: str) -> None:
    """Write a file as editors do: nobody ever sees a part of it."""
    new = file.parent.parent / "new"
    new.write_text(text)
    new.replace(file)


def test_watching_goes_on_through_changes_and_errors_until_it_is_interrupted(folder: Path) -> None:
    put(folder / "a.yaml", GOOD)
    watched = Watched(folder)
    try:
        assert "nothing found" in watched.round()
        put(folder / "a.yaml", BAD)
        assert "K004" in watched.round()
        put(folder / "a.yaml", "kind: [\n")
        assert "K001" in watched.round()
        put(folder / "a.yaml", GOOD)
        assert "nothing found in 1 file" in watched.round()
        put(folder / "b.yaml", BAD.replace("Main", "B"))
        assert "b.yaml:5" in watched.round()
        (folder / "b.yaml").unlink()
        assert "nothing found in 1 file" in watched.round()
        (folder / "a.yaml").unlink()
        assert "there is no manifest" in watched.round()
        put(folder / "a.yaml", GOOD)
        assert "nothing found in 1 file" in watched.round()
    finally:
        assert watched.stop() == 130


def test_watching_sees_a_wrong_configuration_come_and_go(folder: Path) -> None:
    put(folder / "a.yaml", BAD)
    config = folder / "kernel.toml"
    put(config, "[check]\nseverity = { K004 = 'warning' }\n")
    watched = Watched(folder, "a.yaml")
    try:
        assert "warning K004" in watched.round()
        put(config, "[check]\nseverity = { K004 = 'wrong' }\n")
        assert "is one of" in watched.round()
        put(config, "[check]\nseverity = { K004 = 'info' }\n")
        assert "info K004" in watched.round()
    finally:
        assert watched.stop() == 130


# Fixes

STALE = GOOD + "# kernel: ignore[K503] long gone\n"


def test_fixes_are_applied_and_what_is_left_is_reported(folder: Path) -> None:
    (folder / "a.yaml").write_text(STALE)
    written = ANOTHER.replace("\n", "\r\n").encode()
    (folder / "b.yaml").write_bytes(written)
    answer = check("--fix", folder=folder)
    assert answer.status == 1
    assert answer.err == "mended 1 finding in 1 file\n"
    assert answer.out.endswith("1 error in 2 files\n")
    assert (folder / "a.yaml").read_text() == GOOD
    assert (folder / "b.yaml").read_bytes() == written
    assert check("--fix", "a.yaml", folder=folder).err == ""


def test_a_dry_run_prints_the_diff_and_changes_nothing(folder: Path) -> None:
    (folder / "a.yaml").write_text(STALE)
    answer = check("--fix", "--dry-run", folder=folder)
    assert answer.status == 0
    assert answer.out == (
        "--- a.yaml\n+++ a.yaml\n@@ -4,4 +4,3 @@\n"
        "   - name: Say\n     invoke: { kind: Log.Print }\n     inputs: { message: hello }\n"
        "-# kernel: ignore[K503] long gone\n"
    )
    assert answer.err == "would mend 1 finding in 1 file; nothing was changed\n"
    assert (folder / "a.yaml").read_text() == STALE
    assert check("--fix", "--dry-run", "--fail-on", "warning", folder=folder).status == 1


def test_a_file_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(STALE)
    full = {resource.RLIMIT_FSIZE: 0}
    process = start("check", "--fix", "--no-cache", folder=folder, limits=full)
    out, err = process.communicate(timeout=60)
    assert err == "a.yaml cannot be written: File too large\n"
    assert "K902" in out
    assert (folder / "a.yaml").read_text() == STALE
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["a.yaml"]


# What was checked before


def entries(folder: Path) -> list[Path]:
    """What is kept, the newest last; there is more than one where the analyzer itself changes."""
    found = (folder.parent / "cache" / "kernel" / "check").glob("*.json")
    return sorted(found, key=lambda entry: entry.stat().st_mtime_ns)


def spoil(folder: Path) -> None:
    """Change the answer of the newest entry, to see whether it is used."""
    entry = entries(folder)[-1]
    kept: Any = json.loads(entry.read_text())
    kept["findings"] = []
    kept["sources"] = ["x"] * 7
    entry.write_text(json.dumps(kept))


def test_an_earlier_report_is_used_while_nothing_has_changed(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    first = check(folder=folder)
    assert check(folder=folder) == first
    for form in ("json", "sarif", "github"):
        fresh = check("-o", form, "--no-cache", folder=folder)
        assert check("-o", form, folder=folder) == fresh
    spoil(folder)
    assert check(folder=folder).out == "nothing found in 7 files\n"
    assert check("--no-cache", folder=folder) == first


def test_for_an_earlier_report_no_yaml_is_read(folder: Path) -> None:
    (folder / "a.yaml").write_text(BAD)
    traced = {"PYTHONPROFILEIMPORTTIME": "1"}
    assert "_ruamel_yaml" in check(folder=folder, env=traced).err
    again = next(
        answer
        for answer in (check(folder=folder, env=traced) for _ in range(4))
        if "analyzer.pipeline\n" not in answer.err
    )
    assert "_ruamel_yaml" not in again.err
    assert "jsonschema" not in again.err
    assert "K004" in again.out


def test_a_change_of_anything_that_matters_is_seen(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "kernel.toml").write_text("")
    (folder / "in" / "a.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: M }\nimports: { S: ../shared.yaml }\n"
    )
    assert "K201" in check("in", folder=folder).out
    assert "K201" in check("in", folder=folder).out
    (folder / "shared.yaml").write_text(GOOD)
    assert check("in", folder=folder).out == "nothing found in 2 files\n"
    (folder / "shared.yaml").write_text(BAD)
    assert "K004" in check("in", folder=folder).out
    (folder / "shared.yaml").write_text(GOOD)
    (folder / "in" / "b.yaml").write_text(BAD)
    assert "K004" in check("in", folder=folder).out
    (folder / "in" / "b.yaml").write_text("just: data\n")
    assert check("in", folder=folder).out == "nothing found in 2 files\n"
    (folder / "in" / "b.yaml").write_text(BAD)
    assert "K004" in check("in", folder=folder).out
    (folder / "kernel.toml").write_text("[check]\nseverity = { K004 = 'off' }\n")
    assert check("in", folder=folder).out == "nothing found in 3 files\n"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"places": {}}', '{"places": 5}', "[" * 100_000]
)
def test_a_broken_entry_is_none(folder: Path, content: str) -> None:
    (folder / "a.yaml").write_text(BAD)
    first = check(folder=folder)
    entries(folder)[-1].write_text(content)
    assert check(folder=folder) == first
    assert json.loads(entries(folder)[-1].read_text())["findings"]


def test_a_place_that_takes_no_entries_is_no_failure(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    for place in ("/dev/null", "/proc/nothing"):
        answer = check(folder=folder, env={"XDG_CACHE_HOME": place})
        assert (answer.status, answer.err) == (0, "")


# Against what was


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_revision_that_is_not_there(folder: Path) -> None:
    (folder / ".git").rmdir()
    (folder / "a.yaml").write_text(GOOD)
    git(folder, "init", "-q")
    answer = check("--against", "v1", folder=folder)
    assert answer.status == 2
    assert "there is no revision `v1`" in answer.err
    answer = check("--against", "a.yaml", "a.yaml", ".", folder=folder)
    assert answer.status == 2
    assert "goes with one PATH" in answer.err


CONTRACT = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Payments }
capability: Invocable
inputs: { type: object, properties: { amount: { type: integer, minimum: 1 } } }
"""
NARROWER = CONTRACT.replace("minimum: 1", "minimum: 5")


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository with one commit, tagged v1, and narrower contracts in the working tree."""
    (folder / ".git").rmdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "shop").mkdir()
    (folder / "lib").mkdir()
    (folder / "kernel.toml").write_text("")
    (folder / "shop" / "main.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: Shop }\nimports: { Lib: ../lib }\n---\n" + CONTRACT
    )
    (folder / "lib" / "größe.yaml").write_text(CONTRACT.replace("Payments", "Lib"))
    (folder / "shop" / "link.yaml").symlink_to("/etc/hostname")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1")
    (folder / "shop" / "link.yaml").unlink()
    for file in (folder / "shop" / "main.yaml", folder / "lib" / "größe.yaml"):
        file.write_text(file.read_text().replace("minimum: 1", "minimum: 5"))
    return folder


def test_contracts_are_compared_with_a_revision(repository: Path) -> None:
    assert codes(check("-o", "json", "shop", folder=repository)) == []
    told = check("-o", "json", "shop", "--against", "v1", folder=repository)
    assert told.status == 1
    assert "K107 shop/main.yaml" in codes(told)
    for one in told.json["diagnostics"]:
        for note in one["related"]:
            assert note["file"].startswith("v1:")
    for revision in ("main", "HEAD", "HEAD~0"):
        assert check("shop", "--against", revision, folder=repository).status == 1
    git(repository, "commit", "-q", "-a", "-m", "second")
    assert check("shop", "--against", "HEAD", folder=repository).status == 0
    assert check("shop", "--against", "HEAD~1", folder=repository).status == 1


def test_a_comparison_is_found_from_within_the_repository_and_from_a_hook(repository: Path) -> None:
    inside = repository / "shop"
    assert check("--against", "v1", folder=inside).status == 1
    hook = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}
    assert check("--against", "v1", folder=inside, env=hook).status == 1


def test_what_the_revision_does_not_have_breaks_nothing(repository: Path) -> None:
    (repository / "new").mkdir()
    (repository / "new" / "main.yaml").write_text(CONTRACT)
    assert check("new", "--against", "v1", folder=repository).status == 0


def test_contracts_are_compared_with_another_manifest(repository: Path) -> None:
    (repository / "old.yaml").write_text(CONTRACT)
    (repository / "new.yaml").write_text(NARROWER)
    told = check("-o", "json", "new.yaml", "--against", "old.yaml", folder=repository)
    assert codes(told) == ["K107 new.yaml"]
    told = check("-o", "json", "old.yaml", "--against", "new.yaml", folder=repository)
    assert codes(told) == []


@pytest.mark.parametrize(
    "revision",
    ["--output=pwned", "-h", "", "v1..main", "v1:shop", "no/such", "a b", "$(touch pwned)"],
)
def test_what_is_no_revision_is_a_wrong_usage(repository: Path, revision: str) -> None:
    answer = check("shop", f"--against={revision}", folder=repository)
    assert answer.status == 2
    assert "revision" in answer.err
    assert not list(repository.rglob("pwned"))


def test_no_hook_and_no_filter_of_the_repository_runs(repository: Path) -> None:
    for name in ("post-checkout", "reference-transaction"):
        hook = repository / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\ntouch pwned\n")
        hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", "touch pwned; false")
    git(repository, "config", "filter.f.smudge", "touch pwned")
    (repository / ".git" / "info" / "attributes").write_text("*.yaml filter=f export-ignore\n")
    assert check("shop", "--against", "v1", folder=repository).status == 1
    assert not list(repository.rglob("pwned"))


def test_an_interruption_ends_it_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    (folder / "sitecustomize.py").write_text(
        "import analyzer.batch, pathlib, time\n"
        "def wait(*_, **__):\n"
        "    pathlib.Path('ready').touch()\n"
        "    time.sleep(60)\n"
        "analyzer.batch.findings = wait\n"
    )
    env = environment(PYTHONPATH=str(folder))
    process = start("check", "--no-cache", folder=folder, env=env)
    end = time.monotonic() + 20
    while not (folder / "ready").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")


MISTAKES = """\
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  properties: { status: { enum: [paid, pending] }, name: { type: string } }
  required: [status, name]
  additionalProperties: false
steps: []
result:
  a: "${{ inputs.status == 'payd' }}"
  b: >-
    日本 ${{ inputs.nmae }}
    und ${{ inptus.name }}
"""


def test_the_fixes_of_the_rules_mend_what_they_find(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(MISTAKES.encode("utf-16"))
    assert check(folder=folder).status == 1
    answer = check("--fix", folder=folder)
    assert (answer.status, answer.out) == (0, "nothing found in 1 file\n")
    mended = MISTAKES.replace("payd", "paid").replace("nmae", "name").replace("inptus", "inputs")
    assert (folder / "a.yaml").read_bytes() == mended.encode("utf-16")


# Folders below, and standard input


def test_at_the_root_of_a_repository_the_manifests_in_its_folders_are_found(folder: Path) -> None:
    for name, text in {
        "compose.yaml": "services: {}\n",
        "shop/orders/a.yaml": BAD,
        "shop/good/b.yml": GOOD,
        "wide/c.yaml": BAD,
        ".hidden/d.yaml": BAD,
        "node_modules/x/e.yaml": BAD,
        "deploy/service.yaml": "kind: Service\nmetadata: { name: x }\n",
        "deploy/crd.yaml": "apiVersion: v1\nkind: Deployment\nmetadata: { name: x }\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-16" if name.startswith("wide") else "utf-8")
    for arguments in ((), (".",), (str(folder),)):
        answer = check(*arguments, "-o", "json", folder=folder)
        assert answer.status == 1, answer.err
        assert codes(answer) == ["K004 shop/orders/a.yaml", "K004 wide/c.yaml"]
    assert codes(check("shop", "-o", "json", folder=folder)) == ["K004 shop/orders/a.yaml"]
    (folder / "main.yaml").write_text(GOOD)
    assert check("-o", "json", folder=folder).status == 0, "a folder with a manifest is one"


def test_standard_input_is_checked(folder: Path) -> None:
    answer = kernel("check", "-", "-o", "json", folder=folder, stdin=BAD)
    assert answer.status == 1
    assert codes(answer) == ["K004 <stdin>"]
    assert kernel("check", "-", folder=folder, stdin=GOOD).status == 0
    told = kernel("check", "-", folder=folder, stdin=BAD)
    assert told.out.startswith("<stdin>:")
    assert kernel("check", "-", folder=folder, stdin="").status == 1
    for option in ("--fix", "--watch"):
        refused = kernel("check", "-", option, folder=folder, stdin=BAD)
        assert (refused.status, refused.out) == (2, "")
        assert "standard input is none" in refused.err
