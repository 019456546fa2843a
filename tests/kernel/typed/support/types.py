"""Types that a function may be annotated with, each with a strategy for its values."""

import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypedDict

Typed = tuple[Any, st.SearchStrategy[Any]]
"""A type, and a strategy for its values."""


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 10


class Pair(NamedTuple):
    first: int
    second: str


class Tree(BaseModel):
    """A node, which refers to its own type."""

    label: str
    inner: "list[Tree]" = Field(default_factory=list)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TREES = st.recursive(
    st.builds(Tree, label=TEXT),
    lambda inner: st.builds(Tree, label=TEXT, inner=st.lists(inner, max_size=2)),
    max_leaves=4,
)
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

PLAIN: list[Typed] = [
    (int, st.integers(-(2**60), 2**60)),
    (Annotated[int, Field(ge=0, lt=10)], st.integers(0, 9)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (Annotated[float, Field(gt=0, le=1)], st.floats(0.01, 1)),
    (str, TEXT),
    (Annotated[str, Field(min_length=1, max_length=3)], st.text("aé€😀", min_size=1, max_size=3)),
    (Annotated[str, Field(pattern="^a+$")], st.sampled_from(["a", "aa"])),
    (bool, st.booleans()),
    (None, st.none()),
    (Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
    (Colour, st.sampled_from(Colour)),
    (Size, st.sampled_from(Size)),
    (dict[int, str], st.dictionaries(st.integers(-9, 9), TEXT, max_size=2)),
    (Tree, TREES),
    (Pet, st.builds(Cat, kind=st.just("cat"), lives=st.integers(0, 9))),
    (Pet, st.builds(Dog, kind=st.just("dog"), name=TEXT)),
    (int | str, st.integers(-9, 9) | TEXT),
    (float | bool, st.floats(-2, 2) | st.booleans()),
    (int | float, st.integers(-9, 9) | st.floats(-2, 2)),
    (Size | str, st.sampled_from(Size) | TEXT),
    (list[int] | dict[str, int], st.lists(st.integers(0, 9), max_size=2)),
    (Any, st.none() | st.lists(TEXT, max_size=2)),
    (Pair, st.builds(Pair, st.integers(0, 9), TEXT)),
]
"""Types whose schemas say all that the type asks for."""

WRITTEN: list[Typed] = [
    (datetime.date, st.dates()),
    (datetime.datetime, st.datetimes(timezones=st.just(datetime.UTC))),
    (datetime.time, st.times()),
    (datetime.timedelta, st.timedeltas(datetime.timedelta(-99), datetime.timedelta(99))),
    (uuid.UUID, st.uuids()),
    (decimal.Decimal, st.decimals(-1000, 1000, places=2)),
    (bytes, st.binary(max_size=8)),
]
"""Types that are text in JSON, of which a ``format`` says more than a schema enforces."""


def _listed(inner: Typed) -> Typed:
    return list[inner[0]], st.lists(inner[1], max_size=3)  # type: ignore[valid-type]


def _mapped(inner: Typed) -> Typed:
    return dict[str, inner[0]], st.dictionaries(TEXT, inner[1], max_size=3)  # type: ignore[valid-type]


def _optional(inner: Typed) -> Typed:
    return inner[0] | None if inner[0] is not None else None, inner[1] | st.none()


def _tuple(inner: Typed) -> Typed:
    return tuple[inner[0], bool], st.tuples(inner[1], st.booleans())  # type: ignore[valid-type]


def _dataclass(inner: Typed) -> Typed:
    made = dataclasses.make_dataclass(
        "Made", [("first", inner[0]), ("second", int, dataclasses.field(default=5))]
    )
    return made, st.builds(made, inner[1], st.integers(0, 9))


def _model(inner: Typed) -> Typed:
    field = Field(alias="the-first", description="The first.")
    base64 = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    made = create_model("Model", __config__=base64, first=(inner[0], field), second=(float, 1.5))
    return made, inner[1].map(lambda value: made(**{"the-first": value}))


def _typed_dict(inner: Typed) -> Typed:
    class Made(TypedDict):
        first: inner[0]  # type: ignore[valid-type]
        second: NotRequired[str]

    return Made, st.fixed_dictionaries({"first": inner[1]}, optional={"second": TEXT})


WRAPPERS = (_listed, _mapped, _optional, _tuple, _dataclass, _model, _typed_dict)


@st.composite
def types(draw: st.DrawFn, leaves: list[Typed]) -> Typed:
    """A type of at most three layers."""
    made = draw(st.sampled_from(leaves))
    for _ in range(draw(st.integers(0, 2))):
        made = draw(st.sampled_from(WRAPPERS))(made)
    return made
