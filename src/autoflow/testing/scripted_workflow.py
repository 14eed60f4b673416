"""What a model does that carries out a workflow: decided beforehand, for each step and each time.

A `ScriptedWorkflow` says what is answered, which tool is called with what, and which way is taken, as a pure
function of the step and of how often it was executed. So it also says what an execution comes to, by
whatever protocol. Whether a tool is called, and which, depends on the step alone: the protocol that asks for
each part of a step on its own asks that before anything tells how often the step was executed.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from autoflow.language import Step, StepType, Workflow
from autoflow.testing.random_workflows import random_workflow
from autoflow.testing.simple_tools import SIMPLE_TOOLS

_FREE_TIMES = 2
"""How often a decision goes any way; after that it goes the shortest to an end."""
_FAULTS = 6
"""Ways to be wrong are numbered from 1; what a number means is up to the reply."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What executions are like."""

    max_steps: int = 12
    tools: Sequence[str] = ()
    """Those that steps call, names of `SIMPLE_TOOLS`."""
    tool_share: float = 0.5
    """Of the steps that call one."""
    fault_share: float = 0.0
    """Of the replies that are first given wrongly: unreadable, or with arguments that the tool refuses."""
    words: int = 3
    """Of an answer, beside its mark."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is done when a step is executed once."""

    step: str
    time: int
    """How often it was executed, this time included."""
    answer: str
    """Holds the mark `done-<about>-<step>-<time>`, which no other answer has."""
    tool: str
    """Empty: none is called."""
    arguments: str
    """A JSON object; empty where no tool is called."""
    branch: int | None
    """The index of the way out; None where the workflow ends."""
    label: str
    """Of the way out; empty where the workflow ends."""


class ScriptedWorkflow:
    """A workflow, and what is done when it is executed.

    Args:
        about: letters and digits that no other script has where several are served by one model.
        workflow: its instructions hold `<about>-<number>`, the number that its steps' names hold.
        shape: what the execution is like.
    """

    def __init__(self, about: str, workflow: Workflow, shape: Shape | None = None) -> None:
        self.about = about
        self.workflow = workflow
        self.shape = shape or Shape()

    @classmethod
    def drawn(cls, seed: int, shape: Shape | None = None, *, task: str = "part") -> ScriptedWorkflow:
        """One with a workflow drawn at random.

        Args:
            seed: the same for two that differ in their name alone.
            shape: what the execution is like.
            task: letters; with the seed it names what the workflow is about.
        """
        shape = shape or Shape()
        about = f"{task}{seed}"
        drawn = random_workflow(random.Random(seed), max_steps=shape.max_steps, about=about)
        return cls(about, drawn, shape)

    def move(self, name: str, time: int) -> Move:
        """What is done when a step is executed for the so-manieth time, from 1.

        Raises:
            KeyError: there is no such step.
        """
        step = self.workflow.step(name)
        rng = random.Random(f"{self.workflow.digest}/{step.name}/{time}")
        branch = self._branch(step, time, rng)
        tool = self.tool(step.name)
        words = " ".join(f"word{rng.randrange(100)}" for _ in range(self.shape.words))
        return Move(
            step=step.name,
            time=time,
            answer=f"done-{self.about}-{step.name.split()[-1]}-{time} {words}".strip(),
            tool=tool,
            arguments=json.dumps(SIMPLE_TOOLS[tool].draw(rng)) if tool else "",
            branch=branch,
            label="" if branch is None else step.branches[branch].label,
        )

    def tool(self, name: str) -> str:
        """The tool that a step calls each time; empty where it calls none, as a terminal step does."""
        rng = random.Random(f"{self.workflow.digest}/{name}")
        ends = self.workflow.step(name).type is StepType.TERMINAL
        called = self.shape.tools and not ends and rng.random() < self.shape.tool_share
        return rng.choice(self.shape.tools) if called else ""

    @cached_property
    def path(self) -> tuple[Move, ...]:
        """All moves of an execution, in their order; the last step is terminal."""
        moves: list[Move] = []
        times: Counter[str] = Counter()
        step: Step | None = self.workflow.first
        while step is not None:
            times[step.name] += 1
            moves.append(move := self.move(step.name, times[step.name]))
            step = None if move.branch is None else self.workflow.step(step.branches[move.branch].target)
        return tuple(moves)

    def fault(self, name: str, time: int, purpose: str) -> int:
        """How a reply is given wrongly before it is given as the move says; 0: it is not.

        Args:
            name: the step's.
            time: how often it was executed, this time included.
            purpose: what the reply is for.
        """
        rng = random.Random(f"{self.workflow.digest}/{name}/{time}/{purpose}")
        return rng.randint(1, _FAULTS) if rng.random() < self.shape.fault_share else 0

    def _branch(self, step: Step, time: int, rng: random.Random) -> int | None:
        if step.type is StepType.TERMINAL:
            return None
        free = rng.randrange(len(step.branches))
        if time <= _FREE_TIMES:
            return free
        distances = [self._distances[branch.target] for branch in step.branches]
        return distances.index(min(distances))

    @cached_property
    def _distances(self) -> dict[str, int]:
        """How many steps each is from the nearest end."""
        steps = self.workflow.steps
        found = {step.name: 0 for step in steps if step.type is StepType.TERMINAL}
        while len(found) < len(steps):
            for step in steps:
                ways = [found[branch.target] for branch in step.branches if branch.target in found]
                if step.name not in found and ways:
                    found[step.name] = 1 + min(ways)
        return found
