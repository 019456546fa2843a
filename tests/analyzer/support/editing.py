"""A manifest with the cursor written as ``‸``, and what an editor would show there."""

from __future__ import annotations

from pathlib import Path

from analyzer.editor.completion import complete
from analyzer.editor.cursor.items import Item
from analyzer.editor.workspace import Workspace

HEAD = """\
kind: Kernel.Module
metadata: { name: Shop }
vars:
  endpoint: { type: string, default: "http://x", description: Where the shop is. }
secrets:
  token: { type: string, env: TOKEN }
---
kind: Kernel.Definition
metadata: { name: Fetch, module: Shop, description: Fetches the orders of a day }
capability: Invocable
schema:
  type: object
  properties:
    base: { type: string, description: The address. }
    mode: { enum: [fast, careful] }
    secure: { type: boolean }
    peer: { x-kernel-ref: Shop.Fetch }
  required: [base]
inputs:
  type: object
  properties:
    day: { type: string, description: The day of the orders. }
    limit: { type: integer }
    state: { enum: [open, closed] }
  required: [day]
outputs:
  type: object
  properties:
    count: { type: integer, description: How many there are. }
    state: { enum: [open, closed] }
    rows:
      type: array
      items:
        type: object
        properties: { id: { type: string }, amount: { type: integer, description: In cents. } }
        required: [id, amount]
  required: [count, rows, state]
safety: idempotent
---
kind: Shop.Fetch
metadata: { name: Api, description: The orders API }
base: x
---
"""

FILE = "/manifests/shop.yaml"


def opened(text: str, head: str = HEAD, before: str | None = None) -> tuple[Workspace, int]:
    """The text in an editor, without its cursor, and where the cursor was.

    ``before`` is what stood there when it was last sound.
    """
    assert text.count("‸") == 1
    whole = head + text
    workspace = Workspace()
    if before is not None:
        workspace.put(FILE, head + before)
        workspace.analysis(FILE)
    workspace.put(FILE, whole.replace("‸", ""))
    return workspace, whole.index("‸")


def proposed(text: str, head: str = HEAD, before: str | None = None) -> dict[str, Item]:
    """What is proposed at the cursor, by label."""
    workspace, offset = opened(text, head, before)
    return {item.label: item for item in complete(workspace, FILE, offset).items}


def accepted(text: str, label: str, head: str = HEAD, before: str | None = None) -> str:
    """The text (without the head) after a proposal was accepted."""
    workspace, offset = opened(text, head, before)
    proposals = complete(workspace, FILE, offset)
    item = next(one for one in proposals.items if one.label == label)
    whole = workspace.text(FILE)
    made = whole[: proposals.start] + item.insert + whole[proposals.end :]
    return made[len(head) :]


def at(path: Path) -> str:
    """A path as the workspace knows it."""
    return str(path.resolve())
