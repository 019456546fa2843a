"""A small bank on loopback, which moves money as often as it is told, whatever the key.

``python bank.py`` prints its book.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

SIGNS = {"/charges": 1, "/refunds": -1}
LIMIT = 10_000


class Call(Protocol):
    """The part of a service's call that the bank needs."""

    def ready(self, published: Mapping[str, Any]) -> None: ...


class Bank:
    """Serves the book that the field ``book`` names."""

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._book = Book((folder or Path()) / fields["book"])
        self._fault: str = fields["fault"]
        self._server: ThreadingHTTPServer | None = None

    def start(self, call: Call) -> None:
        """Serve until ``stop``."""
        with ThreadingHTTPServer(("127.0.0.1", 0), handler(self._book, self._answers)) as server:
            self._server = server
            call.ready({"url": f"http://127.0.0.1:{server.server_port}"})
            server.serve_forever(poll_interval=0.02)

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()

    def _answers(self) -> bool:
        """Whether a movement that was made is answered."""
        fault, self._fault = self._fault, "none"
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return fault != "lose"


class Book:
    """The movements of money, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        columns = "key text, sign integer, told text, amount integer"
        self._run(f"create table if not exists book ({columns})")

    def add(self, sign: int, key: str | None, told: Mapping[str, Any]) -> dict[str, Any]:
        """Move money. A key that is there already is no reason not to."""
        values = (key, sign, told["order"], told["amount"])
        ((number,),) = self._run("insert into book values (?, ?, ?, ?) returning rowid", *values)
        return {"id": f"m-{number}", "order": told["order"], "amount": told["amount"]}

    def find(self, sign: int, key: str) -> list[dict[str, Any]]:
        """The movements that were made with this key."""
        select = "select rowid, told, amount from book where sign = ? and key = ? order by rowid"
        return [
            {"id": f"m-{number}", "order": order, "amount": amount}
            for number, order, amount in self._run(select, sign, key)
        ]

    def account(self) -> dict[str, int]:
        """What is in the account, after how many charges and refunds."""
        sums = "coalesce(sum(sign * amount), 0), count(*) filter (where sign = 1), count(*)"
        ((balance, charges, movements),) = self._run(f"select {sums} from book")
        return {"balance": balance, "charges": charges, "refunds": movements - charges}

    def lines(self) -> list[str]:
        """The book as people read it."""
        rows = self._run("select rowid, key, sign * amount from book order by rowid")
        return [f"m-{number}  {key or '':<12}{amount:>6}" for number, key, amount in rows]

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with self._turn, closing(sqlite3.connect(self._path)) as connection, connection:
            return connection.execute(sql, values).fetchall()


def handler(book: Book, answers: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    """What answers a request, from this book."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/account":
                self._answer(200, book.account())
            elif url.path in SIGNS:
                (key,) = parse_qs(url.query)["key"]
                self._answer(200, book.find(SIGNS[url.path], key))
            else:
                self._answer(404, {"message": "there is nothing here"})

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if told["amount"] > LIMIT:
                self._answer(402, {"message": f"more than {LIMIT}"})
                return
            made = book.add(SIGNS[self.path], self.headers["idempotency-key"], told)
            if answers():
                self._answer(201, made)
            else:
                self.close_connection = True

        def _answer(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *_: Any) -> None: ...

    return Handler


if __name__ == "__main__":
    print(*Book(Path(__file__).parent / "bank.db").lines(), sep="\n")
