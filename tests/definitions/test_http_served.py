"""Http.Server and Http.Api as a process: what it says, keys, approvals, and its end."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.support.command import kernel, said, start
from tests.support.warm import Process, environment

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Order, module: Shop }
capability: Invocable
safety: irreversible
inputs: { type: object, properties: { id: { type: string }, price: { type: number } } }
controller: { python: "served_orders:order" }
---
kind: Http.Server
metadata: { name: Front }
port: 0
---
kind: Shop.Order
metadata: { name: Orders }
---
kind: Http.Api
metadata: { name: Api }
server: { kind: Http.Server, name: Front }
routes:
  - request: { method: POST, path: "/orders/{id}" }
    invoke: { kind: Shop.Order, name: Orders }
    inputs: { id: "${{ request.params.id }}", price: "${{ request.body.price }}" }
    response: { status: 201, headers: { set-cookie: [a=1, "b=2; Path=/"] } }
  - request: { method: POST, path: "/copies/{id}" }
    invoke: { kind: Shop.Order, name: Orders }
    inputs: { id: "${{ request.params.id }}", price: "${{ request.body.price }}" }
  - request: { method: POST, path: /refunds }
    invoke: { kind: Shop.Order, name: Orders }
    inputs: { id: refund, price: 1 }
    approval: required
  - request: { path: /slow }
    invoke:
      kind: Run.Sequence
      steps: [{ name: Nap, sleep: 3000 }]
      result: done
"""
CODE = """\
def order(inputs, call):
    with open("orders", "a") as file:
        print(inputs["id"], call.idempotency_key, file=file)
    return {"id": inputs["id"]}
"""


@dataclass
class Served:
    folder: Path
    process: Process
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.match(r"listening on (http://\S+)$", line):
                self.url = found[1]

    @property
    def orders(self) -> list[str]:
        path = self.folder / "orders"
        return path.read_text().splitlines() if path.exists() else []

    def said(self, pattern: str) -> bool:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if any(re.search(pattern, line) for line in self.lines):
                return True
            time.sleep(0.02)
        return False


@contextlib.contextmanager
def serving(folder: Path, **env: str) -> Iterator[Served]:
    """The manifest of a folder, served until the end of the block."""
    process = start("apply", "main.yaml", folder=folder, env=environment(**env))
    found = Served(folder, process)
    reader = threading.Thread(target=found.read, daemon=True)
    reader.start()
    try:
        assert found.said("listening on http://127"), found.lines
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        reader.join(10)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "main.yaml").write_text(MANIFEST)
    (tmp_path / "served_orders.py").write_text(CODE)
    with serving(tmp_path) as found:
        yield found
    assert "Traceback" not in "".join(found.lines)


def post(served: Served, path: str, price: float = 1, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return httpx.post(
        served.url + path, json={"price": price}, headers=headers, trust_env=False, timeout=60
    )


def test_it_says_where_it_listens_and_what_it_answers(served: Served) -> None:
    answer = post(served, "/orders/a%2Fb?token=secret")
    assert (answer.status_code, answer.json()) == (201, {"id": "a/b"})
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2; Path=/"]
    httpx.get(f"{served.url}/nowhere", trust_env=False)
    httpx.get(f"{served.url}/slow", trust_env=False)
    assert served.said(r"127\.0\.0\.1 POST /orders/a%2Fb 201 \d+ ms$")
    assert served.said(r"127\.0\.0\.1 GET /nowhere 404 \d+ ms$")
    assert not served.said("secret") or pytest.fail("the query is logged")
    names = {run["topology"] for run in said(served.folder, "runs")}
    assert "Shop.Order/Orders" in names
    assert "" not in names


def test_a_key_names_the_call_of_a_route(served: Served) -> None:
    first = post(served, "/orders/1", key='"k 1"')
    again = post(served, "/orders/1", key='"k 1"')
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert served.orders == ["1 k 1"]

    other = post(served, "/orders/1", price=2, key='"k 1"')
    assert (other.status_code, other.json()["category"]) == (422, "Conflict")
    assert post(served, "/copies/1", key='"k 1"').status_code == 200
    assert post(served, "/orders/1").status_code == 201
    assert post(served, "/orders/2", key="bare-key").status_code == 201
    assert post(served, "/orders/2", key='"bare-key"').headers["idempotent-replayed"] == "true"
    assert [line.split()[0] for line in served.orders] == ["1", "1", "1", "2"]
    for wrong in ('""', '"a', "a b", "a, b", '"a";x=1', "k" * 5000):
        assert post(served, "/orders/3", key=wrong).status_code == 400
    assert len(served.orders) == 4


def test_many_requests_with_one_key_at_once(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: post(served, "/orders/7", key="same"), range(8)))
    assert {(one.status_code, one.text) for one in found} == {(201, '{"id": "7"}')}
    assert served.orders == ["7 same"]


@pytest.mark.parametrize(("decision", "status"), [("approve", 200), ("deny", 403)])
def test_a_call_that_parks_is_answered_202_with_where_to_ask(
    served: Served, decision: str, status: int
) -> None:
    answer = post(served, "/refunds")
    told = answer.json()
    assert (answer.status_code, told["outcome"]) == (202, "parked")
    assert told.keys() >= {"execution", "run", "approval"}
    where = served.url + answer.headers["location"]
    assert httpx.get(where, trust_env=False).status_code == 202
    assert httpx.get(where[:-1] + "_", trust_env=False).status_code == 404
    assert served.orders == []
    (asked,) = said(served.folder, "approvals")
    assert asked["approval"] == told["approval"]["id"]

    decided = kernel(decision, told["approval"]["id"], folder=served.folder)
    assert decided.status == 0, decided.err
    until = time.monotonic() + 20
    while (found := httpx.get(where, trust_env=False)).status_code == 202:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found.status_code == status
    assert len(served.orders) == (1 if decision == "approve" else 0)


def test_a_stop_under_load_loses_no_answer(served: Served) -> None:
    stop, answered, wrong = threading.Event(), list[int](), list[str]()

    def ask() -> None:
        with httpx.Client(base_url=served.url, trust_env=False, timeout=30, verify=False) as client:
            while not stop.is_set():
                try:
                    got = client.post("/orders/1", json={"price": 1}).status_code
                except httpx.ConnectError:
                    return
                except httpx.RemoteProtocolError as error:
                    # An idle connection that was closed while the request was on its way.
                    if "without sending" not in str(error):
                        wrong.append(repr(error))
                    return
                except httpx.TransportError as error:
                    if not isinstance(error, httpx.ReadError | httpx.WriteError):
                        wrong.append(repr(error))
                    return
                answered.append(got)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    slow = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)
    slow.request("GET", "/slow")
    until = time.monotonic() + 20
    while len(answered) < 30 and time.monotonic() < until:
        time.sleep(0.02)
    served.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    status = served.process.wait(timeout=30)
    stop.set()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 15
    assert status == 130
    assert slow.getresponse().read() == b'"done"'
    slow.close()
    assert wrong == []
    assert set(answered) <= {201, 503, 404}
    assert len(served.orders) == answered.count(201)
    runs = said(served.folder, "runs", "--limit", "100000")
    assert {run["state"] for run in runs} == {"succeeded"}


CRASHING = """\
kind: Kernel.Module
metadata: { name: Shop }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
kind: Kernel.Definition
metadata: { name: Order, module: Shop }
capability: Invocable
safety: idempotent
inputs: { type: object, properties: { token: { type: string } } }
controller: { python: "crashing_orders:order" }
---
kind: Http.Server
metadata: { name: Front }
port: 0
---
kind: Http.Api
metadata: { name: Api }
server: { kind: Http.Server, name: Front }
routes:
  - request: { path: /orders }
    invoke: { kind: Shop.Order }
    inputs: { token: "${{ secrets.token }}" }
"""


def test_the_traceback_of_a_controller_is_logged_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(CRASHING)
    code = "def order(inputs):\n    raise ValueError('no ' + inputs['token'])\n"
    (tmp_path / "crashing_orders.py").write_text(code)
    with serving(tmp_path, SHOP_TOKEN="hunter2xyz") as served:
        answer = httpx.get(f"{served.url}/orders", trust_env=False)
        assert answer.status_code == 500
        assert "crashing" not in answer.text
        assert served.said(r"^error: GET /orders: no \[redacted\] .*Traceback")
        assert served.said(r'crashing_orders\.py", line 2, in order$')
        assert served.said(r"^ValueError: no \[redacted\]$")
    assert "hunter2xyz" not in "".join(served.lines)
