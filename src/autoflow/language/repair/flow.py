"""Mends what a step does: its instruction, its branches, and the type that they make it."""

from __future__ import annotations

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import name_key
from autoflow.language.graph import Graph
from autoflow.language.model import NEXT_LABEL, Branch, StepType
from autoflow.language.repair.branches import is_half, means_target, split_instruction
from autoflow.language.repair.drafts import ANSWER, Draft, Drafts


def read_told_branches(drafts: Drafts) -> None:
    """Takes branches out of instructions that end with them, such as `Plan, then go to Step 2`."""
    for step in drafts.steps:
        if step.type is StepType.TERMINAL or step.branches:
            continue
        instruction, pairs = split_instruction(
            step.instruction, lambda target: means_target(target) or drafts.declares(target)
        )
        if pairs and instruction:
            step.branches = [Branch(label, target) for label, target in pairs]
            told = step.instruction[len(instruction) :].strip()
            drafts.tell("read-branches", step, f"{quoted(told)} is read as branches.")
            step.instruction = instruction


def mend_instructions(drafts: Drafts) -> None:
    """Gives steps without an instruction the one that their names, or their types, say."""
    for step in drafts.steps:
        words = [word for word in step.name.split() if not word.strip("().#").isdecimal()]
        if step.instruction or (step.type is not StepType.TERMINAL and len(words) < 2):
            continue
        step.instruction = ANSWER if step.type is StepType.TERMINAL else step.name
        drafts.tell("added-instruction", step, f"{quoted(step.name)} is told {quoted(step.instruction)}.")


def mend_terminals(drafts: Drafts) -> None:
    """A terminal that leads on to a later step is none; other branches of it are left out."""
    later: set[str] = set()
    for step in reversed(drafts.steps):
        if step.type is StepType.TERMINAL and step.branches:
            if any(name_key(branch.target) in later for branch in step.branches):
                drafts.retype(step, _type_by_branches(step), "leads on")
            else:
                step.branches = []
                drafts.tell(
                    "removed-branch",
                    step,
                    f"{quoted(step.name)} ends the workflow; its branches are left out.",
                )
        later.add(name_key(step.name))


def mend_branches(drafts: Drafts) -> None:
    """Makes each step that ends nothing a process or a decision, by its branches."""
    for i, step in enumerate(drafts.steps):
        if step.type is StepType.TERMINAL:
            continue
        _drop_repeated(drafts, step)
        if not step.branches:
            _lead_on(drafts, i, step)
        elif len(step.branches) == 1:
            _only_next(drafts, step)
        elif (
            step.type is StepType.PROCESS and len({name_key(branch.target) for branch in step.branches}) == 1
        ):
            step.branches = [Branch(NEXT_LABEL, step.branches[0].target)]
            drafts.tell("removed-branch", step, f"All branches of {quoted(step.name)} lead to one step.")
        else:
            drafts.retype(step, StepType.DECISION, "has several branches")


def remove_unreachable(drafts: Drafts) -> None:
    """Leaves out steps that no path leads to: the workflow does the same without them."""
    graph = Graph.of(drafts.workflow())
    reachable = graph.reachable()
    # To lose most of a text is no repair of it; nor is to lose what a broken branch may have led to, or a
    # step whose name is not its own.
    known = all(drafts.declares(branch.target) for step in drafts.steps for branch in step.branches)
    unique = len({name_key(step.name) for step in drafts.steps}) == len(drafts.steps)
    if not known or not unique or 2 * len(reachable) < len(drafts.steps):
        return
    for i, step in enumerate(drafts.steps):
        if i not in reachable:
            drafts.tell("removed-step", step, f"No path leads to {quoted(step.name)}; it is left out.")
    drafts.steps = [step for i, step in enumerate(drafts.steps) if i in reachable]


def _type_by_branches(step: Draft) -> StepType:
    return StepType.PROCESS if len(step.branches) == 1 else StepType.DECISION


def _drop_repeated(drafts: Drafts, step: Draft) -> None:
    unique = {(name_key(branch.label), name_key(branch.target)): branch for branch in reversed(step.branches)}
    if len(unique) < len(step.branches):
        step.branches = list(reversed(unique.values()))
        drafts.tell(
            "removed-branch", step, f"A branch of {quoted(step.name)} that repeats another is left out."
        )


def _lead_on(drafts: Drafts, index: int, step: Draft) -> None:
    """A process without a branch goes to the following step; the last one ends the workflow."""
    if step.type is StepType.DECISION:
        # It chooses, and nothing tells between what.
        return
    if index + 1 == len(drafts.steps):
        drafts.retype(step, StepType.TERMINAL, "is the last and goes nowhere")
        return
    following = drafts.steps[index + 1].name
    step.branches = [Branch(NEXT_LABEL, following)]
    drafts.tell("added-branch", step, f"{quoted(step.name)} goes to the following {quoted(following)}.")


def _only_next(drafts: Drafts, step: Draft) -> None:
    """The only branch of a step is `next`, unless it is one of a pair and the other is missing."""
    (branch,) = step.branches
    if is_half(branch.label) or (step.type is StepType.DECISION and name_key(branch.label) != NEXT_LABEL):
        return
    drafts.retype(step, StepType.PROCESS, "has one way to go")
    if name_key(branch.label) != NEXT_LABEL:
        drafts.tell(
            "relabelled-branch", step, f"The label {quoted(branch.label)} is read as {quoted(NEXT_LABEL)}."
        )
        step.branches = [Branch(NEXT_LABEL, branch.target)]
