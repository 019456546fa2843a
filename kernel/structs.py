"""Classes of plain data: what ``dataclasses`` gives, made when it is first needed.

A command imports some two hundred such classes and makes instances of a few dozen. The standard
library compiles six functions for each at its import, about 1 ms a class. Here the functions that
compare, hash and show share their text, and ``__init__`` is compiled when the first instance is
made. A frozen instance sets its slots directly, in three quarters of the time.

`struct` means ``@dataclass(frozen=True, slots=True)``; `field` is that of ``dataclasses``, whose
``replace``, ``fields`` and ``asdict`` take these classes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter, ge, gt, le, lt
from reprlib import recursive_repr
from types import SimpleNamespace
from typing import Any, TypeVar, dataclass_transform, overload

_C = TypeVar("_C", bound=type)


class _Missing:
    """Stands for "no default"; shown as the default of a parameter that a factory fills."""

    def __repr__(self) -> str:
        return "<made anew>"


_MISSING: Any = _Missing()


class _Field(SimpleNamespace):
    """What is known of a field: its default, and whether it is a parameter, shown, compared."""


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    init: bool = True,
    repr: bool = True,
    compare: bool = True,
) -> Any:
    """A field with more than a plain default; ``TypeError`` for one that instances would share."""
    if default.__class__.__hash__ is None:
        raise TypeError(f"all instances would share {default!r}: name a default_factory")
    return _Field(
        default=default, default_factory=default_factory, init=init, repr=repr, compare=compare
    )


@overload
def struct(cls: _C, /) -> _C: ...
@overload
def struct(
    *, frozen: bool = True, eq: bool = True, order: bool = False, slots: bool = True
) -> Callable[[_C], _C]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def struct(
    cls: type | None = None,
    /,
    *,
    frozen: bool = True,
    eq: bool = True,
    order: bool = False,
    slots: bool = True,
) -> Any:
    """Make a class one of plain data: its annotated names are its fields, in their order.

    With ``slots=False`` an instance has a ``__dict__``, which a ``cached_property`` needs.
    """
    if cls is None:
        return lambda cls: struct(cls, frozen=frozen, eq=eq, order=order, slots=slots)  # type: ignore[call-overload]
    own = dict(_own_fields(cls))
    inherited: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        inherited.update(base.__dict__.get("__struct_fields__", ()))
    fields = {**inherited, **own}
    members = {name: value for name, value in cls.__dict__.items() if name not in own}
    if members.get("__hash__", cls) is None:  # Python's own word where a class has an __eq__
        del members["__hash__"]
    members["__struct_fields__"] = fields
    members["__dataclass_fields__"] = _AsDataclass()
    members["__signature__"] = _Signature()
    members["__match_args__"] = tuple(name for name, known in fields.items() if known.init)
    for name, value in _methods(fields, frozen, eq, order):
        members.setdefault(name, value)
    if slots:
        members["__slots__"] = tuple(name for name in own if name not in inherited)
    for name in ("__dict__", "__weakref__"):
        members.pop(name, None)
    made = type(cls)(cls.__name__, cls.__bases__, members)
    made.__qualname__ = cls.__qualname__
    setattr(made, "__init__", _init_that_compiles(made, frozen))  # noqa: B010
    return made


def _own_fields(cls: type) -> Iterator[tuple[str, Any]]:
    for name, annotation in cls.__annotations__.items():
        if not str(annotation).startswith("ClassVar"):
            default = cls.__dict__.get(name, _MISSING)
            yield name, default if isinstance(default, _Field) else field(default=default)


def _methods(
    fields: dict[str, Any], frozen: bool, eq: bool, order: bool
) -> Iterator[tuple[str, Any]]:
    compared = [name for name, known in fields.items() if known.compare]
    values = attrgetter(*compared) if compared else lambda _: ()
    yield "__repr__", _repr([name for name, known in fields.items() if known.repr])
    if eq:
        yield "__eq__", _eq(values)
        yield "__hash__", (lambda self: hash(values(self))) if frozen else None
    if order:
        for name, holds in (("__lt__", lt), ("__le__", le), ("__gt__", gt), ("__ge__", ge)):
            yield name, _order(values, holds)
    if frozen:
        yield "__setattr__", _set_nothing
        yield "__delattr__", _set_nothing
        yield "__getstate__", _state
        yield "__setstate__", _set_state


def _eq(values: Callable[[Any], Any]) -> Callable[[Any, object], Any]:
    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return __eq__


def _order(values: Callable[[Any], Any], holds: Callable[[Any, Any], bool]) -> Any:
    def compare(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return holds(values(self), values(other))

    return compare


def _repr(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _set_nothing(self: Any, name: str, *_: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r} of a frozen {type(self).__name__}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__struct_fields__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__struct_fields__, state, strict=True):
        object.__setattr__(self, name, value)


def _init_that_compiles(cls: Any, frozen: bool) -> Callable[..., None]:
    """An ``__init__`` that compiles the real one, puts it in its own place and calls it."""

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        cls.__init__ = _compiled_init(cls, frozen)
        cls.__init__(self, *args, **named)

    return __init__


def _compiled_init(cls: Any, frozen: bool) -> Callable[..., None]:
    names: dict[str, Any] = {"missing_": _MISSING, "set_": object.__setattr__}
    parameters, body = ["self"], []
    for name, known in cls.__struct_fields__.items():
        value = name
        if known.default_factory is not None:
            names[f"new_{name}"] = known.default_factory
            parameters += [f"{name}=missing_"] * known.init
            made = f"new_{name}()"
            value = f"{made} if {name} is missing_ else {name}" if known.init else made
        elif known.default is not _MISSING:
            names[f"default_{name}"] = known.default
            parameters += [f"{name}=default_{name}"] * known.init
            value = name if known.init else f"default_{name}"
        elif known.init:
            parameters.append(name)
        else:
            continue
        slot = getattr(cls, name, None)
        if not frozen:
            body.append(f"self.{name} = {value}")
        elif slot is None:
            body.append(f"set_(self, {name!r}, {value})")
        else:
            names[f"set_{name}"] = slot.__set__
            body.append(f"set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"]), names)
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


class _AsDataclass:
    """``__dataclass_fields__``, made when a function of ``dataclasses`` asks for it."""

    def __get__(self, instance: object, cls: Any) -> Any:
        import dataclasses

        fields = []
        for name, known in cls.__struct_fields__.items():
            options = dict(vars(known))
            if known.default is _MISSING:
                del options["default"]
            if known.default_factory is None:
                del options["default_factory"]
            fields.append((name, Any, dataclasses.field(**options)))
        alike = dataclasses.make_dataclass(cls.__name__, fields, init=False, repr=False, eq=False)
        cls.__dataclass_fields__ = alike.__dict__["__dataclass_fields__"]
        return cls.__dataclass_fields__


class _Signature:
    """``__signature__``, which ``help`` shows: that of the ``__init__`` to be compiled."""

    def __get__(self, instance: object, cls: Any) -> Any:
        if instance is not None:
            raise AttributeError("__signature__")
        import inspect

        init = inspect.signature(_compiled_init(cls, frozen=False))
        return init.replace(parameters=list(init.parameters.values())[1:])
