"""K201 to K210: references, and values against the contract of the place that takes them.

The same mistake breaks another rule at another place: `Place` says which (also K003, K007, K206).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from analyzer.findings.finding import Finding
from analyzer.findings.message import Message
from analyzer.types import Type
from kernel.structs import struct

MAX_NAMES_SHOWN: Final = 8
"""With more names, none are listed."""


@struct
class Place:
    """What takes a value: the rules that a value may break there, and what people call it."""

    missing: str
    unknown: str
    type: str
    constant: str
    what: str


INPUT: Final = Place("K204", "K205", "K206", "K207", "input")
OUTPUT: Final = Place("K208", "K208", "K208", "K208", "output")
VARIABLE: Final = Place("K204", "K205", "K206", "K207", "variable")
SECRET: Final = Place("K204", "K205", "K206", "K207", "secret")
FIELD: Final = Place("K007", "K003", "K206", "K007", "field")


def cycle(labels: Collection[str], first: str) -> Message:
    return Message("K203", f"references in a circle: {' → '.join(labels)} → {first}")


def missing(place: Place, owner: str, path: str, type_: Type, near: str | None) -> Message:
    """A value that must be given; ``near`` is a similar name that was given."""
    more = f"; is it `{near}`?" if near else ""
    return Message(place.missing, f"{owner} needs the {place.what} `{path}` ({type_}){more}")


def not_given(owner: str, name: str, near: str | None) -> Message:
    """K204: an input that nobody declares, and that is read; ``near`` is a name that was given."""
    more = f"; is it `{near}`?" if near else ""
    return Message("K204", f"`{owner}` reads `inputs.{name}`, which this call does not give{more}")


def fails_with_given(owner: str, found: Finding) -> Message:
    """What is wrong in what is called when it is called with these inputs."""
    text = f"with what this call gives, `{owner}` goes wrong: {found.message}"
    return Message(found.code, text, severity=found.weight)


def unknown(
    place: Place, owner: str, path: str, meant: str | None, known: Collection[str]
) -> Message:
    """A name that the place refuses; ``known`` are those that it still takes."""
    more = f"; did you mean `{meant}`?" if meant else ""
    if not meant and known and len(known) <= MAX_NAMES_SHOWN:
        more = f"; it has {', '.join(sorted(known))}"
    return Message(place.unknown, f"{owner} takes no {place.what} `{path}`{more}")


def old_name(old: str, name: str) -> Message:
    """K003: a field is written under its old name, which the kernel still reads."""
    return Message("K003", f"`{old}` is now called `{name}`", severity="warning")


def undeclared(place: Place, owner: str, path: str, meant: str, *, needed: bool) -> Message:
    more = f"; did you mean `{meant}`{', which it needs' if needed else ''}?"
    text = f"{owner} does not declare the {place.what} `{path}`{more}"
    return Message(place.unknown, text, severity=None if needed else "warning")


TAKES_NOTHING: Final = "takes no value: its schema lets none through"


def takes_nothing(place: Place, thing: str) -> Message:
    return Message(place.type, f"{thing} {TAKES_NOTHING}")


def not_json(place: Place, thing: str, but: str) -> Message:
    return Message(place.type, f"{thing} must be JSON, and {but}")


def may_not_fit(place: Place, thing: str, reason: str) -> Message:
    return Message(place.type, f"{thing} may not fit: {reason}", severity="warning")


def constant_out_of_limits(place: Place, thing: str, limits: str, shown: str) -> Message:
    return Message(place.constant, f"{thing} takes {limits}, and this is {shown}")


def constant_of_type(place: Place, thing: str, wanted: Type, shown: str) -> Message:
    return Message(place.type, f"{thing} is {wanted}, and this is {shown}")


def may_be_out_of_limits(place: Place, thing: str, limits: str, example: str) -> Message:
    text = f"{thing} takes {limits}, and this may be {example}"
    return Message(place.type, text, severity="warning")


def may_be_incomplete(place: Place, thing: str, wanted: Type, example: str) -> Message:
    text = f"{thing} is {wanted}, and no schema says that all of it is there: {example}"
    return Message(place.type, text, severity="warning")


def other_type(place: Place, thing: str, wanted: Type, given: Type, example: str) -> Message:
    """A value of another type; ``example`` is such a value, where the type does not tell."""
    more = f", which may be {example}" if example else ""
    return Message(place.type, f"{thing} is {wanted}, and this is {given}{more}")


def results_do_not_fit(topology: str, example: object, outputs: Type | None) -> Message:
    """K208: the results of the steps, which a topology without ``result`` gives."""
    wanted = "they must be JSON" if outputs is None else f"its outputs are {outputs}"
    text = f"`{topology}` gives the results of its steps, which may be {example}"
    return Message("K208", f"{text}; {wanted}")


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`:{name}`" for name in sorted(names))


def no_binding(name: str) -> Message:
    """K210: nothing is bound to a placeholder."""
    return Message("K210", f"nothing is bound to the placeholder `:{name}` of the statement")


def no_placeholder(
    name: str, meant: str | None, other: str | None, known: Collection[str]
) -> Message:
    """K210: a binding of a name that the statement does not have.

    ``meant`` is a similar name that lacks a binding; ``other`` the only one that does.
    """
    more = ""
    if meant:
        more = f"; did you mean `:{meant}`?"
    elif other:
        more = f", and nothing is bound to its `:{other}`"
    elif known and len(known) <= MAX_NAMES_SHOWN:
        more = f"; it has {_listed(known)}"
    return Message("K210", f"the statement has no placeholder `:{name}`{more}")


def binding_count(marks: int, least: int, most: int | None) -> Message:
    """K210: another number of values than of placeholders; ``most`` None is without a bound."""
    placeholders = "1 placeholder" if marks == 1 else f"{marks or 'no'} placeholders"
    bound = f"at most {most}" if marks > least else f"at least {least}"
    text = f"the statement has {placeholders} `?`"
    return Message(
        "K210", f"{text}, and the number of values is {least if least == most else bound}"
    )


def names_in_a_list(names: Collection[str], most: int | None) -> Message:
    """K210: placeholders with names, where a list is bound; ``most`` is 0 where nothing is."""
    bound = "nothing is bound" if most == 0 else "what is bound is a list, for `?`"
    return Message("K210", f"the statement has {_listed(names)}, and {bound}")


def marks_in_an_object(marks: int) -> Message:
    """K210: placeholders `?`, where an object is bound."""
    has = "a placeholder `?`" if marks == 1 else f"{marks} placeholders `?`"
    return Message("K210", f"the statement has {has}, and what is bound is an object, for `:name`")


TWO_IMPLEMENTATIONS: Final = Message("K209", "a kind has a `controller` or a `topology`, not both")


def no_call_sites(engine: str, role: str) -> Message:
    text = f"the engine {engine} walks the {role} of a resource, and no field of `schema` has"
    return Message("K209", f"{text} `x-kernel-role: {role}`")


def role_twice(role: str, first: str) -> Message:
    return Message("K209", f"the field `{first}` has the role `{role}` already")


def idle_role(engine: str, role: str, roles: Iterable[str]) -> Message:
    text = f"the engine {engine} reads nothing from a field with the role `{role}`"
    return Message("K209", text, f"its roles are {', '.join(roles)}")


def no_module(name: str, folder: str) -> Message:
    """A module that is not here; it may be installed where the manifest runs."""
    text = f"there is no module `{name}` among the installed packages or in {folder}/"
    return Message("K209", text, severity="warning")


def no_submodule(name: str, package: str, part: str) -> Message:
    return Message("K209", f"there is no module `{name}`: the package `{package}` has no `{part}`")


def no_package(name: str, module: str, file: str, *, hides: bool) -> Message:
    """A module in a module that is no package; the module may hide an installed package."""
    more = f"; it hides the installed `{module}`" if hides else ""
    why = f"`{module}` is the file {file} beside the manifest, no package"
    return Message("K209", f"there is no module `{name}`: {why}{more}")


def hidden_module(name: str, top: str) -> Message:
    """A folder of the manifest that is passed over, though it has the module."""
    text = f"`{name}` is looked for in the installed package `{top}`, which hides the folder {top}/"
    help = f"an empty {top}/__init__.py makes the folder a package, which comes first"
    return Message("K209", f"{text}; {help}", severity="warning")


def broken_module(name: str, problem: str, line: int | None) -> Message:
    return Message("K209", f"the module `{name}` cannot be read: {problem} in line {line}")


def no_attribute(module: str, name: str, near: str | None) -> Message:
    more = f"; did you mean `{near}`?" if near else ""
    return Message("K209", f"the module `{module}` has no `{name}`{more}")


def not_for_uncalled(field: str, capability: str) -> Message:
    return Message("K209", f"a `{field}` is for a kind that is called, and a {capability} is not")


def inputs_of_uncalled(capability: str) -> Message:
    return Message("K209", f"a {capability} is not called, so it has no `inputs`")
