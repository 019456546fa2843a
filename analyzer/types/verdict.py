"""What is known of an assignment: it is proven, or refuted by a value, or in doubt."""

from __future__ import annotations

import json
from typing import Any, Literal

from analyzer.types import Type
from analyzer.types.acceptance import json_form
from kernel.cel import to_json
from kernel.errors import Path
from kernel.schema import Problem, SchemaError
from kernel.schema.plain import is_json
from kernel.structs import struct


@struct
class Counterexample:
    """A value that the producer may give and the consumer refuses.

    ``whole`` is the value; at ``path`` in it lies ``value``, where the consumer takes ``place``
    only. ``missing``: nothing lies there.
    """

    whole: Any
    path: Path
    value: Any
    place: Type
    missing: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the refused value has a JSON form at all."""
        return is_json(json_form(self.value))

    def __str__(self) -> str:
        return str(Problem(self.path, "missing" if self.missing else _show(self.value)))


def _show(value: Any) -> str:
    try:
        text = json.dumps(to_json(value), ensure_ascii=False)
    except SchemaError as error:
        return f"a map: {error}"
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"


@struct
class Doubt:
    """Why nothing was proven, and at which place.

    ``dyn``: nothing is known of the producer. ``open``: fields that an open record does not
    declare. ``refined``: the consumer's schema demands what types cannot say. ``unclear``: too
    large, or no value was found that shows it.
    """

    kind: Literal["dyn", "open", "refined", "unclear"]
    path: Path
    reason: str


@struct
class Verdict:
    """What is known of an assignment: proven, or refuted by a counterexample, or in doubt."""

    counterexample: Counterexample | None = None
    doubt: Doubt | None = None

    @property
    def proven(self) -> bool:
        """Whether every value that the producer gives is taken."""
        return self.counterexample is None and self.doubt is None

    @property
    def refuted(self) -> bool:
        """Whether there is a value that is refused."""
        return self.counterexample is not None


PROVEN = Verdict()
