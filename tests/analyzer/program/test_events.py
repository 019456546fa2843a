"""The events that a manifest can raise are those that its runs raise."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.program.events import event_types
from analyzer.program.linking import Linked
from kernel import load
from tests.support.heads import apply, head_of

OK = sorted((Path(__file__).parents[2] / "ok").glob("*.yaml"))


@pytest.mark.parametrize("path", OK, ids=lambda path: path.stem)
def test_no_run_raises_another_event(path: Path) -> None:
    _, told = apply(path, head_of(path))
    assert set(told) <= event_types(Linked(load(path)))
