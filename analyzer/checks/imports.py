"""The values that a module passes to what it imports, against what is declared there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from analyzer.checks.missing_brackets import check_value
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.assignment import Mismatch, mismatches
from analyzer.expressions.templates import Evaluation, evaluate
from analyzer.findings.messages.k2_contracts import SECRET, VARIABLE, Place
from analyzer.flow.evaluation import evaluate_in_scope
from analyzer.program.program import written
from analyzer.program.variables import values_taken
from analyzer.types import NEVER
from kernel.cel import compile_template, reference_path
from kernel.errors import Path
from kernel.manifest import Declaration, Module
from kernel.manifest.suggest import nearest
from kernel.structs import struct

_SAYS_NOTHING: Final = ("default", "description", "title", "examples")

_NOTHING = evaluate(compile_template({}).tree, lambda _: (NEVER, ()))


def check_imports(check: UnitCheck, module: Module) -> None:
    """The imports of a module: each has the values that it needs, and they fit."""
    for alias, imported in module.imports.items():
        passed = module.passed.get(alias)
        for group, place in (("vars", VARIABLE), ("secrets", SECRET)):
            declared = imported.vars if group == "vars" else imported.secrets
            values = None if passed is None else getattr(passed, group)
            _Import(check, module, alias, imported, group, place).check(declared, values or {})


@struct
class _Import:
    """The variables, or the secrets, of one import."""

    check_of: UnitCheck
    module: Module
    alias: str
    imported: Module
    group: str
    place: Place

    def check(self, declared: Mapping[str, Declaration], values: Mapping[str, object]) -> None:
        needed = any(not one.has_source for one in declared.values())
        if not values:
            if needed:
                self._judge(declared, (), ("imports", self.alias), _NOTHING)
            return
        path: Path = ("imports", self.alias, self.group)
        names = self.check_of.program.variables.of_imports(self.module)
        judge = partial(self._judge, declared, tuple(values), path)
        check_value(
            self.check_of, written(values), path, partial(evaluate_in_scope, names=names), judge
        )

    def _judge(
        self,
        declared: Mapping[str, Declaration],
        given: tuple[str, ...],
        path: Path,
        value: Evaluation,
    ) -> None:
        unknown = [name for name in given if name not in declared]
        taken = values_taken(declared.values(), self.imported)
        for found in mismatches(value, taken, self.place, f"`{self.imported.name}`"):
            if not self._is_told(found, declared, unknown):
                name = str(found.path[0]) if found.path else ""
                if name not in declared or not self._passes_on(value, declared[name]):
                    self.check_of.add_mismatch(found, value, path)

    def _passes_on(self, value: Evaluation, declared: Declaration) -> bool:
        """Whether a value is a variable of the importer that has the same schema: it fits."""
        scalar = value.tree.scalars.get((declared.name,))
        whole = None if scalar is None else scalar.whole
        group, name, *rest = (reference_path(whole.expr) or ("", "")) if whole else ("", "")
        if rest or group not in ("vars", "secrets"):
            return False
        own = self.module.vars if group == "vars" else self.module.secrets
        if name not in own:
            return False
        text = _written(declared)
        return text is not None and text == _written(own[str(name)])

    def _is_told(
        self, found: Mismatch, declared: Mapping[str, Declaration], unknown: list[str]
    ) -> bool:
        """Whether the reading of the manifest has told of a name: that it is not declared."""
        if found.path:
            return found.path[0] in unknown
        return any(nearest(name, declared) is not None for name in unknown)


def _written(declaration: Declaration) -> str | None:
    """What a schema says of values, as text; None where a reference may lead elsewhere."""
    schema = {k: v for k, v in declaration.schema.items() if k not in _SAYS_NOTHING}
    text = json.dumps(schema, default=str)
    return None if "$" in text else text
