"""Lets the person at the terminal answer what an execution asks, and says how else it is answered."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.options import INTERPRETER
from autoflow.client import InterpreterClient
from autoflow.client.errors import InvalidArgument, RpcError
from autoflow.v1 import interpreter_service_pb2 as pb

_CHUNK = 4096


class Lines(Protocol):
    """Where a person types."""

    async def next(self) -> str | None:
        """The next line that is typed; None where no more will come."""


class TerminalLines:
    """The lines that are typed at this process' terminal.

    A thread that reads would keep the process from ending until somebody types; this waits in the event loop.
    """

    def __init__(self) -> None:
        self._file = sys.stdin.fileno()
        self._typed = b""

    async def next(self) -> str | None:
        """The next line."""
        while b"\n" not in self._typed:
            data = await self._read()
            if not data:
                return None
            self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace")

    async def _read(self) -> bytes:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._file, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._file)
        return os.read(self._file, _CHUNK)


def terminal(output: Output) -> Lines | None:
    """The terminal of whoever runs the command; None where nobody sits there."""
    there = not output.json and output.err.is_terminal and sys.stdin.isatty()
    return TerminalLines() if there else None


def how_to_answer(name: str, address: str) -> str:
    """What to type to answer an execution's question.

    Args:
        name: `executions/<id>`.
        address: of the interpreter.
    """
    where = "" if address == INTERPRETER else f" --interpreter {address}"
    return f"`autoflow executions answer {name} TEXT{where}` answers"


class Questions:
    """The questions of one execution; for use in an `async with`.

    Args:
        interpreter: is told the answers.
        address: of the interpreter.
        lines: what the person types; None where nobody is there.
        output: where to ask.
    """

    def __init__(
        self, interpreter: InterpreterClient, address: str, lines: Lines | None, output: Output
    ) -> None:
        self._interpreter = interpreter
        self._address = address
        self._lines = lines
        self._output = output
        self._task: asyncio.Task[None] | None = None
        self._waits = False

    async def hear(self, name: str, event: pb.ExecutionEvent) -> None:
        """Asks where an event asks; any other event means that there is nothing to answer any more."""
        await self._stop()
        self._waits = event.HasField("person_asked")
        if self._waits:
            self._task = asyncio.create_task(self._ask(name, event.sequence, event.person_asked.options))

    @property
    def open(self) -> bool:
        """Whether a person is asked and has not answered."""
        return self._waits

    async def _ask(self, name: str, sequence: int, options: Sequence[str]) -> None:
        while self._lines is not None:
            self._output.err.print(Text("Your answer: ", "bold"), end="")
            line = await self._lines.next()
            if line is None:
                break
            answer = _meant(line.strip(), options)
            if not answer:
                listed = ", ".join(map(one_line, options))
                self._output.note(f"answer with {f'one of: {listed}' if options else 'a word or more'}")
            elif await self._tell(name, sequence, answer):
                return
        self._output.note(how_to_answer(name, self._address))

    async def _tell(self, name: str, sequence: int, answer: str) -> bool:
        """Whether nothing more is to be asked."""
        request = pb.ResumeExecutionRequest(name=name, question_sequence=sequence, answer=answer)
        try:
            await self._interpreter.resume_execution(request)
        except RpcError as error:
            self._output.note(one_line(str(error)))
            return not isinstance(error, InvalidArgument)
        return True

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()


def _meant(line: str, options: Sequence[str]) -> str:
    """The option as it is spelt; from other words the model tells which one is meant."""
    return next((option for option in options if option.casefold() == line.casefold()), line)
