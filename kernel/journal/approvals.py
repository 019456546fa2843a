"""Approvals: at most one pending for an execution; who decided, when and why."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from kernel.journal.errors import Damaged, Refused
from kernel.journal.reading import APPROVAL_STATE, FROZEN, MOMENT, TEXT, Page, Shape, maybe
from kernel.journal.rows import Approval, ApprovalState, NewApproval
from kernel.journal.seal import seal_again
from kernel.journal.session import Session, where
from kernel.journal.values import Text
from kernel.policy.names import matches

_SHAPE = Shape(
    "approval",
    Approval,
    {
        "approval": TEXT,
        "execution": TEXT,
        "run": TEXT,
        "target": TEXT,
        "frozen": FROZEN,
        "reason": TEXT,
        "requester": maybe(TEXT),
        "expires_at": maybe(MOMENT),
        "asked_at": MOMENT,
        "state": APPROVAL_STATE,
        "decided_by": maybe(TEXT),
        "decided_at": maybe(MOMENT),
        "note": maybe(TEXT),
    },
    "kernel_approvals",
)
_APPROVAL = f"SELECT {_SHAPE.columns} FROM kernel_approvals"


def ask(session: Session, now: int, new: NewApproval, frozen: Text) -> Approval:
    """Ask for an approval; the pending approval of the execution where there is one."""
    session.change(
        """INSERT INTO kernel_approvals (approval, execution, run, target, frozen, reason,
        requester, expires_at, asked_at, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') ON CONFLICT DO NOTHING""",
        (
            # PostgreSQL keeps no NUL in a text.
            *(new.approval, new.execution, new.run, new.target, frozen),
            new.reason.replace("\0", "\ufffd"),
            *(new.requester, new.expires_at, now),
        ),
    )
    pending = session.rows(
        f"{_APPROVAL} WHERE execution = ? AND state = 'pending'", (new.execution,)
    )
    if not pending:
        raise Refused(f"the approval {new.approval} was asked for already")
    return _SHAPE.read(pending[0], session.name)


def find_approval(session: Session, approval: str, lock: str = "") -> Approval:
    """An approval by its id. Raises :class:`Refused` when there is none."""
    found = session.rows(f"{_APPROVAL} WHERE approval = ?{lock}", (approval,))
    if not found:
        raise Refused(f"there is no approval {approval} in this journal")
    return _SHAPE.read(found[0], session.name)


def decide(
    session: Session, now: int, approval: str, state: ApprovalState, who: str, reason: str | None
) -> Approval:
    """Answer a pending approval; it stays pending until as many have approved as its quorum says.

    Raises :class:`Refused` when it is answered or has expired, for somebody who may not answer it,
    and for a principal who has approved it already.
    """
    found = find_approval(session, approval, session.lock)
    if found.state != "pending":
        raise Refused(f"the approval {approval} is {found.state} already")
    if found.expires_at is not None and found.expires_at <= now:
        raise Refused(f"the approval {approval} has expired")
    if state in ("approved", "denied"):
        _check_approver(found, who)
    if state == "approved" and _counted(session, found, who):
        seal_again(session, found.run)
        return find_approval(session, approval)
    session.change(
        """UPDATE kernel_approvals SET state = ?, decided_by = ?, decided_at = ?, note = ?
        WHERE approval = ?""",
        (state, who, now, reason, approval),
    )
    seal_again(session, found.run)
    return find_approval(session, approval)


def _check_approver(found: Approval, who: str) -> None:
    approvers = _frozen(found).get("approvers")
    if approvers is not None and not matches(approvers, who):
        may = ", ".join(approvers)
        raise Refused(f"{who} may not decide on the approval {found.approval}; may: {may}")


def _counted(session: Session, found: Approval, who: str) -> bool:
    """Count an approval where several are needed; whether more are needed still."""
    frozen = _frozen(found)
    given: list[str] = frozen.get("approved_by") or []
    quorum: int = frozen.get("quorum") or 1
    if quorum == 1:
        return False
    if who in given:
        raise Refused(f"{who} has approved {found.approval} already; each principal counts once")
    kept = json.dumps({**frozen, "approved_by": [*given, who]}, ensure_ascii=False)
    session.change(
        "UPDATE kernel_approvals SET frozen = ? WHERE approval = ?", (kept, found.approval)
    )
    return len(given) + 1 < quorum


def _frozen(found: Approval) -> dict[str, Any]:
    return found.frozen if isinstance(found.frozen, dict) else {}


def spend(session: Session, approval: str, state: ApprovalState) -> Approval:
    """Use an approval for its one attempt, or take it back (``invalidated``).

    Raises :class:`Refused` for an approval that is not approved.
    """
    found = find_approval(session, approval, session.lock)
    if found.state != "approved":
        raise Refused(f"the approval {approval} is {found.state}, not approved")
    session.change("UPDATE kernel_approvals SET state = ? WHERE approval = ?", (state, approval))
    seal_again(session, found.run)
    return find_approval(session, approval)


def expire(session: Session, now: int) -> list[Approval]:
    """Expire the pending approvals whose time is over, and return them; not one that is damaged."""
    due = session.rows(
        f"""{_APPROVAL} WHERE state = 'pending' AND expires_at <= ?
        ORDER BY expires_at, approval{session.lock}""",
        (now,),
    )
    found = _SHAPE.page(due, session.name).rows
    for one in found:
        session.change(
            "UPDATE kernel_approvals SET state = 'expired', decided_at = ? WHERE approval = ?",
            (now, one.approval),
        )
        with suppress(Damaged):  # what is wrong with its run is said to those who work on that
            seal_again(session, one.run)
    return [find_approval(session, one.approval) for one in found]


def list_approvals(
    session: Session, state: ApprovalState | None, execution: str | None, run: str | None
) -> Page[Approval]:
    """Approvals, the oldest first."""
    clause, values = where(("state = ?", state), ("execution = ?", execution), ("run = ?", run))
    sql = f"{_APPROVAL} {clause} ORDER BY asked_at, approval"
    return _SHAPE.page(session.rows(sql, values), session.name)
