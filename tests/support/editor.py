"""An editor, as far as ``kernel lsp`` can tell: it speaks the protocol with another process."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.command import start
from tests.support.warm import PIPE

WAIT = 30.0


class Failed(Exception):
    """The server answered a request with an error."""


class Editor:
    """One session with a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = start("lsp", folder=folder, stdin=PIPE, text=False)
        self.answers: dict[int, queue.Queue[Mapping[str, Any]]] = {}
        self.diagnostics: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self.number = 0
        self.versions: dict[str, int] = {}
        self.errors: list[bytes] = []
        self.readers = [
            threading.Thread(target=one, daemon=True) for one in (self._read, self._read_errors)
        ]
        for reader in self.readers:
            reader.start()

    def initialize(self, **capabilities: Any) -> Any:
        answer = self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=self.folder.as_uri(),
            capabilities=capabilities,
        )
        self.tell("initialized")
        return answer

    def open(self, name: str, text: str) -> str:
        uri = (self.folder / name).as_uri() if ":" not in name else name
        self.versions[uri] = 1
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return uri

    def change(self, uri: str, *changes: Mapping[str, Any]) -> int:
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=list(changes))
        return self.versions[uri]

    def found(self, uri: str, version: int | None = None) -> list[Any]:
        """The diagnostics that are told for (that version of) a text."""
        deadline = time.monotonic() + WAIT
        while True:
            told = self.diagnostics.get(timeout=max(deadline - time.monotonic(), 0.01))
            if told["uri"] == uri and version in (None, told.get("version")):
                return list(told["diagnostics"])

    def at(self, uri: str, line: int, character: int) -> dict[str, Any]:
        position = {"line": line, "character": character}
        return {"textDocument": {"uri": uri}, "position": position}

    def ask(self, method: str, **params: Any) -> Any:
        self.number += 1
        answers = self.answers[self.number] = queue.Queue()
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        answer = answers.get(timeout=WAIT)
        if "error" in answer:
            raise Failed(answer["error"]["message"])
        return answer.get("result")

    def tell(self, method: str, **params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        self.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def leave(self) -> int:
        """Shut the server down; its exit status."""
        self.number += 1
        answers = self.answers[self.number] = queue.Queue()
        self.send({"jsonrpc": "2.0", "id": self.number, "method": "shutdown"})
        answers.get(timeout=WAIT)
        self.send({"jsonrpc": "2.0", "method": "exit"})
        return self.process.wait(WAIT)

    def end(self) -> None:
        """The server is gone after this, whatever it does."""
        self.process.kill()
        self.process.wait(WAIT)
        for reader in self.readers:
            reader.join(WAIT)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with suppress(OSError):
                stream.close()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.partition(b":")[2])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics.put(message["params"])
            elif "method" not in message:
                self.answers[message["id"]].put(message)
            elif "id" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)


@contextmanager
def editor(folder: Path) -> Iterator[Editor]:
    """A session that is initialized; the server is gone after it."""
    session = Editor(folder)
    try:
        yield session
    finally:
        session.end()
