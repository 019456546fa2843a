"""Generated topologies: kinds with contracts, sequences of all forms that call them, values.

From a seed. Most of what they read is guarded, most of what they pass fits; the rest is for the
analyzer to find.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from kernel import Failure
from tests.analyzer.support import expressions
from tests.analyzer.support.expressions import Names

STATES = ("open", "paid", "void")


@dataclass
class Kind:
    """A kind: its contract, and whether its calls may fail with the code that it declares."""

    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    fails: bool

    def document(self) -> dict[str, Any]:
        return {
            "kind": "Kernel.Definition",
            "metadata": {"name": self.name, "module": "T"},
            "capability": "Invocable",
            "inputs": self.inputs,
            "outputs": self.outputs,
            "safety": "idempotent",
            "errors": {"GONE": {"retryable": True, "outcome": "failed"}} if self.fails else {},
        }

    def controller(self, rng: random.Random) -> Any:
        def call(inputs: Any) -> Any:
            if self.fails and rng.random() < 0.3:
                raise Failure("gone", code="GONE", outcome="failed")
            return expressions.value(rng, self.outputs)

        return call


@dataclass
class Topology:
    """A manifest with one sequence ``Main``, and the kinds that it calls."""

    kinds: list[Kind]
    inputs: dict[str, Any]
    documents: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return "---\n".join(json.dumps(one) + "\n" for one in self.documents)


@dataclass
class Scope:
    """What can be read at a place: texts with schemas and guards."""

    paths: list[tuple[str, dict[str, Any], tuple[str, ...]]] = field(default_factory=list)

    def with_(self, text: str, schema: dict[str, Any], *guards: str) -> Scope:
        return Scope([*self.paths, (text, schema, guards)])


def topology(seed: int) -> Topology:
    return _Maker(random.Random(seed)).topology()


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.pool = [expressions.schema(rng, 2) for _ in range(4)]
        self.pool += [{"type": "integer"}, {"type": "string"}, {"enum": list(STATES)}]
        self.kinds: list[Kind] = []
        self.count = 0

    def topology(self) -> Topology:
        self.kinds = [self.kind(name) for name in ("A", "B", "C")]
        inputs = self.object(("x", "y", "state", "flag"))
        inputs["properties"]["state"] = {"enum": list(STATES)}
        inputs["properties"]["flag"] = {"type": "boolean"}
        inputs["required"] = sorted({*inputs["required"], "state", "flag"})
        scope = self.fields(Scope(), "inputs", inputs, ())
        steps, scope = self.steps(scope, self.rng.choice([1, 2, 2, 3]))
        main: dict[str, Any] = {
            "kind": "Run.Sequence",
            "metadata": {"name": "Main"},
            "inputs": inputs,
            "steps": steps,
        }
        if self.rng.random() < 0.8:
            main["result"], schema = self.result(scope)
            if schema is not None and self.rng.random() < 0.7:
                main["outputs"] = schema
        kinds = [kind.document() for kind in self.kinds]
        return Topology(self.kinds, inputs, [*kinds, main])

    def kind(self, name: str) -> Kind:
        inputs = self.object(("p", "q"))
        outputs = self.rng.choice([self.object(("r", "s")), self.rng.choice(self.pool)])
        return Kind(name, inputs, outputs, self.rng.random() < 0.3)

    def object(self, names: tuple[str, ...]) -> dict[str, Any]:
        properties = {name: self.rng.choice(self.pool) for name in names}
        required = [name for name in names if self.rng.random() < 0.7]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    # Names

    def fields(
        self, scope: Scope, text: str, schema: dict[str, Any], guards: tuple[str, ...]
    ) -> Scope:
        """The fields of an object, each with its guard where it may be absent."""
        for name, part in schema["properties"].items():
            own = () if name in schema["required"] else (f"has({text}.{name})",)
            scope = scope.with_(f"{text}.{name}", part, *guards, *own)
        return scope

    def expression(self, scope: Scope, kind: str, depth: int = 1) -> str:
        names = Names([])
        some = self.rng.sample(scope.paths, min(len(scope.paths), 6))
        for text, schema, guards in some:
            kept = guards[:-1] if guards and self.rng.random() < 0.02 else guards
            expressions._collect(self.rng, names, text, schema, kept, 2)
        return expressions._of_kind(self.rng, names, kind, depth)

    def condition(self, scope: Scope) -> str:
        return "${{ " + self.expression(scope, "bool") + " }}"

    def value(self, scope: Scope, schema: dict[str, Any]) -> Any:
        """A value that should fit: a path of the same schema, an expression, a constant."""
        same = [one for one in scope.paths if one[1] == schema]
        if same and self.rng.random() < 0.7:
            text, _, guards = self.rng.choice(same)
            if not guards:
                return "${{ " + text + " }}"
            other = json.dumps(expressions.value(self.rng, schema))
            if '"' not in other and "\\" not in other:
                return "${{ " + f"{' && '.join(guards)} ? {text} : {other}" + " }}"
        if self.rng.random() < 0.04:
            return "${{ " + self.expression(scope, expressions._kind(schema)) + " }}"
        return expressions.value(self.rng, schema)

    def result(self, scope: Scope) -> tuple[Any, dict[str, Any] | None]:
        if not scope.paths or self.rng.random() < 0.3:
            return "${{ " + self.expression(scope, "any") + " }}", None
        schema = self.object(("m", "n"))
        made = {name: self.value(scope, part) for name, part in schema["properties"].items()}
        return made, schema

    # Steps

    def steps(self, scope: Scope, depth: int) -> tuple[list[Any], Scope]:
        made: list[Any] = []
        for _ in range(self.rng.choice([1, 1, 2, 2, 3])):
            step, scope = self.step(scope, depth)
            made.append(step)
        return made, scope

    def name(self) -> str:
        self.count += 1
        return f"S{self.count}"

    def step(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Scope]:
        forms = [self.call, self.call, self.call, self.computed]
        if depth > 0:
            forms += [self.branch, self.choice, self.each, self.loop, self.together, self.boundary]
            forms += [self.guard]
        form = self.rng.choice(forms)
        name = self.name()
        step, schema, inner = form(scope, depth - 1)
        if "then" in step and "throw" in step["then"][0]:
            return step, inner
        step["name"] = name
        if self.rng.random() < 0.25:
            condition = self.expression(scope, "bool")
            step["when"] = "${{ " + condition + " }}"
            if schema is not None:
                guard = condition if self.rng.random() < 0.5 else f"has(steps.{name}.result)"
                scope = scope.with_(f"steps.{name}.result", schema, guard)
            return step, scope
        if schema is not None:
            inner = inner.with_(f"steps.{name}.result", schema)
        return step, inner

    def call(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        kind = self.rng.choice(self.kinds)
        inputs = {
            name: self.value(scope, part)
            for name, part in kind.inputs["properties"].items()
            if name in kind.inputs["required"] or self.rng.random() < 0.6
        }
        if inputs and self.rng.random() < 0.01:
            inputs.pop(self.rng.choice(list(inputs)))
        step: dict[str, Any] = {"invoke": {"kind": f"T.{kind.name}"}, "inputs": inputs}
        if self.rng.random() < 0.1:
            step["retry"] = {"attempts": 2, "when": "${{ error.code == 'GONE' }}"}
        return step, kind.outputs, scope

    def computed(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        kind = self.rng.choice(["int", "string", "bool", "double"])
        schemas = {"int": "integer", "bool": "boolean", "double": "number"}
        schema = {"type": schemas.get(kind, kind)}
        return {"value": "${{ " + self.expression(scope, kind) + " }}"}, schema, scope

    def branch(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        condition = self.expression(scope, "bool")
        then, inside = self.steps(scope, depth)
        step = {"if": "${{ " + condition + " }}", "then": then}
        if self.rng.random() < 0.5:
            step["else"], _ = self.steps(scope, depth)
        return step, None, self.after(scope, inside, condition)

    def after(self, scope: Scope, inside: Scope, condition: str) -> Scope:
        """What is seen of a branch: by a guard of the step, or under the same condition."""
        for text, schema, guards in inside.paths[len(scope.paths) :]:
            if not text.startswith("steps."):
                continue
            has = f"has({text})"
            extra = self.rng.choice([(has,), (condition,), (condition,)])
            scope = scope.with_(text, schema, *extra, *guards)
        return scope

    def guard(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        """``if … then throw``: after it, the condition is known to be false."""
        guarded = [one for one in scope.paths if one[2]]
        if not guarded:
            return self.computed(scope, depth)
        text, schema, guards = self.rng.choice(guarded)
        condition = f"!({' && '.join(guards)})"
        step = {"if": "${{ " + condition + " }}", "then": [{"throw": {"code": "MISSING"}}]}
        paths = [one for one in scope.paths if one[0] != text]
        return step, None, Scope([*paths, (text, schema, ())])

    def choice(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        kept = self.rng.sample(STATES, self.rng.choice([2, 3, 3]))
        cases = {state: self.steps(scope, depth)[0] for state in kept}
        step: dict[str, Any] = {"switch": "${{ inputs.state }}", "cases": cases}
        if self.rng.random() < 0.3:
            step["default"], _ = self.steps(scope, depth)
        return step, None, scope

    def each(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        lists = [one for one in scope.paths if "items" in one[1] and not one[2]]
        if lists:
            text, schema, _ = self.rng.choice(lists)
            items, element = "${{ " + text + " }}", schema["items"]
        else:
            items, element = [1, 2], {"type": "integer"}
        inside = scope.with_("item", element).with_("index", {"type": "integer", "minimum": 0})
        body, inside = self.steps(inside, depth)
        step: dict[str, Any] = {"forEach": items, "do": body}
        of: dict[str, Any] = {"type": "string"}
        step["result"] = "${{ " + self.expression(inside, "string") + " }}"
        if self.rng.random() < 0.3:
            step["parallelism"] = 2
        return step, {"type": "array", "items": of}, scope

    def loop(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        body, inside = self.steps(scope, depth)
        step: dict[str, Any] = {"do": body, "maxIterations": self.rng.randint(1, 3)}
        if self.rng.random() < 0.6:
            step["until"] = self.condition(inside)
            return step, None, inside
        step["while"] = self.condition(scope)
        return step, None, self.after(scope, inside, "false")

    def together(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        left, one = self.steps(scope, depth)
        right, two = self.steps(scope, depth)
        more = two.paths[len(scope.paths) :]
        return {"parallel": {"left": left, "right": right}}, None, Scope([*one.paths, *more])

    def boundary(self, scope: Scope, depth: int) -> tuple[dict[str, Any], Any, Scope]:
        body, inside = self.steps(scope, depth)
        caught = scope.with_("error.message", {"type": "string"})
        step: dict[str, Any] = {"try": body}
        if self.rng.random() < 0.8:
            step["catch"], _ = self.steps(caught, depth)
            after = self.after(scope, inside, "false")
        else:
            step["finally"], _ = self.steps(scope, depth)
            after = inside
        if "catch" in step and self.rng.random() < 0.2:
            step["finally"], _ = self.steps(scope, depth)
        return step, None, after


__all__ = ["Kind", "Topology", "topology"]
