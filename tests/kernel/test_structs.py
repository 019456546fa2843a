"""A struct behaves as the dataclass that is written the same way."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from functools import cached_property
from typing import Any, ClassVar

import pytest

from kernel.structs import field, struct


@struct
class Point:
    """A frozen one, of each kind of field."""

    kind: ClassVar[str] = "point"
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="s3cret", repr=False)
    note: str = field(default="", compare=False)
    made: int = field(init=False, default=7)


@struct
class Named(Point):
    """One that inherits fields."""

    name: str = "origin"


@struct(frozen=False)
class Counter:
    """One whose fields change."""

    count: int = 0
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        self.doubled = self.count * 2


@struct(order=True)
class Version:
    """One that is ordered by its fields."""

    major: int
    minor: int = 0


@struct(eq=False)
class Node:
    """One that compares by identity."""

    value: int


@struct(slots=False, eq=False)
class Lazy:
    """One with a value that is worked out once."""

    value: int

    @cached_property
    def square(self) -> int:
        return self.value**2


@struct
class Empty:
    """One without fields."""


def test_it_is_made_as_its_signature_says() -> None:
    signature = "(x, y=0, tags=<made anew>, secret='s3cret', note='')"
    assert str(inspect.signature(Point)) == signature
    assert Point(1, note="n") == Point(x=1, y=0, tags=[])
    assert Named(1, name="A").name == "A"
    assert (Point(1).made, Point.kind, Point(1).tags is Point(1).tags) == (7, "point", False)
    assert Counter(2).doubled == 4
    for wrong in ((), (1, 2, [], "", "", 7)):
        with pytest.raises(TypeError):
            Point(*wrong)


def test_it_shows_what_is_not_secret() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0, tags=[], note='', made=7)"
    assert repr(Empty()) == "Empty()"


def test_it_compares_by_what_is_compared() -> None:
    assert Version(1, 2) == Version(1, 2)
    assert hash(Version(1, 2)) == hash(Version(1, 2))
    assert Version(1, 2) < Version(1, 3) <= Version(2) > Version(1, 9) >= Version(1, 9)
    assert Point(1, note="a") == Point(1, note="b") != Point(1, secret="other")
    assert Point(1) != Named(1)
    assert Empty() == Empty()
    assert Node(1) != Node(1)
    assert len({Node(1), Node(1)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter())
    with pytest.raises(TypeError):
        assert Version(1) < 2  # type: ignore[operator]


@pytest.mark.parametrize("instance", [Point(1), Named(1), Lazy(2)])
def test_a_frozen_one_never_changes(instance: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        instance.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del instance.x
    assert not hasattr(Point(1), "__dict__")
    assert Lazy(3).square == 9


def test_what_takes_dataclasses_takes_it() -> None:
    assert dataclasses.is_dataclass(Named)
    assert [known.name for known in dataclasses.fields(Version(1))] == ["major", "minor"]
    assert dataclasses.replace(Named(1, name="A"), x=2) == Named(2, name="A")
    assert dataclasses.asdict(Version(1)) == {"major": 1, "minor": 0}
    for instance in (Named(1, tags=["a"]), Counter(2), Empty()):
        assert pickle.loads(pickle.dumps(instance)) == copy.deepcopy(instance) == instance
    match Version(1, 2):
        case Version(major, minor):
            assert (major, minor) == (1, 2)


def test_instances_never_share_a_default() -> None:
    with pytest.raises(TypeError, match="name a default_factory"):

        @struct
        class Shared:
            tags: list[str] = []  # noqa: RUF012
