"""What pages draw: sound SVG, whatever the texts are."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import Workflow, diff
from autoflow_worker.drawings.curve import Point, curve
from autoflow_worker.drawings.flowchart import difference, flowchart
from autoflow_worker.drawings.svg import element, shade
from autoflow_worker.drawings.tree import Node, tree
from tests.language.strategies import workflows

SVG = "{http://www.w3.org/2000/svg}"
SHARE = st.floats(0, 1)


def _all(drawing: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(drawing).iter(SVG + name))


def test_texts_and_attributes_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    made = element("text", hostile, fill=hostile)
    assert "<script" not in made
    assert ET.fromstring(made).text == hostile


@given(workflows())
def test_a_flowchart_has_a_box_for_each_step_and_a_line_for_each_way(workflow: Workflow) -> None:
    drawing = flowchart(workflow)
    assert len(_all(drawing, "rect")) == len(workflow.steps)
    lines = (
        len(_all(drawing, "line")) + len(_all(drawing, "path")) - 1
    )  # The head of the arrows is a path, too.
    assert lines <= sum(len(step.branches) for step in workflow.steps)
    titles = [title.text for title in _all(drawing, "title")]
    assert titles[1:] == [step.text for step in workflow.steps]


@given(workflows(), workflows())
def test_a_difference_shows_every_step_of_both(before: Workflow, after: Workflow) -> None:
    found = diff(before, after)
    assert len(_all(difference(found), "rect")) == len(found.steps)


@given(st.lists(st.tuples(SHARE, SHARE, SHARE, SHARE), min_size=1, max_size=80))
def test_a_curve_stays_within_its_frame(values: list[tuple[float, float, float, float]]) -> None:
    drawing = curve([Point(*value) for value in values], label="rewards")
    for dot in _all(drawing, "circle"):
        assert 0 <= float(dot.attrib["cx"]) <= 720
        assert 0 <= float(dot.attrib["cy"]) <= 260
    assert len(_all(drawing, "circle")) == (len(values) if len(values) <= 60 else 0)


def test_a_tree_has_a_line_from_each_parent_that_is_drawn() -> None:
    first = [Node("a", (), 0.2, "a"), Node("", (), None, "broken")]
    second = [Node("b", ("a",), 0.5, "b"), Node("c", ("b", "gone"), 0.9, "<c>", winner=True)]
    drawing = tree([first, second], label="candidates")
    assert len(_all(drawing, "circle")) == 4
    # From a to b, and from b to c, which was drawn before it.
    assert len(_all(drawing, "path")) == 2
    assert [title.text for title in _all(drawing, "title")][-1] == "<c>"


def test_shades_go_from_red_to_green() -> None:
    assert shade(0.0).startswith("hsl(0 ")
    assert shade(1.0).startswith("hsl(120 ")
    assert not shade(None).startswith("hsl")
