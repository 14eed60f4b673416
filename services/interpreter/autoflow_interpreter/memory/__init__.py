"""What a step sees of the earlier ones.

Four strategies: everything (`append`), what the model calls relevant when it is asked about each answer
(`traverse`) or shown a list (`direct`), and what is nearest to the instruction (`embedding`). It does not
protect against an answer that pretends to be an instruction, or another answer.
"""

from __future__ import annotations

from autoflow_interpreter.memory.base import Frame, Memory, Observation, Recollection
from autoflow_interpreter.memory.budget import Room
from autoflow_interpreter.memory.making import MemorySettings, memory_for

__all__ = ["Frame", "Memory", "MemorySettings", "Observation", "Recollection", "Room", "memory_for"]
