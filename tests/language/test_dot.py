"""A workflow drawn in DOT keeps its steps and arrows, and no text breaks out of its label."""

from __future__ import annotations

import re

from hypothesis import given

from autoflow.language import Workflow, check, to_dot

from .strategies import workflows

STRING = r'"(?:[^"\\]|\\.)*"'
NODE = re.compile(rf"  ([su]\d+) \[(?:shape=(?:box|diamond|oval)|style=dashed), label={STRING}\];")
EDGE = re.compile(rf"  (s\d+) -> ([su]\d+)(?: \[label={STRING}\])?;")


def test_a_workflow_is_drawn() -> None:
    checked = check(
        'Step 1:::process:::Say "a\\b".:::next::Step 2\n'
        "Step 2:::decision:::Good?:::Yes::Step 3::No::Step 1\n"
        "Step 3:::terminal:::Tell.\n"
    )
    assert checked.workflow is not None
    assert to_dot(checked.workflow) == (
        "digraph workflow {\n"
        '  s0 [shape=box, label="Step 1\\nSay \\"a\\\\b\\"."];\n'
        '  s1 [shape=diamond, label="Step 2\\nGood?"];\n'
        '  s2 [shape=oval, label="Step 3\\nTell."];\n'
        "  s0 -> s1;\n"
        '  s1 -> s2 [label="Yes"];\n'
        '  s1 -> s0 [label="No"];\n'
        "}\n"
    )


@given(workflows())
def test_every_line_is_a_node_or_an_edge_between_nodes(workflow: Workflow) -> None:
    first, *lines, last = to_dot(workflow).removesuffix("\n").split("\n")
    assert (first, last) == ("digraph workflow {", "}")
    nodes = [found.group(1) for line in lines if (found := NODE.fullmatch(line))]
    edges = [found.groups() for line in lines if (found := EDGE.fullmatch(line))]
    assert len(nodes) + len(edges) == len(lines)
    assert len(edges) == sum(len(step.branches) for step in workflow.steps)
    assert {node for edge in edges for node in edge} <= set(nodes)
