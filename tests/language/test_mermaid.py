"""Diagrams show the whole workflow and cannot be broken by its text."""

from __future__ import annotations

import re

from hypothesis import given

from autoflow.language import Branch, Step, StepType, Workflow, to_mermaid

from .strategies import workflows

LABEL = r'"(?:[^"`<>|{}\[\]\\%;]|#\d+;|<br/?>)*"'
NODE = re.compile(rf"    (?:s\d+(?:\[{LABEL}\]|\{{{LABEL}\}}|\(\[{LABEL}\]\))|u\d+\[{LABEL}\]:::unknown)")
EDGE = re.compile(rf"    s\d+ (?:-->|-\.->)(?:\|{LABEL}\|)? [su]\d+")


def test_shapes_and_arrows() -> None:
    workflow = Workflow(
        (
            Step("Plan", StepType.PROCESS, "Make a plan.", (Branch("next", "Check"),)),
            Step("Check", StepType.DECISION, "Good?", (Branch("Yes", "End"), Branch("No", "Nowhere"))),
            Step("End", StepType.TERMINAL, ""),
        )
    )
    assert to_mermaid(workflow) == (
        "flowchart TD\n"
        '    s0["Plan<br/>Make a plan."]\n'
        '    s1{"Check<br/>Good?"}\n'
        '    s2(["End"])\n'
        '    u3["Nowhere"]:::unknown\n'
        "    s0 --> s1\n"
        '    s1 -->|"Yes"| s2\n'
        '    s1 -.->|"No"| u3\n'
        "    classDef unknown stroke-dasharray: 5 5\n"
    )


@given(workflows())
def test_every_step_is_a_node_and_every_branch_an_edge(workflow: Workflow) -> None:
    head, *lines = to_mermaid(workflow).splitlines()
    assert head == "flowchart TD"
    edges = [line for line in lines if EDGE.fullmatch(line)]
    nodes = [line for line in lines if NODE.fullmatch(line)]
    unknown = [line for line in nodes if line.endswith(":::unknown")]
    assert len(edges) == sum(len(step.branches) for step in workflow.steps)
    assert len(nodes) - len(unknown) == len(workflow.steps)
    assert len(lines) == len(edges) + len(nodes) + bool(unknown)


def test_what_means_something_to_mermaid_is_an_entity() -> None:
    hostile = '"]; click s0 "javascript" %%{init}%% <b> `x` #quot; | & _a_'
    (line,) = to_mermaid(Workflow((Step("S", StepType.TERMINAL, hostile),))).splitlines()[1:]
    assert NODE.fullmatch(line)
    shown = re.sub(r"#(\d+);", lambda entity: chr(int(entity[1])), line.replace("<br/>", " "))
    assert shown == f'    s0(["S {hostile}"])'


def test_a_line_cannot_begin_like_a_list() -> None:
    text = to_mermaid(Workflow((Step("S", StepType.TERMINAL, "2. a. b"),)))
    assert '"S<br/>2#46; a. b"' in text


def test_long_text_is_wrapped_and_cut() -> None:
    workflow = Workflow((Step("S" * 100, StepType.TERMINAL, "word " * 500 + "end"),))
    (line,) = to_mermaid(workflow).splitlines()[1:]
    rows = line.split("<br/>")
    assert len(rows) <= 6
    assert all(len(row) < 60 for row in rows)
    assert rows[0].endswith(f"S#{ord('…')};")
    assert rows[-1].endswith(f'#{ord("…")};"])')
