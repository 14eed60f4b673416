"""The memory that shows everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoflow import prompts
from autoflow.language import Step
from autoflow.llm import Message, Role
from autoflow.suites import Tool
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.base import Recollection
from autoflow_interpreter.memory.budget import BYTES_PER_TOKEN, beginning, size_of
from autoflow_interpreter.memory.entries import Keys


@dataclass(frozen=True, slots=True)
class _Turn:
    """An instruction and its answer."""

    key: str
    instruction: str
    answer: str

    @property
    def size(self) -> int:
        """Bytes."""
        return size_of(self.instruction) + size_of(self.answer)


class AppendMemory:
    """Every earlier step and its answer, in order.

    Nothing is ever rewritten, so each prompt begins with the one before, and a provider's prefix cache holds.
    Only where a limit is set and reached are the oldest left out, and then down to half of it: so the prompts
    that follow begin alike again, for as long as possible.

    Args:
        query: the task.
        tools: what a plan may name.
        tokens: the most that earlier steps and answers take, about; 0: no limit.
    """

    def __init__(self, query: str, tools: Sequence[Tool], tokens: int = 0) -> None:
        self._query = query
        self._tools = tools
        self._limit = tokens * BYTES_PER_TOKEN
        self._turns: list[_Turn] = []
        self._keys = Keys()
        self._cut: list[str] = []
        self._left_out = 0

    async def ask(self, step: Step, model: BoundedModel) -> Recollection:
        """The whole chat, ending with the instruction."""
        if self._limit:
            self._make_room()
        instructions = [*(turn.instruction for turn in self._turns), step.instruction]
        chat = prompts.recalling(self._query, self._tools, self._note(), instructions[0])
        for turn, instruction in zip(self._turns, instructions[1:], strict=True):
            chat += Message(Role.ASSISTANT, turn.answer), prompts.step(instruction)
        return Recollection(chat, shown=tuple(turn.key for turn in self._turns), cut=tuple(self._cut))

    def answered(self, step: Step, answer: str) -> None:
        """Appends the answer, unchanged."""
        self._turns.append(_Turn(self._keys.next(step.name), step.instruction, answer))

    def _note(self) -> str:
        """What the chat says of those that were left out; nothing where there is no room for it."""
        note = prompts.memory_part([], prompts.missing(self._left_out, 0))
        return note if size_of(note) <= self._limit else ""

    def _make_room(self) -> None:
        if self._size() <= self._limit:
            return
        while len(self._turns) > 1 and self._size() > self._limit // 2:
            self._leave_out()
        if (over := self._size() - self._limit) <= 0:
            return
        last = self._turns[-1]
        if shortened := beginning(last.answer, size_of(last.answer) - over):
            self._turns[-1] = replace(last, answer=shortened)
            self._cut.append(last.key)
        else:
            self._leave_out()

    def _size(self) -> int:
        return size_of(self._note()) + sum(turn.size for turn in self._turns)

    def _leave_out(self) -> None:
        """Leaves the oldest out."""
        turn = self._turns.pop(0)
        self._left_out += 1
        if turn.key not in self._cut:
            self._cut.append(turn.key)
