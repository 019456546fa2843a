"""Generated YAML: values, and ways to write them."""

from __future__ import annotations

import io
import math
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

TEXT = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cs", "Cc"),
        exclude_characters="\u2028\u2029\ufeff\ufffe\uffff",
        include_characters="\n",
    ),
    max_size=30,
).filter(lambda text: text[:1] not in ("?", ":"))  # libyaml takes these for indicators in a flow
KEYS = TEXT.filter(lambda text: len(text) < 6)  # the writer folds longer ones, wrongly
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False).filter(lambda x: not math.isinf(x))
    | TEXT
    | st.sampled_from(["no", "on", "012", "0o14", "1e3", ".inf", "null", "~", "<<", "2026-11-20"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
STYLES = st.sampled_from(["plain", "flow", "single", "double", "literal", "folded"])


def dump(value: Any, style: str, width: int = 80) -> str:
    """A YAML text for a value, written by another library in the style that was asked for."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = style == "flow"
    yaml.allow_unicode = True
    yaml.width = width
    marks = {"single": "'", "double": '"', "literal": "|", "folded": ">"}
    if style in marks:
        yaml.default_style = marks[style]
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every place in a value, with what is there."""
    found = [(path, value)]
    if isinstance(value, dict):
        for key, item in value.items():
            found += paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths(item, (*path, index))
    return found
