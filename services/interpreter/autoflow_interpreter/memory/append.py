"""The memory that shows everything."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoflow import prompts
from autoflow.language import Step
from autoflow.llm import Message, Role
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.base import Frame, Observation, Recollection
from autoflow_interpreter.memory.budget import BYTES_PER_TOKEN, beginning, size_of
from autoflow_interpreter.memory.entries import Keys


@dataclass(frozen=True, slots=True)
class _Turn:
    """A step, its answer, and what its tool brought."""

    key: str
    step: Step
    answer: str
    observation: Observation | None

    @property
    def text(self) -> str:
        """As one entry among others."""
        return prompts.memory_entry(self.key, self.step.instruction, self.answer)

    @property
    def size(self) -> int:
        """Bytes."""
        observed = size_of(self.observation.text) if self.observation else 0
        return size_of(self.step.instruction) + size_of(self.answer) + observed


class AppendMemory:
    """Every earlier step and its answer, in order.

    Nothing is ever rewritten, so each prompt begins with the one before, and a provider's prefix cache holds.
    Only where a limit is set and reached are the oldest left out, and then down to half of it: so the prompts
    that follow begin alike again, for as long as possible.

    Args:
        frame: how steps are worded.
        tokens: the most that earlier steps and answers take, about; 0: no limit.
    """

    def __init__(self, frame: Frame, tokens: int = 0) -> None:
        self._frame = frame
        self._limit = tokens * BYTES_PER_TOKEN
        self._turns: list[_Turn] = []
        self._keys = Keys()
        self._cut: list[str] = []
        self._left_out = 0

    async def ask(self, step: Step, model: BoundedModel) -> Recollection:
        """The whole chat, ending with the instruction."""
        steps = [*(turn.step for turn in self._turns), step]
        chat = self._frame.opening(self._note(), steps[0])
        for turn, following in zip(self._turns, steps[1:], strict=True):
            chat += (
                Message(Role.ASSISTANT, turn.answer),
                self._frame.following(following, turn.observation),
            )
        return Recollection(
            chat,
            shown=tuple(turn.key for turn in self._turns),
            cut=tuple(self._cut),
            earlier="".join(turn.text for turn in self._turns),
        )

    def answered(self, step: Step, answer: str, observation: Observation | None = None) -> None:
        """Appends the answer, unchanged."""
        self._turns.append(_Turn(self._keys.next(step.name), step, answer, observation))
        if self._limit:
            self._make_room()

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
        if not self._shorten(over):
            self._leave_out()

    def _shorten(self, over: int) -> bool:
        """Shortens the last turn that is left by so many bytes; False where that cannot be."""
        last = self._turns[-1]
        if last.observation and (text := _shortened(last.observation.text, over)):
            shorter = replace(last, observation=replace(last.observation, text=text))
        elif answer := _shortened(last.answer, over):
            shorter = replace(last, answer=answer)
        else:
            return False
        self._turns[-1] = shorter
        self._cut.append(last.key)
        return True

    def _size(self) -> int:
        return size_of(self._note()) + sum(turn.size for turn in self._turns)

    def _leave_out(self) -> None:
        """Leaves the oldest out."""
        turn = self._turns.pop(0)
        self._left_out += 1
        if turn.key not in self._cut:
            self._cut.append(turn.key)


def _shortened(text: str, over: int) -> str:
    return beginning(text, size_of(text) - over)
