"""What every memory offers an execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoflow.language import Step
from autoflow.llm import Message
from autoflow.telemetry import Attributes
from autoflow_interpreter.limits import BoundedModel


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool brought to a step."""

    tool: str
    arguments: str
    """A JSON object."""
    text: str
    """What it brought, or why it brought nothing."""
    failed: bool


class Frame(Protocol):
    """How a step's prompt is worded around what a memory holds."""

    def opening(self, memory: str, step: Step) -> list[Message]:
        """A chat that begins with a step.

        Args:
            memory: stands before the instruction; made by `prompts.memory_part`.
            step: what comes first.
        """

    def following(self, step: Step, observation: Observation | None) -> Message:
        """The turn that asks for the next step in a chat.

        Args:
            step: what comes next.
            observation: what the tool of the step before brought.
        """


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
    earlier: str = ""
    """The answers that the prompt holds, as one text."""

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

    def answered(self, step: Step, answer: str, observation: Observation | None = None) -> None:
        """Takes in the answer to a step.

        Args:
            step: the one that came next.
            answer: the model's, or a person's.
            observation: what the step's tool brought, where later steps are to see it.
        """
