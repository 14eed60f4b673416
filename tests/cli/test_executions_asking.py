"""Questions that an execution asks, answered by the person at the terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
import termios
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from autoflow.cli.console import Output
from autoflow.cli.executions.questions import Questions
from autoflow.client import Client
from autoflow.testing import ScriptedExecutions, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.cli.harness import DEADLINE, autoflow, environment
from tests.cli.stories import FINISHED, REQUEST, WORKFLOW, answered, asked, step


class Typed:
    """Lines that are there already; whoever wants more waits."""

    def __init__(self, *lines: str | None) -> None:
        self._lines = list(lines)

    async def next(self) -> str | None:
        if not self._lines:
            await asyncio.Event().wait()
        return self._lines.pop(0)


class Story:
    """Asks once; keeps what was answered."""

    def __init__(self, *, options: bool) -> None:
        self._options = options
        self.answers: list[str] = []

    async def tell(self, request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
        yield step("Step 2", 0)
        self.answers.append((yield asked(options=self._options)))
        yield answered("Step 2", self.answers[-1])
        yield pb.ExecutionEvent(finished=FINISHED)


async def play(story: Story, lines: Typed | None) -> None:
    """Executes to the end, or until whoever is asked has gone."""
    async with (
        serving(ScriptedExecutions(story.tell).service) as address,
        Client(interpreter=address) as client,
        Questions(client.interpreter, address, lines, Output()) as questions,
    ):
        async for event in client.interpreter.execute_workflow(REQUEST):
            await questions.hear("executions/1", event)


async def test_an_option_is_told_as_it_is_spelt_and_nothing_at_all_is_asked_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = Story(options=True)
    async with asyncio.timeout(DEADLINE):
        await play(story, Typed("", " ", " yes "))
    assert story.answers == ["Yes"]
    assert capsys.readouterr().err.count("answer with one of: Yes, No") == 2


async def test_other_words_than_the_options_are_the_models_to_read() -> None:
    story = Story(options=True)
    async with asyncio.timeout(DEADLINE):
        await play(story, Typed("yes please"))
    assert story.answers == ["yes please"]


async def test_where_there_are_no_options_every_word_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(options=False)
    async with asyncio.timeout(DEADLINE):
        await play(story, Typed("  ", "take the train"))
    assert story.answers == ["take the train"]
    assert "answer with a word or more" in capsys.readouterr().err


@pytest.mark.parametrize("lines", [None, Typed(None)])
async def test_where_nobody_is_there_it_is_said_how_to_answer(
    lines: Typed | None, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(options=True)
    executions = ScriptedExecutions(story.tell)
    async with (
        serving(executions.service) as address,
        Client(interpreter=address) as client,
        Questions(client.interpreter, address, lines, Output()) as questions,
    ):
        events = client.interpreter.execute_workflow(REQUEST)
        for _ in range(3):
            await questions.hear("executions/1", await anext(events))
        (execution,) = executions.executions.values()
        # The question's own task takes its turn.
        await asyncio.sleep(0)
        assert (
            f"executions answer executions/1 TEXT --interpreter {address}` answers" in capsys.readouterr().err
        )
        # Somebody else answers, and the command goes on.
        execution.answer(execution.kept.question_sequence, "No")
        async for event in events:
            await questions.hear("executions/1", event)
    assert story.answers == ["No"]


async def _on_a_terminal(address: str, file: Path) -> tuple[asyncio.subprocess.Process, int]:
    """`autoflow execute` with a terminal of its own, whose other end is returned."""
    ours, theirs = pty.openpty()
    # What is typed is not shown, so that what is read is the command's.
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autoflow.cli", "execute", str(file), "-q", "q", "--interpreter", address),
        env=environment(),
        stdin=theirs,
        stderr=theirs,
        stdout=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    return process, ours


async def _until_shown(terminal: int, words: str) -> None:
    shown = ""
    async with asyncio.timeout(DEADLINE):
        while words not in shown:
            shown += (await asyncio.to_thread(os.read, terminal, 4096)).decode()


async def test_the_person_at_the_terminal_is_asked_there(tmp_path: Path) -> None:
    file = tmp_path / "asking.flow"
    file.write_text(WORKFLOW)
    story = Story(options=True)
    async with serving(ScriptedExecutions(story.tell).service) as address:
        process, terminal = await _on_a_terminal(address, file)
        await _until_shown(terminal, "Your answer: ")
        os.write(terminal, b"no\n")
        async with asyncio.timeout(DEADLINE):
            out, _ = await process.communicate()
        os.close(terminal)
    assert (process.returncode, out.decode()) == (0, f"{FINISHED.answer}\n")
    assert story.answers == ["No"]


async def test_a_question_at_the_terminal_can_be_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "asking.flow"
    file.write_text(WORKFLOW)
    executions = ScriptedExecutions(Story(options=True).tell)
    async with serving(executions.service) as address:
        process, terminal = await _on_a_terminal(address, file)
        await _until_shown(terminal, "Your answer: ")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            await process.communicate()
        os.close(terminal)
        assert process.returncode == 130
        # It waits for a person, be it another one.
        (execution,) = executions.executions.values()
        assert execution.kept.state == pb.EXECUTION_STATE_WAITING


async def test_without_a_terminal_it_is_said_how_to_answer(tmp_path: Path) -> None:
    file = tmp_path / "asking.flow"
    file.write_text(WORKFLOW)
    executions = ScriptedExecutions(Story(options=True).tell)

    async def answer() -> None:
        await executions.until(
            lambda: any(
                each.kept.state == pb.EXECUTION_STATE_WAITING for each in executions.executions.values()
            )
        )
        (execution,) = executions.executions.values()
        execution.answer(execution.kept.question_sequence, "Yes")

    async with serving(executions.service) as address:
        answering = asyncio.create_task(answer())
        told = await autoflow("execute", str(file), "-q", "q", "--interpreter", address)
        await answering
    assert (told.code, told.out) == (0, f"{FINISHED.answer}\n")
    assert told.err.startswith("executions/1\n")
    assert "asks     a person" in told.err
    assert f"`autoflow executions answer executions/1 TEXT --interpreter {address}` answers" in told.err
