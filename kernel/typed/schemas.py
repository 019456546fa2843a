"""The JSON Schemas of a typed function, made by pydantic in the words that the kernel reads.

They are of the draft 2020-12, without the words of OpenAPI (``discriminator``, ``nullable``) and
without titles that repeat a name; a text that is secret (``SecretStr``) is ``x-kernel-secret``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import PydanticSerializationError, SchemaError, ValidationError, core_schema

from kernel.typed.function import TypedFunction, inputs_adapter, result_adapter
from kernel.typed.signature import Parameter, Signature

_NUMBER_TEXT: Final = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
"""How a number is written that is given as text, so that no digit of it is lost."""

_INTEGER_TEXT: Final = r"^(?:0|-?[1-9][0-9]*)$"
"""How a key is written that is a number in Python: as JSON writes the number."""


class _Writer(GenerateJsonSchema):
    """Writes the schema of a type."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Say nothing of a default that JSON has no form for: it is left out."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        written = super().tagged_union_schema(schema)
        written.pop("discriminator", None)
        return written

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        text = {"type": "string", "pattern": _NUMBER_TEXT}
        if self.mode == "serialization":
            return text
        number = core_schema.float_schema(
            ge=_number(schema.get("ge")),
            gt=_number(schema.get("gt")),
            le=_number(schema.get("le")),
            lt=_number(schema.get("lt")),
        )
        return {"anyOf": [text, self.float_schema(number)]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])  # what is returned has all its fields
        written = super().default_schema(schema)
        if _is_secret(written) or not _is_json(written.get("default")):
            written.pop("default", None)
        return written

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return not (field.get("serialization_exclude") or "serialization_exclude_if" in field)
        return super().field_is_required(field, total)

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """Text in base64: a bound of the length in bytes is not one of its length in characters."""
        written = super().bytes_schema(schema)
        return {key: written[key] for key in ("type", "format")}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        if schema.get("keys_schema", {}).get("type") == "int":
            written.setdefault("propertyNames", {"pattern": _INTEGER_TEXT})
        return written


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _number(bound: Any) -> float | None:
    if bound is None:
        return None
    number = float(bound)
    return int(number) if number.is_integer() else number


def inputs_schema(
    signature: Signature, controller: TypedFunction, said: Mapping[str, str]
) -> dict[str, Any]:
    """The schema of the inputs; ``said`` are descriptions of parameters.

    Raises ``TypeError`` that names the parameter whose type has no form in JSON, or whose default
    does not fit its annotation.
    """
    schema = _written(controller.inputs, "validation")
    del schema["title"]
    properties = schema.setdefault("properties", {})
    for one, name in zip(signature.parameters, [*properties], strict=True):
        node = properties[name]
        if one.name in said and "description" not in node:
            node["description"] = said[one.name]
        if not one.is_required:
            node.update(_default(signature, one))
    return _in_order(schema)


def outputs_schema(controller: TypedFunction) -> dict[str, Any]:
    """The schema of what the function returns."""
    return _in_order(_written(controller.result, "serialization"))


def _is_secret(schema: Mapping[str, Any]) -> bool:
    """Whether pydantic wrote the schema for a ``SecretStr`` or ``SecretBytes``."""
    return bool(schema.get("writeOnly")) and schema.get("format") == "password"


def _has_secret(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_has_secret, schema))
    if not isinstance(schema, Mapping):
        return False
    return _is_secret(schema) or any(map(_has_secret, schema.values()))


def check_types(signature: Signature) -> None:
    """Raise ``TypeError`` for the first part of a signature that JSON has no form for."""
    for one in signature.parameters:
        what = f"{signature.name}: parameter `{one.name}`"
        types = partial(inputs_adapter, _only(signature, one), True)
        _check_type(what, one.annotation, types, "validation")
    what, types = f"{signature.name}: the return value", partial(result_adapter, signature, True)
    _check_type(what, signature.result, types, "serialization")


def _only(signature: Signature, parameter: Parameter) -> Signature:
    """The signature with one parameter alone."""
    return replace(signature, parameters=(parameter,))


def _check_type(
    what: str, annotation: Any, types: Callable[[], TypeAdapter[Any]], mode: JsonSchemaMode
) -> None:
    shown = getattr(annotation, "__name__", None) or str(annotation)
    try:
        written = _written(types(), mode)
    except PydanticSchemaGenerationError as error:
        raise TypeError(
            f"{what} is of the type {shown}, which has no form in JSON; take what it is made from, "
            "or a dataclass, a TypedDict or a model of pydantic"
        ) from error
    except (PydanticUserError, SchemaError) as error:
        # Pydantic says first which validators it was building, and last where to read more.
        said = str(error).rpartition("SchemaError: ")[2].partition("\nFor further")[0]
        reason = " ".join(said.split())
        raise TypeError(f"{what} is of the type {shown}: {reason}") from error
    if mode == "serialization" and _has_secret(written):
        raise TypeError(
            f"{what} has a secret text, which pydantic writes as asterisks; return "
            'Annotated[str, Field(json_schema_extra={"x-kernel-secret": True})]'
        )


def _written(types: TypeAdapter[Any], mode: JsonSchemaMode) -> dict[str, Any]:
    """The schema of the value in the list of one that an adapter reads or writes."""
    around = types.json_schema(mode=mode, by_alias=True, schema_generator=_Writer)
    (written,) = around["prefixItems"]
    defined = around.get("$defs", {})
    name = written.get("$ref", "").removeprefix("#/$defs/")
    if name in defined and not _refers(defined, written["$ref"]):
        del written["$ref"]
        written = {**defined.pop(name), **written}
    return {**written, "$defs": defined} if defined else written


def _refers(schema: Any, target: str) -> bool:
    """Whether a schema refers to a target anywhere."""
    if isinstance(schema, list):
        return any(_refers(one, target) for one in schema)
    if not isinstance(schema, Mapping):
        return False
    return schema.get("$ref") == target or any(_refers(one, target) for one in schema.values())


def _default(signature: Signature, parameter: Parameter) -> dict[str, Any]:
    """The default of a parameter, if JSON has a form for it that is read as the same value."""
    what = f"{signature.name}: the default of parameter `{parameter.name}`"
    if isinstance(parameter.default, FieldInfo):
        raise TypeError(
            f"{what} is a Field: write `{parameter.name}: Annotated[…, Field(…)] = …`, so that the "
            "function can still be called from Python"
        )
    types, given = inputs_adapter(_only(signature, parameter), True), parameter.default
    try:
        text = types.dump_json(({parameter.name: given},), by_alias=True, warnings=False)
        is_same = types.validate_json(text, strict=True)[0][parameter.name] == given
    except PydanticSerializationError:
        return {}
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        way_out = "; write `… | None`" if given is None else ""
        raise TypeError(f"{what} does not fit its annotation: {reason}{way_out}") from error
    (value,) = json.loads(text)[0].values()
    return {"default": value} if is_same else {}


_FIRST = ("description", "type", "additionalProperties", "required", "properties")
_LAST = ("default", "$defs")
_NAMED: Final = frozenset(("properties", "$defs", "patternProperties", "dependentSchemas"))
"""Keywords whose value maps names to schemas."""


def _in_order(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its keywords in the order in which people write them, in every part."""
    if _is_secret(schema):
        schema = {**schema, "x-kernel-secret": True}
        del schema["writeOnly"], schema["format"]
    return {keyword: _part(keyword, schema[keyword]) for keyword in _ordered(schema)}


def _part(keyword: str, value: Any) -> Any:
    if keyword in ("default", "const", "enum", "examples"):
        return value
    if keyword in _NAMED:
        return {name: _part("", inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_part("", one) for one in value]
    return _in_order(value) if isinstance(value, Mapping) else value


def _ordered(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (one for one in _FIRST if one in schema)
    yield from (one for one in schema if one not in (*_FIRST, *_LAST))
    yield from (one for one in _LAST if one in schema)
