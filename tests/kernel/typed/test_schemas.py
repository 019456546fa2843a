"""The schemas of a typed function and what the function takes and gives are the same contract."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, computed_field
from pydantic_core import to_jsonable_python

from kernel import Failure, invocable
from kernel.manifest import inspect_text, read_data
from kernel.schema import check_schema, compile_schema
from kernel.typed.decorator import Invocable, invocable_of
from kernel.typed.yaml_text import yaml_text
from tests.kernel.typed.support.types import PLAIN, TEXT, WRITTEN, types
from tests.support.properties import examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 12) | st.floats(-2, 2) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def echo(annotation: Any) -> tuple[Invocable, list[Any]]:
    """A function that returns what it gets, and the list of what it got."""
    got: list[Any] = []

    def function(value):  # type: ignore[no-untyped-def]
        got.append(value)
        return value

    function.__annotations__ = {"value": annotation, "return": annotation}
    return invocable_of(invocable("T.Echo")(function)), got


def written(made: Invocable, value: Any) -> Any:
    """A value of the type as JSON."""
    result = made.controller.result
    return result.dump_python((value,), mode="json", by_alias=True)[0]


@given(types(PLAIN + WRITTEN).flatmap(lambda typed: st.tuples(st.just(typed[0]), typed[1])))
@examples(600)
def test_a_value_of_the_type_passes_the_schemas_and_comes_back(drawn: tuple[Any, Any]) -> None:
    annotation, value = drawn
    made, got = echo(annotation)
    schemas = made.definition["inputs"], made.definition["outputs"]
    assert [check_schema(one) for one in schemas] == [[], []]
    inputs, outputs = map(compile_schema, schemas)
    given = inputs.conform({"value": written(made, value)})
    result = made.controller.invoke(given, None)
    assert got == [value]
    assert outputs.conform(result) == outputs.conform(written(made, value))


@given(types(PLAIN), st.data())
@examples(600)
def test_what_the_schema_accepts_the_function_gets_and_nothing_else(
    typed: tuple[Any, Any], data: st.DataObject
) -> None:
    made, got = echo(typed[0])
    inputs = compile_schema(made.definition["inputs"])
    value = altered(written(made, data.draw(typed[1])), data)
    given = inputs.normalise({"value": value})
    if inputs.is_valid(given):
        result = made.controller.invoke(given, None)
        assert len(got) == 1
        assert compile_schema(made.definition["outputs"]).is_valid(result)
    else:
        with pytest.raises(Failure, match="value") as caught:
            made.controller.invoke(given, None)
        assert caught.value.code == "INVALID_ARGUMENTS"


def altered(value: Any, data: st.DataObject) -> Any:
    """The JSON with another value at a place of it; the same, once in a while."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.booleans()):
            return {**value, key: altered(value[key], data)}
        return {name: inner for name, inner in value.items() if name != key}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], altered(value[index], data), *value[index + 1 :]]
    return data.draw(JSON) if data.draw(st.booleans()) else value


@given(types(PLAIN + WRITTEN).flatmap(lambda typed: st.tuples(st.just(typed[0]), typed[1])))
@examples(300)
def test_a_default_is_in_the_schema_as_the_same_value(drawn: tuple[Any, Any]) -> None:
    annotation, value = drawn
    got: list[Any] = []

    def function(one=value):  # type: ignore[no-untyped-def]
        got.append(one)

    function.__annotations__ = {"one": annotation, "return": None}
    made = invocable_of(invocable("T.Echo")(function))
    inputs = compile_schema(made.definition["inputs"])
    assert "required" not in made.definition["inputs"]
    made.controller.invoke({}, None)
    made.controller.invoke(inputs.conform({}), None)
    assert got == [value, value]


@given(types(PLAIN + WRITTEN))
@examples(200)
def test_the_text_of_a_definition_is_read_as_the_definition(typed: tuple[Any, Any]) -> None:
    made, _ = echo(typed[0])
    assert read_data(made.text) == made.definition
    assert inspect_text(made.text)[1] == ()


@given(st.dictionaries(TEXT, JSON | TEXT.map(lambda text: f"{text} word" * 30), min_size=1))
@examples(1000)
def test_any_json_is_written_as_yaml_that_is_read_as_the_same(value: dict[str, Any]) -> None:
    assert read_data(yaml_text(value)) == value


# What is not in every type


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    street: str
    city: str = "Bonn"

    @computed_field
    def line(self) -> str:
        return f"{self.street}, {self.city}"


def test_a_model_has_defaults_as_an_input_and_all_its_fields_as_an_output() -> None:
    made, _ = echo(Address)
    given, gives = made.definition["inputs"], made.definition["outputs"]
    inner = given["$defs"]["Address"] if "$defs" in given else given["properties"]["value"]
    assert inner["required"] == ["street"]
    assert inner["properties"]["city"] == {"type": "string", "default": "Bonn"}
    assert sorted(gives["required"]) == ["city", "line", "street"]
    assert made.controller.invoke({"value": {"street": "Weg 1"}}, None) == {
        "street": "Weg 1",
        "city": "Bonn",
        "line": "Weg 1, Bonn",
    }


def test_a_secret_text_is_marked_as_the_kernel_marks_it() -> None:
    got: list[str] = []

    @invocable("T.Login")
    def login(token: SecretStr, user: Annotated[str, Field(alias="from")] = "x") -> None:
        got.append(token.get_secret_value() + user)

    made = invocable_of(login)
    token = made.definition["inputs"]["properties"]["token"]
    assert token == {"type": "string", "x-kernel-secret": True}
    made.controller.invoke({"token": "s3cret", "from": "!"}, None)
    assert got == ["s3cret!"]


class Login(BaseModel):
    token: SecretStr = SecretStr("hidden")
    patience: float = float("inf")


def test_a_default_that_json_has_no_form_for_is_left_to_the_function() -> None:
    got: list[Any] = []

    @invocable("T.Enter")
    def enter(login: Login, own: SecretStr = SecretStr("mine")) -> None:  # noqa: B008
        got.append((login.token.get_secret_value(), login.patience, own.get_secret_value()))

    made = invocable_of(enter)
    assert "default" not in str(made.definition["inputs"])
    assert "****" not in made.text
    given = compile_schema(made.definition["inputs"]).conform({"login": {}})
    made.controller.invoke(given, None)
    assert got == [("hidden", float("inf"), "mine")]


def test_no_word_of_openapi_and_no_title_of_a_field_is_written() -> None:
    text = str([echo(typed[0])[0].definition for typed in PLAIN + WRITTEN])
    assert "nullable" not in text
    assert "discriminator" not in text
    assert "'title': 'Value'" not in text


def test_numbers_that_json_has_not_are_refused() -> None:
    made, _ = echo(float)

    @invocable("T.Many")
    def many() -> float:
        return float("inf")

    with pytest.raises(Failure) as caught:
        invocable_of(many).controller.invoke({}, None)
    assert caught.value.code == "INVALID_RESULT"
    assert to_jsonable_python(made.definition) == made.definition
