from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoflow.convert import content_from_proto, content_to_proto, content_type_to_proto
from autoflow.llm import Usage
from autoflow.plans import How, Match
from autoflow.suites import ContentType
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.tool_service_pb2 import ToolSample
from autoflow_interpreter.convert import request_from_proto
from autoflow_interpreter.event_convert import event_to_proto
from autoflow_interpreter.events import (
    BranchTaken,
    Finished,
    MemoryStrategy,
    Outcome,
    PlanExecuted,
    Recorded,
    StepAnswered,
    StepStarted,
)
from autoflow_interpreter.limits import Limits
from autoflow_interpreter.plan_convert import plan_target_from_proto
from autoflow_interpreter.plan_execution import PlanOutcome, PlanResult, PlanTarget, StepFailure

words = st.text(st.characters(codec="utf-8"), max_size=20)
counts = st.integers(0, 2**31 - 1)
times = st.integers(0, 253402300799 * 10**9)


@given(times, counts, words, counts)
def test_a_step_that_starts_keeps_all_it_says(time_ns: int, sequence: int, step: str, before: int) -> None:
    message = event_to_proto(Recorded(sequence, time_ns, StepStarted(step, before)))
    assert (message.sequence, message.time.ToNanoseconds()) == (sequence, time_ns)
    assert message.step_started == pb.StepStarted(step=step, executed_before=before)


@given(words, words, words)
def test_answers_and_branches_keep_all_they_say(first: str, second: str, third: str) -> None:
    answered = event_to_proto(Recorded(0, 0, StepAnswered(first, second)))
    assert answered.step_answered == pb.StepAnswered(step=first, answer=second)
    taken = event_to_proto(Recorded(0, 0, BranchTaken(first, second, third)))
    assert taken.branch_taken == pb.BranchTaken(step=first, label=second, target=third)


def test_an_event_of_empty_words_is_still_an_event() -> None:
    assert event_to_proto(Recorded(0, 0, StepAnswered("", ""))).WhichOneof("event") == "step_answered"


@given(st.sampled_from(Outcome), words, words, counts, counts)
def test_an_end_keeps_all_it_says(
    outcome: Outcome, answer: str, detail: str, steps: int, tokens: int
) -> None:
    finished = Finished(outcome, answer, detail, steps, Usage(1, tokens, 3))
    message = event_to_proto(Recorded(0, 0, finished)).finished
    name = pb.ExecutionOutcome.Name(message.outcome)
    assert name.removeprefix("EXECUTION_OUTCOME_").replace("_", " ").lower() == outcome
    assert (message.answer, message.detail, message.steps) == (answer, detail, steps)
    usage = message.usage
    assert (usage.llm_calls, usage.prompt_tokens, usage.completion_tokens) == (1, tokens, 3)


@given(st.sampled_from(PlanOutcome), words, st.lists(words | st.binary()), counts)
def test_an_executed_plan_keeps_all_it_says(
    outcome: PlanOutcome, detail: str, outputs: list[str | bytes], step: int
) -> None:
    failure = StepFailure(step, "Draw", detail)
    result = PlanResult(outcome, detail, (Match("a", "Draw", How.LIKENESS, 0.75),), (*outputs, failure))
    message = event_to_proto(Recorded(0, 0, PlanExecuted(result))).plan_executed
    name = pb.PlanOutcome.Name(message.outcome)
    assert name.removeprefix("PLAN_OUTCOME_").replace("_", " ").lower() == outcome
    assert message.detail == detail
    (match,) = message.matches
    assert (match.said, match.tool, match.likeness) == ("a", "Draw", 0.75)
    assert match.kind == pb.TOOL_MATCH_KIND_LIKENESS
    *made, failed = message.results
    assert [content_from_proto(each.output) for each in made] == outputs
    assert failed.failure == pb.PlanFailure(step=step, tool="Draw", message=detail)


@given(
    st.lists(st.tuples(words, st.binary(min_size=1)), min_size=1, max_size=5),
    st.sampled_from(ContentType),
)
def test_samples_keep_all_they_hold(rows: list[tuple[str, bytes]], output: ContentType) -> None:
    samples = [ToolSample(inputs=[content_to_proto(each) for each in row]) for row in rows]
    plan = pb.PlanTarget(samples=samples, output=content_type_to_proto(output))
    assert plan_target_from_proto(plan) == PlanTarget([list(row) for row in rows], output)


def test_every_outcome_of_the_contract_can_happen() -> None:
    assert len(Outcome) == len(pb.ExecutionOutcome.keys()) - 1
    assert len(PlanOutcome) == len(pb.PlanOutcome.keys()) - 1
    assert len(How) == len(pb.ToolMatchKind.keys()) - 1


def test_what_a_request_leaves_out_has_the_documented_defaults() -> None:
    request = request_from_proto(pb.ExecuteWorkflowRequest(), max_tokens=128)
    assert request.limits == Limits(max_steps=32, max_tokens=100_000, max_seconds=120.0)
    assert request.memory is MemoryStrategy.APPEND
    assert (request.sampling.temperature, request.sampling.max_tokens, request.sampling.seed) == (0.0, 128, 0)
    assert request.adapter is None
    assert request.plan is None


@given(st.integers(1, 1000), st.integers(1, 10**7), st.integers(1, 3600 * 10**9))
def test_limits_are_taken_over(steps: int, tokens: int, nanoseconds: int) -> None:
    limits = pb.ExecutionLimits(max_steps=steps, max_tokens=tokens)
    limits.max_wall_time.FromNanoseconds(nanoseconds)
    request = request_from_proto(pb.ExecuteWorkflowRequest(limits=limits), max_tokens=128)
    assert request.limits.max_steps == steps
    assert request.limits.max_tokens == tokens
    assert abs(request.limits.max_seconds * 1e9 - nanoseconds) < 1000
