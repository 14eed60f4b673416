"""What repair promises of every text, and what it makes of a workflow that was damaged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoflow.language import NEXT_LABEL, Branch, Step, StepType, Workflow, check, repair, to_json, to_mermaid
from tests.language.strategies import near_workflows, sound_workflows, texts, workflows

END = "Step 2:::terminal:::Tell\n"
SOUND = f"Step 1:::process:::Plan:::next::Step 2\n{END}"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"Step 1:::process:::Plan:::next::Step 9\n{END}", "unknown-target", 1),
        (f"Step 1:::process:::Plan:::next::Elsewhere\n{END}", "unknown-target", 1),
        (f"Step 1:::process:::Plan:::No::Step 2\n{END}", "missing-next", 1),
        (f"Step 1:::decision:::Plan:::Yes::Step 2\n{END}", "too-few-branches", 1),
        (f"Step 1:::decision:::Good? If no, go to Step 1.\n{END}", "too-few-branches", 1),
        (f"Step 1:::decision:::Plan\n{END}", "too-few-branches", 1),
        (f"Step 1:::decision:::Plan:::Yes::Step 1::Yes::Step 2\n{END}", "duplicate-label", 1),
        (f"Step 1:::decision:::Plan:::Yes::Step 1::No\n{END}", "bad-branches", 1),
        (f"{SOUND}Step 2:::terminal:::Tell more\n", "duplicate-step", 3),
        (
            "Step 1:::process:::Plan:::next::Step 2\nStep 2:::process:::Again:::next::Step 1\n",
            "no-terminal",
            2,
        ),
        ("Step 1:::process:::Plan:::next::Step 2\nStep 2 / terminal / Tell\n", "not-a-step", 2),
        (f"Step 1:::process:::Plan:::next::END\n{END}Step 3:::terminal:::Ask\n", "unknown-target", 1),
        (f"Step 1:::process:::Plan:::next::Step 2\n{'a b ' * 20}:::c\n{END}", "not-a-step", 2),
        ("steps:\n  step1: {type: process, next: step2}\n  step2: {type: terminal}\n", "no-steps", 1),
        ("1. Plan (process) -> 2\n2. Tell (terminal) -> END\n", "no-steps", 1),
        ("I cannot help with that.\n1. Ask\n2. Answer\n", "no-steps", 1),
        (
            '[{"name": "Step 1", "type": "terminal"}]\nor\n[{"name": "Step 1", "type": "terminal"}]',
            "duplicate-step",
            3,
        ),
        (
            '{"a": [{"id": 1, "type": "terminal"}],\n"b": [{"id": 1, "type": "terminal"}]}',
            "duplicate-step",
            2,
        ),
        ('step(name="Step 1", type="terminal", instruction="Tell")\nstep(name="Step 2", ty', "no-steps", 2),
        (
            'step("Step 1", "process", "Plan", then="Step 2")\nstep("Step 2", "terminal", "Tell")\n',
            "no-steps",
            1,
        ),
        ("graph TD\nA[Plan] --> C[Tell]\nA --- B\n", "not-a-step", 3),
        ("graph TD\nA[Plan] --> B[Tell]\n\ngraph TD\nA[Plan] --> B[Tell]\n", "duplicate-step", 4),
        (to_mermaid(Workflow((Step("Step 1", StepType.TERMINAL, "a " * 90 + "b"),))), "not-a-step", 2),
        (f"{SOUND}\nSecond version:\n{SOUND.replace('Plan', 'Look')}", "duplicate-step", 5),
        (f"{SOUND}\nCorrected:\nStep 1:::process:::Look:::next::Step 3\n", "unknown-target", 5),
    ],
)
def test_what_may_mean_several_things_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    repaired = repair(text)
    assert repaired.workflow is None
    assert (code, line) in {(found.code, found.line) for found in repaired.diagnostics}
    assert (repaired.text, repaired.changes) == (text, ())


@pytest.mark.parametrize(
    "remark",
    [
        "Step 1 (process): it makes the plan",
        "Step 3: now run it",
        "For example, a step (process): what to do",
        "Use name | process | instruction",
    ],
)
def test_a_remark_around_sound_steps_is_no_step(remark: str) -> None:
    assert repair(f"{remark}\n\n{SOUND}").text == SOUND
    assert repair(f"{SOUND}\n{remark}\n").text == SOUND


def test_a_sound_draft_gives_way_to_one_that_is_announced_as_better() -> None:
    better = SOUND.replace("Plan", "Plan with care")
    repaired = repair(f"{SOUND}\nImproved version:\n{better.replace(':::', ' | ').replace('::', ' | ')}")
    assert repaired.text == better
    (left_out,) = [found for found in repaired.changes if found.code == "removed-draft"]
    assert left_out.line == 1
    assert "Lines 1 to 4 are left out" in left_out.message


@given(texts | near_workflows | workflows().map(lambda workflow: workflow.text))
@example("0:::PROCESS\n0:::PROC:::0")
def test_a_repair_is_sound_and_final_or_refused_with_a_line(text: str) -> None:
    repaired, checked = repair(text), check(text)
    if repaired.workflow is None:
        assert not checked.ok
        assert repaired.text == text
        assert any(found.line for found in repaired.diagnostics)
        return
    codes = {found.code for found in checked.diagnostics}
    if checked.workflow is not None and checked.ok and not codes & {"leading-text", "trailing-text"}:
        assert repaired.workflow.digest == checked.workflow.digest
    elif not checked.ok:
        assert repaired.changes
    assert check(repaired.text).ok
    again = repair(repaired.text)
    assert (again.text, again.changes) == (repaired.text, ())


@given(sound_workflows())
def test_a_sound_workflow_is_left_as_it_is(workflow: Workflow) -> None:
    repaired = repair(workflow.text)
    assert (repaired.workflow, repaired.text, repaired.changes) == (workflow, workflow.text, ())


def _lines(change: Callable[[str], str]) -> Callable[[Workflow], str]:
    return lambda workflow: "".join(f"{change(line)}\n" for line in workflow.text.splitlines())


def _steps(write: Callable[[str, str, str, str], str], pair: str, comma: str) -> Callable[[Workflow], str]:
    def text(workflow: Workflow) -> str:
        lines = []
        for step in workflow.steps:
            branches = comma.join(pair.format(branch.label, branch.target) for branch in step.branches)
            line = write(step.name, step.type, step.instruction, branches)
            # What led to the branches leads nowhere behind a terminal step.
            lines.append(line if branches else line.rstrip(" \n->.|"))
        return "\n".join(lines)

    return text


def _without_next(workflow: Workflow) -> str:
    """Leaves out the branches of processes, which lead to the following step."""
    return "".join(f"{line.partition(f':::{NEXT_LABEL}::')[0]}\n" for line in workflow.text.splitlines())


def _maps(workflow: Workflow) -> str:
    steps = [
        {
            "id": step.name,
            "kind": step.type.value,
            "task": step.instruction,
            "branches": {branch.label: branch.target for branch in step.branches},
        }
        for step in workflow.steps
    ]
    return f"Here it is:\n```json\n{json.dumps({'workflow': {'steps': steps}}, indent=2)}\n```\n"


def _xml(workflow: Workflow) -> str:
    lines = ["<workflow>"]
    for step in workflow.steps:
        lines.append(f'<step name="{step.name}" type="{step.type}">')
        lines.append(f"<instruction>{step.instruction}</instruction>")
        lines += [f'<branch label="{branch.label}">{branch.target}</branch>' for branch in step.branches]
        lines.append("</step>")
    return "\n".join([*lines, "</workflow>"])


def _graph(workflow: Workflow) -> str:
    nodes = [{"id": step.name, "type": step.type, "label": step.instruction} for step in workflow.steps]
    edges = [
        {"from": step.name, "to": branch.target, "label": branch.label}
        for step in workflow.steps
        for branch in step.branches
    ]
    return json.dumps({"nodes": nodes, "edges": edges})


def _flowchart(workflow: Workflow) -> str:
    shapes = {StepType.PROCESS: ("[", "]"), StepType.DECISION: ("{", "}"), StepType.TERMINAL: ("(", ")")}
    lines = ["graph LR"]
    for i, step in enumerate(workflow.steps):
        opening, closing = shapes[step.type]
        lines.append(f"n{i}{opening}{step.name}: {step.instruction}{closing}")
    for i, step in enumerate(workflow.steps):
        for branch in step.branches:
            label = "" if step.type is StepType.PROCESS else f"|{branch.label}|"
            lines.append(f"n{i} -->{label} n{workflow.index[branch.target.casefold()]}")
    return "\n".join(lines)


def _two_drafts(workflow: Workflow) -> str:
    return f"{workflow.text.replace(':::', ':::Do this: ', 1)}\n**Final version:**\n\n{workflow.text}"


DAMAGES: dict[str, Callable[[Workflow], str]] = {
    "chatter": lambda workflow: f"Sure, here it is:\n\n{workflow.text}\nI hope it helps!\n",
    "fence": lambda workflow: f"```\n{workflow.text}```\n",
    "bullets": _lines(lambda line: f"- {line}"),
    "numbers": _lines(lambda line: f"7. {line}"),
    "quotes": _lines(lambda line: f'  "{line}",'),
    "tags": lambda workflow: f"<pre>\n{workflow.text}</pre>\n",
    "carriage returns": lambda workflow: workflow.text.replace("\n", "\r\n"),
    "blank lines": lambda workflow: workflow.text.replace("\n", "\n\n"),
    "capitals": _lines(lambda line: line.replace(":::process", ":::PROCESS").replace(":::deci", ":::Deci")),
    "synonyms": _lines(lambda line: line.replace(":::process", ":::action").replace(":::terminal", ":::end")),
    "two colons": _lines(lambda line: line.replace(":::", "::")),
    "wide colons": _lines(lambda line: line.replace(":", "\uff1a")),
    "spaces": _lines(lambda line: line.replace(":::", " ::: ").replace("::Step", " :: Step")),
    "bars": _lines(lambda line: line.replace(":::", " | ").replace("::", " | ")),
    "tabs": _lines(lambda line: line.replace(":::", "\t").replace("::", "\t")),
    "arrows": _steps(lambda *step: ":::".join(step), "{} -> {}", ", "),
    "pairs": _steps(lambda *step: ":::".join(step), "{}: {}", "; "),
    "lines of branches": _steps("{}:::{}:::{}\n  - {}".format, "{} -> {}", "\n  - "),
    "prose": _steps("{} ({}): {} -> {}".format, "{}: {}", ", "),
    "sentences": _steps("{}: {}: {}. {}".format, "If {}, go to {}.", " "),
    "table": _steps("| {} | {} | {} | {} |".format, "{}: {}", ", "),
    "no branch of a process": _without_next,
    "JSON": to_json,
    "JSON in other words": _maps,
    "YAML": _steps("- name: {}\n  type: {}\n  instruction: {}\n  branches:{}".format, "\n    {}: {}", ""),
    "one line": lambda workflow: workflow.text.replace("\n", " "),
    "one line with bars": lambda workflow: workflow.text.replace("\n", " | "),
    "one line with semicolons": lambda workflow: workflow.text.replace("\n", "; "),
    "one line with backslashes": lambda workflow: workflow.text.replace("\n", "\\n"),
    "a list of lines": lambda workflow: json.dumps(workflow.text.splitlines(), indent=1),
    "a list of sentences": lambda workflow: json.dumps(
        _steps("{} ({}): {} -> {}".format, "{}: {}", ", ")(workflow).splitlines()
    ),
    "a graph": _graph,
    "XML": _xml,
    "calls": _steps(
        'step(name="{}", type="{}", instruction="{}", branches={{{}}})'.format, '"{}": "{}"', ", "
    ),
    "a flowchart": _flowchart,
    "our flowchart": to_mermaid,
    "two drafts": _two_drafts,
    "Markdown": _steps("### {}\n- **Type**: {}\n- **Instruction**: {}\n{}\n".format, "- {}: {}", "\n"),
}
"""Ways to write a workflow that keep all that it says."""


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@settings(max_examples=25)
@given(workflow=sound_workflows())
def test_a_workflow_in_another_form_is_read_as_the_same(
    damage: Callable[[Workflow], str], workflow: Workflow
) -> None:
    repaired = repair(damage(workflow))
    assert repaired.workflow == workflow, repaired.diagnostics


_WORDS = st.lists(
    st.sampled_from(["plan", "well-known", "#35; & <b>", "很" * 40, "“x”…", "2.", "a" * 50]), min_size=1
)


@given(_WORDS.map(" ".join), st.sampled_from(["Plan", "The 2nd step", "Prüfe: x"]))
def test_what_we_draw_is_read_as_what_it_shows_or_refused(instruction: str, name: str) -> None:
    steps = (
        Step(name, StepType.DECISION, instruction, (Branch("Is well-known", name), Branch("No…", "Tell"))),
        Step("Tell", StepType.TERMINAL, "Tell"),
    )
    workflow = Workflow(steps)
    repaired = repair(to_mermaid(workflow))
    if repaired.workflow is None:
        assert len(instruction) > 138
        assert "cut short" in repaired.diagnostics[0].message
    else:
        assert repaired.workflow == workflow


@given(sound_workflows(), st.data())
def test_a_workflow_with_a_piece_missing_is_mended_or_refused_with_a_line(
    workflow: Workflow, data: st.DataObject
) -> None:
    text = workflow.text
    start = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:start] + text[start + data.draw(st.integers(1, 12)) :]
    repaired = repair(damaged)
    if repaired.workflow is None:
        assert any(found.line for found in repaired.diagnostics)
    else:
        assert check(repaired.text).ok
