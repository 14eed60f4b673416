"""The memory that shows what is relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoflow.language import Step
from autoflow.telemetry import span
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.base import Frame, Observation, Recollection
from autoflow_interpreter.memory.budget import Relevant, Room, fit
from autoflow_interpreter.memory.entries import Entries, Entry


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries matter for an instruction, by their places among all."""

    relevant: Mapping[int, float]
    """With how relevant each is; only the order of the numbers counts."""
    unread: Sequence[int] = ()
    """Those of which the model's words did not tell."""
    unasked: Sequence[int] = ()
    """Those that the model was not asked about, for lack of room."""


class Selector(Protocol):
    """Tells what is relevant, for one execution."""

    async def select(self, instruction: str, entries: Sequence[Entry], model: BoundedModel) -> Selection:
        """Which entries matter for an instruction.

        Args:
            instruction: what comes next.
            entries: all there are, one or more, the oldest first; a later call has the same, and more.
            model: the execution's.

        Raises:
            Stopped: a limit was reached.
            LanguageModelError: a call failed.
        """


class SelectiveMemory:
    """The task, those earlier answers that a selector picks, and the instruction.

    Args:
        frame: how steps are worded.
        selector: picks.
        room: what there is for the answers.
    """

    def __init__(self, frame: Frame, selector: Selector, room: Room) -> None:
        self._frame = frame
        self._selector = selector
        self._room = room
        self._entries = Entries()

    async def ask(self, step: Step, model: BoundedModel) -> Recollection:
        """The prompt of a step, after the selector has been asked."""
        bare = self._frame.opening("", step)
        if not self._entries:
            return Recollection(bare)
        with span("memory.recall", {"autoflow.memory.entries": len(self._entries)}):
            selected = await self._selector.select(step.instruction, self._entries, model)
        relevant = [
            Relevant(self._entries[place], place, relevance)
            for place, relevance in sorted(selected.relevant.items())
        ]
        unasked, unread = (
            tuple(self._entries[place].key for place in places)
            for places in (selected.unasked, selected.unread)
        )
        fitted = fit(relevant, unasked=len(unasked), unread=len(unread), room=self._room.beside(bare))
        recollection = Recollection(
            self._frame.opening(fitted.text, step),
            shown=fitted.shown,
            cut=(*unasked, *fitted.cut),
            unread=unread,
            earlier=fitted.text,
        )
        # Spans are told what they hold when they begin, so the counts have one of their own, around nothing.
        with span("memory.recalled", recollection.counts):
            return recollection

    def answered(self, step: Step, answer: str, observation: Observation | None = None) -> None:
        """Remembers the answer, and by itself what the tool brought."""
        entry = self._entries.remember(step.name, step.instruction, answer)
        if observation:
            self._entries.observe(entry, observation)
