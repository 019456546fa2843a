"""The example `earthquakes`, as a person runs it: twice, and on a feed with bad records."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import kernel

EXAMPLE = Path(__file__).parents[2] / "examples" / "earthquakes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "earthquakes", ignore=shutil.ignore_patterns("*.db*"))
    return tmp_path / "earthquakes"


def run(folder: Path, *arguments: str) -> tuple[Any, str]:
    """What a run of the example gives, and what it says meanwhile."""
    done = kernel("apply", folder, *arguments, folder=folder.parent)
    assert done.status == 0, done.err[-2000:]
    return done.json, done.err


def rows(folder: Path, sql: str) -> list[Any]:
    (database,) = [*folder.glob("*.db"), *folder.parent.glob("*.db")]
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def feed_of(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "data").glob("*.geojson")
    feed: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return feed


def test_twice(folder: Path) -> None:
    features = feed_of(folder)["features"]
    strong = [one for one in features if (one["properties"]["mag"] or 0) >= 6]
    first, said = run(folder, "--events", "events.jsonl")
    assert first["records"] == len(features) == 1707
    assert first["new"] + len(first["rejected"]) == 1707
    assert sorted(first["alerted"]) == sorted(one["properties"]["title"] for one in strong)
    assert said.count("ALERT ") == len(strong)
    stored = rows(folder, "select count(*), count(distinct id), sum(alerted) from earthquakes")
    assert stored == [(first["new"], first["new"], len(strong))]
    events = [
        json.loads(line) for line in (folder.parent / "events.jsonl").read_text().splitlines()
    ]
    retried = [one["data"] for one in events if one["type"] == "Http.Request.Alert.Retried"]
    assert {one["error"]["code"] for one in retried} == {429, 503}
    assert {one["delay"] for one in retried} <= {2000.0, 4000.0}
    assert "attempt 1 failed (code 429)" in said
    second, said = run(folder)
    assert (second["records"], second["new"], second["alerted"]) == (1707, 0, [])
    assert second["database"] == first["database"]
    assert "ALERT" not in said


@contextmanager
def serving(feed: Any) -> Iterator[str]:
    body = json.dumps(feed).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}/feed.geojson"
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def test_bad_records_are_rejected_and_counted_and_hide_no_other(folder: Path) -> None:
    feed = feed_of(folder)
    good = feed["features"][:20]
    broken = [json.loads(json.dumps(one)) for one in feed["features"][20:26]]
    del broken[0]["id"]
    broken[1]["properties"]["mag"] = "strong"
    broken[2]["geometry"]["coordinates"] = [1.0]
    broken[3]["properties"]["time"] = 1.5
    broken[4]["geometry"]["coordinates"][0] = 1000
    broken[5] = None
    feed["features"] = [*broken[:3], *good, *broken[3:]]
    with serving(feed) as url:
        result, _ = run(folder, "--var", f"feed={url}", "--var", "strong=12")
    assert (result["records"], result["new"], result["alerted"]) == (26, 20, [])
    assert [one["index"] for one in result["rejected"]] == [0, 1, 2, 23, 24, 25]
    assert all(one["why"] for one in result["rejected"])
    assert rows(folder, "select count(*) from earthquakes") == [(20,)]


def test_a_feed_that_is_not_there_fails_the_run(folder: Path) -> None:
    done = kernel("apply", folder, "--var", "feed=/nowhere", "-o", "json", folder=folder.parent)
    assert done.status == 1
    assert done.json["error"]["code"] == 404
    assert done.json["error"]["step"] == "Fetch"
