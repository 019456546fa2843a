"""References between the schemas of a manifest by ``$id``."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import ManifestError
from kernel.manifest import load, loads, schemas_of
from kernel.schema import compile_schema

DEFINITION = """\
kind: Kernel.Definition
metadata: {{ name: {name}, module: Shop }}
capability: Invocable
inputs: {inputs}
outputs: {{ type: object }}
controller: {{ python: "shop:f" }}
"""
ADDRESS = (
    "{ $id: 'https://shop.example/address', type: object, required: [city],"
    " properties: { city: { $ref: '#city' } }, $defs: { c: { $anchor: city, type: string } } }"
)
OTHER = "{ properties: { home: { $ref: 'https://shop.example/address' } } }"


def test_a_schema_is_found_by_its_id_in_the_whole_module() -> None:
    text = "---\n".join(
        DEFINITION.format(name=name, inputs=inputs)
        for name, inputs in (("Other", OTHER), ("Move", ADDRESS))
    )
    module = loads(text).root
    schema = compile_schema(module.definitions["Shop.Other"].inputs, schemas_of(module))
    assert schema.is_valid({"home": {"city": "Bergen"}})
    assert not schema.is_valid({"home": {"city": 1}})


def test_a_schema_is_found_by_its_id_in_an_import(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(DEFINITION.format(name="Move", inputs=ADDRESS))
    main = tmp_path / "main.yaml"
    main.write_text(
        "kind: Kernel.Module\nmetadata: { name: Main }\nimports: { Other: ./other.yaml }\n---\n"
        + DEFINITION.format(name="Here", inputs=OTHER).replace("module: Shop", "module: Main")
    )
    module = load(main).root
    schema = compile_schema(module.definitions["Main.Here"].inputs, schemas_of(module))
    assert not schema.is_valid({"home": {}})


def test_an_id_that_two_schemas_have_names_neither() -> None:
    text = "---\n".join(
        DEFINITION.format(name=name, inputs=inputs)
        for name, inputs in (
            ("A", ADDRESS),
            ("B", ADDRESS.replace("[city]", "[]")),
            ("Other", OTHER),
        )
    )
    with pytest.raises(ManifestError, match="several schemas of this manifest") as raised:
        loads(text)
    assert [(fault.code, fault.span.line) for fault in raised.value.faults] == [("K102", 18)]
