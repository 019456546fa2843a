"""The scopes of a sequence: held against what really was there when it ran."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from analyzer.flow.scopes import Scopes, scopes_of
from analyzer.program.variables import ERROR, Names
from analyzer.types import NULL, Bool, Dyn, Int, List, Record, String, Type, Union, resolved, union
from kernel.cel import Template, compile_template
from kernel.topology.forms import Field, Step, all_steps
from kernel.topology.step_names import steps_read
from kernel.topology.topology import Topology
from tests.analyzer.support.sequences import observed, read, step_lists, with_names, without_notes

ERRORS = {"catch": ERROR, "finally": union((ERROR, NULL))}
ANY_STEPS = compile_template("${{ steps }}")


def type_of(_: Scopes, __: Step, field: Field) -> Type:
    """What constant templates give; nothing is known of others."""
    tree = field.template.tree
    return literal(tree.structure) if field.template.constant else Dyn("an expression")


def literal(value: Any) -> Type:
    match value:
        case None:
            return NULL
        case bool():
            return Bool(value)
        case int():
            return Int(value, value)
        case str():
            return String(frozenset((value,)))
        case list():
            return List(union(map(literal, value)), len(value), len(value))
    raise AssertionError(value)


def scopes(*steps: Any, base: Names | None = None) -> tuple[Scopes, Topology]:
    sequence = read(list(steps))
    found = scopes_of(
        sequence, base or {}, lambda _: Dyn("a call"), type_of, lambda _, part: ERRORS[part.role]
    )
    return found, sequence


def result(found: Scopes, name: str) -> Type:
    return found.results[found.by_name[name]]


def before(found: Scopes, step: Step, template: Template) -> Names:
    """The names at the step's own fields."""
    return found.at(step, False, found.availability.before[step], steps_read(template))


def test_a_branch_gives_what_its_arms_give() -> None:
    arms = {"if": "${{ true }}", "then": [{"value": 1}], "elseif": [], "else": [{"value": "a"}]}
    found, _ = scopes({"name": "I", **arms}, {"name": "J", "if": "${{ true }}", "then": []})
    assert result(found, "I") == union((Int(1, 1), String(frozenset("a"))))
    assert result(found, "J") == NULL


def test_a_step_that_may_be_skipped_gives_null_to_what_holds_it() -> None:
    steps = [{"value": 1, "when": "${{ true }}"}]
    found, _ = scopes({"name": "P", "parallel": {"x": steps}})
    assert str(result(found, "P")) == "{x: 1 or null}"


def test_each_gives_a_list_as_long_as_its_items() -> None:
    found, _ = scopes({"name": "E", "forEach": [1, "a"], "do": [{"value": True}]})
    assert result(found, "E") == List(Bool(True), 2, 2)
    step = found.by_name["E"].form.body[0]  # type: ignore[union-attr]
    names = before(found, step, ANY_STEPS)
    assert names["item"] == union((Int(1, 1), String(frozenset("a"))))
    assert names["index"] == Int(0, 1)


def test_error_is_there_in_catch_and_may_be_null_in_finally() -> None:
    found, sequence = scopes(
        {
            "try": [{"value": 1}],
            "catch": [{"name": "C", "value": 2}],
            "finally": [{"name": "F", "value": 3}],
        }
    )
    error = before(found, found.by_name["C"], ANY_STEPS)["error"]
    assert isinstance(error, Record)
    code = error.get("code")
    assert code is not None
    assert code.type.has_dyn, "a code is a string or an int"
    finally_ = before(found, found.by_name["F"], ANY_STEPS)["error"]
    assert isinstance(finally_, Union)
    assert NULL in finally_.members
    assert "error" not in before(found, sequence.steps[0], ANY_STEPS)


def test_only_the_steps_that_a_template_reads_are_in_its_scope() -> None:
    found, _ = scopes(*({"name": f"S{n}", "value": n} for n in range(2_000)))
    last = found.by_name["S1999"]
    steps = before(found, last, compile_template("${{ steps.S3.result + 1 }}"))["steps"]
    assert str(steps) == "{S3: {result: 3, skipped: false}}"
    everything = before(found, last, ANY_STEPS)["steps"]
    assert isinstance(everything, Record)
    assert len(everything.fields) == 1_999


@given(step_lists())
def test_the_steps_that_were_there_are_of_the_type_of_their_scope(steps: list[Any]) -> None:
    steps = with_names(steps)
    found, sequence = scopes(*without_notes(steps))
    assert set(found.results) == set(all_steps(sequence.steps))
    for name, seen in observed(steps):
        names = before(found, found.by_name[name], ANY_STEPS)
        assert resolved(names["steps"]).contains(seen), (name, seen, str(names["steps"]))
