"""Generated expressions: the signatures of all functions, over what is there in sample values.

A path is read off a value that conforms, so that it can be there; whether it always is, its guards
say, some of which are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel.cel.functions import TABLE
from kernel.cel.functions.table import Overload
from kernel.cel.parser import parse
from kernel.cel.tree import children, walk

KINDS = ("bool", "bool", "int", "int", "double", "string", "list(T)", "map(K, V)", "dyn")


@dataclass(frozen=True)
class Read:
    """A path with the kind of its value in a sample, and what makes sure that it can be read."""

    text: str
    kind: str
    value: Any
    guards: tuple[str, ...]


@dataclass
class Signed:
    """Makes expressions over names; ``samples`` gives values of them."""

    rng: random.Random
    reads: list[Read]
    left_out: float = 0.06
    count: int = 0
    bound: list[tuple[str, str]] = field(default_factory=list)

    def expression(self, kind: str | None = None, depth: int = 3) -> str:
        return self.of(kind or self.rng.choice(KINDS), depth)

    def of(self, kind: str, depth: int) -> str:
        rng = self.rng
        if kind in ("T", "dyn", "A", "B", "V"):
            kind = rng.choice(("bool", "int", "double", "string", "list(T)", "map(K, V)"))
        if rng.random() < 0.03:
            kind = rng.choice(KINDS[:-1])
        if depth <= 0 or rng.random() < 0.25:
            return self.leaf(kind)
        makers: list[Callable[[str, int], str]] = [self.call, self.call, self.choose, self.built]
        makers += [self.macro, self.macro, self.bind]
        if kind == "bool":
            makers += [self.logic, self.logic, self.compared]
        return rng.choice(makers)(kind, depth - 1)

    # Leaves

    def leaf(self, kind: str) -> str:
        rng = self.rng
        names = [name for name, of in self.bound if of == kind]
        if names and rng.random() < 0.5:
            return rng.choice(names)
        fitting = [one for one in self.reads if one.kind == kind]
        if fitting and rng.random() < 0.75:
            return self.read(rng.choice(fitting))
        return self.constant(kind)

    def read(self, read: Read) -> str:
        rng = self.rng
        guards = [one for one in read.guards if rng.random() >= self.left_out]
        other = self.constant(read.kind)
        if not guards:
            return read.text
        every = " && ".join(guards)
        shapes = [f"({every} ? {read.text} : {other})"] * 2
        nested = read.text
        for one in reversed(guards):
            nested = f"({one} ? {nested} : {other})"
        shapes.append(nested)
        shapes.append(f"(!({every}) ? {other} : {read.text})")
        if read.kind == "bool":
            shapes += [f"({every} && {read.text})", f"(!({every}) || {read.text})"]
            shapes += [f"({read.text} && {every})"]
        return rng.choice(shapes)

    def constant(self, kind: str) -> str:
        return self.rng.choice(_CONSTANTS.get(kind, ("null", "1", "'a'")))

    # Structures

    def call(self, kind: str, depth: int) -> str:
        fitting = _BY_RESULT.get(kind) or _BY_RESULT["T"]
        if self.rng.random() < 0.1:
            fitting = fitting + _BY_RESULT["dyn"]
        name, overload = self.rng.choice(fitting)
        same = self.rng.choice(("int", "string", "double", "bool"))
        args = [self.of(_meant(one, same), depth) for one in overload.parameters]
        if overload.variadic and self.rng.random() < 0.4:
            args.append(self.of(_meant(overload.parameters[-1], same), depth))
        if name in ("matches", "regex.replace", "regex.extract", "regex.extractAll"):
            args[1] = self.rng.choice(("'a'", "'[a-z]+'", "'(a)b?'"))
        if name == "format":
            args[0] = self.rng.choice(("'%s'", "'%s %s'", "'%d'", "'%.1f %s'", "'%x'"))
            args[1] = f"[{self.of('dyn', depth)}, {self.of('dyn', depth)}]"
        return _written(name, overload, args)

    def choose(self, kind: str, depth: int) -> str:
        return f"({self.of('bool', depth)} ? {self.of(kind, depth)} : {self.of(kind, depth)})"

    def logic(self, kind: str, depth: int) -> str:
        sign = self.rng.choice(("&&", "||"))
        return f"({self.of('bool', depth)} {sign} {self.of('bool', depth)})"

    def compared(self, kind: str, depth: int) -> str:
        of = self.rng.choice(("int", "double", "string", "dyn"))
        other = self.rng.choice((of, of, "dyn"))
        sign = self.rng.choice(("==", "!=", "==", "<", ">="))
        return f"({self.of(of, depth)} {sign} {self.of(other, depth)})"

    def built(self, kind: str, depth: int) -> str:
        one, rng = self.of, self.rng
        match kind:
            case "list(T)":
                inner = rng.choice(("int", "string", "dyn"))
                return f"[{one(inner, depth)}, {one(inner, depth)}]"
            case "map(K, V)":
                key = rng.choice(("'k'", "'a'", "1", "true", one("string", depth)))
                return f"{{{key}: {one('dyn', depth)}, 'q': {one('int', depth)}}}"
            case "optional(T)":
                return f"optional.of({one('int', depth)})"
            case _:
                forms = (
                    f"[{one(kind, depth)}][0]",
                    f"{{'k': {one(kind, depth)}, 'w': {one('dyn', depth)}}}.k",
                    f"optional.of({one(kind, depth)}).orValue({one(kind, depth)})",
                    f"[{one(kind, depth)}, {one(kind, depth)}][{rng.choice('01')}]",
                    f"{{'k': {one(kind, depth)}}}[?'k'].orValue({one(kind, depth)})",
                    f"{one('list(T)', depth)}[?0].optMap(o, {one(kind, depth)})"
                    f".orValue({one(kind, depth)})",
                )
                return rng.choice(forms)

    def bind(self, kind: str, depth: int) -> str:
        of = self.rng.choice(("int", "string", "list(T)", "map(K, V)", kind))
        name = self.name()
        value = self.of(of, depth)
        return f"cel.bind({name}, {value}, {self.inside(((name, of),), kind, depth)})"

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def inside(self, names: tuple[tuple[str, str], ...], kind: str, depth: int) -> str:
        self.bound += names
        made = self.of(kind, depth)
        del self.bound[len(self.bound) - len(names) :]
        return made

    def macro(self, kind: str, depth: int) -> str:
        rng = self.rng
        fitting = [one for one in self.reads if isinstance(one.value, (list, dict)) and one.value]
        if not fitting:
            return self.leaf(kind)
        over = rng.choice(fitting)
        is_list = isinstance(over.value, list)
        name, second = self.name(), self.name()
        before = len(self.reads)
        samples = over.value if is_list else [*over.value]
        self.reads += reads(rng, name, rng.choice(samples), 2)
        if not is_list and rng.random() < 0.7:
            part = rng.choice([*over.value.values()])
            self.reads += reads(rng, f"{over.text}[{name}]", part, 2)
        text = self.over(kind, over, name, second, depth)
        del self.reads[before:]
        if not over.guards or rng.random() < self.left_out:
            return text
        return f"({' && '.join(over.guards)} ? {text} : {self.constant(kind)})"

    def over(self, kind: str, over: Read, name: str, second: str, depth: int) -> str:
        rng, text = self.rng, over.text
        condition, result = self.of("bool", depth), self.of("dyn", depth)
        match kind:
            case "bool":
                quantifier = rng.choice(("all", "exists", "exists_one", "existsOne"))
                names = rng.choice((name, name, f"{second}, {name}"))
                return f"{text}.{quantifier}({names}, {condition})"
            case "map(K, V)":
                made = f"{{string({second}): {result}}}"
                forms = (
                    f"{text}.transformMap({second}, {name}, {result})",
                    f"{text}.transformMap({second}, {name}, {condition}, {result})",
                    f"{text}.transformMapEntry({second}, {name}, {made})",
                )
                return rng.choice(forms)
            case "list(T)":
                forms = (
                    f"{text}.map({name}, {result})",
                    f"{text}.map({name}, {condition}, {result})",
                    f"{text}.filter({name}, {condition})",
                    f"{text}.filter({name}, {condition}).map({name}, {result})",
                    f"{text}.transformList({second}, {name}, {result})",
                    f"{text}.transformList({second}, {name}, {condition}, {result})",
                    f"{text}.sortBy({name}, {self.of(rng.choice(('int', 'string')), depth)})",
                )
                return rng.choice(forms)
        inner = self.of(kind, depth)
        found = f"{text}.map({name}, {inner})"
        return rng.choice(
            (f"{found}[?0].orValue({self.constant(kind)})", f"(size({text}) > 0 ? {found}[0]"
             f" : {self.constant(kind)})", f"{found}.first().orValue({self.of(kind, depth)})")
        )  # fmt: skip


_CONSTANTS: Mapping[str, tuple[str, ...]] = {
    "bool": ("true", "false"),
    "int": ("0", "1", "-2", "3"),
    "uint": ("0u", "3u"),
    "double": ("0.5", "1.0", "-2.0"),
    "string": ("''", "'a'", "'paid'", "'a,b'"),
    "bytes": ("b'a'", "b''"),
    "list(T)": ("[]", "[1]", "['a', 'b']", "[1, 2.5]", "[null]"),
    "list(int)": ("[]", "[1]", "[1, 2]"),
    "list(string)": ("[]", "['a']", "['a', 'b']"),
    "list(dyn)": ("[1, 'a']", "[[1], [2]]", "[1, [2]]"),
    "list(optional(T))": ("[optional.of(1)]", "[optional.of('a'), optional.none()]"),
    "map(K, V)": ("{}", "{'a': 1}", "{1: 'a'}", "{'k': [1], 'q': null}"),
    "timestamp": ("timestamp('2024-01-02T03:04:05Z')", "timestamp(0)"),
    "duration": ("duration('1h')", "duration('-3s')"),
    "optional(T)": ("optional.of(1)", "optional.none()"),
    "optional(string)": ("optional.of('a')",),
}


def _meant(parameter: str, same: str) -> str:
    if parameter in ("T", "K"):
        return same
    return f"list({same})" if parameter == "list(T)" and same in ("int", "string") else parameter


def _by_result() -> dict[str, list[tuple[str, Overload]]]:
    made: dict[str, list[tuple[str, Overload]]] = {}
    for name, function in TABLE.items():
        for overload in function.overloads:
            made.setdefault(overload.result, []).append((name, overload))
    generic = made["T"] + made["dyn"]
    for kind in ("bool", "int", "double", "string"):
        made[kind] = made[kind] * 2 + generic
    made["list(T)"] += made["list(string)"] + made["list(int)"]
    return made


_BY_RESULT = _by_result()


def _written(name: str, overload: Overload, args: list[str]) -> str:
    if name == "_[_]":
        return f"{args[0]}[{args[1]}]"
    if not name[0].isalpha():
        sign = name.strip("_")
        return f"({sign}{args[0]})" if len(args) == 1 else f"({args[0]} {sign} {args[1]})"
    if overload.receiver:
        return f"{args[0]}.{name}({', '.join(args[1:])})"
    return f"{name}({', '.join(args)})"


def reads(rng: random.Random, text: str, value: Any, depth: int = 4) -> list[Read]:
    """What can be read of a sample value, each with its guards."""
    found: list[Read] = []
    _walk(rng, found, text, value, (), depth)
    return found


def _walk(
    rng: random.Random,
    found: list[Read],
    text: str,
    value: Any,
    guards: tuple[str, ...],
    depth: int,
) -> None:
    kind = kind_of(value)
    found.append(Read(text, kind, value, (*guards, *_kind_guard(rng, text, kind, value))))
    if depth == 0:
        return
    if isinstance(value, dict):
        typed = (*guards, *_map_guard(rng, text))
        for name, part in value.items():
            if not isinstance(name, str):
                continue
            plain = name.isidentifier()
            path = f"{text}.{name}" if plain and rng.random() < 0.8 else f"{text}['{name}']"
            tests = [f"has({text}.{name})"] * 2 if plain else []
            test = rng.choice([*tests, f"'{name}' in {text}"])
            more = (test,)
            if isinstance(value.get("tag"), str) and name != "tag" and rng.random() < 0.6:
                tag = f"{text}.tag == '{value['tag']}'"
                more = (tag, test) if rng.random() < 0.5 else (tag,)
            more = () if rng.random() < 0.15 else more
            _walk(rng, found, path, part, (*typed, *more), depth - 1)
    if isinstance(value, list) and value:
        at = rng.randrange(len(value))
        test = rng.choice([f"size({text}) > {at}", f"{text}.size() >= {at + 1}"])
        typed = (*guards, *_list_guard(rng, text))
        _walk(rng, found, f"{text}[{at}]", value[at], (*typed, test), depth - 1)


def _kind_guard(rng: random.Random, text: str, kind: str, value: Any) -> tuple[str, ...]:
    names = {"list(T)": "list", "map(K, V)": "map", "null": "null_type"}
    roll = rng.random()
    if roll < 0.3:
        return (f"type({text}) == {names.get(kind, kind)}",)
    if roll < 0.4:
        return (f"{text} != null",)
    if roll < 0.45 and isinstance(value, str):
        return (f"{text} in ['{value}', 'zz']",)
    return ()


def _map_guard(rng: random.Random, text: str) -> tuple[str, ...]:
    return rng.choice(((), (), (f"type({text}) == map",), (f"{text} != null",)))


def _list_guard(rng: random.Random, text: str) -> tuple[str, ...]:
    return rng.choice(((), (), (f"type({text}) == list",), (f"{text} != null",)))


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in the words of signatures."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "double"
        case str():
            return "string"
        case list():
            return "list(T)"
    return "map(K, V)"


def smaller(expression: str, fails: Callable[[str], bool]) -> str:
    """A smaller expression that fails too: parts are put in the place of wholes."""
    again = True
    while again:
        again = False
        for node in walk(parse(expression)):
            whole = expression[node.offset : node.end]
            parts = [expression[one.offset : one.end] for one in children(node)]
            for part in sorted([*parts, "1", "true", "'a'", "[]"], key=len):
                made = f"{expression[: node.offset]}({part}){expression[node.end :]}"
                made = made if len(part) > 6 else made.replace(f"({part})", part, 1)
                if len(part) < len(whole) and len(made) < len(expression) and _holds(fails, made):
                    expression, again = made, True
                    break
            if again:
                break
    return expression


def _holds(fails: Callable[[str], bool], expression: str) -> bool:
    try:
        return fails(expression)
    except Exception:
        return False
