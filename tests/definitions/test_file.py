"""File.Read, File.Write and File.List on real folders."""

from __future__ import annotations

import os
import string
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from definitions.file.list import List
from definitions.file.read import Read
from definitions.file.root import moment, named, shown
from definitions.file.write import Write
from kernel import Failure
from tests.support.properties import examples

names = st.text(string.ascii_lowercase + ".ä ", min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def read(root: Path, path: str, form: str = "text", **fields: Any) -> Any:
    return Read({"root": str(root), **fields}).invoke({"path": path, "format": form})["content"]


def write(root: Path, path: str, content: Any, form: str = "text", **fields: Any) -> int:
    call = {"path": path, "content": content, "format": form}
    return Write({"root": str(root), **fields}).invoke(call)["size"]


def code_of(action: Any, *args: Any, **fields: Any) -> str | int | None:
    with pytest.raises(Failure) as caught:
        action(*args, **fields)
    assert caught.value.data["path"]
    return caught.value.code


@examples(50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names, min_size=1, max_size=4), json_values)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], value: Any
) -> None:
    root = tmp_path_factory.mktemp("root")
    path = "/".join(parts)
    write(root, path, value, "json")
    assert read(root, path, "json") == value


@given(st.lists(st.text().filter(lambda line: not {"\n", "\r"} & set(line)), min_size=1))
@examples(50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_are_kept(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    root = tmp_path_factory.mktemp("root")
    write(root, "lines", lines, "lines")
    assert read(root, "lines", "lines") == lines


def test_no_lines_is_an_empty_file(tmp_path: Path) -> None:
    assert write(tmp_path, "empty", [], "lines") == 0
    assert read(tmp_path, "empty", "lines") == []


def test_bytes_go_through_base64(tmp_path: Path) -> None:
    assert write(tmp_path, "b", "AP8=", "base64") == 2
    assert (tmp_path / "b").read_bytes() == b"\x00\xff"
    assert read(tmp_path, "b", "base64") == "AP8="
    assert code_of(read, tmp_path, "b", "text") == "INVALID_CONTENT"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\0b", ".."])
def test_paths_do_not_leave_the_root(tmp_path: Path, path: str) -> None:
    (tmp_path / "a").mkdir()
    assert code_of(read, tmp_path / "a", path) == "OUTSIDE_ROOT"
    assert code_of(write, tmp_path / "a", path, "x") == "OUTSIDE_ROOT"


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    for path in ("file", "folder/secret"):
        assert code_of(read, root, path) == "OUTSIDE_ROOT"
        for mode in ("replace", "append", "create"):
            assert code_of(write, root, path, "x", mode=mode) == "OUTSIDE_ROOT"
    assert (tmp_path / "secret").read_text() == "s"
    assert List({"root": str(root)}).invoke({"pattern": "**"})["count"] == 0


@pytest.mark.parametrize("path", ["", ".", "d", "d/", "pipe"])
def test_only_regular_files(tmp_path: Path, path: str) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for action in (lambda: read(tmp_path, path), lambda: write(tmp_path, path, "x")):
        with pytest.raises(Failure) as caught:
            action()
        assert caught.value.code == "NOT_A_FILE"


def test_what_is_missing_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(read, tmp_path, "a/b") == "NOT_FOUND"
    assert code_of(read, tmp_path, "file/b") == "NOT_FOUND"
    assert code_of(write, tmp_path / "none", "a", "x") == "NOT_FOUND"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_denied(tmp_path: Path) -> None:
    (tmp_path / "f").touch(mode=0)
    assert code_of(read, tmp_path, "f") == "DENIED"


def test_sizes_are_limited(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 11)
    assert code_of(read, tmp_path, "f", maxBytes=10) == "TOO_LARGE"
    assert read(tmp_path, "f", maxBytes=11) == "x" * 11
    assert code_of(write, tmp_path, "g", "x" * 11, maxBytes=10) == "TOO_LARGE"
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize(
    ("content", "form"),
    [({"a": 1}, "text"), (["a", 1], "lines"), ("a", "lines"), ("%", "base64"), (1.5, "base64")],
)
def test_content_must_fit_its_format(tmp_path: Path, content: Any, form: str) -> None:
    assert code_of(write, tmp_path, "f", content, form) == "INVALID_CONTENT"


@pytest.mark.parametrize("text", ["{", "NaN", "[" * 100_000, "1" * 10_000])
def test_bad_json_is_a_clear_failure(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    assert code_of(read, tmp_path, "f", "json") == "INVALID_CONTENT"


def test_modes(tmp_path: Path) -> None:
    write(tmp_path, "f", "one", mode="create")
    assert code_of(write, tmp_path, "f", "two", mode="create") == "EXISTS"
    write(tmp_path, "f", "+two", mode="append")
    assert read(tmp_path, "f") == "one+two"
    (tmp_path / "f").chmod(0o640)
    write(tmp_path, "f", "three", mode="replace")
    assert read(tmp_path, "f") == "three"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["f"]


def test_one_of_many_creates(tmp_path: Path) -> None:
    won: list[int] = []
    lost: list[str | int | None] = []

    def attempt(number: int) -> None:
        try:
            write(tmp_path, "f", str(number), mode="create")
        except Failure as failure:
            lost.append(failure.code)
        else:
            won.append(number)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == ["EXISTS"] * 7
    assert read(tmp_path, "f") == str(won[0])


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    versions = ["a" * 100_000, "b" * 100_000]
    write(tmp_path, "f", versions[0])
    done = threading.Event()

    def replace() -> None:
        for number in range(20):
            write(tmp_path, "f", versions[number % 2])
        done.set()

    writer = threading.Thread(target=replace)
    writer.start()
    while not done.is_set():
        assert read(tmp_path, "f") in versions
    writer.join()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.txt", "b.md"]),
        ("*.txt", ["a.txt"]),
        ("**", ["a.txt", "b.md", "d/c.txt", "d/e/f.txt"]),
        ("**/*.txt", ["a.txt", "d/c.txt", "d/e/f.txt"]),
        ("d/**/*.txt", ["d/c.txt", "d/e/f.txt"]),
        ("d/*", ["d/c.txt"]),
        ("./[ab].*", ["a.txt", "b.md"]),
        (".*", [".hidden"]),
        ("../*", []),
        ("none/*", []),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, found: list[str]) -> None:
    for path in ("a.txt", "b.md", "d/c.txt", "d/e/f.txt", ".hidden", ".git/x.txt"):
        write(tmp_path, path, "x")
    listed = List({"root": str(tmp_path)}).invoke({"pattern": pattern})
    assert [file["path"] for file in listed["files"]] == found
    assert listed["count"] == len(found)


def test_a_hostile_pattern_ends(tmp_path: Path) -> None:
    write(tmp_path, "a/" * 20 + "a" * 200, "x")
    patterns = ["**/" * 200 + "b", "*a" * 100 + "b", "[" * 900]
    counts = [List({"root": str(tmp_path)}).invoke({"pattern": each})["count"] for each in patterns]
    assert counts == [0, 0, 0]


def test_listing_is_limited(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, str(number), "")
    assert List({"root": str(tmp_path), "limit": 3}).invoke({})["count"] == 3
    with pytest.raises(Failure, match="more than 2 files"):
        List({"root": str(tmp_path), "limit": 2}).invoke({})
    with pytest.raises(Failure) as caught:
        List({"root": str(tmp_path / "none")}).invoke({})
    assert caught.value.code == "NOT_FOUND"


def test_the_root_is_relative_to_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    Write({"root": "data"}, tmp_path).invoke({"path": "f", "content": "x"})
    assert Read({"root": "data"}, tmp_path).invoke({"path": "f"})["content"] == "x"
    assert List({"root": str(tmp_path / "data")}, Path("/nowhere")).invoke({})["count"] == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"\xff.txt", "\\xff.txt"),
        ("ä\x01".encode(), "ä\x01"),
        (b"caf\xe9/\xe9", "caf\\xe9/\\xe9"),
        (b"\\xff", "\\x5cxff"),
        (b"\\x5c", "\\x5cx5c"),
        (b"a\\b\\x41", "a\\b\\x41"),
    ],
)
def test_names_that_are_not_utf8(tmp_path: Path, name: bytes, path: str) -> None:
    real = os.path.join(os.fsencode(tmp_path), name)
    os.makedirs(os.path.dirname(real), exist_ok=True)
    with open(real, "w") as file:
        file.write("x")
    listed = List({"root": str(tmp_path)}).invoke({"pattern": "**"})["files"]
    assert [file["path"] for file in listed] == [path]
    assert read(tmp_path, path) == "x"
    write(tmp_path, path, "y")
    with open(real) as file:
        assert file.read() == "y"
    assert List({"root": str(tmp_path)}).invoke({"pattern": path.replace("[", "?")})["count"] == 1


@examples(200)
@given(st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name)))
def test_any_name_is_shown_and_read_back(name: bytes) -> None:
    text = os.fsdecode(name)
    assert shown(text).encode().decode() == shown(text)
    assert os.fsencode(named(shown(text))) == name


def test_an_escape_does_not_leave_the_root(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "secret").touch()
    for path in ("\\x2e\\x2e/secret", "\\x2e./secret", "..\\x2fsecret"):
        assert code_of(read, tmp_path / "a", path) == "NOT_FOUND"


@pytest.mark.parametrize(("form", "content"), [("text", "[1]"), ("lines", ["[1]"]), ("json", [1])])
def test_a_byte_order_mark_is_no_content(tmp_path: Path, form: str, content: Any) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf[1]")
    assert read(tmp_path, "f", form) == content
    assert read(tmp_path, "f", "base64") == "77u/WzFd"


@pytest.mark.parametrize("form", ["text", "lines", "json"])
@pytest.mark.parametrize("data", [b"\xff", b"\xfe\xff\x00a", b"\xed\xa0\x80", b"a\xc3"])
def test_what_is_not_utf8_is_invalid_content(tmp_path: Path, form: str, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    assert code_of(read, tmp_path, "f", form) == "INVALID_CONTENT"


def test_times_that_rfc_3339_does_not_have() -> None:
    assert moment(10**12).startswith("9999-12-31T23:59:59")
    assert moment(-(10**12)) == "0001-01-01T00:00:00Z"
