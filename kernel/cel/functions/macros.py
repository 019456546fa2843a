"""The macros: their names, arguments and meaning, for the parser, the tools and the documents."""

from __future__ import annotations

import re
from typing import Final

from kernel.structs import struct


@struct
class MacroDoc:
    """A macro: ``counts`` are the numbers of arguments with which its name is the macro.

    ``declared`` gives for each of them how many arguments declare a variable. ``example`` is an
    expression that is true.
    """

    name: str
    library: str
    receiver: bool
    counts: tuple[int, ...]
    declared: tuple[int, ...]
    form: str
    doc: str
    example: str

    def variables(self, count: int) -> int:
        """How many of ``count`` arguments declare a variable."""
        return self.declared[self.counts.index(count)]


_RECEIVERS = ("range", "list", "optional")


def _macro(library: str, form: str, doc: str, example: str) -> MacroDoc:
    """``form``: the macro as it is written; arguments of one letter declare a variable."""
    written_args = [written.split(", ") for written in re.findall(r"\((.*?)\)", form)]
    written = form.partition("(")[0]
    before, _, after = written.partition(".")
    receiver = before in _RECEIVERS
    counts = tuple(map(len, written_args))
    declared = tuple(sum(len(arg) == 1 for arg in args) for args in written_args)
    name = after if receiver else written
    return MacroDoc(name, library, receiver, counts, declared, form, doc, example)


_ALL = (
    _macro(
        "standard",
        "has(e.f)",
        "Whether the map `e` has the key `f`.",
        "has({'a': 1}.a) && !has({'a': 1}.b)",
    ),
    _macro(
        "standard",
        "range.all(x, predicate), range.all(i, v, predicate)",
        "Whether the predicate holds for every element of a list or key of a map; "
        "one false outweighs errors.",
        "[1, 2].all(x, x > 0) && [5, 6].all(i, v, v == i + 5)",
    ),
    _macro(
        "standard",
        "range.exists(x, predicate), range.exists(i, v, predicate)",
        "Whether the predicate holds for some element or key; one true outweighs errors.",
        "[1, 2].exists(x, x > 1) && {'a': 1}.exists(k, v, k == 'a' && v == 1)",
    ),
    _macro(
        "standard",
        "range.exists_one(x, predicate), range.exists_one(i, v, predicate)",
        "Whether the predicate holds for exactly one element or key; an error is an error.",
        "[1, 2].exists_one(x, x > 1)",
    ),
    _macro(
        "comprehensions",
        "range.existsOne(x, predicate), range.existsOne(i, v, predicate)",
        "The same as `exists_one`.",
        "[1, 2].existsOne(i, v, v > 1)",
    ),
    _macro(
        "standard",
        "range.map(x, value), range.map(x, predicate, value)",
        "The list of the values for the elements or keys (for which the predicate holds).",
        "[1, 2].map(x, x * 2) == [2, 4] && [1, 2].map(x, x > 1, x * 2) == [4]",
    ),
    _macro(
        "standard",
        "range.filter(x, predicate)",
        "The list of the elements or keys for which the predicate holds.",
        "[1, 2].filter(x, x > 1) == [2]",
    ),
    _macro(
        "comprehensions",
        "range.transformList(i, v, value), range.transformList(i, v, predicate, value)",
        "The list of the values for the entries (for which the predicate holds).",
        "[5, 6].transformList(i, v, v - i) == [5, 5]",
    ),
    _macro(
        "comprehensions",
        "range.transformMap(k, v, value), range.transformMap(k, v, predicate, value)",
        "The map with the same keys and the values for the entries.",
        "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    ),
    _macro(
        "comprehensions",
        "range.transformMapEntry(k, v, {key: value}), "
        "range.transformMapEntry(k, v, predicate, {key: value})",
        "The map of the entries that the map literals give; a key that comes twice is an error.",
        "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
    ),
    _macro(
        "lists",
        "list.sortBy(x, key)",
        "The elements in the order of their keys, equal keys in the order of the list.",
        "['bb', 'a'].sortBy(s, s.size()) == ['a', 'bb']",
    ),
    _macro(
        "bindings",
        "cel.bind(x, value, expression)",
        "The expression, with a name for a value in it.",
        "cel.bind(x, 2, x * x) == 4",
    ),
    _macro(
        "optionals",
        "optional.optMap(x, value)",
        "The optional of the value for what is in the optional; none for none.",
        "optional.of(1).optMap(x, x + 1) == optional.of(2)",
    ),
    _macro(
        "optionals",
        "optional.optFlatMap(x, optional)",
        "The optional that the expression gives for what is in the optional; none for none.",
        "optional.of({'a': 1}).optFlatMap(x, x.?a) == optional.of(1)",
    ),
)

MACROS: Final[dict[str, MacroDoc]] = {macro.name: macro for macro in _ALL}
"""The macros by name."""
