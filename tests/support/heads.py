"""The heads of manifests that are tests, and runs as they say."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from kernel import Kernel, RunResult, load

HEAD = re.compile(r"# (expect|error|inputs|vars|env|target|events|fault|check|against): (.*)")
PLAIN = ("fault", "check")


def head_of(path: Path) -> dict[str, list[Any]]:
    """The comments at the top, each word with its values."""
    said: dict[str, list[Any]] = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        if found := HEAD.fullmatch(line):
            word, text = found.groups()
            said.setdefault(word, []).append(text if word in PLAIN else json.loads(text))
    return said


def apply(path: Path, said: dict[str, list[Any]]) -> tuple[RunResult, list[str]]:
    """Run a manifest as its head says. Gives the result and the types of the events."""
    told: list[str] = []

    async def main() -> RunResult:
        kernel = Kernel(
            load(path.parent if path.stem == "main" else path),
            values=said.get("vars", [{}])[0],
            environ=said.get("env", [{}])[0],
        )
        kernel.subscribe(lambda event: told.append(event.type))
        async with asyncio.timeout(20), kernel:
            return await kernel.apply(said.get("target", [None])[0], said.get("inputs", [None])[0])

    return asyncio.run(main()), told
