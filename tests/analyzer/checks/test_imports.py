"""Values for imports: what `check` says of them, and that the run time says the same."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from analyzer.pipeline import check
from kernel import Kernel, ManifestError, load

MODULE = "kind: Kernel.Module\nmetadata: { name: %s }\n"
MAIN = "---\nkind: Run.Sequence\nmetadata: { name: Main }\nsteps: []\n"


def write(folder: Path, imports: Any, own: Any, lib: Any) -> Path:
    texts = {
        "main.yaml": {"imports": imports, **own},
        "lib.yaml": lib,
    }
    for name, fields in texts.items():
        head = MODULE % name.partition(".")[0].title()
        text = head + "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items())
        (folder / name).write_text(text + (MAIN if name == "main.yaml" else ""), "utf-8")
    return folder / "main.yaml"


def found_in(path: Path) -> list[tuple[str, str]]:
    """The findings but for those of variables that nothing reads and of what has no schema."""
    found = check(path).findings
    return [(one.code, one.message) for one in found if one.code not in ("K901", "K108")]


def runs(path: Path, values: Any = None) -> bool:
    """Whether the manifest comes up, with its values."""

    async def main() -> None:
        async with Kernel(load(path), values=values, environ={}) as kernel:
            assert (await kernel.apply()).error is None

    try:
        asyncio.run(main())
    except ManifestError:
        return False
    return True


@pytest.mark.parametrize(
    ("vars", "secrets", "wanted"),
    [
        ({"count": 1}, {"key": "k"}, []),
        ({"count": "${{ vars.count }}"}, {"key": "${{ secrets.key }}"}, []),
        ({"count": "${{ vars.count + 1 }}"}, {"key": "${{ 'a' + secrets.key }}"}, []),
        ({}, {"key": "k"}, [("K204", "`Lib` needs the variable `count` (int)")]),
        ({"count": 1}, {}, [("K204", "`Lib` needs the secret `key` (string)")]),
        (
            {"count": "${{ vars.s }}"},
            {"key": "k"},
            [("K206", "the variable `count` of `Lib` is int, and this is string")],
        ),
        (
            {"count": "one"},
            {"key": "k"},
            [("K206", 'the variable `count` of `Lib` is int, and this is "one"')],
        ),
        (
            {"count": 1, "m": 0},
            {"key": "k"},
            [("K207", "the variable `m` of `Lib` takes int from 1, and this is 0")],
        ),
        (
            {"count": 1},
            {"key": "${{ vars.count }}"},
            [("K206", "the secret `key` of `Lib` is string, and this is int")],
        ),
        ({"count": 1, "x": 1}, {"key": "k"}, [("K205", "Lib declares no variable `x`")]),
        ({"cout": 1}, {"key": "k"}, [("K205", "Lib declares no variable `cout`")]),
        (
            {"count": "${{ vars.cout }}"},
            {"key": "k"},
            [("K401", "vars has no field 'cout'; did you mean 'count'?")],
        ),
        (
            {"count": "${{ inputs.count }}"},
            {"key": "k"},
            [("K306", "'inputs' is not in scope here; it is inside a topology or a `body`")],
        ),
    ],
)
def test_what_is_said_of_the_values_of_an_import(
    tmp_path: Path, vars: Any, secrets: Any, wanted: Any
) -> None:
    own = {
        "vars": {
            "count": {"type": "integer", "default": 3},
            "s": {"type": "string", "default": "s"},
        },
        "secrets": {"key": {"type": "string", "default": "abcdefgh"}},
    }
    lib = {
        "vars": {
            "count": {"type": "integer"},
            "m": {"type": "integer", "minimum": 1, "default": 1},
        },
        "secrets": {"key": {"type": "string"}},
    }
    imports = {"Lib": {"source": "./lib.yaml", "vars": vars, "secrets": secrets}}
    path = write(tmp_path, imports, own, lib)
    assert found_in(path) == wanted
    assert runs(path) is not bool(wanted)


def test_an_import_without_values_needs_those_that_nothing_else_gives(tmp_path: Path) -> None:
    lib = {
        "vars": {
            "a": {"type": "string"},
            "b": {"type": "string", "env": "B"},
            "c": {"type": "string", "file": "./c"},
            "d": {"type": "string", "default": "d"},
        }
    }
    path = write(tmp_path, {"Lib": "./lib.yaml"}, {}, lib)
    assert found_in(path) == [("K204", "`Lib` needs the variable `a` (string)")]
    found = next(one for one in check(path).findings if one.code == "K204")
    assert found.span is not None
    assert (found.span.line, found.path) == (3, ("imports", "Lib"))
    assert not runs(path)


def test_the_same_mistake_in_two_instances_is_told_once(tmp_path: Path) -> None:
    passed = [{"source": "./lib.yaml", "vars": {"count": number}} for number in (1, 2)]
    lib = {"vars": {"count": {"type": "integer"}}}
    path = write(tmp_path, dict(zip("AB", passed, strict=True)), {}, lib)
    with (tmp_path / "lib.yaml").open("a") as file:
        file.write(MAIN.replace("steps: []", "steps: []\nresult: '${{ vars.cuont }}'"))
    assert found_in(path) == [("K401", "vars has no field 'cuont'; did you mean 'count'?")]


@pytest.mark.parametrize(
    ("value", "declared", "leaks"),
    [
        ("${{ secrets.key }}", {}, ["secrets.key"]),
        ("${{ 'x' + secrets.key }}", {}, ["secrets.key"]),
        ("${{ {'a': secrets.key} }}", {}, ["secrets.key"]),
        ({"a": ["${{ secrets.key }}"]}, {}, ["secrets.key"]),
        ("x ${{ secrets.key }}", {}, ["secrets.key"]),
        ("${{ vars.hidden }}", {}, ["vars.hidden"]),
        ("${{ size(secrets.key) }}", {}, []),
        ("${{ secrets.key }}", {"x-kernel-secret": True}, []),
        ({"a": "${{ secrets.key }}"}, {"properties": {"a": {"x-kernel-secret": True}}}, []),
        (
            {"b": "${{ secrets.key }}"},
            {"properties": {"a": {"x-kernel-secret": True}}},
            ["secrets.key"],
        ),
    ],
)
def test_a_secret_in_a_plain_variable_of_an_import_is_a_leak(
    tmp_path: Path, value: Any, declared: Any, leaks: list[str]
) -> None:
    own = {
        "vars": {"hidden": {"type": "string", "default": "h", "x-kernel-secret": True}},
        "secrets": {"key": {"type": "string", "default": "abcdefgh"}},
    }
    imports = {"Lib": {"source": "./lib.yaml", "vars": {"v": value}}}
    path = write(tmp_path, imports, own, {"vars": {"v": declared}})
    assert found_in(path) == [
        (
            "K801",
            f"the secret `{name}` goes into the variable `v` of Lib, which is none of its secrets",
        )
        for name in leaks
    ]


SCHEMAS: tuple[Any, ...] = (
    {"type": "string"},
    {"type": "string", "minLength": 2},
    {"type": "integer", "minimum": 0},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"enum": ["a", 1, None]},
    {"type": ["string", "null"]},
)
VALUES: tuple[Any, ...] = (
    "text", "", 1, -1, 1.5, True, None, [1], [], ["a"], {"a": 1}, {"a": "x"}, {},
    "${{ vars.s }}", "${{ vars.i }}", "${{ vars.i - 1 }}", "${{ vars.d }}", "${{ vars.l }}",
    "${{ vars.o }}", "${{ vars.o.a }}", "${{ vars.i > 0 }}", "${{ null }}", "a${{ vars.i }}",
    "${{ vars.i > 0 ? 'a' : 1 }}", ["${{ vars.i }}"], {"a": "${{ vars.i }}"}, "${{ [vars.i] }}",
    "${{ {'a': vars.i} }}", "${{ timestamp('2026-01-01T00:00:00Z') }}",
    "${{ vars.l[0] }}", "${{ 1 / vars.i }}",
)  # fmt: skip
OWN = {
    "s": {"type": "string", "default": "s"},
    "i": {"type": "integer", "minimum": 0, "default": 0},
    "d": {"type": "number", "default": 1},
    "l": {"type": "array", "items": {"type": "integer"}, "default": []},
    "o": {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "default": {"a": 1},
    },
}


def test_what_is_found_in_a_value_and_what_the_run_time_says_are_the_same(tmp_path: Path) -> None:
    """Clean comes up; what is an error does not, with the values of the defaults or with others."""
    others: tuple[Any, ...] = (
        None,
        {"s": "abc", "i": 2, "d": 2.5, "l": [3], "o": {"a": -5}},
        {"s": "", "i": 1, "d": -1, "l": [1, 2], "o": {"a": 0, "b": 1}},
    )
    for number, (schema, value) in enumerate(product(SCHEMAS, VALUES)):
        folder = tmp_path / str(number)
        folder.mkdir()
        imports = {"Lib": {"source": "./lib.yaml", "vars": {"v": value}}}
        path = write(folder, imports, {"vars": OWN}, {"vars": {"v": schema}})
        weights = {one.weight for one in check(path).findings if one.code not in ("K901", "K108")}
        ended = [runs(path, values) for values in others]
        if not weights:
            assert all(ended), (schema, value)
        if "error" in weights:
            assert not all(ended), (schema, value)


def test_a_variable_of_the_same_schema_fits(tmp_path: Path) -> None:
    """Even where it cannot be proven of the types: the value was held against the same schema."""
    parts: list[Any] = [{"type": "integer"}, {"type": "number", "minimum": 2}, {"type": "null"}]
    schema = {"anyOf": parts, "not": {"const": 3}}
    own = {"vars": {"v": {**schema, "default": None, "description": "own"}}}
    imports = {"Lib": {"source": "./lib.yaml", "vars": {"w": "${{ vars.v }}"}}}
    path = write(tmp_path, imports, own, {"vars": {"w": schema}})
    assert {code for code, _ in found_in(path)} == {"K106"}
    assert runs(path, {"v": 4})
    path = write(tmp_path, imports, own, {"vars": {"w": {**schema, "not": {"const": 4}}}})
    assert {code for code, _ in found_in(path)} == {"K106", "K206"}
    assert not runs(path, {"v": 4})
