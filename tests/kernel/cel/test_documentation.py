"""docs/cel.md: its examples are executed, and its tables are those of the code.

After a change of the functions, ``python tests/kernel/cel/test_documentation.py`` writes them anew.
"""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pytest

from kernel import cel
from kernel.cel.functions import MACROS, TABLE

PAGE = Path(__file__).parents[3] / "docs" / "cel.md"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _signatures(name: str) -> str:
    return "<br>".join(f"`{_cell(o.signature(name))}`" for o in TABLE[name].overloads)


def functions() -> str:
    lines = ["| function | signatures | what it gives |", "|---|---|---|"]
    for name, function in TABLE.items():
        lines.append(f"| `{_cell(name)}` | {_signatures(name)} | {_cell(function.doc)} |")
    return "\n".join(lines)


def macros() -> str:
    lines = ["| macro | what it gives |", "|---|---|"]
    for macro in MACROS.values():
        forms = re.sub(r"\), ", ")`<br>`", macro.form)
        lines.append(f"| `{_cell(forms)}` | {_cell(macro.doc)} |")
    return "\n".join(lines)


def written(page: str) -> str:
    for name, table in (("macros", macros()), ("functions", functions())):
        block = f"<!-- {name} -->\n\n{table}\n"
        page = re.sub(rf"<!-- {name} -->\n(?:\n(?:\|.*\n)+)?", lambda _, b=block: b, page)
    return page


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def _rows(header: str) -> list[list[str]]:
    table = PAGE.read_text().partition(header)[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines()[2:] if line]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_tables_are_those_of_the_code() -> None:
    assert written(PAGE.read_text()) == PAGE.read_text()


@pytest.mark.parametrize("line", [x for b in _blocks("cel") for x in b.splitlines()])
def test_examples_are_true(line: str) -> None:
    assert cel.compile(line).evaluate({}) is True


def test_python_examples() -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    for block in _blocks("python"):
        example = doctest.DocTestParser().get_doctest(block, {}, "cel.md", str(PAGE), 0)
        assert runner.run(example) == (0, len(example.examples))


@pytest.mark.parametrize(("scalar", "value"), _rows("| scalar |"))
def test_scalars(scalar: str, value: str) -> None:
    template = cel.compile_template(scalar.strip("`"))
    bindings = {"item": {"id": 7, "tags": ["a"], "note": None}}
    if value.startswith("error: "):
        with pytest.raises(cel.CelEvaluationError, match=value.removeprefix("error: ")):
            template.evaluate(bindings)
    else:
        assert template.evaluate(bindings) == json.loads(value.strip("`"))


@pytest.mark.parametrize(("reason", "_when", "example"), _rows("| reason |"))
def test_reasons(reason: str, _when: str, example: str) -> None:
    with pytest.raises(cel.CelEvaluationError) as caught:
        cel.compile(example.strip("`")).evaluate({})
    assert caught.value.reason == reason.strip("`")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
