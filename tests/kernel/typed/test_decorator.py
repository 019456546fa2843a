"""What ``@invocable`` makes of a function, and what it says of one that it cannot describe."""

from __future__ import annotations

import functools
import inspect
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import Field, SecretStr

from kernel import Call, Failure, invocable, load
from kernel.manifest import read_data
from kernel.typed.decorator import invocable_of
from kernel.typed.docstring import read_docstring

if TYPE_CHECKING:
    from collections import OrderedDict


def definition(function: Callable[..., Any]) -> Any:
    return read_data(invocable_of(function).text)


@invocable(
    "Shop.Charge",
    safety="write-once-checkable",
    errors={"DECLINED": {"description": "The issuer refused.", "retryable": False}},
    check={"invoke": {"kind": "Shop.Find"}, "landed": "${{ result }}"},
)
async def charge(
    customer: str, amount: Annotated[int, Field(gt=0)], call: Call, note: str | None = None
) -> dict[str, int]:
    """Charge a customer,
    in cents.

    It may be refused.

    Args:
        customer: Who pays,
            with the whole name.
        amount (int): How much.

    Returns:
        What was paid.
    """
    return {customer: amount}


def test_a_function_becomes_a_definition() -> None:
    assert definition(charge) == {
        "kind": "Kernel.Definition",
        "metadata": {
            "name": "Charge",
            "module": "Shop",
            "description": "Charge a customer, in cents.\n\nIt may be refused.",
        },
        "capability": "Invocable",
        "schema": {"type": "object", "additionalProperties": False, "properties": {}},
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["customer", "amount"],
            "properties": {
                "customer": {
                    "description": "Who pays, with the whole name.",
                    "type": "string",
                },
                "amount": {"description": "How much.", "type": "integer", "exclusiveMinimum": 0},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            },
        },
        "outputs": {"type": "object", "additionalProperties": {"type": "integer"}},
        "errors": {
            "INVALID_ARGUMENTS": {
                "description": "An input does not fit the annotation of its parameter; the "
                "function was not called.",
                "retryable": False,
                "outcome": "failed",
            },
            "INVALID_RESULT": {
                "description": "What was returned does not fit the return annotation, or is not "
                "JSON; the effect has landed.",
                "retryable": False,
                "outcome": "unknown",
            },
            "DECLINED": {"description": "The issuer refused.", "retryable": False},
        },
        "safety": "write-once-checkable",
        "check": {"invoke": {"kind": "Shop.Find"}, "landed": "${{ result }}"},
        "controller": {"python": f"{__name__}:charge"},
    }


def test_the_function_is_still_a_plain_function() -> None:
    assert inspect.iscoroutinefunction(charge)
    assert list(inspect.signature(charge).parameters) == ["customer", "amount", "call", "note"]


def test_a_function_that_cannot_be_imported_by_its_name_names_no_controller() -> None:
    @invocable("T.Local")
    def local() -> None: ...

    assert "controller" not in definition(local)


def test_types_may_be_local_as_the_function_is() -> None:
    @dataclass
    class Item:
        name: str

    @invocable("T.Local")
    def local(item: Item) -> str:
        return item.name

    assert invocable_of(local).controller.invoke({"item": {"name": "x"}}, None) == "x"


def test_inputs_that_are_nested_too_deep_are_refused() -> None:
    @invocable("T.Deep")
    def deep(value: Any) -> None: ...

    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(Failure) as caught:
        invocable_of(deep).controller.invoke({"value": nested}, None)
    assert caught.value.code == "INVALID_ARGUMENTS"


@pytest.mark.parametrize(
    "text",
    [
        "Say it.\n\n:param what: The word,\n    or more.\n:returns: nothing",
        "Say it.\n\n:param str what: The word, or more.",
        "Say it.\n\nArgs:\n    what (str): The word,\n        or more.\n    other: Another.\n",
        "Say it.\n\n    Arguments:\n        what: The word, or more.\n\n    Raises:\n        x: y",
    ],
)
def test_docstrings_describe_parameters(text: str) -> None:
    said = read_docstring(text)
    assert (said.description, said.parameters["what"]) == ("Say it.", "The word, or more.")


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (None, ""),
        ("", ""),
        ("One line", "One line"),
        ("Args:\n    a: b", ""),
        ("Does it.\n\nParameters\n----------\na : int", "Does it."),
        ("Notes are taken: all.\n", "Notes are taken: all."),
    ],
)
def test_the_description_ends_where_a_section_begins(text: str | None, description: str) -> None:
    assert read_docstring(text).description == description


# What cannot be described


class Tool:
    def use(self, what: str) -> None: ...


def no_annotation(a) -> None: ...  # type: ignore[no-untyped-def]
def no_result(a: int): ...  # type: ignore[no-untyped-def]
def many(*values: int) -> None: ...
def any_name(**values: int) -> None: ...
def by_place(a: int, /) -> None: ...
def connection(db: sqlite3.Connection) -> None: ...
def callback(then: Callable[[], int]) -> None: ...
def gives_connection() -> sqlite3.Connection: ...  # type: ignore[empty-body]
def gives_secret() -> list[SecretStr]: ...  # type: ignore[empty-body]
def yields() -> Iterator[int]:
    yield 1


def wrong_default(when: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013
def wrong_pattern(a: Annotated[str, Field(pattern="(a")]) -> None: ...
def field_default(a: int = Field(5)) -> None: ...
def two_calls(call: Call, again: Call) -> None: ...
def hidden(a: OrderedDict[str, int]) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_annotation, "parameter `a` has no annotation; write for example `a: str`"),
        (no_result, "the return value has no annotation"),
        (many, "`*values` has no name of an input for each value"),
        (any_name, "`**values` has no name of an input for each value"),
        (by_place, "parameter `a` cannot be given by name; take the `/` away"),
        (connection, "parameter `db` is of the type Connection, which has no form in JSON"),
        (callback, "parameter `then` is of the type"),
        (gives_connection, "the return value is of the type Connection"),
        (gives_secret, "the return value has a secret text"),
        (yields, "yields; an invocable returns one value"),
        (wrong_default, "the default of parameter `when` does not fit its annotation"),
        (wrong_default, "write `… | None`"),
        (wrong_pattern, "unclosed group"),
        (field_default, "write `a: Annotated[…, Field(…)] = …`"),
        (two_calls, "parameters `call` and `again` both take the call"),
        (hidden, "names `OrderedDict`, which is not there"),
        (Tool.use, "a method has no place in a manifest"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_what_cannot_be_described_is_named_with_the_way_out(
    function: Callable[..., Any], said: str
) -> None:
    with pytest.raises(TypeError) as caught:
        invocable("T.Work")(function)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{function.__qualname__} (test_decorator.py:")


@pytest.mark.parametrize("one", [Tool, Tool(), functools.partial(many), staticmethod(many), 5])
def test_only_functions_are_decorated(one: Any) -> None:
    with pytest.raises(TypeError, match="is no function"):
        invocable("T.Work")(one)


@pytest.mark.parametrize("kind", ["Charge", "Shop.", "Kernel.Own", "Shop.Charge.Card", ""])
def test_a_kind_is_module_and_name(kind: str) -> None:
    with pytest.raises(TypeError, match="is no kind"):
        invocable(kind)


def test_a_decorator_above_would_not_be_called() -> None:
    @functools.wraps(charge)
    def around(*arguments: Any, **named: Any) -> Any:
        return charge(*arguments, **named)

    with pytest.raises(TypeError, match="put @invocable on top"):
        load(definitions=[around])
    with pytest.raises(TypeError, match="not decorated with @invocable"):
        load(definitions=[many])


def test_pydantic_is_imported_by_the_decorator_alone() -> None:
    code = "import kernel, sys; kernel.Kernel, kernel.load, kernel.Call, kernel.SyncKernel; "
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}print('pydantic' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "False"
