"""Tickets: the queue of a concurrency group, over all processes (language.md, Topologies).

The tickets of a group with the least numbers hold its slots, as many as the limit says; the others
wait. A ticket is removed when its invocation ends, so those after it move up: a place in the queue
is a count, and nobody has to hand a slot on. Numbers are given one at a time, and only grow, so
that a ticket never gets another before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel.journal.errors import Damaged
from kernel.journal.reading import COUNT, MOMENT, TEXT, Page, Shape
from kernel.journal.rows import Lease, NewTicket, Standing, Ticket
from kernel.journal.runs import check_held
from kernel.journal.session import Session
from kernel.journal.standing import MAX_OLDER, waits_for_itself
from kernel.run_paths import enclosing

_SHAPE = Shape(
    "ticket of the execution",
    Ticket,
    {
        "execution": TEXT,
        "run": TEXT,
        "path": TEXT,
        "topology": TEXT,
        "member": TEXT,
        "slots": COUNT,
        "number": COUNT,
        "asked_at": MOMENT,
    },
    "kernel_tickets",
)

_TICKET = f"SELECT {_SHAPE.columns} FROM kernel_tickets"


def enter(session: Session, now: int, lease: Lease, new: NewTicket, waits: bool) -> Standing:
    """Take a ticket, unless the execution has one already; how it stands in its group."""
    check_held(session, lease.run, lease.epoch)
    number = _last_number(session)  # locked: whoever comes now gets a number after this commit
    found = standing(session, new.execution)
    if found is not None:
        return found
    (counted,) = session.rows(
        "SELECT COUNT(*) FROM kernel_tickets WHERE topology = ? AND member = ?",
        (new.topology, new.group),
    )
    before = int(counted[0])
    if before >= new.slots:
        if _waits_for_itself(session, new):
            return Standing(None, before, waits_for_itself=True)
        if not waits:
            return Standing(None, before, _older(session, new, number + 1))
    session.change("UPDATE kernel_numbers SET ticket = ?", (number + 1,))
    session.change(
        """INSERT INTO kernel_tickets
        (execution, run, path, topology, member, slots, number, asked_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(new.execution, new.run, new.path, new.topology, new.group, new.slots),
            *(number + 1, now),
        ),
    )
    older = _older(session, new, number + 1) if before >= new.slots else ()
    given = new.execution, new.run, new.path, new.topology, new.group, new.slots
    return Standing(Ticket(*given, number + 1, now), before, older)


def _last_number(session: Session) -> int:
    found = session.rows(f"SELECT ticket FROM kernel_numbers{session.lock}")
    if len(found) != 1 or type(found[0][0]) is not int:
        raise Damaged(f"the journal {session.name}", "`kernel_numbers.ticket` is not a number")
    return int(found[0][0])


def _waits_for_itself(session: Session, new: NewTicket) -> bool:
    """Looked at closely only where a call around this one is in the group."""
    around = ["", *enclosing(new.path)]  # the call that a run begins with may have no name
    own = session.rows(
        f"""SELECT 1 FROM kernel_tickets WHERE run = ? AND path IN ({", ".join("?" * len(around))})
        AND topology = ? AND member = ? AND execution <> ? LIMIT 1""",
        (new.run, *around, *_group(new), new.execution),
    )
    if not own:
        return False
    found = session.rows(
        f"{_TICKET} WHERE topology = ? AND member = ? ORDER BY number", _group(new)
    )
    return waits_for_itself(new, [_SHAPE.read(row, session.name) for row in found])


def _group(ticket: NewTicket) -> tuple[str, str]:
    return ticket.topology, ticket.group


def _older(session: Session, ticket: NewTicket, number: int) -> tuple[Ticket, ...]:
    """The oldest tickets of a group before a number, of those that can be read."""
    found = session.rows(
        f"{_TICKET} WHERE topology = ? AND member = ? AND number < ? ORDER BY number LIMIT ?",
        (*_group(ticket), number, MAX_OLDER),
    )
    return tuple(_SHAPE.page(found, session.name).rows)


def standing(session: Session, execution: str) -> Standing | None:
    """How the ticket of an execution stands; None where it has none."""
    found = session.rows(f"{_TICKET} WHERE execution = ?", (execution,))
    return _standing(session, _SHAPE.read(found[0], session.name)) if found else None


def standings(session: Session, run: str) -> Page[Standing]:
    """The tickets of a run, the oldest first."""
    page = _SHAPE.page(
        session.rows(f"{_TICKET} WHERE run = ? ORDER BY number", (run,)), session.name
    )
    return Page([_standing(session, ticket) for ticket in page.rows], page.damaged)


def _standing(session: Session, ticket: Ticket) -> Standing:
    (counted,) = session.rows(
        "SELECT COUNT(*) FROM kernel_tickets WHERE topology = ? AND member = ? AND number < ?",
        (*_group(ticket), ticket.number),
    )
    before = int(counted[0])
    waits = before >= ticket.slots
    return Standing(ticket, before, _older(session, ticket, ticket.number) if waits else ())


def leave(session: Session, lease: Lease, executions: Sequence[str]) -> None:
    """Give tickets of a run back."""
    check_held(session, lease.run, lease.epoch)
    for execution in executions:
        remove(session, execution)


def remove(session: Session, execution: str) -> None:
    """Remove the ticket of an execution, if it has one; the caller holds its run."""
    session.change("DELETE FROM kernel_tickets WHERE execution = ?", (execution,))
