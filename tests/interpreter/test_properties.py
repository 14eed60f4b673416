"""What holds of every execution of every sound workflow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autoflow.admission import Admission
from autoflow.language import NEXT_LABEL, Branch, Step, StepType, Workflow, check
from autoflow.llm import Message, Sampling
from autoflow.testing import ScriptedModel, catalogue_of
from autoflow.tools.registry import Registry
from autoflow_interpreter.events import (
    BranchTaken,
    Finished,
    MemoryStrategy,
    Outcome,
    StepAnswered,
    StepStarted,
)
from autoflow_interpreter.execution import ExecutionRequest
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.limits import Limits
from autoflow_interpreter.plan_execution import PlanExecutor
from autoflow_interpreter.remote_tools import RemoteTools
from tests.interpreter.noting import Noted, executed

NO_PLANS = PlanExecutor(RemoteTools([]))


@st.composite
def sound_workflows(draw: st.DrawFn) -> Workflow:
    """Every step leads to the one after it, decisions to any others as well; the last is terminal."""
    count = draw(st.integers(1, 8))
    names = [f"{draw(st.sampled_from(['Step', 'Étape', 'do']))} {number}" for number in range(count)]
    steps = []
    for number, name in enumerate(names[:-1]):
        following = names[number + 1]
        others = draw(st.lists(st.sampled_from(names), max_size=3))
        if others:
            targets = draw(st.permutations([following, *others]))
            branches = tuple(Branch(f"way {way}", target) for way, target in enumerate(targets))
            steps.append(Step(name, StepType.DECISION, f"Which way, {name}?", branches))
        else:
            steps.append(Step(name, StepType.PROCESS, f"Do {name}", (Branch(NEXT_LABEL, following),)))
    return Workflow((*steps, Step(names[-1], StepType.TERMINAL, "Finish")))


async def execute(workflow: Workflow, choices: Sequence[int], max_steps: int) -> tuple[Noted, ScriptedModel]:
    pending = list(choices)

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        return (pending.pop() if pending else 0) % len(options)

    model = ScriptedModel(lambda messages: f"said after {len(messages)}", choose=choose)
    interpreter = Interpreter(
        catalogue_of(model),
        NO_PLANS,
        Registry([]),
        plan_executions=Admission(1, "plans"),
        now=lambda: datetime.now(UTC),
    )
    request = ExecutionRequest(
        source=workflow.text,
        query="a task",
        tools=(),
        model="scripted",
        adapter=None,
        sampling=Sampling(),
        memory=MemoryStrategy.APPEND,
        limits=Limits(max_steps=max_steps, max_tokens=10**9),
    )
    return (await executed(interpreter, request))[0], model


@given(sound_workflows(), st.lists(st.integers(0, 100), max_size=12), st.integers(1, 12))
async def test_the_events_are_a_path_through_the_workflow(
    workflow: Workflow, choices: list[int], max_steps: int
) -> None:
    assert check(workflow.text).ok
    noted, model = await execute(workflow, choices, max_steps)

    *events, finished = noted.core
    assert isinstance(finished, Finished)

    here, count, answer, taken = workflow.first, 0, "", 0
    for started, answered, branch in zip(events[::3], events[1::3], [*events[2::3], None], strict=False):
        assert started == StepStarted(here.name, count)
        assert isinstance(answered, StepAnswered)
        assert answered.step == here.name
        count, answer = count + 1, answered.answer
        if branch is None:
            break
        assert isinstance(branch, BranchTaken)
        assert branch.step == here.name
        assert Branch(branch.label, branch.target) in here.branches
        taken += here.type is StepType.DECISION
        here = workflow.step(branch.target)

    assert len(events) == count * 3 - (finished.outcome is Outcome.ANSWERED)
    assert finished.steps == count
    assert finished.usage.calls == len(model.calls) == count + taken
    if finished.outcome is Outcome.ANSWERED:
        assert here.type is StepType.TERMINAL
        assert finished.answer == answer
    else:
        assert finished.outcome is Outcome.STEP_LIMIT
        assert finished.answer == ""
        assert count == max_steps


@given(sound_workflows(), st.lists(st.integers(0, 100), max_size=12))
async def test_each_step_sees_the_chat_before_it_unchanged(workflow: Workflow, choices: list[int]) -> None:
    _, model = await execute(workflow, choices, max_steps=12)

    chats = [call.messages for call in model.calls if call.sampling is not None]
    for earlier, later in pairwise(chats):
        assert later[: len(earlier)] == earlier
        assert [message.role for message in later[len(earlier) :]] == ["assistant", "user"]
