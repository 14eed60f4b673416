"""What a step sees of the earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from autoflow import prompts
from autoflow.llm import Message, Role
from autoflow.suites import Tool


class Memory(Protocol):
    """The chat of one execution."""

    def ask(self, instruction: str) -> Sequence[Message]:
        """The messages that put a step's instruction to the model."""

    def answered(self, answer: str) -> None:
        """Takes in the model's answer to the last instruction."""


class AppendMemory:
    """Every earlier step and its answer, in order.

    Nothing is ever rewritten, so each prompt begins with the one before, and a provider's prefix cache holds.
    """

    def __init__(self, query: str, tools: Sequence[Tool]) -> None:
        self._query = query
        self._tools = tools
        self._messages: list[Message] = []

    def ask(self, instruction: str) -> Sequence[Message]:
        """The whole chat, ending with the instruction."""
        if self._messages:
            self._messages.append(prompts.step(instruction))
        else:
            self._messages.extend(prompts.execution(self._query, self._tools, instruction))
        return tuple(self._messages)

    def answered(self, answer: str) -> None:
        """Appends the answer, unchanged."""
        self._messages.append(Message(Role.ASSISTANT, answer))


class MemoryStrategy(StrEnum):
    """The strategies by name."""

    APPEND = "append"


MEMORIES: Mapping[MemoryStrategy, Callable[[str, Sequence[Tool]], Memory]] = MappingProxyType(
    {MemoryStrategy.APPEND: AppendMemory}
)
"""How a strategy's memory is made from a query and tools."""
