"""`autoflow execute` against a real interpreter, and against the one that it starts itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow import errors
from autoflow.cli.console import Output
from autoflow.cli.execution.command import execute_file
from autoflow.cli.execution.request import Options
from autoflow.llm import Message
from autoflow.testing import ScriptedExecutions, ScriptedModel, catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build
from tests.cli.harness import DEADLINE, WORKFLOW, autoflow, called, finish, start

QUERY = "Describe the picture in German."
OPTIONS = Options(model="scripted", suite="planning", temperature=0.0, seed=0, max_steps=32, seconds=60.0)
ANSWER = "Image Captioning, Translation"


def speak(messages: Sequence[Message]) -> str:
    return ANSWER if messages[-1].content.startswith("Write") else "an \x1b[2Jimage"


async def finished(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    yield pb.ExecutionEvent(finished=pb.ExecutionFinished(outcome=pb.EXECUTION_OUTCOME_ANSWERED))


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(speak, choose=lambda messages, options: 0)


@pytest.fixture
async def interpreter(model: ScriptedModel) -> AsyncIterator[str]:
    silent = ScriptedModel(lambda messages: "", choose=lambda messages, options: 0, name="silent")
    async with serving(build({}, catalogue_of(model, silent))) as address:
        yield address


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "some.flow"
    path.write_text(WORKFLOW)
    return str(path)


async def test_the_answer_alone_is_standard_output(interpreter: str, file: str) -> None:
    finished = await autoflow(
        "execute", file, "--query", QUERY, "--model", "scripted", "--interpreter", interpreter
    )
    assert (finished.code, finished.out) == (0, f"{ANSWER}\n")
    lines = [line.strip() for line in finished.err.splitlines()]
    assert lines[1:4] == ["Step 1  process", "Name the input.", r"an \x1b[2Jimage"]
    assert "Yes → Step 3" in lines
    assert lines[-1].startswith("answered: 3 steps, 4 calls, ")


async def test_with_json_every_event_is_a_line(interpreter: str) -> None:
    finished = await autoflow(
        *("execute", "-", "-q", QUERY, "--model", "scripted", "--json"),
        env={"AUTOFLOW_INTERPRETER_ADDRESS": interpreter},
        stdin=WORKFLOW.encode(),
    )
    assert finished.code == 0
    events = finished.records
    assert [event["sequence"] for event in events] == list(range(len(events)))
    assert events[0]["started"]["execution"].startswith("executions/")
    assert events[1]["step_started"] == {"step": "Step 1", "executed_before": 0}
    last = events[-1]["finished"]
    assert (last["outcome"], last["answer"]) == ("EXECUTION_OUTCOME_ANSWERED", ANSWER)
    # Counts are numbers, though protobuf's own JSON makes strings of them.
    assert last["usage"]["llm_calls"] == 4


async def test_the_suite_s_tools_are_named_to_the_model(
    interpreter: str, file: str, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    await called(execute_file(file, QUERY, OPTIONS, interpreter, Output()), capsys)
    assert "Image Captioning" in model.calls[0].messages[0].content
    model.calls.clear()
    await called(execute_file(file, QUERY, replace(OPTIONS, suite=None), interpreter, Output()), capsys)
    assert "Image Captioning" not in model.calls[0].messages[0].content


async def test_what_a_step_sees_of_the_earlier_ones_is_passed_on(
    interpreter: str, file: str, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    await called(execute_file(file, QUERY, OPTIONS, interpreter, Output()), capsys)
    all_shown = len(model.calls)
    model.calls.clear()
    asking = replace(OPTIONS, memory="direct")
    await called(execute_file(file, QUERY, asking, interpreter, Output()), capsys)
    assert len(model.calls) > all_shown


async def test_how_tokens_are_drawn_is_passed_on(
    interpreter: str, file: str, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = []
    for seed in (9, 9, 10):
        model.calls.clear()
        options = replace(OPTIONS, temperature=0.5, seed=seed)
        await called(execute_file(file, QUERY, options, interpreter, Output()), capsys)
        sampling = model.calls[0].sampling
        assert sampling is not None
        assert sampling.temperature == 0.5
        seeds.append(sampling.seed)
    # The interpreter makes each step's seed of the execution's.
    assert seeds[0] == seeds[1] != seeds[2]


async def test_everything_else_that_is_asked_for_is_passed_on(file: str) -> None:
    executions = ScriptedExecutions(finished)
    async with serving(executions.service) as address:
        told = await autoflow(
            *("execute", file, "-q", QUERY, "--interpreter", address, "--no-tools"),
            *("--protocol", "stepwise", "--tool", "date", "--tool", "calculator", "--memory-tokens", "900"),
            *("--max-calls", "7", "--max-usd", "0.5", "--max-steps", "9", "--timeout", "5"),
            *("--on-disconnect", "continue", "--request-id", "mine"),
            *("--ask-timeout", "90.5"),
        )
    assert told.code == 0
    request = executions.executions["executions/1"].kept.request
    assert request.protocol == pb.EXECUTION_PROTOCOL_STEPWISE
    assert (list(request.step_tools), request.max_memory_tokens) == (["date", "calculator"], 900)
    assert (request.limits.max_calls, request.limits.max_cost_usd) == (7, 0.5)
    assert (request.limits.max_steps, request.limits.max_wall_time.seconds) == (9, 5)
    assert request.ask_timeout.ToMilliseconds() == 90_500
    assert (request.on_disconnect, request.request_id) == (pb.DISCONNECT_POLICY_CONTINUE, "mine")


async def test_an_execution_that_somebody_cancels_is_not_well(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def cancelled(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
        yield pb.ExecutionEvent(step_started=pb.StepStarted(step="Step 1"))
        raise errors.Cancelled("the execution was cancelled")

    async with serving(ScriptedExecutions(cancelled).service) as address:
        told = await called(execute_file(file, QUERY, OPTIONS, address, Output()), capsys)
    assert (told.code, told.out, told.error) == (1, "", "the execution was cancelled")


@pytest.mark.parametrize("policy", ["cancel", "continue"])
async def test_interrupting_the_command_is_leaving(file: str, policy: str) -> None:
    async def endless(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
        yield pb.ExecutionEvent(step_started=pb.StepStarted(step="Step 1"))
        await asyncio.Event().wait()

    executions = ScriptedExecutions(endless)
    async with serving(executions.service) as address:
        process = await start(
            *("execute", file, "-q", QUERY, "--interpreter", address, "--on-disconnect", policy)
        )
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE):
            while b"Step 1" not in await process.stderr.readline():
                pass
        process.send_signal(signal.SIGINT)
        told = await finish(process)
        kept = executions.executions["executions/1"].kept
        if policy == "cancel":
            await executions.until(lambda: kept.state == pb.EXECUTION_STATE_CANCELLED)
        else:
            assert kept.state == pb.EXECUTION_STATE_RUNNING
    assert (told.code, "executions/1 goes on" in told.err) == (130, policy == "continue")


async def test_an_execution_without_an_answer_is_not_well(
    interpreter: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = replace(OPTIONS, model="silent")
    finished = await called(execute_file(file, QUERY, silent, interpreter, Output()), capsys)
    assert (finished.code, finished.out) == (1, "")
    assert "no answer: 3 steps" in finished.err
    assert finished.error == "'Step 3' gave an empty answer"


async def test_a_limit_ends_an_execution_with_an_outcome_of_its_own(
    interpreter: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short = replace(OPTIONS, max_steps=1)
    finished = await called(execute_file(file, QUERY, short, interpreter, Output()), capsys)
    assert (finished.code, "step limit: 1 step," in finished.err) == (1, True)


async def test_a_question_that_nobody_answers_in_time_is_an_end(
    interpreter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = tmp_path / "asking.flow"
    asking.write_text("Step 1:::terminal:::[ask] Where to?")
    impatient = replace(OPTIONS, ask_seconds=0.2)
    finished = await called(execute_file(str(asking), QUERY, impatient, interpreter, Output()), capsys)
    assert (finished.code, finished.out) == (1, "")
    assert "ask timeout: 0 steps" in finished.err


async def test_a_workflow_with_lint_errors_is_not_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.flow"
    broken.write_text("Step 1:::process:::a:::next::Step 2")
    finished = await called(execute_file(str(broken), QUERY, OPTIONS, "127.0.0.1:1", Output()), capsys)
    assert (finished.code, finished.out) == (1, "")
    assert f"{broken}:1:" in finished.err
    assert "unknown-target error:" in finished.err


@pytest.mark.parametrize(
    ("query", "options", "reason"),
    [
        (QUERY, replace(OPTIONS, model="nope"), "no model is named 'nope'; there are: scripted, silent"),
        (QUERY, replace(OPTIONS, suite="nope"), "no suite is named 'nope'; there are: planning"),
        ("", OPTIONS, "query"),
    ],
)
async def test_what_is_refused_is_wrong_usage_and_says_why(
    interpreter: str,
    file: str,
    query: str,
    options: Options,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finished = await called(execute_file(file, query, options, interpreter, Output()), capsys)
    assert (finished.code, reason in finished.error) == (2, True), finished.error


async def test_where_no_interpreter_answers_the_command_says_what_to_do(file: str) -> None:
    finished = await autoflow("execute", file, "-q", QUERY, "--interpreter", "127.0.0.1:1")
    assert finished.code == 3
    assert finished.error == (
        "autoflow: no interpreter answers at 127.0.0.1:1: start it by `autoflow up`, or say by --interpreter "
        "where it is"
    )


async def test_without_an_address_an_interpreter_runs_inside_the_command(file: str) -> None:
    finished = await autoflow(
        *("execute", file, "-q", QUERY, "--model", "no"), env={"AUTOFLOW_PRELOAD_MODELS": "none"}
    )
    assert finished.code == 2
    assert finished.err.startswith("no interpreter was named: starting one in this process\n")
    assert "no model is named 'no'; there are: embedded" in finished.error


@pytest.mark.parametrize(("model", "warned"), [("embedded", True), ("scripted", False)])
async def test_the_embedded_model_is_not_one_for_tools(
    file: str, model: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = replace(OPTIONS, model=model, step_tools=("date",))
    async with serving(ScriptedExecutions(finished).service) as address:
        told = await called(execute_file(file, QUERY, options, address, Output()), capsys)
    assert (told.code, "never trained to call tools" in told.err) == (0, warned)


async def test_a_wrong_setting_is_wrong_usage_and_is_named(file: str) -> None:
    finished = await autoflow(
        "execute", file, "-q", QUERY, env={"AUTOFLOW_INTERPRETER_MAX_EXECUTIONS": "many"}
    )
    assert (finished.code, finished.error) == (
        2,
        "autoflow: AUTOFLOW_INTERPRETER_MAX_EXECUTIONS cannot be read as a whole number",
    )
