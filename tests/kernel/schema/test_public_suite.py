"""The mandatory part of the public JSON-Schema-Test-Suite (2020-12), where it is at hand.

It is looked for in the folder that JSON_SCHEMA_TEST_SUITE names, and beside the project
(https://github.com/json-schema-org/JSON-Schema-Test-Suite). Left out are the cases that need one
of its documents from a server, as nothing is fetched.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kernel.schema import Schemas, check_schema, compile_schema

PLACES = [
    Path(os.environ.get("JSON_SCHEMA_TEST_SUITE", "JSON-Schema-Test-Suite")),
    *(folder / "JSON-Schema-Test-Suite" for folder in Path(__file__).resolve().parents[3:5]),
]
SUITE = next((place for place in PLACES if (place / "tests" / "draft2020-12").is_dir()), None)
FILES = sorted((SUITE / "tests" / "draft2020-12").glob("*.json")) if SUITE else []
SERVER = "http://localhost:1234/"

pytestmark = pytest.mark.skipif(
    SUITE is None, reason="JSON-Schema-Test-Suite is not at hand: set JSON_SCHEMA_TEST_SUITE"
)


def needs_server(schema: Any) -> bool:
    """Whether a schema refers to one of the documents in the folder ``remotes`` of the suite."""
    asked: list[str] = []
    check_schema(schema, Schemas(identified=lambda uri: asked.append(uri) or ()))
    own = schema.get("$schema", "") if isinstance(schema, dict) else ""
    assert SUITE is not None
    return any(
        uri.startswith(SERVER) and (SUITE / "remotes" / uri.removeprefix(SERVER)).is_file()
        for uri in (*asked, own)
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_file_of_the_suite_passes(file: Path) -> None:
    wrong = []
    for case in json.loads(file.read_text("utf-8")):
        if needs_server(case["schema"]):
            continue
        schema = compile_schema(case["schema"])
        codes = {fault.code for fault in check_schema(case["schema"])}
        # A default that breaks its own schema is refused here; validation as such ignores it.
        assert codes <= {"K105"}, case["description"]
        for test in case["tests"]:
            valid, explained = schema.is_valid(test["data"]), schema.problems(test["data"])
            if valid is not test["valid"] or bool(explained) is valid:
                wrong.append((case["description"], test["description"], explained))
    assert wrong == []


def test_few_cases_of_the_suite_need_a_server() -> None:
    cases = [case for file in FILES for case in json.loads(file.read_text("utf-8"))]
    left = [case for case in cases if not needs_server(case["schema"])]
    assert len(left) > 0.9 * len(cases)
