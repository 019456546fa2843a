"""The one thread that writes: what callers ask at the same time is committed together.

A caller's await ends when the commit of its group is kept. A caller that is cancelled while it
waits loses the answer, never the write. What one caller asks alone, and the disk keeps in less time
than a thread takes to be told of it, is done in that caller's thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from kernel.journal.errors import JournalError, Refused, Unsure
from kernel.journal.session import Mode, Session

T = TypeVar("T")

MOST = 256
"""With so many requests a commit waits for no more."""

_UNBROKEN = 8
"""After so many requests that were done at once, others have their turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Something to do within a transaction, and who waits for it.

    ``work`` may be done anew in another transaction when the first was undone.
    """

    work: Callable[[Session], Any]
    mode: Mode
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


Answer = tuple[Request, Any, JournalError | None]


class Worker:
    """A thread with a session of its own. ``connect`` is called in it, again after a breakdown."""

    def __init__(self, connect: Callable[[], Session], name: str) -> None:
        self._connect = connect
        self._queue: SimpleQueue[list[Request] | None] = SimpleQueue()
        self._asked: dict[asyncio.AbstractEventLoop, list[Request]] = {}
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._begun = False
        self._closed = False
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._alone = True
        self._unbroken = 0

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T:
        """Do ``work`` in a transaction and wait until it is kept. Raises :class:`JournalError`."""
        loop = asyncio.get_running_loop()
        if self._alone and loop not in self._asked:
            answer = self._at_once(work, mode)
            if answer is not None:
                await self._give_way(loop, mode)
                if answer[1] is not None:
                    raise answer[1]
                found: T = answer[0]
                return found
        future: asyncio.Future[T] = loop.create_future()
        with self._guard:
            if self._closed:
                raise JournalError("the journal is closed")
            if not self._begun:
                self._begun = True
                self._thread.start()
            asked = self._asked.get(loop)
            if asked is None:
                asked = self._asked[loop] = []
                loop.call_soon(self._hand_over, loop)
            asked.append(Request(work, mode, loop, future))
        return await future

    def _at_once(
        self, work: Callable[[Session], Any], mode: Mode
    ) -> tuple[Any, JournalError | None] | None:
        """Do it here; None where it is for the thread: to wait, or to say what is wrong."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            session = self._session
            if session is None or self._closed or not self._queue.empty():
                return None
            if not session.begin_at_once(mode):
                return None
            try:
                result, error = _done(session, work)
                session.commit()
            except Unsure as unsure:
                with suppress(Exception):
                    session.rollback()
                return None, Unsure(str(unsure))
            except Exception:
                with suppress(Exception):
                    session.rollback()
                return None
        finally:
            self._turn.release()
        return result, error

    async def _give_way(self, loop: asyncio.AbstractEventLoop, mode: Mode) -> None:
        """Let others have their turn: those who ask in it are handed over together."""
        self._unbroken += 1
        if mode != "durable" and self._unbroken < _UNBROKEN:
            return
        self._unbroken = 0
        self._asked[loop] = []
        try:
            await asyncio.sleep(0)
        finally:
            self._hand_over(loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._guard:
            asked = self._asked.pop(loop, None)
            if asked:
                self._alone = len(asked) == 1
                self._queue.put(asked)

    async def close(self) -> None:
        """Do what is asked already, then end."""
        with self._guard:
            self._closed = True
            for asked in self._asked.values():
                self._queue.put(asked)
            self._asked.clear()
            self._queue.put(None)
        if self._begun:
            await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather(first)
            with self._turn:
                answers = self._answers(group)
            _tell(answers)
            with self._turn:
                self._tidy()
            if last:
                break
        with self._turn:
            if self._session is not None:
                self._session.close()

    def _tidy(self) -> None:
        try:
            if self._session is not None:
                self._session.tidy()
        except Exception:
            self._drop()

    def _gather(self, first: list[Request]) -> tuple[list[Request], bool]:
        """What waits already, until it is enough for one commit; whether it was the last."""
        group = list(first)
        try:
            while len(group) < MOST:
                more = self._queue.get_nowait()
                if more is None:
                    return group, True
                group.extend(more)
        except Empty:
            pass
        return group, False

    def _answers(self, group: list[Request]) -> list[Answer]:
        try:
            if self._session is None:
                self._session = self._connect()
            answers = answers_of(self._session, group)
        except Exception as error:
            self._drop()
            return [(request, None, _plain(error)) for request in group]
        if self._session.broken:
            self._drop()
        return answers

    def _drop(self) -> None:
        """The next request gets a new connection."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                session.close()


class Inline:
    """The same for a session that has nothing to wait for: in the caller's own thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._guard = threading.Lock()
        self._closed = False

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T:
        """Do ``work`` in a transaction. Raises :class:`JournalError`."""
        session = self._session
        with self._guard:
            if self._closed:
                raise JournalError("the journal is closed")
            session.begin(mode)
            try:
                result = work(session)
                session.commit()
            except Exception as error:
                session.rollback()
                raise session.explain(error) from error
        return result

    async def close(self) -> None:
        """End."""
        with self._guard:
            if not self._closed:
                self._closed = True
                self._session.close()


def answers_of(session: Session, group: list[Request]) -> list[Answer]:
    """Do a group in one transaction; where one of them breaks it, each in its own."""
    try:
        return _together(session, group)
    except _Failed as failed:
        session.rollback()
        error = failed.error
        if failed.at_work and not session.broken:
            return [_alone(session, request) for request in group]
    return [(request, None, _explained(session, error)) for request in group]


class _Failed(Exception):
    """A transaction that came to nothing: ``at_work``, if one request of it is to blame."""

    def __init__(self, error: Exception, at_work: bool) -> None:
        super().__init__()
        self.error = error
        self.at_work = at_work


def _together(session: Session, group: list[Request]) -> list[Answer]:
    at_work = False
    try:
        session.begin(_mode(group))
        at_work = True
        answers = [_one(session, request) for request in group]
        at_work = False
        session.commit()
    except Exception as error:
        raise _Failed(error, at_work) from error
    return answers


def _one(session: Session, request: Request) -> Answer:
    return request, *_done(session, request.work)


def _done(session: Session, work: Callable[[Session], Any]) -> tuple[Any, JournalError | None]:
    try:
        return work(session), None
    except Refused as refused:  # it has written nothing, so its neighbours need not be undone
        return None, refused


def _alone(session: Session, request: Request) -> Answer:
    try:
        return _together(session, [request])[0]
    except _Failed as failed:
        if not session.broken:
            session.rollback()
        return request, None, _explained(session, failed.error)


def _mode(group: list[Request]) -> Mode:
    modes = {request.mode for request in group}
    return "durable" if "durable" in modes else "lasting" if "lasting" in modes else "read"


def _explained(session: Session, error: Exception) -> JournalError:
    """A sentence, with its cause; an object of its own for each who is told."""
    sentence = session.explain(error)
    own = Unsure(str(sentence)) if isinstance(sentence, Unsure) else JournalError(str(sentence))
    if isinstance(sentence, Refused):
        return sentence
    own.__cause__ = error
    return own


def _plain(error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return JournalError(str(error))
    return JournalError(f"the journal failed: {error}")


def _tell(answers: list[Answer]) -> None:
    """Wake those who wait, each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_loop[answer[0].loop].append(answer)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, own)
        except RuntimeError:  # that loop has ended, and nobody waits there any more
            continue


def _settle(answers: list[Answer]) -> None:
    for request, result, error in answers:
        if request.future.done():
            continue
        if error is None:
            request.future.set_result(result)
        else:
            request.future.set_exception(error)
