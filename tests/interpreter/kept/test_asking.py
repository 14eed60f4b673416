"""Steps that a person answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from google.protobuf.duration_pb2 import Duration

from autoflow.client import errors
from autoflow.llm import Capabilities, Message
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import Request, Server, begun, events_of, kinds, server, told

PROCESS = "Step 1:::process:::[ask] Where to?:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
DECISION = """\
Step 1:::decision:::[Ask] Is it far?:::Yes::Step 2:::Not really::Step 3
Step 2:::terminal:::Take the train
Step 3:::terminal:::Walk
"""
TERMINAL = "Step 1:::terminal:::[ASK] What is the plan?\n"


def echo(messages: Sequence[Message]) -> str:
    return f"answer to {messages[-1].content.splitlines()[-1]}"


async def waiting(one: Server, request: pb.ExecuteWorkflowRequest) -> tuple[str, pb.Execution]:
    """Begins, and returns when a person is asked."""
    name = await begun(one.execute(request))
    return name, await one.until_in(name, pb.EXECUTION_STATE_WAITING)


async def test_a_process_goes_on_with_the_answer_which_later_steps_see(
    database_url: str, request_for: Request
) -> None:
    model = ScriptedModel(echo)
    async with server(database_url, model) as one, server(database_url, model) as other:
        call = one.execute(request_for(PROCESS))
        name = await begun(call)
        kept = await one.until_in(name, pb.EXECUTION_STATE_WAITING)
        assert model.calls == []
        assert kept.question.question == "Where to?"
        assert kept.question.step == "Step 1"
        assert list(kept.question.options) == []
        # Whoever asks, any server takes the answer.
        answered = await other.answer(name, kept.question_sequence, "Bonn")
        rest = await events_of(call)
        everything = await events_of(one.watch(name))

    assert answered.state == pb.EXECUTION_STATE_RUNNING
    assert not answered.HasField("question")
    assert everything[1:] == rest
    assert [event.sequence for event in everything] == list(range(len(everything)))
    assert everything[kept.question_sequence].person_asked == kept.question
    assert kinds(everything) == [
        *("started", "step_started", "person_asked", "person_answered", "step_answered", "branch_taken"),
        *("step_started", "model_called", "step_answered", "finished"),
    ]
    assert everything[3].person_answered == pb.PersonAnswered(step="Step 1", answer="Bonn")
    assert [message.content for message in model.calls[0].messages][-2:] == ["Bonn", "Give the plan"]
    assert everything[-1].finished.resumptions == 0
    assert everything[-1].finished.steps == 2


@pytest.mark.parametrize(
    ("answer", "said", "answered"),
    [
        ("  not REALLY\n", "never asked", "answer to Walk"),
        ("Yes", "never asked", "answer to Take the train"),
        ("It is just around the corner", "B", "answer to Walk"),
    ],
)
async def test_a_decision_is_taken_by_its_label_or_read_from_other_words(
    url: str, request_for: Request, answer: str, said: str, answered: str
) -> None:
    def script(messages: Sequence[Message]) -> str:
        return said if "around the corner" in messages[1].content else echo(messages)

    model = ScriptedModel(script)
    async with server(url, model) as one:
        name, kept = await waiting(one, request_for(DECISION))
        assert list(kept.question.options) == ["Yes", "Not really"]
        await one.answer(name, kept.question_sequence, answer)
        events = await events_of(one.watch(name))

    assert events[-1].finished.answer == answered
    assert len(model.calls) == (2 if said == "B" else 1)


async def test_a_decision_that_nobody_can_read_is_undecided(url: str, request_for: Request) -> None:
    model = ScriptedModel(lambda messages: "hard to tell")
    async with server(url, model) as one:
        name, kept = await waiting(one, request_for(DECISION))
        await one.answer(name, kept.question_sequence, "Well")
        events = await events_of(one.watch(name))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_UNDECIDED
    assert len(model.calls) == 2


async def test_a_terminal_step_ends_with_the_answer(url: str, request_for: Request) -> None:
    fused = ScriptedModel(echo, capabilities=Capabilities(json_schema=True))
    async with server(url, fused) as one:
        name, kept = await waiting(one, request_for(TERMINAL))
        await one.answer(name, kept.question_sequence, "Walk")
        events = await events_of(one.watch(name))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert events[-1].finished.answer == "Walk"
    assert fused.calls == []


async def test_an_answer_may_come_again_and_another_may_not(database_url: str, request_for: Request) -> None:
    async with server(database_url, ScriptedModel(echo)) as one:
        name, kept = await waiting(one, request_for(PROCESS))
        question = kept.question_sequence
        for wrong in (question - 1, question + 1):
            with pytest.raises(errors.FailedPrecondition):
                await one.answer(name, wrong, "Bonn")
        await asyncio.gather(*(one.answer(name, question, "Bonn") for _ in range(8)))
        events = await events_of(one.watch(name))
        assert (await one.answer(name, question, "Bonn")).state == pb.EXECUTION_STATE_FINISHED
        with pytest.raises(errors.FailedPrecondition):
            await one.answer(name, question, "Graz")

    assert kinds(events).count("person_answered") == 1


async def test_an_answer_is_taken_while_the_server_that_asked_is_down(
    database_url: str, request_for: Request
) -> None:
    async with server(database_url, ScriptedModel(echo)) as one:
        name, kept = await waiting(one, request_for(PROCESS))
    async with server(database_url, ScriptedModel(echo)) as other:
        assert (await other.get(name)).state == pb.EXECUTION_STATE_WAITING
        await other.answer(name, kept.question_sequence, "Bonn")
        events = await events_of(other.watch(name))

    # Nobody was lost: a stop while it waits is no resumption.
    assert events[-1].finished.resumptions == 0
    assert "resumed" not in kinds(events)


async def test_nobody_who_answers_in_time_is_an_outcome(database_url: str, request_for: Request) -> None:
    request = request_for(PROCESS, ask_timeout=Duration(nanos=200_000_000))
    async with server(database_url, ScriptedModel(echo)) as one, server(database_url) as _:
        call = one.execute(request)
        name = await begun(call)
        rest = await events_of(call)
        kept = await one.get(name)
        with pytest.raises(errors.FailedPrecondition):
            await one.answer(name, 2, "Bonn")

    assert kinds(rest) == ["step_started", "person_asked", "finished"]
    asked, finished = rest[1], rest[2].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_ASK_TIMEOUT
    assert "'Step 1'" in finished.detail
    seconds = asked.person_asked.deadline.ToNanoseconds() - asked.time.ToNanoseconds()
    assert 0 < seconds / 1e9 <= 0.2
    assert kept.state == pb.EXECUTION_STATE_FINISHED
    assert kept.finished == finished


async def test_the_limit_on_time_does_not_run_while_a_person_is_waited_for(
    url: str, request_for: Request
) -> None:
    limits = pb.ExecutionLimits(max_wall_time=Duration(nanos=400_000_000))
    model = GatedModel(echo)
    model.let_through(0)
    async with server(url, model) as one:
        name, kept = await waiting(one, request_for(PROCESS, model="gated", limits=limits))
        await asyncio.sleep(0.5)
        await one.answer(name, kept.question_sequence, "Bonn")
        events = await events_of(one.watch(name))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_who_answers_and_who_cancels_at_once_agree_on_what_became_of_it(
    database_url: str, request_for: Request
) -> None:
    model = GatedModel(echo)
    async with server(database_url, model) as one, server(database_url, model) as other:
        for _ in range(10):
            name, kept = await waiting(one, request_for(PROCESS, model="gated"))
            answered, cancelled = await asyncio.gather(
                other.answer(name, kept.question_sequence, "Bonn"), one.cancel(name), return_exceptions=True
            )
            ended = await one.until_in(name, pb.EXECUTION_STATE_CANCELLED)
            assert isinstance(cancelled, pb.Execution)
            events, error = await told(other.watch(name))
            assert isinstance(error, errors.Cancelled)
            assert len(events) == ended.events
            assert ("person_answered" in kinds(events)) == (
                not isinstance(answered, errors.FailedPrecondition)
            )


async def test_who_leaves_while_it_begins_to_wait_leaves_one_that_waits_or_none(
    url: str, request_for: Request
) -> None:
    async with server(url, ScriptedModel(echo)) as one:
        for turn in range(20):
            call = one.execute(request_for(PROCESS))
            name = await begun(call)
            await asyncio.sleep(turn / 2000)
            call.cancel()
            kept = await one.until(name, lambda execution: execution.state != pb.EXECUTION_STATE_RUNNING)
            if kept.state == pb.EXECUTION_STATE_WAITING:
                await one.answer(name, kept.question_sequence, "Bonn")
                assert kinds(await events_of(one.watch(name)))[-1] == "finished"
            else:
                assert kept.state == pb.EXECUTION_STATE_CANCELLED


async def test_whoever_waits_with_it_hears_of_the_answer_at_once(url: str, request_for: Request) -> None:
    # Nobody would look again within the time that the calls have.
    async with server(url, ScriptedModel(echo), interpreter_poll_seconds=60) as one:
        call = one.execute(request_for(PROCESS))
        name = await begun(call)
        kept = await one.until_in(name, pb.EXECUTION_STATE_WAITING)
        watching = asyncio.create_task(events_of(one.watch(name)))
        await asyncio.sleep(0.1)
        await one.answer(name, kept.question_sequence, "Bonn")
        assert kinds(await events_of(call))[-1] == kinds(await watching)[-1] == "finished"
