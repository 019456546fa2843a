"""The validating engine (jsonschema-rs), with patterns in linear time and without a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from kernel.schema.problems import InvalidSchema, Problem

_ROOT = "kernel:///schema"
_LINEAR = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)


def validator(schema: Any) -> jsonschema_rs.Validator:
    """The engine for a bundled schema; raises InvalidSchema if it refuses the schema."""
    return _build(schema, None)


def validator_at(schema: Any, pointer: str) -> jsonschema_rs.Validator:
    """The engine for a node of a bundled schema."""
    if not pointer:
        return validator(schema)
    registry = jsonschema_rs.Registry([(_ROOT, schema)])
    return _build({"$ref": f"{_ROOT}#{quote(pointer, safe='/~%')}"}, registry)


@lru_cache(maxsize=1)
def metaschema() -> jsonschema_rs.Validator:
    """The engine for schemas themselves."""
    return _build({"$ref": "https://json-schema.org/draft/2020-12/schema"}, None)


@lru_cache(maxsize=1024)
def pattern_matcher(pattern: str) -> Callable[[Any], bool]:
    """What tells whether a pattern occurs in a string."""
    return _build({"pattern": pattern}, None).is_valid


def _build(schema: Any, registry: jsonschema_rs.Registry | None) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            registry=registry,
            pattern_options=_LINEAR,
            validate_formats=False,
            offline=True,
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        path = tuple(getattr(error, "instance_path", ()))
        raise InvalidSchema([Problem(path, error.message)]) from None
    except ValueError as error:
        raise InvalidSchema([Problem((), str(error))]) from None
