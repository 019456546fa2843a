"""Generated whole manifests: variables, Providers, kinds with bodies, sequences that call others.

Expressions are guessed over sample values, steps read what may never have run. What the analyzer
finds is taken out, until it finds nothing: what is left is what it lets through.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from kernel import Failure
from kernel.cel import CelError, compile
from kernel.schema import Schema, SchemaError, compile_schema
from tests.analyzer.support.shapes import DEPTH, Node, guess, shape, told, value
from tests.analyzer.support.signed import Read, Signed, reads

Path = tuple[Any, ...]
SIMPLE = {"type": "object", "properties": {}, "additionalProperties": False}
UNKNOWN = ("dyn(", "flatten(")
"""Functions whose results are of no known type."""


@dataclass
class Shape:
    """A schema of which there is a value."""

    written: Node
    compiled: Schema

    def sample(self, rng: random.Random) -> Any:
        try:
            return value(rng, self.compiled, self.written, 20)
        except SchemaError:
            return self.compiled.conform(copy.deepcopy(self.known))

    known: Any = None


@dataclass
class Whole:
    """The documents of a manifest, what its kinds give, and the arguments of ``Main``."""

    documents: list[dict[str, Any]]
    inputs: Shape
    outputs: dict[str, Shape]
    fails: dict[str, list[Any]]
    variables: dict[str, Shape]
    provided: Shape
    arguments: dict[str, Any]

    @property
    def text(self) -> str:
        written = "---\n".join(json.dumps(one) + "\n" for one in self.documents)
        return re.sub(r'"int:(\d+)"', r"\1", written)

    def controllers(self, rng: random.Random) -> dict[str, Any]:
        """The controllers of the kinds, which give what their outputs allow."""
        made = {name: self._invocable(name, of, rng) for name, of in self.outputs.items()}
        provided = self.provided.sample(rng)

        class Settings:
            def __init__(self, fields: Any) -> None:
                self.fields = fields

            def provide(self) -> Any:
                return provided

        return {**made, "T.Settings": Settings}

    def _invocable(self, name: str, of: Shape, rng: random.Random) -> Any:
        async def call(inputs: Any) -> Any:
            for _ in range(rng.randint(0, 3)):
                await asyncio.sleep(0)
            if name in self.fails and rng.random() < 0.3:
                raise Failure("gone", code=rng.choice(self.fails[name]), outcome="failed")
            return of.sample(rng)

        return call


def whole(seed: int) -> Whole:
    return _Maker(random.Random(seed)).whole()


@dataclass
class _Scope:
    """What may be read at a place, sample values for it, and conditions that were asked."""

    reads: list[Read]
    samples: dict[str, Any]
    conditions: list[str] = field(default_factory=list)


@dataclass
class _Callee:
    """What can be called: its reference, its arguments, a sample of what it gives."""

    reference: dict[str, Any]
    inputs: Shape
    sample: Any


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.callees: list[_Callee] = []
        self.base: list[Read] = []
        self.samples: dict[str, Any] = {}
        self.count = 0

    # Documents

    def whole(self) -> Whole:
        rng = self.rng
        variables = {name: self.shape() for name in ("v", "w")}
        provided = self.record(("f", "g"))
        outputs: dict[str, Shape] = {}
        fails: dict[str, list[Any]] = {}
        documents = [self.module(variables), *self.settings(provided)]
        self.samples = {
            "vars": {name: one.known for name, one in variables.items()},
            "resources": {"Words": provided.known},
        }
        for name, one in variables.items():
            self.base += reads(rng, f"vars.{name}", one.known, 2)
        self.base += reads(rng, "resources.Words", provided.known, 2)[1:]
        documents += [self.kind(name, outputs, fails) for name in ("A", "B", "C")]
        if rng.random() < 0.6:
            documents += self.bodied()
        for name in ("Second", "First")[: rng.randint(0, 2)]:
            documents.append(self.sequence(name, rng.choice((0, 1)))[0])
        main, inputs = self.sequence("Main", rng.choice((1, 2, 2, 3)))
        arguments = {called_name(one.reference): one.inputs.known for one in self.callees}
        made = [*documents, main]
        return Whole(made, inputs, outputs, fails, variables, provided, arguments)

    def module(self, variables: dict[str, Shape]) -> dict[str, Any]:
        declared = {name: {**one.written, "default": one.known} for name, one in variables.items()}
        return {"kind": "Kernel.Module", "metadata": {"name": "M"}, "vars": declared}

    def settings(self, provided: Shape) -> list[dict[str, Any]]:
        definition = {
            "kind": "Kernel.Definition",
            "metadata": {"name": "Settings", "module": "T"},
            "capability": "Provider",
            "schema": SIMPLE,
            "outputs": provided.written,
        }
        return [definition, {"kind": "T.Settings", "metadata": {"name": "Words"}}]

    def kind(
        self, name: str, outputs: dict[str, Shape], fails: dict[str, list[Any]]
    ) -> dict[str, Any]:
        inputs, given = self.record(("p", "q")), self.shape(3)
        outputs[f"T.{name}"] = given
        codes = self.rng.choice((["GONE"], ["GONE"], [404], ["GONE", 404]))
        if self.rng.random() < 0.3:
            fails[f"T.{name}"] = codes
        self.callees.append(_Callee({"kind": f"T.{name}"}, inputs, given.known))
        return {
            "kind": "Kernel.Definition",
            "metadata": {"name": name, "module": "T"},
            "capability": "Invocable",
            "inputs": inputs.written,
            "outputs": given.written,
            "safety": "idempotent",
            "errors": {_key(one): {"retryable": True, "outcome": "failed"} for one in codes},
        }

    def bodied(self) -> list[dict[str, Any]]:
        """A kind with a body over the fields of its resources, and one of these."""
        fields, inputs = self.record(("k", "l")), self.record(("p", "q"))
        samples = {**self.samples, "self": fields.known, "inputs": inputs.known}
        found = reads(self.rng, "self", fields.known)[1:] + reads(self.rng, "inputs", inputs.known)
        scope = _Scope([*self.base, *found], samples)
        body: dict[str, Any] = {"steps": self.steps(scope, 1)}
        body["result"], sample = self.result(scope)
        definition: dict[str, Any] = {
            "kind": "Kernel.Definition",
            "metadata": {"name": "Bodied", "module": "T"},
            "capability": "Invocable",
            "schema": fields.written,
            "inputs": inputs.written,
            "body": body,
        }
        if self.rng.random() < 0.4:
            given = self.shape()
            definition["outputs"], sample = given.written, given.known
            body["result"] = given.known
        reference = {"kind": "T.Bodied", "name": "One"}
        self.callees.append(_Callee(reference, inputs, sample))
        return [definition, {"kind": "T.Bodied", "metadata": {"name": "One"}, **fields.known}]

    def sequence(self, name: str, depth: int) -> tuple[dict[str, Any], Shape]:
        rng = self.rng
        inputs = self.record(("x", "y"), {"flag": {"type": "boolean"}})
        samples = {**self.samples, "inputs": inputs.known}
        scope = _Scope([*self.base, *reads(rng, "inputs", inputs.known)], samples)
        scope.conditions += ["inputs.flag", "has(inputs.x)"]
        made: dict[str, Any] = {
            "kind": "Run.Sequence",
            "metadata": {"name": name},
            "inputs": inputs.written,
            "steps": self.steps(scope, depth),
        }
        sample: Any = None
        if rng.random() < 0.9:
            made["result"], sample = self.result(scope)
        if name != "Main":
            reference = {"kind": "Run.Sequence", "name": name}
            self.callees.append(_Callee(reference, inputs, sample))
        return made, inputs

    # Schemas and values

    def shape(self, depth: int = 2) -> Shape:
        for _ in range(20):
            written = shape(self.rng, depth)
            if depth < DEPTH:
                written = told(written)
            made = Shape(written, compile_schema(written))
            try:
                made.known = value(self.rng, made.compiled, written)
                return made
            except SchemaError:
                continue
        return Shape({"type": "integer"}, compile_schema({"type": "integer"}), 1)

    def record(self, names: tuple[str, ...], more: dict[str, Any] | None = None) -> Shape:
        parts = {name: self.shape() for name in names}
        required = [name for name in names if self.rng.random() < 0.6]
        written = {
            "type": "object",
            "properties": {name: one.written for name, one in parts.items()} | (more or {}),
            "required": [*required, *(more or {})],
            "additionalProperties": False,
        }
        known = {name: one.known for name, one in parts.items()}
        made = Shape(written, compile_schema(written))
        made.known = made.compiled.conform({**known, **dict.fromkeys(more or (), True)})
        return made

    def maker(self, scope: _Scope) -> Signed:
        chosen = self.rng.sample(scope.reads, min(len(scope.reads), 25))
        late = [one for one in scope.reads[-12:] if one not in chosen]
        return Signed(self.rng, [*chosen, *late], 0.15)

    def expression(self, scope: _Scope, kind: str | None = None, depth: int = 1) -> str:
        for _ in range(10):
            made = self.maker(scope).expression(kind, self.rng.choice((0, depth, depth)))
            if not any(name in made for name in UNKNOWN):
                return made
        return "true" if kind == "bool" else "1"

    def condition(self, scope: _Scope) -> str:
        rng = self.rng
        if scope.conditions and rng.random() < 0.65:
            made = rng.choice(scope.conditions)
            if rng.random() < 0.25:
                made = f"!({made})"
            if rng.random() < 0.2:
                made = f"({made}) {rng.choice(('&&', '||'))} ({rng.choice(scope.conditions)})"
            return made
        made = self.expression(scope, "bool")
        scope.conditions.append(made)
        return made

    def given(self, scope: _Scope, part: Any) -> Any:
        """What is passed at a place: something that is read, an expression, or a constant."""
        rng = self.rng
        sample = guess(rng, part, part)
        roll = rng.random()
        if roll < 0.45:
            for one in rng.sample(scope.reads, min(len(scope.reads), 12)):
                try:
                    compile_schema(part).conform(one.value)
                except SchemaError:
                    continue
                return bracketed(self.maker(scope).read(one))
        if roll < 0.55:
            return bracketed(self.expression(scope))
        return sample

    def result(self, scope: _Scope) -> tuple[Any, Any]:
        if self.rng.random() < 0.4:
            made = {name: self.expression(scope) for name in ("m", "n")}
            given = {name: bracketed(one) for name, one in made.items()}
            return given, {name: self.sampled(one, scope) for name, one in made.items()}
        whole = self.expression(scope, None, 2)
        return bracketed(whole), self.sampled(whole, scope)

    def sampled(self, expression: str, scope: _Scope) -> Any:
        try:
            found = compile(expression).evaluate(scope.samples)
            json.dumps(found)
            return found
        except (CelError, TypeError, ValueError):
            return None

    # Steps

    def steps(self, scope: _Scope, depth: int) -> list[Any]:
        made = [self.step(scope, depth) for _ in range(self.rng.choice((1, 2, 2, 3)))]
        return [step for steps in made for step in steps]

    def step(self, scope: _Scope, depth: int) -> list[Any]:
        forms = [self.call, self.call, self.call, self.computed, self.computed]
        forms += [self.guard] if self.rng.random() < 0.3 else []
        forms += [self.pause] if self.rng.random() < 0.3 else []
        if depth > 0:
            forms += [self.branch, self.branch, self.choice, self.each, self.loop, self.loop]
            forms += [self.together, self.together, self.boundary, self.boundary]
        self.count += 1
        name = f"S{self.count}"
        guards: tuple[str, ...] = ()
        when = self.condition(scope) if self.rng.random() < 0.3 else None
        made, sample = self.rng.choice(forms)(scope, depth - 1)
        made["name"] = name
        if when is not None:
            made["when"] = bracketed(when)
            guards = self.rng.choice(((when,), (f"has(steps.{name}.result)",), ()))
        self.seen(scope, name, sample, guards)
        return [made]

    def seen(self, scope: _Scope, name: str, sample: Any, guards: tuple[str, ...]) -> None:
        found = reads(self.rng, f"steps.{name}.result", sample, 2)
        for one in found:
            scope.reads.append(Read(one.text, one.kind, one.value, (*guards, *one.guards)))
        scope.samples["steps"] = {
            **scope.samples.get("steps", {}),
            name: {"result": sample, "skipped": False},
        }
        tests = [f"has(steps.{name}.result)", f"has(steps.{name}.skipped)"]
        tests += [f"has(steps.{name}) && steps.{name}.skipped"] if self.rng.random() < 0.2 else []
        scope.conditions.append(self.rng.choice(tests))

    def call(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        callee = self.rng.choice(self.callees)
        wanted = callee.inputs.written
        inputs = {
            name: self.given(scope, part)
            for name, part in wanted["properties"].items()
            if name in wanted["required"] or self.rng.random() < 0.5
        }
        return {"invoke": dict(callee.reference), "inputs": inputs}, callee.sample

    def computed(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        if self.rng.random() < 0.3 and scope.reads:
            one = self.rng.choice(scope.reads)
            return {"value": bracketed(self.maker(scope).read(one))}, one.value
        made = self.expression(scope)
        return {"value": bracketed(made)}, self.sampled(made, scope)

    def guard(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        """What ends the walk unless a condition holds."""
        condition = self.condition(scope)
        code = self.rng.choice(("ENDED", "ENDED", 409, bracketed(self.expression(scope))))
        thrown = [{"throw": {"code": code}}]
        if self.rng.random() < 0.3:
            return {"if": bracketed(condition), "then": self.steps(scope, 0), "else": thrown}, None
        return {"if": bracketed(f"!({condition})"), "then": thrown}, None

    def pause(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        """What takes a number of milliseconds that is computed, and a pattern of events."""
        rng, number = self.rng, self.expression(scope, "int", 0)
        forms = (f"({number}) % 3", f"({number}) % 3 + 2", f"double(({number}) % 3 + 2) / 2.0")
        asked = (f"({number}) > 0 ? 1 : 0", f"({number}) in [0, 1, 2] ? ({number}) : 1")
        duration = bracketed(rng.choice((*forms, *asked)))
        if rng.random() < 0.6:
            return {"sleep": duration}, None
        event = bracketed(self.expression(scope, "string", 0))
        pattern = rng.choice((event, f"never:{event}", f"{event}:never"))
        waits = {"name": f"W{self.count}", "waitFor": pattern, "timeout": duration}
        return {"try": [waits], "catch": [{"value": 1}]}, 1

    def branch(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        condition = self.condition(scope)
        made: dict[str, Any] = {"if": bracketed(condition)}
        made["then"] = self.inner(scope, depth, (condition,))
        if self.rng.random() < 0.3:
            other = self.condition(scope)
            then = self.inner(scope, depth, (f"!({condition})", other))
            made["elseif"] = [{"if": bracketed(other), "then": then}]
        if self.rng.random() < 0.5:
            made["else"] = self.inner(scope, depth, (f"!({condition})",))
        return made, None

    def inner(self, scope: _Scope, depth: int, guards: tuple[str, ...]) -> list[Any]:
        """Steps in a way that is taken under some conditions; those after it may know them."""
        before = len(scope.reads)
        made = self.steps(scope, depth)
        for number in range(before, len(scope.reads)):
            one = scope.reads[number]
            if self.rng.random() < 0.6:
                scope.reads[number] = Read(one.text, one.kind, one.value, (*guards, *one.guards))
        return made

    def choice(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        kind = self.rng.choice(("string", "bool", "int"))
        keys = {"string": ["a", "b", "paid"], "bool": [True, False], "int": [0, 1, 2]}[kind]
        subject = self.expression(scope, kind, 0)
        if kind == "int" and self.rng.random() < 0.5:
            subject = f"(({subject}) % 2 == 0 ? 0 : ({subject}) > 0 ? 1 : 2)"
        cases = {
            key: self.inner(scope, depth, (f"{subject} == {json.dumps(key)}",))
            for key in self.rng.sample(keys, self.rng.randint(1, len(keys)))
        }
        if kind == "bool":
            cases = {str(key).lower(): steps for key, steps in cases.items()}
            subject = f"string({subject})"
        cases = {_key(key): steps for key, steps in cases.items()}
        made: dict[str, Any] = {"switch": bracketed(subject), "cases": cases}
        if self.rng.random() < 0.5:
            made["default"] = self.steps(scope, depth)
        return made, None

    def each(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        rng = self.rng
        lists = [one for one in scope.reads if isinstance(one.value, list) and one.value]
        items: Any = [1, 2, 3]
        sample: Any = 1
        if lists and rng.random() < 0.8:
            one = rng.choice(lists)
            items, sample = bracketed(self.maker(scope).read(one)), one.value[0]
        outer = _Scope(list(scope.reads), dict(scope.samples), list(scope.conditions))
        inside = _Scope([*scope.reads, *reads(rng, "item", sample, 2)], dict(scope.samples))
        inside.samples |= {"item": sample, "index": 0}
        inside.conditions += [*scope.conditions, "index > 0", "index % 2 == 0"]
        made: dict[str, Any] = {"forEach": items, "do": self.steps(inside, depth)}
        if rng.random() < 0.5:
            result = self.expression(inside)
            made["result"], sample = bracketed(result), self.sampled(result, inside)
        if rng.random() < 0.4:
            made["parallelism"] = 3
        if rng.random() < 0.1:
            scope.reads += inside.reads[len(outer.reads) :]
        return made, [sample]

    def loop(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        rng = self.rng
        body = self.steps(scope, depth)
        for _ in range(rng.choice((0, 1, 1, 2))):
            # What stands first reads what comes after it, of the round before.
            body[rng.randint(0, len(body)) : 0] = self.step(scope, 0)
        word = rng.choice(("until", "until", "while"))
        condition = bracketed(self.condition(scope))
        return {"do": body, word: condition, "maxIterations": rng.randint(2, 3)}, None

    def together(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        names = ("left", "right", "middle")[: self.rng.choice((2, 2, 3))]
        return {"parallel": {name: self.steps(scope, depth) for name in names}}, None

    def boundary(self, scope: _Scope, depth: int) -> tuple[dict[str, Any], Any]:
        rng = self.rng
        made: dict[str, Any] = {"try": self.steps(scope, depth)}
        if rng.random() < 0.75:
            scope.reads += _of_error(())
            scope.conditions += ["error.message == 'gone'", "error.code == 'GONE'"]
            made["catch"] = [*self.handler(scope, depth), *self.steps(scope, depth)]
        if "catch" not in made or rng.random() < 0.3:
            scope.reads += _of_error(("error != null",))
            made["finally"] = self.steps(scope, depth)
        return made, None

    def handler(self, scope: _Scope, depth: int) -> list[Any]:
        """Perhaps a choice by the code; of the kernel's own codes none is expected."""
        if self.rng.random() < 0.6:
            return []
        cases = {
            _key(key): self.steps(scope, min(depth, 0))
            for key in self.rng.sample(("GONE", 404, "ENDED"), self.rng.randint(1, 3))
        }
        self.count += 1
        return [{"name": f"Code{self.count}", "switch": "${{ error.code }}", "cases": cases}]


def _of_error(guards: tuple[str, ...]) -> list[Read]:
    """What is read of an error, under these guards."""
    return [
        Read("error.message", "string", "gone", guards),
        Read("error.code", "string", "GONE", (*guards, "type(error.code) == string")),
        Read("error.code", "int", 404, (*guards, "type(error.code) == int")),
        Read("string(error.code)", "string", "GONE", guards),
        Read("error.step", "string", "S1", (*guards, "error.step != null")),
    ]


def _key(key: Any) -> Any:
    """A key as it is put into JSON, which has no numbers there."""
    return f"int:{key}" if type(key) is int else key


def called_name(reference: dict[str, Any]) -> str:
    return f"{reference['kind']}/{reference.get('name', '')}"


def bracketed(expression: str) -> str:
    return "${{ " + expression + " }}"


# What the analyzer finds is taken out ------------------------------------------------------------


def without(whole: Whole, number: int, path: Path) -> None:
    """Take out what is at a place: an argument, a condition, or the step that it stands in."""
    document = whole.documents[number]
    place: Any = document
    chain: list[tuple[Any, Any]] = []
    for key in path:
        if not (key in place if isinstance(place, dict) else _is_in(place, key)):
            break
        chain.append((place, key))
        place = place[key]
    for owner, key in reversed(chain):
        if _mended(whole, document, owner, key, path):
            return
    document.clear()
    document |= GONE


def _is_in(place: Any, key: Any) -> bool:
    return isinstance(place, list) and isinstance(key, int) and key < len(place)


GONE: dict[str, Any] = {"kind": "Kernel.Module", "metadata": {"name": "Gone"}}


def _mended(whole: Whole, document: dict[str, Any], owner: Any, key: Any, path: Path) -> bool:
    if isinstance(owner, list):
        if isinstance(owner[key], dict) and "name" in owner[key]:
            owner[key] = {"name": owner[key]["name"], "value": "taken out"}
            return True
        return False
    if key in ("when", "needs"):
        del owner[key]
    elif key in ("if", "until", "while") and owner[key] is not True:
        asks = "flag" in document.get("inputs", {}).get("properties", {})
        flag = "${{ inputs.flag }}"
        owner[key] = flag if asks and owner[key] != flag else True
    elif key == "forEach" and owner[key] != [1, 2]:
        owner[key] = [1, 2]
    elif key == "inputs" and "invoke" in owner and len(path) > path.index("inputs") + 1:
        return _known_argument(whole, owner, path[path.index("inputs") + 1])
    elif key == "result":
        owner[key] = "taken out"
    elif key in ("steps", "nodes") and len(path) == path.index(key) + 1:
        owner["result"] = "taken out"
    else:
        return False
    return True


def _known_argument(whole: Whole, site: dict[str, Any], name: Any) -> bool:
    known = whole.arguments[called_name(site["invoke"])]
    if name in known and site["inputs"].get(name) != known[name]:
        site["inputs"][name] = known[name]
    elif name not in known and name in site["inputs"]:
        del site["inputs"][name]
    else:
        return False
    return True
