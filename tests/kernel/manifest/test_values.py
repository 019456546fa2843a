"""Variables and secrets: where their values come from, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.errors import ManifestError
from kernel.manifest import Module, from_text, loads, read_data, resolve_values

TEXT = """\
kind: Kernel.Module
metadata: { name: Orders }
vars:
  endpoint: { type: string, default: "https://api.example.com", env: ENDPOINT }
  limit: { type: integer, env: LIMIT }
  rate: { type: number, default: 1 }
secrets:
  token: { type: string, minLength: 8, env: TOKEN }
"""


@pytest.fixture
def module() -> Module:
    return loads(TEXT).root


def test_given_comes_before_the_environment_before_the_default(module: Module) -> None:
    environ = {"ENDPOINT": "from env", "LIMIT": "3", "TOKEN": "12345678", "HOME": "/"}
    values = resolve_values(module, {"endpoint": "given"}, environ)
    assert values.vars == {"endpoint": "given", "limit": 3, "rate": 1.0}
    assert type(values.vars["rate"]) is float
    assert values.secrets == {"token": "12345678"}
    values = resolve_values(module, {"limit": 4, "token": "abcdefgh"}, {})
    assert values.vars["endpoint"] == "https://api.example.com"
    assert (values.vars["limit"], values.secrets["token"]) == (4, "abcdefgh")


def test_all_that_is_missing_or_wrong_is_said_at_once_without_secrets(module: Module) -> None:
    with pytest.raises(ManifestError) as caught:
        resolve_values(module, {"limt": "1"}, {"TOKEN": "hunter2", "ENDPOINT": ""})
    found = {f.code: f for f in caught.value.faults}
    messages = [f.message for f in caught.value.faults]
    assert "hunter2" not in str(caught.value)
    assert "the variable `limit` has no value" in messages
    assert any(m.startswith("the secret `token`: must have at least 8") for m in messages)
    assert found["K302"].help == "did you mean 'limit'?"
    assert found["K007"].span is not None


def test_an_imported_module_has_its_values_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "pay.yaml").write_text(
        "kind: Kernel.Module\nmetadata: { name: Pay }\n"
        "secrets: { token: { type: string, env: PAY_TOKEN } }\nvars: { limit: { type: integer } }\n"
    )
    root = loads(f"{TEXT}imports: {{ Till: ./pay.yaml }}\n", folder=tmp_path).root
    with pytest.raises(ManifestError) as caught:
        resolve_values(root.imports["Till"], None, {})
    helps = {fault.message: fault.help for fault in caught.value.faults}
    assert helps == {
        "the variable `limit` has no value": "pass it where the module is imported: "
        "{ source: …, vars: { limit: … } }",
        "the secret `token` has no value": "set PAY_TOKEN",
    }
    with pytest.raises(ManifestError) as caught:
        resolve_values(
            root,
            {"Till.token": "a", "token": "12345678", "limit": 1, "Till.limit": 1, "Till.x": 1},
            {},
        )
    assert [(fault.message, fault.help) for fault in caught.value.faults] == [
        ("the module declares no variable `Till.token`", "set PAY_TOKEN"),
        (
            "the module declares no variable `Till.limit`",
            "pass it where the module is imported: { source: …, vars: { limit: … } }",
        ),
        ("the module declares no variable `Till.x`", None),
    ]


@pytest.mark.parametrize(
    ("text", "schema", "wanted"),
    [
        ("12", {"type": "integer"}, 12),
        ("12.0", {"type": "integer"}, 12.0),
        ("1e3", {"type": "number"}, 1000.0),
        ("true", {"type": "boolean"}, True),
        ("False", {"type": "boolean"}, False),
        ("[1, 2]", {"type": "array"}, [1, 2]),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("null", {"type": ["integer", "null"]}, None),
        ("12", {"type": "string"}, "12"),
        ("12", {"type": ["string", "integer"]}, "12"),
        ("12", {}, "12"),
        ("12", {"enum": [1, 12]}, 12),
        ("b", {"enum": ["a", "b"]}, "b"),
        ("true", {"type": "integer"}, "true"),
        ("x", {"type": "integer"}, "x"),
        ("[" * 100_000, {"type": "array"}, "[" * 100_000),
        ("9" * 5000, {"type": "integer"}, "9" * 5000),
    ],
)
def test_text_is_converted_by_the_schema(text: str, schema: dict[str, Any], wanted: Any) -> None:
    found = from_text(text, schema)
    assert (type(found), found) == (type(wanted), wanted)


def test_data_files() -> None:
    assert read_data("day: monday\n") == {"day": "monday"}
    assert read_data('{"a": [1]}') == {"a": [1]}
    assert read_data("") is None
    for text in ("a: [", "a: 1\n---\nb: 1\n", "a: 1\na: 2\n"):
        with pytest.raises(ManifestError):
            read_data(text, "values.yaml")
