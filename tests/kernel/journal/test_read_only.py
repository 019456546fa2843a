"""A journal where nothing can be written, as another user or on a medium that is read only."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kernel.journal.sqlite import connect
from tests.support.journals import begin, play

LOOK = """
import asyncio, os, sys
import kernel.journal.store
from kernel.journal import JournalError, open_journal

async def main(path):
    journal = await open_journal(path, create=False)
    print(*[run.topology for run in await journal.runs()])
    await journal.close()

asyncio.run(main(sys.argv[1]))  # all that is imported on the way is there then
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    asyncio.run(main(sys.argv[2]))
except JournalError as error:
    print(error)
"""


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    """A journal with one run, in a folder that can be made one to which nobody writes."""
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest makes them for its user alone
        folder.chmod(0o755)
    for name in ("shut/journal.db", "other.db"):
        play(str(tmp_path / name), begin)
    return tmp_path / "shut" / "journal.db"


def look(file: Path) -> list[str]:
    other = file.parent.with_name("other.db")
    for path in file.parent.iterdir():
        path.chmod(0o444)
    file.parent.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(other), str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    file.parent.chmod(0o755)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_can_be_looked_at(shut: Path) -> None:
    own, other = look(shut)
    assert own == other != ""
    assert [path.name for path in shut.parent.iterdir()] == ["journal.db"]


def test_what_a_process_left_beside_it_is_needed(shut: Path) -> None:
    with closing(connect(shut, 1.0)) as session:
        session.begin("lasting")
        session.change("UPDATE kernel_runs SET topology = 'changed'")
        session.commit()
        kept = {path: path.read_bytes() for path in shut.parent.iterdir()}
    for path, content in kept.items():  # the end of the connection has tidied up
        path.write_bytes(content)
    assert look(shut)[1] == "changed"
    shut.with_name("journal.db-shm").unlink()
    said = look(shut)[1]
    assert "nothing can be written beside it" in said
    assert "journal.db-wal" in said
