"""What every memory offers an execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from autoflow.language import Step
from autoflow.llm import Message
from autoflow.telemetry import Attributes
from autoflow_interpreter.limits import BoundedModel


class MemoryStrategy(StrEnum):
    """What a step sees of the earlier ones."""

    APPEND = "append"
    """Everything, in order."""
    TRAVERSE = "traverse"
    """What the model calls relevant, asked about each answer by itself."""
    DIRECT = "direct"
    """What the model picks from a list."""
    EMBEDDING = "embedding"
    """What is nearest to the instruction."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """A step's prompt, and what became of the earlier answers. Those of neither list are not relevant."""

    messages: Sequence[Message]
    shown: Sequence[str] = ()
    """The keys of the entries that the prompt holds, in their order; one may be shortened."""
    cut: Sequence[str] = ()
    """The keys of those that are relevant and have no room in the prompt, or not as a whole."""
    unread: Sequence[str] = ()
    """The keys of those of which the model's words did not tell whether they are relevant; not shown."""

    @property
    def counts(self) -> Attributes:
        """How many entries became what, for a trace, which holds no keys: names are the workflow's words."""
        return {
            "autoflow.memory.shown": len(self.shown),
            "autoflow.memory.cut": len(self.cut),
            "autoflow.memory.unread": len(self.unread),
        }


class Memory(Protocol):
    """What one execution remembers."""

    async def ask(self, step: Step, model: BoundedModel) -> Recollection:
        """The prompt that puts a step's instruction to the model.

        Args:
            step: what comes next.
            model: is asked what is relevant, where the strategy asks.

        Raises:
            Stopped: a limit was reached.
            LanguageModelError: a call failed.
        """

    def answered(self, step: Step, answer: str) -> None:
        """Takes in the model's answer to the step that was asked last."""
