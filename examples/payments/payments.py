"""The controllers of ``Payments``: the calls of a bank that move money, and its account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit

from kernel import Failure

PATIENCE = 5


class Call(Protocol):
    """The part of a call that a movement of money needs."""

    @property
    def idempotency_key(self) -> str: ...


class Movement:
    """Moves money by one request, which carries the idempotency key."""

    path = ""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._bank: str = fields["bank"]

    def invoke(self, inputs: Mapping[str, Any], call: Call) -> Any:
        status, answer = exchange(self._bank, "POST", self.path, inputs, call.idempotency_key)
        if status == 402:
            raise Failure(answer["message"], code="DECLINED", outcome="failed")
        if status >= 400:
            raise Failure(f"status {status}", code="NO_ANSWER", outcome="unknown")
        return answer


class Charge(Movement):
    path = "/charges"


class Refund(Movement):
    path = "/refunds"


class Account:
    """What the account holds when the run begins, or goes on."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._bank: str = fields["bank"]

    def provide(self) -> Any:
        return exchange(self._bank, "GET", "/account")[1]


def exchange(
    bank: str, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = ""
) -> tuple[int, Any]:
    """The status and the answer. What was sent and not answered may have been done."""
    headers = {"content-type": "application/json", "idempotency-key": key}
    with closing(HTTPConnection(urlsplit(bank).netloc, timeout=PATIENCE)) as connection:
        try:
            connection.connect()
        except OSError as error:
            raise Failure("the bank is not there", code="NO_ANSWER", outcome="failed") from error
        try:
            connection.request(method, path, json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise Failure("the bank did not answer", code="NO_ANSWER", outcome="unknown") from error
