"""Manifests as tests: the examples of the library, and those that say what comes of them.

The first line of a manifest in ``manifests`` is ``# result: JSON`` or ``# error: CODE``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, ManifestError, RunResult, load, loads
from kernel.manifest import library_module, schemas_of
from kernel.schema.bundle import bundle, local

HERE = Path(__file__).parent
LIBRARY = HERE.parents[1] / "definitions"
EXAMPLES = sorted(LIBRARY.glob("*/examples/*.yaml"))
MANIFESTS = sorted((HERE / "manifests").glob("*.yaml"))


def apply(path: Path) -> RunResult:
    async def main() -> RunResult:
        async with asyncio.timeout(20), Kernel(load(path), environ={}) as kernel:
            return await kernel.apply()

    return asyncio.run(main())


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest of the test in a folder of its own, with the files beside it."""
    source: Path = request.param
    shutil.copytree(source.parent, tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "own" / source.name


def name_of(path: Path) -> str:
    return f"{path.parts[-3]}-{path.stem}"


@pytest.mark.parametrize("copied", EXAMPLES, indirect=True, ids=name_of)
def test_examples_run(copied: Path) -> None:
    result = apply(copied)
    assert result.outcome == "succeeded", result.error


def test_every_module_has_an_example() -> None:
    modules = {path.parent.name for path in LIBRARY.glob("*/*.yaml")}
    assert modules == {path.parents[1].name for path in EXAMPLES}


@pytest.mark.parametrize("copied", MANIFESTS, indirect=True, ids=lambda path: path.stem)
def test_manifests_give_what_they_say(copied: Path) -> None:
    said, _, value = copied.read_text().split("\n")[0].removeprefix("# ").partition(": ")
    result = apply(copied)
    if said == "result":
        assert result.error is None
        assert result.result == json.loads(value)
    else:
        assert result.error is not None
        assert str(result.error.code) == value
        assert result.outcome == "failed"


WRONG = [
    ("kind: Http.Request\nmetadata: {name: A}\nmetod: GET", "metod"),
    ("kind: Http.Request\nmetadata: {name: A}\nmethod: get", "get"),
    ("kind: Http.Server\nmetadata: {name: A}\nport: 70000", "70000"),
    ("kind: Sql.Connection\nmetadata: {name: A}\nsetup: CREATE", "CREATE"),
    ("kind: Sql.Query\nmetadata: {name: A}", "connection"),
    ("kind: File.Write\nmetadata: {name: A}\nmode: overwrite", "overwrite"),
    ("kind: Python.Function\nmetadata: {name: A}\nfunction: nowhere", "nowhere"),
]


@pytest.mark.parametrize(("text", "named"), WRONG)
def test_wrong_fields_are_pointed_at(text: str, named: str) -> None:
    kind = text.split("\n")[0].removeprefix("kind: ")
    steps = f"steps: [{{name: S, invoke: {{kind: {kind}, name: A}}}}]"
    use = f"\n---\nkind: Run.Sequence\nmetadata: {{name: M}}\n{steps}"
    started = kind in ("Http.Server", "Sql.Connection")

    async def main() -> None:
        async with Kernel(loads(text if started else text + use), environ={}) as kernel:
            await kernel.apply()

    with pytest.raises(ManifestError) as caught:
        asyncio.run(main())
    fault = caught.value.faults[0]
    assert fault.span is not None
    assert named in str(fault)


def definitions() -> list[Any]:
    from ruamel.yaml import YAML

    return [
        pytest.param(YAML(typ="safe").load(path), path, id=f"{path.parent.name}-{path.stem}")
        for path in sorted(LIBRARY.glob("*/*.yaml"))
    ]


@pytest.mark.parametrize(("definition", "path"), definitions())
def test_definitions_say_what_they_are(definition: dict[str, Any], path: Path) -> None:
    """The file is named after the kind, all is described, and the controller is there."""
    metadata = definition["metadata"]
    assert (metadata["module"].lower(), metadata["name"].lower()) == (path.parent.name, path.stem)
    assert metadata["description"]
    if "controller" in definition:
        module, _, name = definition["controller"]["python"].partition(":")
        assert callable(getattr(importlib.import_module(module), name))
    module = library_module(metadata["module"])
    assert module is not None
    for part in ("schema", "inputs", "outputs"):
        schema = bundle(definition.get(part, {}), schemas_of(module))
        assert list(without_description(schema, part, schema)) == []
    for code, error in definition.get("errors", {}).items():
        assert error["description"].endswith("."), code
        assert isinstance(error["retryable"], bool), code


def without_description(schema: Any, place: str, root: Any) -> Any:
    """The places of the properties that say nothing of themselves."""
    if not isinstance(schema, dict):
        return
    for name, each in schema.get("properties", {}).items():
        if not local(each, root).get("description"):
            yield f"{place}.{name}"
        yield from without_description(each, f"{place}.{name}", root)
    yield from without_description(schema.get("items"), f"{place}[]", root)
