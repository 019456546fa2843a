"""Reads the steps of a topology into the frozen data of ``forms`` (language.md, Topologies).

Which form a step has is told by the field that only that form has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kernel.cel import CelSyntaxError, faulty_template
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.structs import struct
from kernel.topology import forms
from kernel.topology.callsite import FIELDS as CALL_FIELDS
from kernel.topology.callsite import label_of, read_call_site
from kernel.topology.forms import Form, Step, Steps
from kernel.topology.reader import CEL_FIELD, Reader, is_expression

MAX_NESTING = 50
MAX_ROUNDS = 2**63 - 1
MAX_PARALLELISM = 10_000

_Data = Mapping[str, Any]

_EVERY_STEP = frozenset(("name", "description", "when", "timeout"))

OLD_NAMES: Mapping[str, str] = {"concurrency": "parallelism"}
"""Fields of forms by the names that they had; these are still read."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@struct(frozen=False)
class _Reading:
    """One reading of a whole tree of steps: names are unique in all of it."""

    reader: Reader
    names: dict[str, Path]
    also: frozenset[str]
    """Fields that the outermost steps may have besides those of every step."""
    depth: int = 0

    def steps(self, data: Any, path: Path) -> Steps:
        """The steps of a list; an item that is no step is a fault and left out."""
        if not isinstance(data, list):
            self.reader.wrong("K007", "steps are a list", path)
            return ()
        if self.depth >= MAX_NESTING:
            self.reader.wrong("K007", f"steps are nested deeper than {MAX_NESTING}", path)
            return ()
        self.depth += 1
        try:
            read = [self.step(item, (*path, number)) for number, item in enumerate(data)]
        finally:
            self.depth -= 1
        return tuple(step for step in read if step is not None)

    def step(self, data: Any, path: Path) -> Step | None:
        if not isinstance(data, Mapping):
            self.reader.wrong("K007", "a step is a mapping", path)
            return None
        given = [key for key in FORMS if key in data and key != "do"]
        if not given and any(key in data for key in ("do", "while", "until")):
            given = ["do"]
        if len(given) != 1:
            self._no_form(data, given, path)
            name = self._name(data, path)
            return Step(name, None, _WRONG, path, label_of(name, path))
        form_reader = FORMS[given[0]]
        known = form_reader.fields | _EVERY_STEP
        if self.depth == 1:
            known |= self.also
        self.reader.known_fields(data, known, path, "this step", FORMS)
        name = self._name(data, path)
        form = form_reader.read(self, data, path, name)
        when = self.reader.condition(data, "when", path)
        timeout = None
        if "timeout" not in form_reader.fields:
            timeout = self.reader.milliseconds(data, "timeout", path)
        old = tuple(
            (was, now)
            for was, now in OLD_NAMES.items()
            if was in data and now not in data and now in form_reader.fields
        )
        needs = self._needs(data, path) if "needs" in data and "needs" in known else ()
        return Step(name, when, form or _WRONG, path, label_of(name, path), timeout, old, needs)

    def _needs(self, data: _Data, path: Path) -> tuple[str, ...]:
        needs = data["needs"]
        if isinstance(needs, (list, tuple)) and all(isinstance(one, str) for one in needs):
            return tuple(needs)
        self.reader.wrong("K007", "`needs` is a list of names of nodes", (*path, "needs"))
        return ()

    def _no_form(self, data: _Data, given: list[str], path: Path) -> None:
        if given:
            both = " and ".join(f"`{form}`" for form in given)
            self.reader.wrong("K007", f"a step is of one form; this one has {both}", path)
        elif any(nearest(str(key), FORMS) for key in data.keys() - _EVERY_STEP - self.also):
            known = _EVERY_STEP.union(*(form.fields for form in FORMS.values()))
            self.reader.known_fields(data, known, path, "this step")
        else:
            words = ", ".join(f"`{form}`" for form in FORMS)
            self.reader.wrong("K007", f"a step needs one of {words}", path)

    def _name(self, data: _Data, path: Path) -> str | None:
        name = data.get("name")
        if name is None:
            return None
        where = (*path, "name")
        if not isinstance(name, str) or not NAME.match(name):
            message = "the name of a step is letters, digits and `_`, not a digit first"
            self.reader.wrong("K202", message, where)
            return None
        if name in self.names:
            self.reader.wrong("K202", f"there is a step `{name}` already in this topology", where)
            return None
        self.names[name] = path
        return name

    def read_call(self, data: _Data, path: Path, name: str | None) -> Form | None:
        fields = {key: value for key, value in data.items() if key != "when"}
        site = read_call_site(self.reader, fields, path, name=name)
        return None if site is None else forms.Call(site)

    def read_value(self, data: _Data, path: Path, _: str | None) -> Form | None:
        return forms.Value(self.reader.template(data["value"]))

    def read_if(self, data: _Data, path: Path, _: str | None) -> Form | None:
        elseif = data.get("elseif", [])
        if not isinstance(elseif, list) or not all(isinstance(arm, Mapping) for arm in elseif):
            self.reader.wrong("K007", "`elseif` is a list of { if, then }", (*path, "elseif"))
            return None
        places: list[tuple[Mapping[str, Any], Path]] = [(data, path)]
        for number, arm in enumerate(elseif):
            self.reader.known_fields(arm, ("if", "then"), (*path, "elseif", number), "`elseif`")
            places.append((arm, (*path, "elseif", number)))
        arms = []
        for arm, where in places:
            if missing := {"if", "then"} - arm.keys():
                self.reader.wrong("K007", f"a branch needs `{missing.pop()}`", where)
                continue
            condition = self.reader.condition(arm, "if", where)
            steps = self.steps(arm["then"], (*where, "then"))
            if condition is not None:
                arms.append((condition, steps))
        otherwise = self.steps(data["else"], (*path, "else")) if "else" in data else ()
        return forms.If(tuple(arms), otherwise)

    def read_switch(self, data: _Data, path: Path, _: str | None) -> Form | None:
        cases = data.get("cases")
        if not isinstance(cases, Mapping):
            self.reader.wrong("K007", "`switch` needs `cases`, a mapping of value to steps", path)
            return None
        read = tuple(
            (key, self.steps(steps, (*path, "cases", key))) for key, steps in cases.items()
        )
        default = self.steps(data["default"], (*path, "default")) if "default" in data else None
        return forms.Switch(self.reader.template(data["switch"]), read, default)

    def read_loop(self, data: _Data, path: Path, _: str | None) -> Form | None:
        given = [word for word in ("while", "until") if word in data]
        if len(given) != 1 or "do" not in data:
            self.reader.wrong("K007", "a loop has `do` and one of `while` and `until`", path)
            return None
        body = self.steps(data["do"], (*path, "do"))
        condition = self.reader.condition(data, given[0], path)
        rounds = self.reader.integer(data, "maxIterations", path, minimum=1, maximum=MAX_ROUNDS)
        if condition is None:
            return None
        return forms.Loop(body, condition, given[0] == "while", rounds)

    def read_for_each(self, data: _Data, path: Path, _: str | None) -> Form | None:
        items = data["forEach"]
        if not isinstance(items, list) and not (isinstance(items, str) and is_expression(items)):
            message = "`forEach` is a list, or an expression that gives one"
            help = CEL_FIELD if isinstance(items, str) else None
            self.reader.wrong("K402", message, (*path, "forEach"), help=help)
            return None
        if "do" not in data:
            self.reader.wrong("K007", "`forEach` needs `do`, the steps for each item", path)
            return None
        body = self.steps(data["do"], (*path, "do"))
        given = [name for name in ("parallelism", "concurrency") if name in data]
        if len(given) > 1:
            message = "`concurrency` is the old name of `parallelism`, and both are given"
            self.reader.wrong("K007", message, (*path, "concurrency"), key=True)
        field = given[0] if given else "parallelism"
        at_once = self.reader.integer(data, field, path, minimum=1, maximum=MAX_PARALLELISM)
        result = self.reader.template(data["result"]) if "result" in data else None
        return forms.ForEach(self.reader.template(items), body, result, at_once or 1)

    def read_parallel(self, data: _Data, path: Path, _: str | None) -> Form | None:
        branches = data["parallel"]
        where = (*path, "parallel")
        if not isinstance(branches, Mapping):
            self.reader.wrong("K007", "`parallel` is a mapping of name to steps", where)
            return None
        read = []
        for name, steps in branches.items():
            if not isinstance(name, str) or not NAME.match(name):
                message = "the name of a parallel branch is an identifier"
                self.reader.wrong("K202", message, (*where, name), key=True)
            else:
                read.append((name, self.steps(steps, (*where, name))))
        return forms.Parallel(tuple(read))

    def read_try(self, data: _Data, path: Path, _: str | None) -> Form | None:
        if "catch" not in data and "finally" not in data:
            self.reader.wrong("K007", "`try` needs `catch` or `finally`", path)
        handler = self.steps(data["catch"], (*path, "catch")) if "catch" in data else None
        ending = self.steps(data["finally"], (*path, "finally")) if "finally" in data else None
        return forms.Try(self.steps(data["try"], (*path, "try")), handler, ending)

    def read_throw(self, data: _Data, path: Path, _: str | None) -> Form | None:
        error = data["throw"]
        where = (*path, "throw")
        if not isinstance(error, Mapping):
            self.reader.wrong("K007", "`throw` is { code, message, data }", where)
            return None
        self.reader.known_fields(error, ("code", "message", "data"), where, "`throw`")
        if "code" not in error and "message" not in error:
            self.reader.wrong("K007", "`throw` needs a `code` or a `message`", where)
        return forms.Throw(self.reader.template(error))

    def read_sleep(self, data: _Data, path: Path, _: str | None) -> Form | None:
        duration = self.reader.duration(data, "sleep", path)
        return None if duration is None else forms.Sleep(duration)

    def read_wait_for(self, data: _Data, path: Path, _: str | None) -> Form | None:
        pattern = data["waitFor"]
        timeout = None
        if data.get("timeout") is not None:
            timeout = self.reader.duration(data, "timeout", path)
        if not isinstance(pattern, str) or not pattern.partition(":")[0]:
            message = "`waitFor` is a pattern of event types, as `Payments.Charge.*.Invoked`"
            self.reader.wrong("K007", message, (*path, "waitFor"))
            return None
        return forms.WaitFor(self.reader.template(pattern), timeout)


_WRONG = forms.Value(faulty_template(CelSyntaxError("", 0, 0, "")))
"""Stands in for a faulty form, so that the readers of its step find no further faults."""


@struct
class _FormReader:
    read: Callable[[_Reading, _Data, Path, str | None], Form | None]
    fields: frozenset[str]


FORMS: Mapping[str, _FormReader] = {
    "invoke": _FormReader(_Reading.read_call, CALL_FIELDS),
    "value": _FormReader(_Reading.read_value, frozenset(("value",))),
    "if": _FormReader(_Reading.read_if, frozenset(("if", "then", "elseif", "else"))),
    "switch": _FormReader(_Reading.read_switch, frozenset(("switch", "cases", "default"))),
    "forEach": _FormReader(
        _Reading.read_for_each,
        frozenset(("forEach", "do", "result", "parallelism", "concurrency")),
    ),
    "parallel": _FormReader(_Reading.read_parallel, frozenset(("parallel",))),
    "try": _FormReader(_Reading.read_try, frozenset(("try", "catch", "finally"))),
    "throw": _FormReader(_Reading.read_throw, frozenset(("throw",))),
    "sleep": _FormReader(_Reading.read_sleep, frozenset(("sleep",))),
    "waitFor": _FormReader(_Reading.read_wait_for, frozenset(("waitFor", "timeout"))),
    "do": _FormReader(_Reading.read_loop, frozenset(("do", "while", "until", "maxIterations"))),
}
"""The forms by the field that tells them apart. A step with ``do`` and no other key is a loop."""


def read_steps(reader: Reader, data: Any, path: Path, also: Collection[str] = ()) -> Steps:
    """The steps that ``data`` writes. Faults go to ``reader``; what is wrong is left out.

    ``also`` are fields that the outermost steps may have besides those of every step.
    """
    return _Reading(reader, {}, frozenset(also)).steps(data, path)
