"""Kinds that are imported are checked, and run, as those of the manifest itself."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

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


def said(text: str, folder: Path) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """What is found in a manifest, and in the same with imports; what nothing uses is left out."""
    alone, apart = found_in(text), check(imported(text, folder)).findings
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
    first, second = said(whole(seed).text, tmp_path / "imported")
    assert first == second


@pytest.mark.long
def test_imported_kinds_are_checked_alike_and_run_in_a_long_run(tmp_path: Path) -> None:
    for seed in seeds(7_100_000, 25):
        made = whole(seed)
        first, second = said(made.text, tmp_path / f"as made {seed}")
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


def test_what_is_imported_is_found_out() -> None:
    """The comparison is of something: a mistake in such a manifest is found."""
    text = whole(seeds(7_000_000, 1)[0]).text.replace('"kind": "T.A"', '"kind": "T.Aa"', 1)
    assert check_text(text).findings
