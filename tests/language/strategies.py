"""Hypothesis strategies for workflows, sound or not, and for what resembles their text."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from autoflow.language import LABEL_PAIRS, NEXT_LABEL, Branch, Step, StepType, Workflow

# The characters that mean something to the parser are drawn as often as all others together.
_CHARS = st.one_of(
    st.sampled_from("Step 12:.,*`-+>#()[]'\"_\t\u00a0\u3000ßé中😀"),
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff"),
)


def _is_accepted(label: str, target: str) -> bool:
    try:
        Branch(label, target)
    except ValueError:
        return False
    return True


labels = (
    st.text(_CHARS, min_size=1, max_size=12)
    .map(lambda text: text.strip(" :"))
    .filter(lambda text: _is_accepted(text, "a"))
)
names = st.one_of(
    st.integers(1, 12).map(lambda i: f"Step {i}"),
    labels.map(lambda text: text.strip("*` ")).filter(lambda text: _is_accepted("a", text)),
)
instructions = st.one_of(st.just(""), labels)


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Draws a workflow with any faults that the model lets pass."""
    declared = draw(st.lists(names, min_size=1, max_size=6))
    branches = st.builds(Branch, labels, st.one_of(st.sampled_from(declared), names))
    steps = [
        Step(
            name,
            draw(st.sampled_from(StepType)),
            draw(instructions),
            tuple(draw(st.lists(branches, max_size=3))),
        )
        for name in declared
    ]
    try:
        return Workflow(tuple(steps))
    except ValueError:
        # A target and a name drawn apart may differ in spelling only.
        assume(False)
        raise


_SEPARATORS = [":", "::", ":::", "\n", "\r", "\t", " "]
_WORDS = ["Step 1", "step  2.", "process", "DECISION", "terminal", "next", "Yes", "none", "中"]
_MARKUP = ["```", "**", "`", "- ", "1. "]
_UNREPRESENTABLE = ["\x00", "\ud800", "\ufeff", "\u2028"]

texts = st.one_of(
    st.text(),
    st.lists(st.sampled_from([*_SEPARATORS, *_WORDS, *_MARKUP, *_UNREPRESENTABLE]), max_size=60).map("".join),
)
"""Arbitrary text, and text made of what the parser looks for."""

_SENTENCES = [
    "Plan the task",
    "Is it sound?",
    "Name what is missing",
    "Tell the user, in a word",
    "Write it down",
]


@st.composite
def sound_workflows(draw: st.DrawFn) -> Workflow:
    """Draws a workflow without an error, of two to eight steps in the usual names."""
    count = draw(st.integers(2, 8))
    steps = []
    for i in range(1, count):
        following = f"Step {i + 1}"
        branches = [Branch(NEXT_LABEL, following)]
        if draw(st.booleans()):
            first, second = draw(st.sampled_from(LABEL_PAIRS))
            branches = [Branch(first, following), Branch(second, f"Step {draw(st.integers(1, count))}")]
        type_ = StepType.PROCESS if len(branches) == 1 else StepType.DECISION
        steps.append(Step(f"Step {i}", type_, draw(st.sampled_from(_SENTENCES)), tuple(branches)))
    steps.append(Step(f"Step {count}", StepType.TERMINAL, draw(st.sampled_from(_SENTENCES))))
    return Workflow(tuple(steps))


_SHAPES = [
    '{"name": "Step 1", "type": "process", "instruction": "Plan", "next": "Step 2"}',
    '<step name="Step 1" type="process" next="Step 2">', "</step>", "<workflow>", "<instruction>",
    'step(name="Step 1", type="process", ', ")", "flowchart TD\n", "A[Plan]", " --> ", "-->|Yes|", "B{Good?}",
    '[{"', '"}', "[", "]", ",", '": "', "name: Step 1\n", "type: process\n", "branches:\n", "- ", "| ",
]  # fmt: skip
_PROSE = [
    "Step 1 (process): ",
    "Step 2: ",
    " -> Step 2",
    "If yes, go to Step 2",
    "; otherwise Step 1",
    "END",
    "\nFinal version:\n",
    "; Step 1:::process:::",
    "<br>",
]

near_workflows = st.lists(
    st.sampled_from([*_SEPARATORS, *_WORDS, *_MARKUP, *_SHAPES, *_PROSE, "Step 2:::terminal:::Tell\n", "\n"]),
    max_size=30,
).map("".join)
"""Text made of what repair looks for."""
