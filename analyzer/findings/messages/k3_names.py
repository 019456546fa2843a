"""K301 to K308: names and functions in expressions."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.messages.near_names import unknown_name
from analyzer.types import Type
from kernel.cel import Expr
from kernel.cel.other_languages import CONSTANTS


def syntax(message: str, offset: int, end: int) -> Diagnostic:
    return Diagnostic("K301", "cel-syntax", "error", message, offset, end)


def unknown_variable(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    message, meant = f"there is no variable '{name}'", CONSTANTS.get(name)
    return unknown_name("K302", node, message, name, known, "in scope are", meant)


def unknown_function(node: Expr, name: str, meant: str | None, start: int) -> Diagnostic:
    """K303; ``meant`` is what was probably meant, and ``start`` where the name stands."""
    message = f"there is no function '{name}'"
    if meant is None:
        return Diagnostic.of("K303", node, message)
    fix = Fix(f"write '{meant}'", start, start + len(name), meant)
    return Diagnostic.of("K303", node, f"{message}; did you mean '{meant}'?", fix=fix)


def function_elsewhere(node: Expr, name: str, form: str) -> Diagnostic:
    """K303: a function of another language; ``form`` is how CEL says it."""
    return Diagnostic.of("K303", node, f"there is no function '{name}'; write {form}")


def wrong_form(node: Expr, name: str, form: str) -> Diagnostic:
    return Diagnostic.of("K304", node, f"'{name}' is not called like this; write {form}")


def no_overload(
    node: Expr, call: str, nearest_form: str | None, fix: Fix | None = None
) -> Diagnostic:
    more = f"; the nearest form is {nearest_form}" if nearest_form else ""
    return Diagnostic.of("K305", node, f"{call} is not possible{more}", fix=fix)


def not_bool(node: Expr, place: str, type_: Type) -> Diagnostic:
    return Diagnostic.of("K305", node, f"{place} is a bool, and this is {type_}")


def not_iterable(node: Expr, macro: str, type_: Type) -> Diagnostic:
    return Diagnostic.of("K305", node, f"{macro}() is not possible on {type_}")


def not_optional(node: Expr, place: str, type_: Type) -> Diagnostic:
    return Diagnostic.of("K305", node, f"{place} needs an optional, and this is {type_}")


def bad_key(node: Expr, type_: Type) -> Diagnostic:
    return Diagnostic.of("K305", node, f"a key is a string, int, uint or bool, and this is {type_}")


def not_in_scope(node: Expr, name: str, where: str) -> Diagnostic:
    return Diagnostic.of("K306", node, f"'{name}' is not in scope here; it is {where}")


def inner_step(node: Expr, name: str) -> Diagnostic:
    """K306: a step of a ``forEach``, from outside."""
    message = f"step `{name}` is inside a `forEach`, so it is not seen from here"
    return Diagnostic.of("K306", node, message)


def shadowed(node: Expr, name: str) -> Diagnostic:
    message = f"the variable '{name}' hides another '{name}' that is in scope"
    return Diagnostic.of("K307", node, message)


def costly(node: Expr) -> Diagnostic:
    message = "this goes over a list without a bound once for each element of another such list"
    return Diagnostic.of("K308", node, message)
