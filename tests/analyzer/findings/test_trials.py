"""Only fixes are offered after which there are fewer findings, and none that was not there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from analyzer import check, check_text
from analyzer.findings.finding import Edit, Finding, Report
from analyzer.findings.trials import MAX_ALONE, edited, held_fixes
from kernel.manifest.source import Source
from tests.analyzer.support.mutations import mutations
from tests.analyzer.test_completeness import copied, sampled, subjects
from tests.support.properties import some

HEAD = """\
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  properties: { state: { type: string }, way: { type: string, enum: [bus, car] } }
  required: [state, way]
steps:
"""

CASES = {
    "a quoted name": ("- { name: A, value: \"${{ inputs['satte'] }}\" }", "inputs['state']"),
    "a name in the quotes of YAML": (
        "- { name: A, value: '${{ inputs[''satte''] }}' }",
        "inputs[''state'']",
    ),
    "a name": ("- { name: A, value: '${{ inputs.satte }}' }", "inputs.state }}"),
    "a literal in the quotes of YAML": (
        "- { name: A, value: '${{ inputs.way == ''bis'' }}' }",
        "inputs.way == ''bus''",
    ),
    "a name that is taken": ("- { name: A, value: 1, vlaue: 2 }", None),
    "a case that is there": (
        "- name: A\n    switch: '${{ inputs.way }}'\n    cases:\n"
        "      bus: [{ value: 1 }]\n      bsu: [{ value: 2 }]\n    default: [{ value: 3 }]",
        None,
    ),
    "one letter for another": ("- { name: A, value: '${{ {\\'x\\': 1}.y }}' }", None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fix_is_right_or_there_is_none(case: str) -> None:
    step, wanted = CASES[case]
    text = f'{HEAD}  {step}\nresult: "${{{{ steps.A.result }}}}"\n'
    report = check_text(text)
    assert report.findings
    fixes = [one.fix for one in report.findings if one.fix is not None]
    if wanted is None:
        assert not fixes
        return
    (fix,) = fixes
    changed, _ = edited(text, [fix])
    assert wanted in changed
    assert not check_text(changed).findings


def counted(report: Report) -> Counter[tuple[str, str]]:
    return Counter((one.code, one.message) for one in report.findings if one.weight != "info")


def test_each_fix_of_a_mutation_leaves_fewer_findings_and_no_other(tmp_path: Path) -> None:
    tried = 0
    for number, subject in enumerate(some(subjects())):
        target = copied(subject, tmp_path / str(number))
        for mutation in sampled(list(mutations(target)), 6):
            before = mutation.file.read_text("utf-8")
            mutated = mutation.applied(before)
            mutation.file.write_text(mutated, "utf-8")
            report = check(target)
            for one in report.findings:
                if one.fix is None or Path(one.fix.span.file) != mutation.file:
                    continue
                tried += 1
                mutation.file.write_text(edited(mutated, [one.fix])[0], "utf-8")
                after = check(target)
                assert counted(after) < counted(report), (str(mutation), one)
            mutation.file.write_text(before, "utf-8")
    assert tried


def words(text: str) -> Report:
    """A report that wants every word of capitals to be small; `BAD` makes it worse."""
    source = Source("a.yaml", text)
    found, place = [], 0
    for word in text.split(" "):
        if word.isupper():
            span = source.span(place, place + len(word))
            new = "WORSE AND WORSE" if word == "BAD" else word.lower()
            found.append(Finding("K003", word, span, fix=Edit("write it small", span, new)))
        place += len(word) + 1
    return Report.of(found, [source])


@pytest.mark.parametrize("many", [1, MAX_ALONE, 5 * MAX_ALONE])
def test_one_bad_fix_among_many_is_left_out(many: int) -> None:
    text = " ".join([*(f"W{number}" for number in range(many)), "BAD"])
    report, trials = words(text), []

    def attempt(texts: object) -> Report:
        trials.append(texts)
        return words(texts.get("a.yaml", text))  # type: ignore[attr-defined]

    held = held_fixes(report.findings, report, attempt)
    assert {one.message for one in held} == {f"W{number}" for number in range(many)}
    assert len(trials) <= 4 * MAX_ALONE


@pytest.mark.parametrize("times", [1, 2, 5])
def test_what_is_wrong_in_an_anchored_value_is_told_once(times: int) -> None:
    aliases = "".join(f"  - {{ name: S{number}, value: *it }}\n" for number in range(times))
    found = check_text(
        f'{HEAD}  - {{ name: A, value: &it "${{{{ inputs.satte }}}}" }}\n{aliases}'
        f'result: "${{{{ steps.A.result + [{", ".join(f"steps.S{n}.result" for n in range(times))}].join() }}}}"\n'  # noqa: E501
    ).findings
    assert [one.code for one in found if one.span and one.span.line == 8] == ["K407"]


@pytest.mark.parametrize(
    "step",
    [
        "{ <<: *base, name: B }",
        "{ name: B, <<: *base }",
        "{ <<: [*base, *base], name: B }",
        "\n    <<: *base\n    name: B",
    ],
)
def test_a_merge_key_is_one_finding(step: str) -> None:
    text = f"{HEAD}  - &base {{ name: A, value: '${{{{ inputs.state }}}}' }}\n  - {step}\n"
    text += 'result: "${{ steps.A.result + steps.B.result }}"\n'
    assert [one.code for one in check_text(text).findings] == ["K001"]
