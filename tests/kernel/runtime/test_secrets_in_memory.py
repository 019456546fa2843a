"""The kernel's objects, printed by a debugger, a log or an assertion, show no secret."""

from __future__ import annotations

from typing import Any

from kernel import Kernel
from kernel.manifest import resolve_values
from tests.support.embedded import World, call, definition, resource, sequence

SECRET = "correct-horse-battery"
MODULE = {
    "kind": "Kernel.Module",
    "metadata": {"name": "M"},
    "secrets": {"token": {"type": "string"}},
}
FIELDS = {
    "now": {"type": "string", "x-kernel-eval": "load"},
    "later": {"type": "string", "x-kernel-eval": "call"},
}


def test_no_repr_holds_a_secret() -> None:
    shown: list[str] = []

    class Work:
        def __init__(self, fields: Any) -> None:
            self._fields = fields

        def invoke(self, inputs: Any, call: Any) -> str:
            shown.extend(map(repr, (call, self._fields["later"], call.self["later"] == SECRET)))
            return str(self._fields["now"])

    async def look(kernel: Kernel) -> None:
        assert (await kernel.invoke("Run.Sequence/Main")) == {"Call": SECRET}
        module = kernel.manifest.root
        values = resolve_values(module, {"token": SECRET}, {})
        instances = list(kernel.registry.all(module))
        whole = (kernel, kernel.runtime, kernel.scope, kernel.registry, kernel.bus, module, values)
        shown.extend(map(repr, (*whole, *instances)))

    use = call(name="Call")
    use["invoke"]["name"] = "W"
    fields = dict.fromkeys(FIELDS, "${{ secrets.token }}")
    World(
        MODULE,
        definition(schema={"type": "object", "properties": FIELDS}),
        resource("T.Work", "W", **fields),
        sequence(use),
        values={"token": SECRET},
        Work=Work,
    ).during(look)
    assert "True" in shown
    assert [text for text in shown if SECRET in text] == []
