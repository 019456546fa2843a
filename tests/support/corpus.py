"""The correct manifests of this repository: those that the analyzer must find nothing wrong in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
FENCE = re.compile(r"^```yaml(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

KIND = re.compile(r"^kind: ", re.MULTILINE)


def projects() -> list[Path]:
    """Folders that are one manifest each: whole projects, and examples of several files."""
    found = [path.parent for path in sorted((TESTS / "projects").glob("*/main.yaml"))]
    return [*found, *(path for path in sorted((ROOT / "examples").iterdir()) if path.is_dir())]


def files() -> list[Path]:
    """Files that are one manifest each."""
    return [
        *(path for path in sorted((TESTS / "ok").glob("*.yaml")) if is_clean(path)),
        *sorted((ROOT / "definitions").glob("*/examples/*.yaml")),
        *sorted((ROOT / "examples").glob("*.yaml")),
    ]


def is_clean(path: Path) -> bool:
    """Whether a manifest of the tests says that nothing is found in it, by its silence."""
    return "\n# check: " not in path.read_text("utf-8")


@dataclass(frozen=True)
class Example:
    """A manifest that stands on a page; ``faulty`` if the page shows what is found in it."""

    page: Path
    name: str
    text: str

    @property
    def faulty(self) -> bool:
        shown = rf"^{re.escape(self.name)}:(\d+:\d+|…): "
        return bool(re.search(shown, self.page.read_text("utf-8"), re.MULTILINE))

    @property
    def code(self) -> dict[str, str]:
        """The Python files of the page, by their names."""
        return dict(CODE.findall(self.page.read_text("utf-8")))

    @property
    def described(self) -> list[str]:
        """The Python modules beside the manifest whose functions are kinds."""
        beside = ((Path(name), text) for name, text in self.code.items())
        return [
            path.stem
            for path, text in beside
            if path.parent == Path(self.name).parent and "@invocable(" in text
        ]

    def __str__(self) -> str:
        return f"{self.page.name}: {self.name}"


def examples() -> list[Example]:
    """The manifests of the documentation; other YAML has no kinds."""
    return [
        Example(page, name or f"{number}.yaml", text)
        for page in PAGES
        for number, (name, text) in enumerate(FENCE.findall(page.read_text("utf-8")))
        if KIND.search(text)
    ]
