"""Which memory an execution has."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.llm import Embedder
from autoflow_interpreter.events import MemoryStrategy
from autoflow_interpreter.memory.append import AppendMemory
from autoflow_interpreter.memory.base import Frame, Memory
from autoflow_interpreter.memory.budget import Room
from autoflow_interpreter.memory.direct import Direct
from autoflow_interpreter.memory.embedding import Nearest
from autoflow_interpreter.memory.selective import SelectiveMemory, Selector
from autoflow_interpreter.memory.traverse import Traverse


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """How memories are bounded."""

    tokens: int = 0
    """The most that earlier answers take of a prompt; 0: what the model's context leaves."""
    top: int = 8
    """The most entries that the strategy `embedding` picks."""
    floor: float = 0.15
    """The least cosine of those, in [-1, 1]."""


def memory_for(
    strategy: MemoryStrategy,
    query: str,
    frame: Frame,
    *,
    room: Room,
    settings: MemorySettings,
    embedder: Embedder | None = None,
) -> Memory:
    """A memory that is empty.

    Args:
        strategy: which.
        query: the task.
        frame: how steps are worded.
        room: what there is for earlier answers in a prompt.
        settings: see `MemorySettings`.
        embedder: for the strategy `embedding`.
    """
    selector: Selector
    match strategy:
        case MemoryStrategy.APPEND:
            return AppendMemory(frame, room.memory_tokens)
        case MemoryStrategy.TRAVERSE:
            selector = Traverse(query)
        case MemoryStrategy.DIRECT:
            selector = Direct(query, room)
        case MemoryStrategy.EMBEDDING:
            assert embedder is not None, "whoever wants this strategy gives an embedder"
            selector = Nearest(embedder, top=settings.top, floor=settings.floor)
    return SelectiveMemory(frame, selector, room)
