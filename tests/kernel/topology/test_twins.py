"""A topology that a user declares in YAML alone is told as one of the library is.

``Mine.Sequence``, ``Mine.Workflow`` and ``Mine.Router`` have the schemas of the library, with other
words for what is made of call sites; all that is shown of the one must be shown of the other, but
for the names.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from analyzer import check
from analyzer.editor.completion import complete
from analyzer.editor.navigation import hover
from analyzer.editor.workspace import Workspace
from kernel import Event, InvocationError, Kernel, load
from tests.support.command import kernel

LIBRARY = Path(__file__).parents[3] / "definitions"


@dataclass(frozen=True)
class Engine:
    """A kind of the library, the word of its field with call sites, and a resource of it."""

    kind: str
    word: str
    own: str
    resource: str
    inputs: tuple[dict[str, Any], ...]

    @property
    def mine(self) -> str:
        return "Mine." + self.kind.partition(".")[2]

    def text(self, mine: bool, changed: tuple[str, str] = ("", "")) -> str:
        """A manifest with a resource of the kind, of one's own or of the library."""
        old, new = changed
        assert old in self.resource
        made = self.resource.replace(old, new, 1) if old else self.resource
        return made.replace("KIND", self.mine if mine else self.kind).replace(
            "WORD", self.own if mine else self.word
        )

    def definition(self) -> str:
        """The definition of the user: that of the library in other words."""
        module, name = self.kind.lower().split(".")
        text = (LIBRARY / module / f"{name}.yaml").read_text("utf-8")
        text = text.replace(f"module: {self.kind.partition('.')[0]}", "module: Mine", 1)
        text = re.sub(rf"^    {self.word}:", f"    {self.own}:", text, count=1, flags=re.MULTILINE)
        return text.replace(f"required: [{self.word}]", f"required: [{self.own}]", 1)

    def alike(self, theirs: str, own: str) -> None:
        """What is shown of the library's is what is shown of the user's."""
        assert self.kind in theirs
        assert self.translated(own) == theirs

    def translated(self, own: str) -> str:
        """The words of the library for those of the user, and the other way round for the kinds."""
        names = {self.mine: self.kind, self.kind: self.mine, self.own: self.word}
        return re.sub("|".join(names), lambda one: names[one[0]], own)


NAP = "kind: Time.Sleep\nmetadata: { name: Nap }\n---\n"
TAKES = """\
inputs:
  type: object
  additionalProperties: false
  properties: { n: { type: integer, minimum: 0, maximum: 9 } }
  required: [n]
"""
STEPS = """\
WORD:
  - name: One
    invoke: { kind: Time.Sleep, name: Nap }
    inputs: { ms: "${{ inputs.n }}" }
  - name: Two
    value: "${{ 10 / (inputs.n - 1) }}"
result: "${{ steps.Two.result }}"
concurrency: { limit: 1 }
"""
SEQUENCE = Engine(
    "Run.Sequence",
    "steps",
    "labours",
    f"{NAP}kind: KIND\nmetadata: {{ name: It }}\n{TAKES}{STEPS}",
    ({"n": 2}, {"n": 1}, {"n": -1}, {}, {"m": 1}),
)
WORKFLOW = Engine(
    "Flow.Workflow",
    "nodes",
    "stages",
    f"{NAP}kind: KIND\nmetadata: {{ name: It }}\nparallelism: 1\nonFailure: continue\n"
    f"{TAKES}{STEPS}",
    ({"n": 2}, {"n": 1}, {"n": -1}, {}, {"m": 1}),
)
ROUTER = Engine(
    "Flow.Router",
    "entries",
    "roads",
    f"""\
{NAP}kind: KIND
metadata: {{ name: It }}
event:
  type: object
  properties: {{ n: {{ type: integer, minimum: 0, maximum: 9 }} }}
  required: [n]
WORD:
  - match: "${{{{ event.n > 5 }}}}"
    invoke: {{ kind: Time.Sleep, name: Nap }}
    inputs: {{ ms: 1 }}
  - match: "${{{{ 10 / event.n == 5 }}}}"
    invoke: {{ kind: Time.Sleep, name: Nap }}
    inputs: {{ ms: "${{{{ event.n }}}}" }}
""",
    (
        {"event": {"n": 6}},
        {"event": {"n": 2}},
        {"event": {"n": 3}},
        {"event": {"n": 0}},
        {"event": {"n": "1"}},
        {"event": {}},
        {},
    ),
)
ENGINES = [SEQUENCE, WORKFLOW, ROUTER]
pytestmark = pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.kind)

WRONG = [
    ("WORD:", "WORDS:"),
    ("WORD:", "WORD: 5\nother:"),
    ("WORD:", "WORD: []\nother:"),
    ("ms:", "mss:"),
    ("invoke: {", "when: 5\n    invoke: {"),
    ("kind: Time.Sleep, name: Nap", "kind: Time.Sleep, name: Nips"),
    ("kind: Time.Sleep, name: Nap", "kind: Time.Slep"),
    ("type: integer", "type: integr"),
    ("type: integer", "type: string"),
    ("metadata: { name: It }", "metadata: { name: It }\nparallelism: 0"),
    ("metadata: { name: It }", "metadata: { name: It }\nresult: '${{ steps.Three.result }}'"),
    ("metadata: { name: It }", "metadata: { name: It }\noutputs: { type: string }"),
    ("metadata: { name: It }", "metadata: { name: It }\nconcurrency: { limit: 0, grup: a }"),
]


@pytest.fixture
def folders(engine: Engine, tmp_path: Path) -> tuple[Path, Path]:
    """A project with the kind of the library, and one with that of the user."""
    for name in ("theirs", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kinds.yaml").write_text(engine.definition())
    return tmp_path / "theirs", tmp_path / "own"


def write(engine: Engine, folders: tuple[Path, Path], *changed: str) -> tuple[Path, Path]:
    for mine, folder in enumerate(folders):
        text = engine.text(bool(mine), (changed[0], changed[1]) if changed else ("", ""))
        (folder / "main.yaml").write_text(text)
    return folders[0] / "main.yaml", folders[1] / "main.yaml"


def test_explain(engine: Engine, folders: tuple[Path, Path]) -> None:
    for field in ("", ".WORD", ".result", ".concurrency"):
        theirs, own = (
            kernel("explain", kind + field.replace("WORD", word), *path, folder=folders[1])
            for kind, word, path in (
                (engine.kind, engine.word, []),
                (engine.mine, engine.own, ["--path", "."]),
            )
        )
        assert (theirs.status, own.status) == (0, 0), own
        engine.alike(squeezed(theirs.out), squeezed(own.out))


def squeezed(text: str) -> str:
    """Columns are as wide as the longest word."""
    return re.sub(r"[ \n]+", " ", text)


def test_get(engine: Engine, folders: tuple[Path, Path]) -> None:
    write(engine, folders)
    theirs, own = (kernel("get", ".", "-o", "json", folder=folder).json for folder in folders)
    theirs, own = (str([row for row in rows if row["name"] == "It"]) for rows in (theirs, own))
    engine.alike(theirs, own)
    theirs, own = (kernel("get", ".", folder=folder).out for folder in folders)
    engine.alike(
        *(
            squeezed("\n".join(row for row in shown.splitlines() if "Kernel.Definition" not in row))
            for shown in (theirs, own)
        )
    )


def test_what_is_correct_is_clean(engine: Engine, folders: tuple[Path, Path]) -> None:
    write(engine, folders)
    for folder in folders:
        found = [one for one in check(folder).findings if one.code != "K901"]
        assert found == [], "one of the two kinds is unused, nothing else is found"


@pytest.mark.parametrize("changed", WRONG, ids=" ".join)
def test_findings(engine: Engine, folders: tuple[Path, Path], changed: tuple[str, str]) -> None:
    if changed[0] not in engine.resource:
        pytest.skip("such a resource has no such field")
    shown = []
    for made in write(engine, folders, *changed):
        found = [
            one for one in check(made.parent).findings if one.span and one.span.file == str(made)
        ]
        told = [(one.span and one.span.line, one.code, one.message, one.help) for one in found]
        assert told
        shown.append(f"{told}")
    engine.alike(f"{engine.kind} {shown[0]}", f"{engine.mine} {shown[1]}")


def test_errors_and_events(engine: Engine, folders: tuple[Path, Path]) -> None:
    async def tell(kind: str, path: Path, inputs: Any) -> str:
        heard: list[Event] = []
        async with Kernel(load(path.parent)) as running:
            running.subscribe(heard.append)
            try:
                result = await running.invoke(f"{kind}/It", inputs)
            except InvocationError as error:
                result = (type(error).__name__, error.to_cel())
        events = [(one.type, one.subject, one.data) for one in heard]
        return str((result, events)).replace(str(path.parent), "")

    theirs, own = write(engine, folders)
    for inputs in engine.inputs:
        engine.alike(
            asyncio.run(tell(engine.kind, theirs, inputs)),
            asyncio.run(tell(engine.mine, own, inputs)),
        )


def test_terminal(engine: Engine, folders: tuple[Path, Path]) -> None:
    write(engine, folders)
    for inputs in engine.inputs:
        words = [w for n, v in inputs.items() for w in ("--input", f"{n}={v}".replace("'", '"'))]
        theirs, own = (
            kernel("apply", ".", "--target", f"{kind}/It", *words, folder=folder)
            for kind, folder in zip((engine.kind, engine.mine), folders, strict=True)
        )
        assert theirs.status == own.status
        times = [re.sub(r"[\d.]+s", "", one.out + one.err) for one in (theirs, own)]
        engine.alike(f"{engine.kind} {times[0]}", f"{engine.mine} {times[1]}")


@pytest.mark.parametrize(
    "place",
    [
        ("WORD:", "‸\nWORD:"),
        ("invoke: {", "‸\n    invoke: {"),
        ("ms:", "‸ms:"),
        ('"${{ ', '"${{ ‸'),
        ("kind: Time.Sleep, name: Nap }", "kind: Time.Sleep, ‸ }"),
        ("kind: Time.Sleep, name: Nap }", "kind: ‸ }"),
    ],
    ids=" ".join,
)
def test_completion_and_hover(
    engine: Engine, folders: tuple[Path, Path], place: tuple[str, str]
) -> None:
    shown: list[str] = []
    proposed: list[list[str]] = []
    for mine, made in enumerate(write(engine, folders, *place)):
        text = made.read_text()
        offset = text.index("‸")
        workspace = Workspace()
        workspace.put(str(made), text.replace("‸", ""))
        text = text.replace("‸", "")
        proposals = complete(workspace, str(made), offset)
        items = [str(replace(item, rank=0)) for item in proposals.items]
        items = sorted(map(engine.translated, items) if mine else items)
        assert items
        kind, word = (engine.mine, engine.own) if mine else (engine.kind, engine.word)
        over = [
            hover(workspace, str(made), text.index(one) + 1) for one in (f"{kind}\n", f"\n{word}:")
        ]
        shown.append(f"{[one and one.text for one in over]} {kind}")
        proposed.append(items)
    engine.alike(*shown)
    assert proposed[0] == proposed[1]
