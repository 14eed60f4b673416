"""What an execution does, over a real channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TypeAlias

import pytest

from autoflow import prompts
from autoflow.client.interpreter import InterpreterClient
from autoflow.convert import tool_to_proto
from autoflow.llm import Message, PromptTooLong, Role
from autoflow.suites import ContentType, Tool
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2
from tests.interpreter.provided import core

STRAIGHT = """\
Step 1:::process:::Name the input:::next::Step 2
Step 2:::terminal:::Give the plan
"""
FORKED = """\
Step 1:::decision:::Is it noisy?:::Yes::Step 2:::No::Step 3
Step 2:::terminal:::Denoise
Step 3:::terminal:::Do nothing
"""
LOOP = """\
Step 1:::decision:::Is it done?:::Yes::Step 2:::No::Step 1
Step 2:::terminal:::Say so
"""

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


def echo(messages: Sequence[Message]) -> str:
    return f"answer to {messages[-1].content.splitlines()[-1]}"


def is_branch_question(messages: Sequence[Message]) -> bool:
    return messages[0] == prompts.branch("a question", "an answer", ["Yes", "No"])[0]


async def events_of(client: InterpreterClient, request: pb.ExecuteWorkflowRequest) -> list[pb.ExecutionEvent]:
    return core([event async for event in client.execute_workflow(request)])


async def test_steps_are_executed_in_order_and_the_terminals_answer_is_the_answer(
    interpreting: Interpreting, request_for: Request
) -> None:
    async with interpreting(ScriptedModel(echo)) as client:
        everything = [event async for event in client.execute_workflow(request_for(STRAIGHT))]

    assert [event.sequence for event in everything] == list(range(9))
    assert all(event.time.seconds > 0 for event in everything)
    assert everything[0].WhichOneof("event") == "started"
    events = core(everything)
    started, answered, taken, started_again, answered_again, last = events
    assert started.step_started == pb.StepStarted(step="Step 1", executed_before=0)
    assert answered.step_answered == pb.StepAnswered(step="Step 1", answer="answer to Name the input")
    assert taken.branch_taken == pb.BranchTaken(step="Step 1", label="next", target="Step 2")
    assert started_again.step_started == pb.StepStarted(step="Step 2", executed_before=1)
    assert answered_again.step_answered == pb.StepAnswered(step="Step 2", answer="answer to Give the plan")
    assert last.finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert last.finished.answer == "answer to Give the plan"
    assert last.finished.detail == ""
    assert last.finished.steps == 2


async def test_the_cost_is_the_sum_of_all_calls(interpreting: Interpreting, request_for: Request) -> None:
    model = ScriptedModel(lambda messages: "A" if is_branch_question(messages) else "two words")
    async with interpreting(model) as client:
        events = await events_of(client, request_for(FORKED))

    usage = events[-1].finished.usage
    assert usage.llm_calls == len(model.calls) == 3
    # A token of this model is a word.
    assert usage.prompt_tokens == sum(
        len(message.content.split()) for call in model.calls for message in call.messages
    )
    assert usage.completion_tokens == 2 + 1 + 2


async def test_append_shows_a_step_everything_before_it_and_changes_nothing(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(echo)
    tool = Tool("Image Denoising", "removes noise", (ContentType.IMAGE,), ContentType.IMAGE)
    async with interpreting(model) as client:
        await events_of(
            client,
            request_for(STRAIGHT, tools=[tool_to_proto(tool)], memory=pb.MEMORY_STRATEGY_APPEND),
        )

    first, second = (call.messages for call in model.calls)
    assert first == tuple(prompts.execution("Describe a noisy picture", [tool], "Name the input"))
    assert second[: len(first)] == first
    assert second[len(first) :] == (
        Message(Role.ASSISTANT, "answer to Name the input"),
        Message(Role.USER, "Give the plan"),
    )


async def test_each_call_draws_as_asked_with_a_seed_of_its_own(
    interpreting: Interpreting, request_for: Request
) -> None:
    sampling = model_pb2.SamplingParams(temperature=0.7, max_tokens=9, seed=5)
    model = ScriptedModel(echo)
    adapter = "sha256:" + "0" * 64
    async with interpreting(model) as client:
        for seed in (5, 5, 6):
            sampling.seed = seed
            await events_of(client, request_for(STRAIGHT, sampling=sampling, adapter=adapter))

    drawn = [call.sampling for call in model.calls if call.sampling is not None]
    assert {(each.temperature, each.max_tokens) for each in drawn} == {(0.7, 9)}
    assert {call.adapter for call in model.calls} == {adapter}
    seeds = [each.seed for each in drawn]
    assert seeds[:2] == seeds[2:4]
    assert len(set(seeds)) == 4


@pytest.mark.parametrize(("settings", "max_tokens"), [({}, 128), ({"interpreter_max_tokens": 7}, 7)])
async def test_a_request_without_sampling_is_greedy_with_the_services_limit(
    interpreting: Interpreting, request_for: Request, settings: dict[str, object], max_tokens: int
) -> None:
    model = ScriptedModel(echo)
    async with interpreting(model, **settings) as client:
        await events_of(client, request_for(STRAIGHT))

    drawn = [(call.sampling.temperature, call.sampling.max_tokens) for call in model.calls if call.sampling]
    assert drawn == [(0.0, max_tokens)] * 2
    assert {call.adapter for call in model.calls} == {None}


async def test_events_come_as_they_happen(interpreting: Interpreting, request_for: Request) -> None:
    model = GatedModel(echo)
    async with (
        interpreting(model) as client,
        aclosing(client.execute_workflow(request_for(STRAIGHT, model="gated"))) as events,
    ):
        kinds = [(await anext(events)).WhichOneof("event") for _ in range(2)]
        assert kinds == ["started", "step_started"]
        model.let_through(0)
        # The second call is held back, so these were not waiting for it.
        kinds = [(await anext(events)).WhichOneof("event") for _ in range(4)]
        assert kinds == ["model_called", "step_answered", "branch_taken", "step_started"]
        model.let_through(1)
        kinds = [event.WhichOneof("event") async for event in events]
        assert kinds == ["model_called", "step_answered", "finished"]


@pytest.mark.parametrize(("letter", "target"), [("A", "Step 2"), ("B", "Step 3")])
async def test_choosing_and_answering_in_words_take_the_same_branch(
    interpreting: Interpreting, request_for: Request, letter: str, target: str
) -> None:
    def script(messages: Sequence[Message]) -> str:
        return f"{letter}." if is_branch_question(messages) else echo(messages)

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        assert is_branch_question(messages)
        return options.index(letter)

    chooser, talker = (
        ScriptedModel(script, choose=choose, name="chooser"),
        ScriptedModel(script, name="talker"),
    )
    async with interpreting(chooser, talker) as client:
        chosen = await events_of(client, request_for(FORKED, model="chooser"))
        told = await events_of(client, request_for(FORKED, model="talker"))

    assert chosen[2].branch_taken.target == told[2].branch_taken.target == target
    assert chosen[-1].finished == told[-1].finished
    assert [call.options for call in chooser.calls] == [(), ("A", "B"), ()]
    # The question holds the decision's instruction and answer, and nothing of the task.
    assert chooser.calls[1].messages == talker.calls[1].messages
    asked = chooser.calls[1].messages[-1].content
    assert "Is it noisy?" in asked
    assert "answer to Is it noisy?" in asked
    assert "Describe a noisy picture" not in asked


async def test_a_model_that_names_no_branch_is_asked_once_more(
    interpreting: Interpreting, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if not is_branch_question(messages):
            return echo(messages)
        return "B" if messages[-2] == Message(Role.ASSISTANT, "hard to say") else "hard to say"

    async with interpreting(ScriptedModel(script)) as client:
        events = await events_of(client, request_for(FORKED))

    assert events[2].branch_taken == pb.BranchTaken(step="Step 1", label="No", target="Step 3")
    assert events[-1].finished.usage.llm_calls == 4


async def test_a_model_that_names_no_branch_twice_leaves_the_execution_undecided(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(lambda messages: "hard to say")
    async with interpreting(model) as client:
        events = await events_of(client, request_for(FORKED))

    assert [event.WhichOneof("event") for event in events] == ["step_started", "step_answered", "finished"]
    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_UNDECIDED
    assert finished.answer == ""
    assert "'Step 1'" in finished.detail
    assert "hard to say" in finished.detail
    assert finished.steps == 1
    assert sum(is_branch_question(call.messages) for call in model.calls) == 2


@pytest.mark.parametrize("answer", ["", " \n"])
async def test_an_empty_answer_is_none(interpreting: Interpreting, request_for: Request, answer: str) -> None:
    async with interpreting(ScriptedModel(lambda messages: answer)) as client:
        events = await events_of(client, request_for(STRAIGHT))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_NO_ANSWER
    assert events[-1].finished.answer == ""
    assert "'Step 2'" in events[-1].finished.detail


async def test_the_limit_on_steps_ends_a_loop(interpreting: Interpreting, request_for: Request) -> None:
    model = ScriptedModel(echo, choose=lambda messages, options: 1)
    async with interpreting(model) as client:
        events = await events_of(client, request_for(LOOP, limits=pb.ExecutionLimits(max_steps=3)))
        default = await events_of(client, request_for(LOOP))

    started = [event.step_started for event in events if event.HasField("step_started")]
    assert [step.executed_before for step in started] == [0, 1, 2]
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_STEP_LIMIT
    assert events[-1].finished.steps == 3
    assert default[-1].finished.steps == 32


async def test_a_workflow_may_end_in_the_very_last_step_it_has(
    interpreting: Interpreting, request_for: Request
) -> None:
    async with interpreting(ScriptedModel(echo)) as client:
        events = await events_of(client, request_for(STRAIGHT, limits=pb.ExecutionLimits(max_steps=2)))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_the_limit_on_tokens_stops_the_next_call(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(echo, choose=lambda messages, options: 1)
    async with interpreting(model) as client:
        events = await events_of(client, request_for(LOOP, limits=pb.ExecutionLimits(max_tokens=1)))

    assert len(model.calls) == 1
    assert [event.WhichOneof("event") for event in events] == ["step_started", "step_answered", "finished"]
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_TOKEN_LIMIT
    usage = events[-1].finished.usage
    assert f"{usage.prompt_tokens + usage.completion_tokens} of 1 tokens" in events[-1].finished.detail


async def test_a_full_context_is_the_limit_on_tokens(
    interpreting: Interpreting, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if messages[-1].content == "Give the plan":
            raise PromptTooLong("1025 tokens, of 1024")
        return echo(messages)

    async with interpreting(ScriptedModel(script)) as client:
        events = await events_of(client, request_for(STRAIGHT))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_TOKEN_LIMIT
    assert "1025 tokens, of 1024" in events[-1].finished.detail
    assert events[-1].finished.steps == 1


async def test_the_limit_on_time_ends_a_call_that_hangs(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = GatedModel(echo)
    limits = pb.ExecutionLimits()
    limits.max_wall_time.FromMilliseconds(50)
    model.let_through(0)
    async with interpreting(model) as client:
        events = await events_of(client, request_for(STRAIGHT, model="gated", limits=limits))

    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_TIME_LIMIT
    assert "0.05 seconds" in finished.detail
    # On a machine that stood still the first call may have been the one that was late.
    assert finished.steps <= 1
    assert len(model.calls) - model.cancelled == finished.steps
