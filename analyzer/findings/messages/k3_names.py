"""K301 to K308: names and functions in expressions."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.findings.diagnostic import Diagnostic, Fix
from analyzer.findings.messages.near_names import candidates, renaming
from analyzer.types import Type
from kernel.cel import Expr
from kernel.manifest.suggest import nearest


def syntax(message: str, offset: int, end: int) -> Diagnostic:
    """K301: the text is not an expression."""
    return Diagnostic("K301", "cel-syntax", "error", message, offset, end)


def unknown_variable(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K302: a name that nothing declares."""
    more, meant = candidates(name, known, "in scope are")
    fix = renaming(node, name, meant)
    return Diagnostic.of("K302", node, f"there is no variable '{name}'{more}", fix=fix)


def unknown_function(node: Expr, name: str, known: Iterable[str]) -> Diagnostic:
    """K303: a function that the language does not have."""
    meant = nearest(name, known)
    more = f"; did you mean '{meant}'?" if meant else ""
    return Diagnostic.of("K303", node, f"there is no function '{name}'{more}")


def wrong_form(node: Expr, name: str, form: str) -> Diagnostic:
    """K304: a function called on a receiver that has none, or the other way round."""
    return Diagnostic.of("K304", node, f"'{name}' is not called like this; write {form}")


def no_overload(
    node: Expr, call: str, nearest_form: str | None, fix: Fix | None = None
) -> Diagnostic:
    """K305: no form of the function takes these types."""
    more = f"; the nearest form is {nearest_form}" if nearest_form else ""
    return Diagnostic.of("K305", node, f"{call} is not possible{more}", fix=fix)


def not_bool(node: Expr, place: str, type_: Type) -> Diagnostic:
    """K305: something else where only true or false can stand."""
    return Diagnostic.of("K305", node, f"{place} is a bool, and this is {type_}")


def not_iterable(node: Expr, macro: str, type_: Type) -> Diagnostic:
    """K305: a macro on what it cannot go over."""
    return Diagnostic.of("K305", node, f"{macro}() is not possible on {type_}")


def not_optional(node: Expr, place: str, type_: Type) -> Diagnostic:
    """K305: a plain value where an optional is needed."""
    return Diagnostic.of("K305", node, f"{place} needs an optional, and this is {type_}")


def bad_key(node: Expr, type_: Type) -> Diagnostic:
    """K305: a value that cannot be the key of a map."""
    return Diagnostic.of("K305", node, f"a key is a string, int, uint or bool, and this is {type_}")


def not_in_scope(node: Expr, name: str, where: str) -> Diagnostic:
    """K306: a variable that is in scope elsewhere."""
    return Diagnostic.of("K306", node, f"'{name}' is not in scope here; it is {where}")


def inner_step(node: Expr, name: str) -> Diagnostic:
    """K306: a step of a ``forEach``, from outside."""
    message = f"step `{name}` is inside a `forEach`, so it is not seen from here"
    return Diagnostic.of("K306", node, message)


def shadowed(node: Expr, name: str) -> Diagnostic:
    """K307: a variable of a macro hides another name."""
    return Diagnostic.of(
        "K307", node, f"the variable '{name}' hides another '{name}' that is in scope"
    )


def costly(node: Expr) -> Diagnostic:
    """K308: a loop in a loop, neither with a bound."""
    message = "this goes over a list without a bound once for each element of another such list"
    return Diagnostic.of("K308", node, message)
