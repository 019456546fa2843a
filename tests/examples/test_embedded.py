"""The example `embedded`, as its README shows it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.pages import FENCE, run_console

EXAMPLE = Path(__file__).parents[2] / "examples" / "embedded"


def test_what_the_readme_shows(tmp_path: Path) -> None:
    made = tmp_path / "examples" / "embedded"
    shutil.copytree(EXAMPLE, made, ignore=shutil.ignore_patterns("__pycache__"))
    ((_, _, text),) = FENCE.findall((made / "README.md").read_text("utf-8"))
    run_console(text, tmp_path)
