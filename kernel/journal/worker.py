"""Group commit: one thread does all requests, and commits those of the same moment together.

A caller's await ends when the commit of its group is kept. A caller that is cancelled while it
waits loses the answer, never the write. A single request that the disk keeps in less time than it
takes to wake a thread is done in the thread of its caller.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from kernel.journal.errors import Damaged, JournalError, Refused, Unsure
from kernel.journal.session import Mode, Session
from kernel.structs import struct

T = TypeVar("T")

_MAX_GROUP = 256  # the most requests that one commit takes
_MAX_AT_ONCE_IN_A_ROW = 8
"""So many requests are done in the callers' thread before the other tasks of the loop may ask."""


@struct(eq=False)
class Request:
    """``work`` to do within a transaction, and the future that waits for its answer.

    The work may be done again in another transaction when the first was undone.
    """

    work: Callable[[Session], Any]
    mode: Mode
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


Answer = tuple[Request, Any, JournalError | None]

_MODES: tuple[Mode, ...] = ("read", "lasting", "durable")
"""From weak to strong: a group is committed as its strongest request wants."""


class Worker:
    """A thread with a session of its own: it calls ``connect``, again after a broken connection."""

    def __init__(self, connect: Callable[[], Session], name: str) -> None:
        self._connect = connect
        self._queue: SimpleQueue[list[Request] | None] = SimpleQueue()
        # By event loop: the requests of its present iteration, which are not in the queue yet.
        self._waiting: dict[asyncio.AbstractEventLoop, list[Request]] = {}
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._is_started = False
        self._is_closed = False
        self._session_lock = threading.Lock()
        self._lock = threading.Lock()  # guards everything else
        self._is_single = True  # whether the last group in the queue was a single request
        self._at_once_in_a_row = 0

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T:
        """Do ``work`` in a transaction and wait until it is kept. Raises :class:`JournalError`."""
        loop = asyncio.get_running_loop()
        if self._is_single and loop not in self._waiting:
            answer = self._at_once(work, mode)
            if answer is not None:
                await self._let_others_ask(loop, mode)
                if answer[1] is not None:
                    raise answer[1]
                found: T = answer[0]
                return found
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._is_closed:
                raise JournalError("the journal is closed")
            if not self._is_started:
                self._is_started = True
                self._thread.start()
            asked = self._waiting.get(loop)
            if asked is None:
                asked = self._waiting[loop] = []
                loop.call_soon(self._enqueue, loop)
            asked.append(Request(work, mode, loop, future))
        return await future

    def _at_once(
        self, work: Callable[[Session], Any], mode: Mode
    ) -> tuple[Any, JournalError | None] | None:
        """Do the work in the caller's thread; None where the worker's thread has to do it.

        The worker's thread waits for other processes, and explains errors.
        """
        if not self._session_lock.acquire(blocking=False):
            return None
        try:
            session = self._session
            if session is None or self._is_closed or not self._queue.empty():
                return None
            if not session.begin_at_once(mode):
                return None
            try:
                result, error = _done(session, work)
                session.commit()
            except Exception as failure:
                with suppress(Exception):
                    session.rollback()
                return (None, Unsure(str(failure))) if isinstance(failure, Unsure) else None
        finally:
            self._session_lock.release()
        return result, error

    async def _let_others_ask(self, loop: asyncio.AbstractEventLoop, mode: Mode) -> None:
        """Let the loop iterate once, if it is time: requests of that iteration are one group."""
        self._at_once_in_a_row += 1
        if mode != "durable" and self._at_once_in_a_row < _MAX_AT_ONCE_IN_A_ROW:
            return
        self._at_once_in_a_row = 0
        self._waiting[loop] = []
        try:
            await asyncio.sleep(0)
        finally:
            self._enqueue(loop)

    def _enqueue(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            asked = self._waiting.pop(loop, None)
            if asked:
                self._is_single = len(asked) == 1
                self._queue.put(asked)

    async def close(self) -> None:
        """Do the requests that are waiting, then end the thread."""
        with self._lock:
            self._is_closed = True
            for asked in self._waiting.values():
                self._queue.put(asked)
            self._waiting.clear()
            self._queue.put(None)
        if self._is_started:
            await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather(first)
            with self._session_lock:
                answers = self._answers(group)
            _deliver(answers)
            with self._session_lock:
                self._tidy()
            if last:
                break
        with self._session_lock:
            if self._session is not None:
                self._session.close()

    def _tidy(self) -> None:
        try:
            if self._session is not None:
                self._session.tidy()
        except Exception:
            self._drop()

    def _gather(self, first: list[Request]) -> tuple[list[Request], bool]:
        """The requests in the queue, up to the most of one commit; whether the worker ends."""
        group = list(first)
        try:
            while len(group) < _MAX_GROUP:
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
            return [(request, None, _journal_error(error)) for request in group]
        if self._session.broken:
            self._drop()
        return answers

    def _drop(self) -> None:
        """Close the session: the next request gets a new one."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                session.close()


class Inline:
    """Does requests in the caller's thread, for a session that never blocks (in memory)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._is_closed = False

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T:
        """Do ``work`` in a transaction. Raises :class:`JournalError`."""
        session = self._session
        with self._lock:
            if self._is_closed:
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
        """Close the session."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._session.close()


def answers_of(session: Session, group: list[Request], *, is_split: bool = False) -> list[Answer]:
    """Do a group in one transaction; where a request breaks that, each in its own."""
    is_at_work = False
    try:
        session.begin(max((request.mode for request in group), key=_MODES.index))
        is_at_work = True
        answers: list[Answer] = [(one, *_done(session, one.work)) for one in group]
        is_at_work = False
        session.commit()
    except Exception as error:
        failure = error
    else:
        return answers
    session.rollback()
    if is_at_work and not is_split and not session.broken:
        return [answers_of(session, [one], is_split=True)[0] for one in group]
    return [(one, None, _explained(session, failure)) for one in group]


def _done(session: Session, work: Callable[[Session], Any]) -> tuple[Any, JournalError | None]:
    try:
        return work(session), None
    except Refused as refused:  # raised before anything is written: the others need no undoing
        return None, refused


def _explained(session: Session, error: Exception) -> JournalError:
    """The error as a sentence, in an object of its own for each caller that gets it."""
    sentence = session.explain(error)
    if isinstance(sentence, Refused):
        return sentence
    own = Unsure(str(sentence)) if isinstance(sentence, Unsure) else _journal_error(sentence)
    own.__cause__ = error
    return own


def _journal_error(error: Exception) -> JournalError:
    if isinstance(error, Damaged):
        return Damaged(error.what, error.why, error.way_out, id=error.id)
    if isinstance(error, JournalError):
        return JournalError(str(error))
    return JournalError(f"the journal failed: {error}")


def _deliver(answers: list[Answer]) -> None:
    """Give the answers to their callers, with one wake-up of each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_loop[answer[0].loop].append(answer)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, own)
        except RuntimeError:  # the loop is closed, and nobody waits there any more
            continue


def _resolve(answers: list[Answer]) -> None:
    for request, result, error in answers:
        if request.future.done():
            continue
        if error is None:
            request.future.set_result(result)
        else:
            request.future.set_exception(error)
