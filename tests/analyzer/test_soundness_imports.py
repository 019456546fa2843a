"""Kinds that are imported are checked, and run, as those of the manifest itself."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from analyzer import check_text
from analyzer.pipeline import check
from kernel import Kernel, load
from tests.analyzer.support.untried import found_in
from tests.analyzer.support.whole import Whole, whole
from tests.analyzer.test_soundness_whole import _may_fail, mended

_DEFINITION = '{"kind": "Kernel.Definition"'
_MODULE = '{"kind": "Kernel.Module", "metadata": {"name": "T"}}'


def imported(text: str, folder: Path) -> Path:
    """The manifest with its definitions in a module of their own, which it imports."""
    documents = text.split("\n---\n")
    kinds = [one for one in documents if one.startswith(_DEFINITION)]
    head, *rest = [one for one in documents if one not in kinds]
    (folder / "kinds").mkdir(parents=True)
    (folder / "kinds" / "kinds.yaml").write_text("\n---\n".join([_MODULE, *kinds]), "utf-8")
    main = [f'{head[:-1]}, "imports": {{"T": "./kinds"}}}}', *rest]
    (folder / "main.yaml").write_text("\n---\n".join(main), "utf-8")
    return folder


def passing(text: str, folder: Path) -> Path:
    """The same, where the module of the definitions has the variables too, and is passed them."""
    documents = text.split("\n---\n")
    kinds = [one for one in documents if one.startswith(_DEFINITION)]
    first, *rest = [one for one in documents if one not in kinds]
    head = json.loads(first)
    module: dict[str, Any] = {"kind": "Kernel.Module", "metadata": {"name": "T"}}
    passed: dict[str, Any] = {}
    for group in ("vars", "secrets"):
        declared = head.get(group, {})
        module[group] = {
            name: {key: value for key, value in schema.items() if key not in ("default", "env")}
            for name, schema in declared.items()
        }
        passed[group] = {name: f"${{{{ {group}.{name} }}}}" for name in declared}
    head["imports"] = {"T": {"source": "./kinds", **passed}}
    (folder / "kinds").mkdir(parents=True)
    (folder / "kinds" / "kinds.yaml").write_text("\n---\n".join([json.dumps(module), *kinds]))
    (folder / "main.yaml").write_text("\n---\n".join([json.dumps(head), *rest]), "utf-8")
    return folder


def said(text: str, path: Path) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """What is found in a manifest, and in the same with imports; what nothing uses is left out."""
    alone, apart = found_in(text), check(path).findings
    first, second = (
        Counter((one.code, one.message) for one in found if one.code != "K901")
        for found in (alone, apart)
    )
    return first, second


def seeds(first: int, count: int) -> list[int]:
    """Seeds of manifests without a body: one that is imported reads variables of its own module."""
    found = (seed for seed in range(first, first + 20 * count) if '"body"' not in whole(seed).text)
    return [seed for _, seed in zip(range(count), found, strict=False)]


@pytest.mark.parametrize("seed", seeds(7_000_000, 3))
def test_imported_kinds_are_checked_alike(seed: int, tmp_path: Path) -> None:
    text = whole(seed).text
    first, second = said(text, imported(text, tmp_path / "imported"))
    assert first == second


def seeds_with_values(first: int, count: int) -> list[int]:
    """Seeds of manifests with bodies, which read no resources: those would be of their module."""

    def fits(seed: int) -> bool:
        documents = whole(seed).text.split("\n---\n")
        kinds = [one for one in documents if one.startswith(_DEFINITION)]
        with suppress(json.JSONDecodeError):
            json.loads(documents[0])
            return any('"body"' in one for one in kinds) and not any(
                "resources." in one for one in kinds
            )
        return False

    found = (seed for seed in range(first, first + 20 * count) if fits(seed))
    return [seed for _, seed in zip(range(count), found, strict=False)]


@pytest.mark.parametrize("seed", seeds_with_values(7_000_000, 3))
def test_kinds_that_are_passed_their_variables_are_checked_alike(seed: int, tmp_path: Path) -> None:
    text = whole(seed).text
    # What is wrong with a schema is wrong in both modules.
    first, second = said(text, passing(text, tmp_path / "passing"))
    assert set(first) == set(second)


@pytest.mark.long
def test_kinds_that_are_passed_their_variables_are_alike_and_run_in_a_long_run(
    tmp_path: Path,
) -> None:
    for seed in seeds_with_values(7_200_000, 25):
        made = whole(seed)
        first, second = said(made.text, passing(made.text, tmp_path / f"as made {seed}"))
        assert set(first) == set(second), seed
        if mended(made):
            (tmp_path / f"alone {seed}").mkdir()
            alone = tmp_path / f"alone {seed}" / "main.yaml"
            alone.write_text(made.text, "utf-8")
            apart = passing(made.text, tmp_path / f"mended {seed}")
            assert asyncio.run(_results(made, alone, seed)) == asyncio.run(
                _results(made, apart, seed)
            ), seed


@pytest.mark.long
def test_imported_kinds_are_checked_alike_and_run_in_a_long_run(tmp_path: Path) -> None:
    for seed in seeds(7_100_000, 25):
        made = whole(seed)
        first, second = said(made.text, imported(made.text, tmp_path / f"as made {seed}"))
        assert first == second, seed
        if mended(made):
            folder = imported(made.text, tmp_path / f"mended {seed}")
            asyncio.run(_run(made, folder, seed))


async def _run(made: Whole, folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with Kernel(load(folder), controllers=made.controllers(rng)) as kernel:
        for _ in range(3):
            inputs = made.inputs.sample(rng)
            result = await kernel.apply("Run.Sequence/Main", inputs)
            if result.error is not None:
                _may_fail(result.error.to_cel(), f"seed {seed} with {inputs}:\n{made.text}")


async def _results(made: Whole, place: Path, seed: int) -> list[Any]:
    rng = random.Random(seed)
    found = []
    async with Kernel(load(place), controllers=made.controllers(rng)) as kernel:
        for _ in range(3):
            ended = await kernel.apply("Run.Sequence/Main", made.inputs.sample(rng))
            found.append((ended.outcome, ended.result, ended.error and ended.error.to_cel()))
    return found


def test_what_is_imported_is_found_out() -> None:
    """The comparison is of something: a mistake in such a manifest is found."""
    text = whole(seeds(7_000_000, 1)[0]).text.replace('"kind": "T.A"', '"kind": "T.Aa"', 1)
    assert check_text(text).findings
