"""Seed 003, "Capability: Invocable": every example of it, word for word, loads and runs."""

from __future__ import annotations

import asyncio
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from analyzer import check_text
from kernel import Event, Kernel, OutputError, RunResult, ValidationError, loads
from kernel.invocation.recovery.retry import delay_after
from kernel.topology.callsite import read_call_site
from kernel.topology.reader import Reader
from tests.support.seed import CALL_SITE, DEFINITION, QUERIES, calling


class Query:
    """A controller with the interface of the seed: ``invoke(inputs)`` and nothing else."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    async def invoke(self, inputs: Mapping[str, Any]) -> Any:
        self.given.append(inputs)
        return {"rows": [["a", 1]], "count": 1} if "select" in inputs["sql"] else {"count": "one"}


def apply(
    text: str, *, inputs: Any = None, target: str | None = None, **options: Any
) -> tuple[RunResult, list[Event]]:
    told: list[Event] = []

    async def main() -> RunResult:
        kernel = Kernel(loads(text), environ={}, **options)
        kernel.subscribe(told.append)
        async with asyncio.timeout(20), kernel:
            return await kernel.apply(target, inputs)

    return asyncio.run(main()), told


def test_the_controller_receives_plain_values_never_raw_cel() -> None:
    query = Query()
    result, _ = apply(QUERIES, inputs={"sql": "select 1"}, controllers={"Sql.Query": query})
    assert result.result == [["a", 1]]
    assert query.given == [{"sql": "select 1", "bindings": [2]}]


def test_an_event_carries_the_outputs_after_a_successful_invocation() -> None:
    _, told = apply(QUERIES, inputs={"sql": "select 1"}, controllers={"Sql.Query": Query()})
    invoked = [event for event in told if event.type == "Sql.Query.Orders.Invoked"]
    assert [event.data for event in invoked] == [{"rows": [["a", 1]], "count": 1}]


def test_arguments_are_validated_before_invoking() -> None:
    query = Query()
    result, told = apply(QUERIES, inputs={"sql": 5}, controllers={"Sql.Query": query})
    assert isinstance(result.error, ValidationError)
    assert "sql" in result.error.message
    assert query.given == []
    assert "Sql.Query.Orders.Invoked" not in [event.type for event in told]


def test_the_returned_value_is_validated_before_the_caller_gets_it() -> None:
    result, told = apply(QUERIES, inputs={"sql": "drop"}, controllers={"Sql.Query": Query()})
    assert isinstance(result.error, OutputError)
    assert "count" in result.error.message
    assert "Sql.Query.Orders.Invoked" not in [event.type for event in told]


def test_a_contract_without_a_controller_can_be_loaded_but_not_called() -> None:
    result, _ = apply(QUERIES, inputs={"sql": "select 1"})
    assert result.error is not None
    assert "contract without a controller" in result.error.message


@contextmanager
def server(*statuses: int) -> Iterator[tuple[str, list[int]]]:
    """A real HTTP server on loopback that answers with one status after the other."""
    left, given = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = left.pop(0)
            given.append(status)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None: ...

    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}/", given
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def test_the_call_site_is_retried_until_it_succeeds() -> None:
    quick = CALL_SITE.replace("delay: 2000", "delay: 5")
    with server(429, 503, 200) as (url, given):
        result, told = apply(calling(quick), values={"endpoint": url}, target="Main")
    assert result.outcome == "succeeded"
    assert given == [429, 503, 200]
    retried = [event.data for event in told if event.type == "Http.Request.Api.Retried"]
    assert [(data["error"]["code"], data["delay"]) for data in retried] == [(429, 5.0), (503, 10.0)]


def test_attempts_count_the_first() -> None:
    quick = CALL_SITE.replace("delay: 2000", "delay: 1")
    with server(500, 502, 503, 200) as (url, given):
        result, _ = apply(calling(quick), values={"endpoint": url}, target="Main")
    assert given == [500, 502, 503]
    assert result.error is not None
    assert (result.error.code, result.error.attempt) == (503, 3)


def test_what_when_excludes_propagates_at_once_with_its_fields() -> None:
    with server(404, 200) as (url, given):
        result, _ = apply(calling(CALL_SITE), values={"endpoint": url}, target="Caught")
    assert given == [404]
    assert result.result["code"] == 404
    assert result.result["attempt"] == 1
    assert "404" in result.result["message"]
    assert "step" in result.result


def test_the_schedule_of_the_seed() -> None:
    manifest = loads(calling(CALL_SITE))
    resource = manifest.root.resources["Main"]
    reader = Reader(resource.document)
    site = read_call_site(reader, resource.fields["steps"][0], ("steps", 0))
    assert site is not None
    assert site.retry is not None
    assert reader.faults == []
    assert [delay_after(site.retry, attempt) for attempt in (1, 2)] == [2000.0, 4000.0]


def test_backoff_is_linear_and_delay_zero_unless_something_else_is_said() -> None:
    bare = CALL_SITE.replace("  delay: 2000\n  backoff: exponential\n", "")
    with server(500, 500, 200) as (url, given):
        _, told = apply(calling(bare), values={"endpoint": url}, target="Main")
    assert given == [500, 500, 200]
    retried = [event.data["delay"] for event in told if event.type.endswith(".Retried")]
    assert retried == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["Sql.Query", "Http.Request"])
def test_the_definition_is_found_whether_it_is_the_manifests_or_the_librarys(kind: str) -> None:
    """The seed's own ``Sql.Query`` comes before that of the library."""
    manifest = loads(QUERIES if kind == "Sql.Query" else calling(CALL_SITE))
    assert (kind in manifest.root.definitions) == (kind == "Sql.Query")


# The analyzer's paragraphs


def checked(text: str) -> list[tuple[str, str]]:
    """The code and the severity of each finding."""
    return [(one.code, one.weight) for one in check_text(text).findings]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("steps.MyStep.result.rows.size()", []),
        ("steps.MyStep.result.rows + 1", [("K305", "error")]),
        ("steps.MyStep.result.count + 1", []),
        ("steps.MyStep.result.count + 'x'", [("K305", "error")]),
        ("steps.MyStep.result.row", []),
    ],
)
def test_outputs_type_the_expressions_that_read_them(
    expression: str, found: list[tuple[str, str]]
) -> None:
    """The outputs say nothing of presence, so reading them is a warning and no more."""
    text = QUERIES.replace("${{ steps.MyStep.result.rows }}", "${{ " + expression + " }}")
    assert expression in text
    wrong = [one for one in checked(text) if one[0] not in ("K501", "K407")]
    assert wrong == found
    presence = [one for one in checked(text) if one[0] in ("K501", "K407")]
    assert {one[1] for one in presence} == {"warning"}


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ('{ sql: "SELECT 1" }', []),
        ("{ sql: 1 }", [("K206", "error")]),
        ("{ bindings: [1] }", [("K204", "error")]),
        ('{ sql: "SELECT 1", bindings: "${{ [1, 2] }}" }', []),
        ('{ sql: "SELECT 1", bindings: "${{ 1 }}" }', [("K206", "error")]),
        ('{ sql: "${{ size([1]) }}" }', [("K206", "error")]),
    ],
)
def test_inputs_validate_the_arguments_of_a_call_site(
    inputs: str, found: list[tuple[str, str]]
) -> None:
    text = f"""\
{DEFINITION}---
kind: Sql.Query
metadata: {{ name: Orders }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - {{ name: MyStep, invoke: {{ kind: Sql.Query, name: Orders }}, inputs: {inputs} }}
"""
    assert checked(text) == found


def test_the_retry_of_the_seed_is_clean() -> None:
    text = f"""\
kind: Kernel.Module
metadata: {{ name: Seed }}
vars: {{ endpoint: {{ type: string }} }}
---
kind: Http.Request
metadata: {{ name: Api }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  -
{textwrap.indent(CALL_SITE, "    ")}"""
    assert checked(text) == []
