"""Every example of the documentation is executed, in the order in which it stands on its page.

A fenced block with `file=NAME` is written to that file; each `$ ` line of a `console` block is run
by a shell in the same folder, and what it prints on standard output must be what stands below it;
`…` stands for anything within a line.
"""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import pytest

from tests.support.pages import FENCE, run, run_console

ROOT = Path(__file__).parent.parent
PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if "```" in page.read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    for language, name, text in FENCE.findall(page.read_text("utf-8")):
        if name:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        elif language == "console":
            run_console(text, tmp_path, installed=page.name == "README.md")
        elif text.startswith(">>> "):
            examples = doctest.DocTestParser().get_doctest(text, {}, page.name, None, 0)
            assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
        elif language == "python":
            run([sys.executable, "-c", text], tmp_path)
        else:
            # CEL is executed by tests/kernel/cel/test_documentation.py.
            assert language in ("", "text", "cel"), f"a block of {language} is not executed"
