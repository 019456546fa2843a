"""K101 to K107: declared schemas, and what changed about them."""

from __future__ import annotations

from typing import Final

from analyzer.findings.message import Message


def misspelt_keyword(name: str, meant: str) -> Message:
    text = f"`{name}` is no keyword of JSON Schema; did you mean `{meant}`?"
    return Message("K101", text, severity="warning")


NOTHING_FITS: Final = Message("K103", "no value fits this schema")
_WORDS: Final = {"exclusiveMinimum": "over", "exclusiveMaximum": "under"}
_COUNTED: Final = {
    "string": ("text", "characters"),
    "array": ("list", "items"),
    "object": ("object", "fields"),
}


def bounds_contradict(kind: str, lower: str, upper: str, least: object, most: object) -> Message:
    """K103: a lower bound above an upper one; ``lower`` and ``upper`` are their keywords."""
    low, high = _WORDS.get(lower, "at least"), _WORDS.get(upper, "at most")
    if kind == "number":
        return Message("K103", f"no number is {low} {least} and {high} {most}")
    what, parts = _COUNTED[kind]
    return Message("K103", f"no {what} has {low} {least} and {high} {most} {parts}")


def forbidden_field(name: str, why: str) -> Message:
    return Message("K103", f"`{name}` is required, but {why}")


def too_few_fields(least: int, most: int) -> Message:
    return Message("K103", f"at least {least} fields must be there, and at most {most} may")


EMPTY_ENUM: Final = Message("K103", "an empty `enum` lets no value through")


def values_of_type(keyword: str, wanted: str) -> Message:
    """K103: a ``const`` or ``enum`` of values that ``type`` refuses."""
    return Message("K103", f"{_values(keyword)} of another type than {wanted}")


def values_refused(keyword: str) -> Message:
    """K103: a ``const`` or ``enum`` of values that the rest of the schema refuses."""
    return Message("K103", f"{_values(keyword)} against the rest of the schema")


def _values(keyword: str) -> str:
    return "it is" if keyword == "const" else "all of its values are"


ENDLESS: Final = Message("K104", "a value here demands another of the same schema, without an end")


def endless_through(path: str) -> Message:
    text = f"a value here has no end: `{path}` is demanded, and is of the same schema again"
    return Message("K104", text)


def refused_default(name: str) -> Message:
    return Message("K105", f"the default of `{name}` does not fit the rest of its schema")


def partly_typed(keyword: object, why: str) -> Message:
    return Message("K106", f"types say `{keyword}` in part only: {why}")


def unchecked(what: str, how: str) -> Message:
    """K108: data of which no schema says what it is."""
    return Message(
        "K108", f"nothing says what {what} is, so what is read of it is not checked", how
    )


def untyped(keyword: object, why: str) -> Message:
    return Message("K106", f"types do not say `{keyword}`: {why}")


# K107: breaking changes


def gone(what: str, help: str | None) -> Message:
    return Message("K107", f"{what} is gone", help)


def other_capability(kind: str, before: str, after: str) -> Message:
    return Message("K107", f"{kind} was a {before} and is a {after}")


def stricter_safety(kind: str, before: str | None, after: str) -> Message:
    was = f"was {before}" if before else "had no safety class"
    return Message("K107", f"{kind} {was} and may be {after} now")


def other_kind(name: str, before: str, after: str) -> Message:
    return Message("K107", f"`{name}` was of the kind {before} and is of {after}")


def default_gone(label: str) -> Message:
    return Message("K107", f"{label} must be given now")


def source_gone(label: str, source: str) -> Message:
    """A value that is not read from an environment variable, or a file, any more."""
    return Message("K107", f"{label} is not read from {source} any more")


def not_exported(name: str) -> Message:
    return Message("K107", f"`{name}` is not exported any more")


def new_required(label: str) -> Message:
    return Message("K107", f"{label} is new and must be given")


def needs(label: str, path: str, what: str) -> Message:
    return Message("K107", f"{label} needs `{path}` among {what} now")


def refuses(label: str, what: str, shown: str) -> Message:
    return Message("K107", f"{label} refuses {what} with {shown}, which it took before")


def may_refuse(label: str, what: str, doubt: str) -> Message:
    text = f"{label} may refuse {what} that it took before ({doubt})"
    return Message("K107", text, severity="warning")


def says_no_more(label: str, verb: str) -> Message:
    return Message("K107", f"{label} no longer says what it may {verb}")


def may_lack(label: str, verb: str, path: str) -> Message:
    return Message("K107", f"{label} may {verb} nothing at `{path}` now")


def gives(label: str, verb: str, shown: str) -> Message:
    return Message("K107", f"{label} may {verb} {shown} now, which it did not before")


def may_give(label: str, verb: str, doubt: str) -> Message:
    text = f"{label} may {verb} what it did not before ({doubt})"
    return Message("K107", text, severity="warning")
